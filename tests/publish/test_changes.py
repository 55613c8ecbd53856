"""Changes of published indicators: by hand, only of what both waves show, breaks named."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.publish.changes import INDICATORS, Measured, changes, tables

PLAIN = Measured("regions", {}, {})


def published(*rows: tuple[str, str, str, float | None, float | None]) -> pd.DataFrame:
    """Rows of wave, region, sector and the two indicators that go with the sector."""
    made = []
    for wave, region, sector, complementarity, commonality in rows:
        row = dict.fromkeys(INDICATORS)
        kind = "general" if sector == "_all" else "within"
        row |= {f"complementarity_{kind}": complementarity, f"commonality_{kind}": commonality}
        made.append({"country": "NL", "wave": wave, "region": region, "sector": sector, **row})
    return pd.DataFrame(made)


def test_a_change_is_the_difference_of_two_published_figures():
    cells = published(
        ("w1", "NL31", "_all", 0.50, 0.300),
        ("w1", "NL31", "15", 0.25, None),
        ("w2", "NL31", "_all", 0.75, 0.250),
        ("w2", "NL31", "15", 0.50, 0.400),
        ("w2", "NL32", "_all", 0.10, 0.100),
    )
    came = changes(cells, {("NL", "w1"): PLAIN, ("NL", "w2"): PLAIN})
    rows = {(row.region, row.sector, row.indicator): row for row in came.itertuples()}
    assert set(rows) == {
        ("NL31", "_all", "complementarity_general"),
        ("NL31", "_all", "commonality_general"),
        ("NL31", "15", "complementarity_within"),
    }, "withheld figures and regions of one wave have no change"
    assert rows["NL31", "_all", "complementarity_general"].change == 0.25
    assert rows["NL31", "_all", "commonality_general"].change == pytest.approx(-0.05)
    assert set(came.wave) == {"w2"} and set(came.before) == {"w1"} and came.series_break.isna().all()


def test_a_wave_without_figures_is_passed_over():
    cells = published(("w1", "NL31", "_all", 0.5, 0.3), ("w3", "NL31", "_all", 0.6, 0.3))
    came = changes(cells, {("NL", wave): PLAIN for wave in ("w1", "w2", "w3")})
    assert set(came.before) == {"w1"}


def test_regions_that_differ_have_no_changes():
    cells = published(("w1", "NL31", "_all", 0.5, 0.3), ("w2", "NL31", "_all", 0.6, 0.3))
    other = Measured("others", {}, {})
    assert changes(cells, {("NL", "w1"): PLAIN, ("NL", "w2"): other}).empty


def test_breaks_are_named_where_they_belong():
    cells = published(("w1", "NL31", "_all", 0.5, 0.3), ("w2", "NL31", "_all", 0.6, 0.3))
    both = {"complementarity": "nace2", "commonality": "nace2"}
    own = Measured("regions", both, {"commonality": ["innovation is wider"]})
    before = Measured("regions", {"complementarity": "nace1", "commonality": "nace1"}, {})
    came = changes(cells, {("NL", "w1"): before, ("NL", "w2"): own}).set_index("indicator").series_break
    assert came["commonality_general"] == "innovation is wider; sectors come from another classification"
    assert came["complementarity_general"] == "sectors come from another classification"
    (table,) = tables(changes(cells, {("NL", "w1"): before, ("NL", "w2"): own}))
    said = "innovation is wider; sectors come from another classification"
    assert table["caption"] == f"w2 against w1; a break in the series: {said}", "each reason once"
    assert table["rows"][0]["cells"][:3] == ["NL31", "60 %", "+10.0"]
