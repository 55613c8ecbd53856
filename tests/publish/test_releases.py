"""Sets of firms of two releases, by hand and at random; sketches are made here by plain Python."""

from __future__ import annotations

import hashlib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.errors import DisclosureStopped
from jobs.publish import releases
from jobs.publish.releases import Breach, Release
from jobs.transforms.sketches import BUCKETS

Firms = dict[str, float]  # an answer by identifier
SLICE = {"country": "NL", "wave": "w"}
THRESHOLD = 10


def number(*parts: object) -> int:
    return int(hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:8], 16)


def rows(table: str, first: str, second: str, firms: Firms) -> list[dict[str, object]]:
    """A row a firm: that a bucket may have several is the sketch's own matter."""
    buckets: dict[int, list[int]] = {}
    for name, answer in firms.items():
        buckets.setdefault(number(name) % BUCKETS, []).append(number(name, answer))
    out = []
    for bucket, values in buckets.items():
        value = 0
        for each in values:
            value ^= each
        sets = {"table": table, "first": first, "second": second}
        out.append({**SLICE, **sets, "bucket": bucket, "value": value, "firms": len(values)})
    return out


def group(firms: Firms, name: str = "co-operating") -> pd.DataFrame:
    """The record of a publication of one group's model."""
    columns = [*SLICE, "table", "first", "second", "bucket", "value", "firms"]
    frame = pd.DataFrame(rows("estimates", name, "", firms), columns=columns)
    return releases.published_sets(frame, shown(name))


def shown(name: str = "co-operating", status: str = "converged") -> dict[str, pd.DataFrame]:
    none = {**SLICE, "size_class": "all", "origin": "both", "region": "R", "sector": "S"}
    return {
        "fit_status": pd.DataFrame([{**SLICE, "group": name, "status": status}]),
        "partner_origin": pd.DataFrame([{**none, "status": "c"}]),
        "cluster_indicators": pd.DataFrame([{**none, "commonality_within_status": "c"}]),
    }


def firms(count: int, start: int = 0) -> Firms:
    return {f"f{place}": float(place % 7) for place in range(start, start + count)}


def breaches(now: Firms, before: Firms, threshold: int = THRESHOLD) -> list[Breach]:
    return releases.breaches(group(now), [Release(3, threshold, group(before))], THRESHOLD)


def test_one_firm_more_tells_its_answer():
    """The attack: two published means of 100 and of 101 firms give the answer of the one between."""
    before, now = firms(100), firms(101)
    answer = 101 * (sum(now.values()) / 101) - 100 * (sum(before.values()) / 100)
    assert answer == pytest.approx(now["f100"])
    assert breaches(now, before) == [Breach(3, "estimates", "NL", "w", "co-operating")]


@pytest.mark.parametrize("apart", [10, 40])
def test_many_firms_more_tell_of_none(apart):
    assert breaches(firms(100 + apart), firms(100)) == []


def test_the_same_firms_and_answers_are_no_breach():
    assert breaches(firms(100), firms(100)) == []


def test_one_corrected_answer_is_a_breach_and_many_are_none():
    corrected = {**firms(100), "f4": 99.0}
    assert len(breaches(corrected, firms(100))) == 1
    assert breaches({name: value + 1 for name, value in firms(100).items()}, firms(100)) == []


def test_the_larger_threshold_counts():
    assert breaches(firms(115), firms(100)) == []
    assert len(breaches(firms(115), firms(100), threshold=30)) == 1


def test_a_group_under_another_name_is_held_against_it_too():
    now, before = group(firms(101), "partners"), group(firms(100))
    assert releases.breaches(now, [Release(1, THRESHOLD, before)], THRESHOLD)[0].cell == "partners"


def test_what_is_not_shown_is_in_no_record():
    frame = pd.DataFrame(rows("estimates", "co-operating", "", firms(30)))
    assert releases.published_sets(frame, shown(status="c")).empty


def test_cells_are_the_unions_of_their_parts():
    """any foreign is foreign only and both; the region is all its sectors."""
    parts = {"foreign only": firms(30), "both": firms(20, 30)}
    every = [row for origin, own in parts.items() for row in rows("partner_origin", "10-49", origin, own)]
    every += rows("cluster_indicators", "R", "S1", firms(30)) + rows(
        "cluster_indicators", "R", "S2", firms(9, 30)
    )
    tables = shown(status="c")
    tables["partner_origin"] = pd.DataFrame(
        [{**SLICE, "size_class": size, "origin": "any foreign", "status": ""} for size in ("10-49", "all")]
    )
    tables["cluster_indicators"] = pd.DataFrame(
        [{**SLICE, "region": "R", "sector": "_all", "commonality_within_status": ""}]
    )
    sets = releases.published_sets(pd.DataFrame(every), tables).set_index("cell")
    whole = releases.published_sets(
        pd.DataFrame(rows("estimates", "co-operating", "", firms(50))), shown()
    ).iloc[0]
    assert sets.firms.to_dict() == {"10-49 / any foreign": 50, "all / any foreign": 50, "R / _all": 39}
    assert sets.sketch["10-49 / any foreign"] == sets.sketch["all / any foreign"] == whole.sketch


def test_the_message_names_release_table_and_slice():
    with pytest.raises(DisclosureStopped, match=r"release 3 .* estimates of NL w \(co-operating\).*withdraw"):
        releases.stop(breaches(firms(101), firms(100)))
    releases.stop([])


def test_the_same_publication_is_no_new_release():
    sets = group(firms(100))
    assert releases.is_the_same(sets, Release(1, THRESHOLD, group(firms(100))))
    assert not releases.is_the_same(sets, Release(1, THRESHOLD, group(firms(101))))
    assert not releases.is_the_same(sets, None)


SETS = st.dictionaries(st.integers(0, 60).map(str), st.integers(0, 3).map(float), min_size=1)


@settings(max_examples=200, deadline=None)
@given(SETS, SETS)
def test_no_more_buckets_differ_than_firms(now, before):
    differing = sum(now.get(name) != before.get(name) for name in now.keys() | before.keys())
    one, other = (releases._sketches(group(part))[0] for part in (now, before))
    buckets = int((one != other).sum())
    assert buckets <= differing
    assert (buckets > 0) == (differing > 0)
