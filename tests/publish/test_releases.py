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


def cells(table: dict[str, Firms]) -> pd.DataFrame:
    """The record of a publication of the commonality of a region's sectors."""
    parts = [row for sector, own in table.items() for row in rows("cluster_indicators", "R", sector, own)]
    indicators = [{**SLICE, "region": "R", "sector": sector} for sector in table]
    tables = shown(status="c") | {
        "cluster_indicators": pd.DataFrame(indicators).assign(commonality_within_status="")
    }
    return releases.published_sets(pd.DataFrame(parts), tables)


def of_cells(now: dict[str, Firms], *before: dict[str, Firms]) -> list[Breach]:
    earlier = [Release(place, THRESHOLD, cells(each)) for place, each in enumerate(before, start=1)]
    return releases.breaches(cells(now), earlier, THRESHOLD)


def test_two_sectors_and_their_union_less_one_firm_tell_of_that_firm():
    """The attack: no two sets are close, but two sectors less both of another release are a firm's answer."""
    before = {"A": firms(60), "B": firms(60, 60), "C": firms(200, 200)}
    now = {"AB": firms(119), "C": firms(200, 200)}
    sums = {name: sum(of.values()) for name, of in (before | now).items()}
    assert sums["A"] + sums["B"] - sums["AB"] == firms(1, 119)["f119"]
    assert of_cells(now, before) == [Breach(1, "cluster_indicators", "NL", "w", "R / AB")]


def test_sums_are_taken_over_several_releases():
    """A is told by the first release, B by the second, both and seven firms more by the third."""
    first, second = {"A": firms(60)}, {"B": firms(60, 60)}
    assert of_cells({"AB": firms(127)}, first, second) == [
        Breach(2, "cluster_indicators", "NL", "w", "R / AB")
    ]
    assert of_cells({"AB": firms(130)}, first, second) == [], "ten firms are enough"


def test_a_new_cut_of_the_same_firms_tells_of_nobody():
    before = {"A": firms(60), "B": firms(60, 60), "C": firms(200, 120)}
    assert of_cells({"AB": firms(120), "C": firms(200, 120)}, before) == []
    assert of_cells({"A": firms(60), "BC": firms(260, 60)}, before) == []


def test_what_one_release_tells_alone_is_its_own_matter():
    """The union of two sectors beside the sum of both and five firms: both are of this publication."""
    before = {"X": firms(300, 1000)}
    assert of_cells({"A": firms(60), "B": firms(60, 60), "AB5": firms(125)}, before) == []


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 9))
def test_a_sum_of_many_sets_that_leaves_few_firms_is_found(random, few):
    """Twelve sectors of one release; another shows the union of some of them with few firms more or less."""
    sizes = [random.randint(12, 400) for _ in range(12)]
    before = {f"S{place}": firms(size, sum(sizes[:place])) for place, size in enumerate(sizes)}
    chosen = random.sample(sorted(before), random.randint(2, 6))
    union = {name: answer for each in chosen for name, answer in before[each].items()}
    changed = random.sample(sorted(union), few)
    now = {name: answer for name, answer in union.items() if name not in changed[: few // 2]}
    now |= {name: 99.0 for name in changed[few // 2 :]}
    assert of_cells({"union": now}, before) != []
    more = {f"new{place}": 1.0 for place in range(60)}
    assert of_cells({"union": now | more}, before) == []


SETS = st.dictionaries(st.integers(0, 60).map(str), st.integers(0, 3).map(float), min_size=1)


@settings(max_examples=200, deadline=None)
@given(SETS, SETS)
def test_no_more_buckets_differ_than_firms(now, before):
    differing = sum(now.get(name) != before.get(name) for name in now.keys() | before.keys())
    one, other = (releases._sketches(group(part))[0] for part in (now, before))
    buckets = int((one != other).sum())
    assert buckets <= differing
    assert (buckets > 0) == (differing > 0)
