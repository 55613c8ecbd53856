"""Primary rules by hand; that nothing withheld follows from what is shown, by linear programs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from jobs.errors import DisclosureStopped
from jobs.publish import disclosure
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()
SIZES = ("10-49", "50-249", "250+")
EXCLUSIVE = ("domestic only", "foreign only", "both", "unknown")
SUM_OF = {
    **{origin: {origin} for origin in EXCLUSIVE},
    "any domestic": {"domestic only", "both"},
    "any foreign": {"foreign only", "both"},
    "all": set(EXCLUSIVE),
}


def table(counts: dict[tuple[str, str], int], turnover=(1000.0, 10.0, 9.0)) -> pd.DataFrame:
    """The cells of a table of these exclusive counts; every firm has weight one and the same turnover."""
    rows = []
    for size in (*SIZES, "all"):
        inner = {key: n for key, n in counts.items() if size in ("all", key[0])}
        known = sum(n for (_, origin), n in inner.items() if origin != "unknown")
        for origin, parts in SUM_OF.items():
            firms = sum(n for key, n in inner.items() if key[1] in parts)
            share = {"unknown": None, "all": 1.0}.get(origin, firms / known if known else None)
            if firms:
                rows.append(("NL", "w", size, origin, firms, share, 0.3, firms, *turnover))
    columns = ["country", "wave", "size_class", "origin", "firms", "share", "innovative_turnover", "answered"]
    return pd.DataFrame(rows, columns=[*columns, "turnover", "largest", "second"])


def hidden(frame: pd.DataFrame) -> set[tuple[str, str]]:
    cells = frame[frame.status == "c"]
    return set(zip(cells.size_class, cells.origin, strict=True))


def bounds(frame: pd.DataFrame, size: str, origin: str, column: str = "firms") -> tuple[float, float]:
    """Least and greatest value of a withheld cell that agree with every published cell of `column`."""
    inner = frame[frame.origin.isin(EXCLUSIVE) & (frame.size_class != "all")]
    if column == "share":  # they add up over a known origin, within a size class
        inner = frame[frame.origin.isin(EXCLUSIVE[:3]) & (frame.size_class == size)]
    keys = list(zip(inner.size_class, inner.origin, strict=True))

    def sum_of(size: str, origin: str) -> list[float]:
        return [float(size in ("all", own) and part in SUM_OF[origin]) for own, part in keys]

    known = frame[(frame.status != "c") & frame[column].notna()]
    if column == "share":
        known = known[known.size_class == size]
    equal = [sum_of(s, o) for s, o in zip(known.size_class, known.origin, strict=True)]
    ends = []
    for sign in (1, -1):
        found = optimize.linprog(
            sign * np.array(sum_of(size, origin)),
            A_eq=np.array(equal) if equal else None,
            b_eq=known[column].to_numpy(dtype=float) if equal else None,
            bounds=(1 if column == "firms" else 0, None),
        )
        assert found.status in (0, 3), found.message
        ends.append(sign * found.fun if found.status == 0 else -sign * np.inf)
    return ends[0], ends[1]


@pytest.mark.parametrize(("count", "few"), [(0, False), (1, True), (9, True), (10, False), (None, False)])
def test_threshold(count, few):
    assert disclosure.too_few(count, RULES) is few


@pytest.mark.parametrize(
    ("total", "largest", "second", "broken"),
    [
        (100, 60, 30, False),  # two firms hold 90 %, which is allowed; 10 are left, 10 % of 60 are 6
        (100, 60, 31, True),  # 91 %
        (100, 91, 0, True),
        (0, 0, 0, False),  # nobody
    ],
)
def test_dominance_of_two_firms(total, largest, second, broken):
    assert disclosure.dominated(total, largest, second, RULES) is broken


@pytest.mark.parametrize(("p", "broken"), [(25, False), (26, True)])
def test_p_percent(p, broken):
    """100 = 60 + 25 + 15: who holds 25 knows the largest to 15 / 60 = 25 %."""
    rules = RULES.model_copy(update={"p_percent": p, "dominance_share": 1.0})
    assert disclosure.dominated(100, 60, 25, rules) is broken


def test_one_firm_that_dominates_alone():
    rules = RULES.model_copy(update={"dominance_firms": 1, "dominance_share": 0.8, "p_percent": 0})
    assert disclosure.dominated(100, 81, 15, rules)
    assert not disclosure.dominated(100, 80, 15, rules)


LARGE = {(size, origin): 100 for size in SIZES for origin in EXCLUSIVE}


def test_a_table_of_many_firms_is_shown_whole():
    assert hidden(disclosure.protect_origins(table(LARGE), RULES)) == set()


def test_a_small_cell_takes_companions_in_its_row_and_its_column():
    shown = disclosure.protect_origins(table({**LARGE, ("250+", "domestic only"): 4}), RULES)
    cells = hidden(shown)
    assert ("250+", "domestic only") in cells
    exclusive = {(size, origin) for size, origin in cells if origin in EXCLUSIVE and size != "all"}
    assert sum(size == "250+" for size, _ in exclusive) == 2
    assert sum(origin == "domestic only" for _, origin in exclusive) == 2
    assert len(exclusive) == 4, "a rectangle hides one cell"
    assert not any(size == "all" for size, _ in cells), "the totals can stay"


def test_a_cell_whose_turnover_few_firms_make_is_withheld():
    shown = disclosure.protect_origins(table(LARGE, turnover=(100.0, 80.0, 15.0)), RULES)
    assert (shown.status == "c").all()


def test_a_row_of_one_small_class_hides_the_class_beside_it():
    """The small class is the table's total less the others': its own total has to be safe too."""
    shown = disclosure.protect_origins(
        table({("10-49", "both"): 5, ("50-249", "both"): 30, ("250+", "domestic only"): 40}), RULES
    )
    low, high = bounds(shown, "10-49", "all")
    assert low <= 5 and high >= 15


COUNTS = st.dictionaries(
    st.tuples(st.sampled_from(SIZES), st.sampled_from(EXCLUSIVE)),
    st.integers(1, 40) | st.integers(1, 12),
    min_size=1,
)


@settings(max_examples=40, deadline=None)
@given(COUNTS)
def test_no_small_count_follows_from_what_is_shown(counts):
    cells = table(counts)
    shown = disclosure.protect_origins(cells, RULES)
    small = cells[cells.firms < RULES.threshold]
    for size, origin in zip(small.size_class, small.origin, strict=True):
        assert (size, origin) in hidden(shown)
        low, high = bounds(shown, size, origin)
        assert high - low >= RULES.threshold - 1e-6, (size, origin)


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_no_share_of_a_small_cell_follows_from_the_shares_beside_it(counts):
    """But where it is the only origin of its class: then its share is 1 and tells nothing."""
    cells = table(counts)
    shown = disclosure.protect_origins(cells, RULES)
    small = cells[(cells.firms < RULES.threshold) & cells.origin.isin(EXCLUSIVE[:3])]
    for size, origin in zip(small.size_class, small.origin, strict=True):
        others = cells[(cells.size_class == size) & cells.origin.isin(EXCLUSIVE[:3])]
        if len(others) > 1:
            exact = shown.assign(share=cells.share)
            low, high = bounds(exact, size, origin, "share")
            assert high - low > 1e-6, (size, origin)


def test_tables_without_rows_stay_without():
    """A run without a survey has no Table 1, no firms in its indicators and no waterfall."""
    assert disclosure.protect_origins(table(LARGE).iloc[:0], RULES).empty
    assert disclosure.protect_indicators(indicators([9], [1]).iloc[:0], RULES).empty
    assert disclosure.protect_waterfall(steps([7], 20).iloc[:0], RULES).empty
    without = indicators([9], [1]).assign(
        commonality_within_firms=pd.array([None], dtype="Int64"), commonality_within=None
    )
    alone = disclosure.protect_indicators(without, RULES)
    assert alone.commonality_within_status.tolist() == [""], "it is undefined, not withheld"


def test_the_order_of_rows_does_not_show():
    cells = table({**LARGE, ("250+", "domestic only"): 4, ("10-49", "both"): 2})
    there = disclosure.protect_origins(cells, RULES)
    back = disclosure.protect_origins(cells.iloc[::-1], RULES)
    assert hidden(there) == hidden(back)


def indicators(firms: list[int], innovators: list[int]) -> pd.DataFrame:
    frame = pd.DataFrame({"sector": [f"s{place}" for place in range(len(firms))]})
    for kind in ("within", "general"):
        name = f"commonality_{kind}"
        frame[f"{name}_firms"], frame[f"{name}_innovators"] = firms, innovators
        frame[name] = [part / whole if whole else None for part, whole in zip(innovators, firms, strict=True)]
        frame[f"{name}_numerator"], frame[f"{name}_denominator"] = innovators, firms
    return frame


def test_commonality_of_few_firms_and_of_all_or_none_is_withheld():
    shown = disclosure.protect_indicators(indicators([9, 40, 40, 40, 0], [4, 40, 0, 7, 0]), RULES)
    assert shown.commonality_within_status.tolist() == ["c", "c", "c", "", ""]
    assert shown.commonality_within.isna().tolist() == [True, True, True, False, True]
    assert shown.commonality_within[3] == 0.175
    assert shown.commonality_within_firms[3] == 40
    assert not [name for name in shown if name.endswith(("_innovators", "_numerator", "_denominator"))]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(1, 9))
def test_a_regions_total_tells_no_more_of_a_withheld_cell_than_that_it_is_withheld(others, small):
    """A shown count n stands for n to n + 9 firms: the rest of the total is between these bounds."""
    firms = [small, *others, small + sum(others)]
    shown = disclosure.protect_indicators(indicators(firms, [n // 2 for n in firms]), RULES)
    count, hide = shown.commonality_within_firms, shown.commonality_within_status == "c"
    if hide.iloc[-1]:
        return
    beside = count.iloc[1:-1][~hide.iloc[1:-1]]
    also_hidden = int(hide.iloc[1:-1].sum())
    greatest = count.iloc[-1] + 9 - beside.sum() - also_hidden  # each of them has a firm at least
    least = count.iloc[-1] - beside.sum() - 9 * len(beside)
    assert greatest >= RULES.threshold - 1 - also_hidden
    assert also_hidden or least <= 1 or greatest - least >= RULES.threshold


def steps(taken: list[int], start: int) -> pd.DataFrame:
    left = start - np.cumsum([0, *taken])
    return pd.DataFrame(
        {
            "country": "NL",
            "wave": "w",
            "step": range(len(left)),
            "filter": [f"f{place}" for place in range(len(left))],
            "rows_in": [start, *left[:-1]],
            "rows_taken": [0, *taken],
            "rows_out": left,
        }
    )


def test_a_waterfall_of_large_steps_is_shown_as_it_is():
    given_ = steps([100, 20, 0], 200)
    shown = disclosure.protect_waterfall(given_, RULES)
    assert shown[given_.columns].astype(object).equals(given_.astype(object)) and (shown.status == "").all()


def test_a_small_step_hides_another_with_it():
    """Without the second one it would be all firms less those left less the other steps: 200 - 63 - 130."""
    shown = disclosure.protect_waterfall(steps([100, 7, 30], 200), RULES)
    assert shown.status.tolist() == ["", "", "c", "c"]
    assert shown.rows_taken[1] == 100 and shown.rows_taken[2:].isna().all()
    assert (shown.rows_out % 10 == 0).all() and (shown.rows_in % 10 == 0).all()


def test_what_is_left_after_a_filter_is_withheld_where_it_is_too_few():
    shown = disclosure.protect_waterfall(steps([100, 0], 104), RULES)
    assert shown.status.tolist() == ["", "c", "c"] and (shown.rows_out % 10 == 0).all()


def status(cases: list[int], parameters: list[int | None]) -> pd.DataFrame:
    groups = [f"g{place}" for place in range(len(cases))]
    return pd.DataFrame(
        {"country": "NL", "wave": "w", "group": groups, "cases_used": cases, "parameters": parameters}
    )


def test_a_model_needs_ten_more_firms_than_parameters():
    found = disclosure.unpublishable(status([40, 39, 9], [30, 30, None]), RULES)
    assert found == {("NL", "w", "g1"), ("NL", "w", "g2")}


def residuals(groups: dict[str, int]) -> pd.DataFrame:
    """As many residuals as given of each group."""
    rows = [
        {"country": "NL", "wave": "w", "group": name} for name, pairs in groups.items() for _ in range(pairs)
    ]
    return pd.DataFrame(rows, columns=["country", "wave", "group"])


def test_residuals_need_ten_more_firms_than_moments():
    """Four variables have six residuals and ten variances and covariances."""
    tables = {"residuals": residuals({"g0": 6, "g1": 6}), "fit_status": status([20, 19], [8, 8])}
    assert disclosure.telling(tables, RULES) == {("NL", "w", "g1")}
    tables["residuals"] = residuals({})
    assert disclosure.telling(tables, RULES) == set()


def test_the_last_gate_stops_residuals_of_too_few_firms():
    tables = published() | {"residuals": residuals({"g0": 6})}
    disclosure.check(tables, RULES)
    tables["fit_status"] = status([19], [8])
    with pytest.raises(DisclosureStopped, match="residuals"):
        disclosure.check(tables, RULES)


def published() -> dict[str, pd.DataFrame]:
    origins = disclosure.protect_origins(table({**LARGE, ("250+", "both"): 4}), RULES)
    figures = ["firms", "share", "innovative_turnover"]
    origins["firms"] = origins.firms.astype("Int64")
    origins[figures] = origins[figures].where(origins.status != "c")
    keys = pd.DataFrame({"country": ["NL"], "wave": ["w"], "group": ["g0"]})
    return {
        "partner_origin": origins,
        "cluster_indicators": disclosure.protect_indicators(indicators([5, 40], [2, 9]), RULES),
        "sample_waterfall": disclosure.protect_waterfall(steps([100, 7, 30], 200), RULES),
        "fit_status": status([100], [30]),
        "estimates": keys,
        "fit_measures": keys,
        "group_differences": keys.rename(columns={"group": "group_a"}).assign(group_b="g1"),
        "residuals": keys,
    }


def test_the_last_gate_lets_protected_tables_pass():
    disclosure.check(published(), RULES)


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("partner_origin", "c", "share", 0.1),
        ("partner_origin", "", "firms", 3),
        ("cluster_indicators", "c", "commonality_within", 0.4),
        ("cluster_indicators", "c", "commonality_general_firms", 10),
        ("sample_waterfall", "c", "rows_taken", 7),
        ("fit_status", "", "cases_used", 35),
    ],
)
def test_the_last_gate_stops_what_a_fault_would_show(name, row, column, value):
    tables = published()
    frame = tables[name]
    marks = frame.filter(like="status").iloc[:, 0] if name != "fit_status" else pd.Series([""])
    frame.loc[frame.index[(marks == row).to_numpy()][0], column] = value
    with pytest.raises(DisclosureStopped, match="nothing was published"):
        disclosure.check(tables, RULES)


def test_the_size_of_a_hidden_group_does_not_follow_from_the_samples_size():
    """Steps of 100 and 40 firms leave 137; a group of 7 is hidden, so that 130 of the other would tell it."""
    group = ("NL", "w", "small")
    frame = disclosure.protect_waterfall(steps([100, 40], 277), RULES, {group})
    assert (frame.status == "c").sum() == 2
    assert set(frame.rows_out) == {270, 170, 130}
    stage = {
        "rows_in": 137,
        "rows_out": 137,
        "rows_set_aside": 0,
        "notes": ["small: 7 firms"],
        "detail": {"n": 7},
    }
    facts = {"slices": {"NL w": {"fit": stage}, "NL other": {"fit": stage}}}
    shown = disclosure.protect_facts(facts, RULES, {group})["slices"]
    assert shown["NL w"]["fit"] == {
        "rows_in": 130,
        "rows_out": 130,
        "rows_set_aside": 0,
        "notes": [],
        "detail": {},
    }
    assert shown["NL other"]["fit"] == stage
