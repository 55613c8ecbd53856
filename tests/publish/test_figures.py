"""Figures are drawn again only where their content changed; what is not shown any more is removed."""

from __future__ import annotations

import pandas as pd
import pytest

from jobs.publish import figures, pictures
from jobs.publish.figures import Figure

WAVES = ("cis2", "cis3", "cis4")


def pooled(*pools: str) -> pd.DataFrame:
    rows = [
        {
            **{"pool": pool, "group": group, "lhs": "results", "op": "~", "rhs": "effort", "slices": 3},
            **{"countries": 1, "left_out": 0, "est": 0.1 * place, "se": 0.05, "ci_lower": 0.1 * place - 0.1},
            **{
                "ci_upper": 0.1 * place + 0.1,
                "tau2": 0.01,
                "i2": 0.5,
                "q": 3.0,
                "q_df": 2.0,
                "q_pvalue": 0.2,
            },
            **{"reliable": True, "detail": ""},
        }
        for place, pool in enumerate(pools)
        for group in ("a", "b")
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def wanted() -> list[Figure]:
    every = [
        *pictures.forests(pooled("AT", "BE", "CY"), pooled("all")),
        *pictures.series(pooled(*WAVES), WAVES, ["cis3"]),
    ]
    assert [picture.stem for picture in every] == [
        "forest_a_results_effort",
        "forest_b_results_effort",
        "series_results_effort",
    ]
    return [picture.figure for picture in every]


def test_only_what_changed_is_drawn_again(wanted, tmp_path):
    drawn: list[str] = []

    def each(missing):
        drawn.extend(figure.title for figure in missing)
        return [figures.draw(figure) for figure in missing]

    first = figures.drawn(wanted, tmp_path / "kept", each)
    assert len(drawn) == 3 and all(b"<svg" in figure.svg for figure in first)
    assert figures.drawn(wanted, tmp_path / "kept", each) == first and len(drawn) == 3
    changed = Figure(
        "series", wanted[2].rows.assign(est=0.5), wanted[2].title, wanted[2].note, wanted[2].more
    )
    second = figures.drawn([*wanted[:2], changed], tmp_path / "kept", each)
    assert second[:2] == first[:2] and second[2] != first[2] and len(drawn) == 4
    assert len(list((tmp_path / "kept").iterdir())) == 6, "the former series is gone"


def test_a_forest_has_a_row_a_country_and_the_mean(wanted):
    text = figures.draw(wanted[0]).svg.decode()
    for words in (">AT", ">BE", ">CY", ">pooled, 3 groups", "I² = 50 %", "effort → results, a firms"):
        assert words in text, words


def test_a_series_has_its_waves_groups_and_breaks(wanted):
    text = figures.draw(wanted[2]).svg.decode()
    assert all(f">{words}<" in text for words in (*WAVES, "a", "b")) and "a break in the series" in text


def test_the_same_figure_has_the_same_bytes(wanted):
    assert figures.draw(wanted[2]) == figures.draw(wanted[2])
