"""What leaves beside tables of firms, and the last gate, by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.errors import DisclosureStopped
from jobs.publish import disclosure
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()


def status(cases: list[int], parameters: list[int | None]) -> pd.DataFrame:
    groups = [f"g{place}" for place in range(len(cases))]
    frame = pd.DataFrame({"country": "NL", "wave": "w", "group": groups, "cases_used": cases})
    counts = ("cases_in", "cases_used", "cases_missing")
    return frame.assign(
        status="converged", parameters=parameters, **{f"{name}_status": "" for name in counts}
    )


def residuals(groups: dict[str, int]) -> pd.DataFrame:
    """As many residuals as given of each group."""
    rows = [
        {"country": "NL", "wave": "w", "group": name} for name, pairs in groups.items() for _ in range(pairs)
    ]
    return pd.DataFrame(rows, columns=["country", "wave", "group"])


def test_the_last_gate_stops_residuals_of_too_few_firms():
    tables = published() | {"residuals": residuals({"g0": 6})}
    disclosure.check(tables, RULES)
    tables["fit_status"] = status([19], [8])
    with pytest.raises(DisclosureStopped, match="residuals"):
        disclosure.check(tables, RULES)


def published() -> dict[str, pd.DataFrame]:
    """One row shown and one withheld in each table of firms."""
    slice = {"country": "NL", "wave": "w"}
    marks = ["", "c"]
    origins = pd.DataFrame(
        {**slice, "origin": ["both", "foreign only"], "firms": [40.0, None], "status": marks}
        | {"share": [0.5, None], "share_status": marks}
        | {"innovative_turnover": [0.3, None], "innovative_turnover_status": marks}
    )
    indicators = pd.DataFrame({**slice, "sector": ["s0", "s1"]})
    for kind in ("within", "general"):
        name = f"commonality_{kind}"
        indicators[name], indicators[f"{name}_firms"] = [0.25, None], [40.0, None]
        indicators[f"{name}_status"] = marks
    steps = pd.DataFrame({**slice, "step": [0, 1], "rows_in": [200.0, None], "rows_in_status": marks})
    steps = steps.assign(rows_taken=[0.0, None], status=marks, rows_out=[200.0, None], rows_out_status=marks)
    keys = pd.DataFrame({"country": ["NL"], "wave": ["w"], "group": ["g0"]})
    return {
        "partner_origin": origins,
        "cluster_indicators": indicators,
        "sample_waterfall": steps,
        "fit_status": status([100], [30]),
        "estimates": keys.assign(lhs="f", op="~"),
        "fit_measures": keys,
        "group_differences": keys.rename(columns={"group": "group_a"}).assign(group_b="g1"),
        "residuals": keys,
    }


def test_the_last_gate_lets_protected_tables_pass():
    disclosure.check(published(), RULES)


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        ("partner_origin", 1, "firms", 40),
        ("partner_origin", 1, "share", 0.1),
        ("partner_origin", 1, "innovative_turnover", 0.1),
        ("partner_origin", 0, "firms", 3),
        ("cluster_indicators", 1, "commonality_within", 0.4),
        ("cluster_indicators", 1, "commonality_general_firms", 10),
        ("sample_waterfall", 1, "rows_taken", 70),
        ("sample_waterfall", 1, "rows_out", 70),
        ("sample_waterfall", 0, "rows_in", 7),
        ("fit_status", 0, "cases_used", 35),
        ("fit_status", 0, "cases_missing", 3),
    ],
)
def test_the_last_gate_stops_what_a_fault_would_show(name, row, column, value):
    tables = published()
    tables[name].loc[row, column] = value
    with pytest.raises(DisclosureStopped, match="nothing was published"):
        disclosure.check(tables, RULES)


@pytest.mark.parametrize(
    ("unplaced", "words"),
    [
        (0, "0% of the firms have a code of activity that stands for no one sector"),
        (7, "few firms have a code of activity that stands for no one sector"),
        (40, "29% of the firms have a code of activity that stands for no one sector"),
    ],
)
def test_the_share_of_firms_without_a_sector_and_what_is_said_of_codes_are_public(unplaced, words):
    said = "deliveries are of 2000, 4 years before the wave's year 2004"
    detail = {"unplaced": unplaced, "public": [said]}
    stage = {
        "rows_in": 137,
        "rows_out": 137,
        "rows_set_aside": 0,
        "notes": [said, "7 firms"],
        "detail": detail,
    }
    shown = disclosure.protect_facts({"slices": {"NL w": {"harmonise": stage}}}, RULES)
    assert shown["slices"]["NL w"]["harmonise"]["notes"] == [said, words]
    assert shown["slices"]["NL w"]["harmonise"]["detail"] == {}


def test_stages_leave_no_exact_counts_and_no_notes_with_numbers():
    result = {"table": "survey", "rule": "r", "status": "warning", "failing": 3, "reason": "why"}
    stage = {
        **{"rows_in": 137, "rows_out": 134, "rows_set_aside": 3},
        "notes": ["small: 7 firms", "no model is fitted for this wave", "series break: from 10 employees on"],
        "detail": {
            "sample": 7,
            "rows": {"survey": 7},
            "results": [result],
            "breaks": ["from 10 employees on"],
        },
    }
    facts = {"title": "t", "slices": {"NL w": {"fit": stage}}}
    shown = disclosure.protect_facts(facts, RULES)
    assert shown["title"] == "t"
    assert shown["slices"]["NL w"]["fit"] == {
        **{"rows_in": 130, "rows_out": 130, "rows_set_aside": 0},
        "notes": ["no model is fitted for this wave", "series break: from 10 employees on"],
        "detail": {"results": [{**result, "failing": 0}], "breaks": ["from 10 employees on"]},
    }
    assert stage["rows_in"] == 137, "the office's own figures stay as they are"
