"""`diamant fit --publish`: what of a table's fits may leave."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.anytable import disclosure
from jobs.anytable.output import UNCONTROLLED
from jobs.errors import DisclosureStopped
from jobs.fits.results import Fits, of_report, whole
from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()
GROUPS = {"AA 1": 0.5, "AA 2": 0.4, "AA 3": 0.6}


@pytest.fixture
def three(firms):
    """Two groups of 120 firms, and one in which nobody but one firm has a dummy."""
    frame = firms(GROUPS).assign(d=0.0)
    frame.loc[frame.wave != "3", "d"] = np.arange(240) % 2
    frame.loc[300, "d"] = 1.0
    return frame


def of_fit(frame: pd.DataFrame, **settings) -> Fits:
    """The model of a regression in each wave."""
    report = fit_groups("y1 ~ x1 + d", frame, "wave", Method(**settings))
    return whole(of_report(report))


def protected(fits: Fits) -> Fits:
    """As they may leave where each group is fitted apart."""
    return disclosure.protected(fits, disclosure.withheld(fits, RULES), RULES, together=False)


def counts(fits: Fits, group: str) -> list[object]:
    row = fits.status.set_index("group").loc[group]
    return [None if pd.isna(row[name]) else int(row[name]) for name in disclosure.COUNTS]


def test_a_group_that_tells_of_one_firm_is_left_out_of_all_tables(three):
    """The attack: its intercept and slope give the only firm's answer; without the group nothing does."""
    fits = of_fit(three)
    row = three.loc[300]
    slopes = fits.estimates[(fits.estimates.group == "3") & (fits.estimates.op == "~")]
    own = slopes[slopes.error == "expected"].set_index("rhs").est
    others = three[(three.wave == "3") & (three.d == 0)]
    intercept = others.y1.mean() - own["x1"] * others.x1.mean()
    assert intercept + own["x1"] * row.x1 + own["d"] == pytest.approx(row.y1)
    shown = protected(fits)
    assert set(fits.estimates.group) == {"1", "2", "3"}
    assert set(shown.estimates.group) == set(shown.fit_measures.group) == {"1", "2"}
    assert set(zip(shown.differences.group_a, shown.differences.group_b, strict=True)) == {("1", "2")}
    assert shown.status.status.tolist() == ["converged", "converged", "c"]


def test_digits_end_where_the_error_does(three):
    fits = of_fit(three)
    shown = protected(fits)
    before = fits.estimates[fits.estimates.group == "1"].reset_index(drop=True)
    after = shown.estimates[shown.estimates.group == "1"].reset_index(drop=True)
    known = after.se.notna()
    assert (before.est - after.est)[known].abs().max() > 0
    assert ((before.est - after.est).abs() <= 0.0051 * before.se)[known].all()


def test_a_few_cases_without_an_answer_are_no_difference_of_two_counts(three):
    """Cases in less cases used would be the four."""
    three.loc[:3, "x1"] = np.nan
    three.loc[120:139, "x1"] = np.nan
    shown = protected(of_fit(three))
    assert counts(shown, "1") == [None, 116, None]
    assert counts(shown, "2") == [120, 100, 20]


def test_sentences_do_not_count_firms(three):
    three.loc[:4, "wave"] = None
    fits = of_fit(three)
    assert "5 cases have no wave" in fits.status.detail.iloc[-1]
    shown = protected(fits)
    assert not shown.status.detail.str.contains("5").any()
    assert counts(shown, "(no group)") == [None, 0, None]


def test_groups_fitted_at_once_stop_where_one_must_not_be_shown(fit, three, tmp_path):
    model = "y1 ~ x1 + d"
    with pytest.raises(DisclosureStopped, match=r"^3: a variable of two values, .* fitted at once"):
        fit(three, text=model, groups=("wave",), equal=("regressions",), publish=True)
    assert not (tmp_path / "out").exists()
    two = fit(three[three.wave != "3"], text=model, groups=("wave",), equal=("regressions",), publish=True)
    assert set(two["estimates"].group) == {1, 2}


def test_what_was_controlled_and_what_was_not(fit, three):
    """The files' first lines; and pools are of the groups that are shown."""
    options = {"text": "y1 ~ x1 + d", "groups": ("wave",), "pool": ("wave",)}
    working = fit(three, **options)
    first = {name: text.decode().splitlines()[0] for name, text in fit.bytes.items() if name.endswith(".csv")}
    assert set(first.values()) == {UNCONTROLLED}
    assert set(working["pooled"].groups) == {3}
    controlled = fit(three, publish=True, **options)
    first = {name: text.decode().splitlines()[0] for name, text in fit.bytes.items() if name.endswith(".csv")}
    assert not any("#" in line for line in first.values())
    assert set(controlled["pooled"].groups) == {2}
    assert controlled["status"].status.tolist() == ["converged", "converged", "c"]
