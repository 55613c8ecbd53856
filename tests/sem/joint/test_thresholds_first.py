"""Invariance of ordered items beside lavaan's models (tests/reference/sem/thresholds_first.R)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import ordinal_figures
import pandas as pd
import pytest

from jobs.sem.cases.split import split
from jobs.sem.joint.invariance import invariance
from jobs.sem.joint.thresholds_first import STEPS, ThresholdsFirst
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
CASES = {  # model, settings; all observed but these are ordered
    "three": ("effort =~ e1 + e2 + e3\ninfo =~ i1 + i2 + i3\nresult =~ r1 + r2 + r3 + r4", {}),
    "weights": ("info =~ i1 + i2 + i3 + r1 + r2", {"weights": "weight"}),
    "marker": ("effort =~ e3 + e1 + e2 + i1 + i2", {}),
    "binary": ("info =~ be1 + bi1 + bi2 + br1 + br2", {}),
    "mixed": ("effort =~ spend + e1 + e2 + e3\neffort ~ size + comm", {}),
    "pairwise": ("info =~ i1 + i2 + i3 + r1 + r2", {"missing": "pairwise"}),
}
NUMBERS = ("spend", "size", "comm")
COLUMNS = ("df", "chisq", "pvalue", "cfi", "rmsea", "delta_chisq", "delta_df", "delta_pvalue")
FOUR = "f =~ y1 + y2 + y3 + y4"


@cache
def survey() -> pd.DataFrame:
    frame = ordinal_figures.survey()
    chosen = ("e1", "i1", "i2", "r1", "r2")
    binary = {f"b{name}": (frame[name] > 1).where(frame[name].notna()) * 1.0 for name in chosen}
    return frame.assign(**binary)


@cache
def recorded() -> pd.DataFrame:
    table = pd.read_csv(REFERENCE / "thresholds_first.csv", skipinitialspace=True)
    return table.assign(case=table.case.str.strip(), model=table.model.str.strip())


def method(model: str, **settings) -> Method:
    words = {word for word in model.replace("\n", " ").split() if word in survey().columns}
    return Method(estimator="dwls", ordered=tuple(sorted(words - set(NUMBERS))), **settings)


def answers(spread: float, level: float, shift: dict[str, float], random, cases: int = 2000) -> pd.DataFrame:
    """Four items of four categories; `shift` moves the thresholds of an item."""
    factor = random.normal(level, spread, (cases, 1))
    responses = factor * [1.0, 0.4, 1.5, 0.7] + random.normal(size=(cases, 4))
    frame = pd.DataFrame(np.digitize(responses, [-0.8, 0.2, 1.0]), columns=["y1", "y2", "y3", "y4"])
    for place, (name, by) in enumerate(shift.items()):
        frame[name] = np.digitize(responses[:, place], [-0.8, 0.2 + by, 1.0])
    return frame


def of_two(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([first.assign(side="east"), second.assign(side="west")], ignore_index=True)


@pytest.mark.parametrize("case", CASES)
def test_steps_agree_with_lavaan(case):
    model, settings = CASES[case]
    ours = invariance(model, survey(), "side", method(model, **settings)).set_index("model")
    assert list(ours.index) == list(STEPS)
    wanted = recorded()[recorded().case == case].set_index("model")
    assert len(wanted) >= 3
    for step, row in wanted.iterrows():
        scaled = row.rename({"chisq": "plain", "chisq_scaled": "chisq"})
        assert ours.status[step] == "converged"
        for column in COLUMNS:
            if pd.isna(scaled[column]):  # no test: the first step, or nothing was tied that data could tell
                assert step == "configural" or ours.delta_df[step] == 0
                continue
            near = {"rel": 1e-3, "abs": 1e-3 if "pvalue" in column else 2e-4}
            assert ours.at[step, column] == pytest.approx(scaled[column], **near), (step, column)


def test_derivatives_are_those_of_the_statistics():
    model, settings = CASES["mixed"]
    steps = ThresholdsFirst(model, dict(split(survey(), "side")), method(model, **settings))
    group = steps.groups[1]
    v = group.start() + 0.05
    _, slopes = group.implied(v)
    for place, move in enumerate(1e-6 * np.eye(len(v))):
        numeric = (group.implied(v + move)[0] - group.implied(v - move)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, place], numeric, atol=1e-7)


def test_another_spread_and_level_of_the_factor_are_no_difference_of_the_items():
    """With free thresholds equal loadings are rejected here, which is why thresholds come first."""
    random = np.random.default_rng(5)
    data = of_two(answers(0.6, 0.0, {}, random), answers(2.0, 0.5, {}, random))
    table = invariance(FOUR, data, "side", Method(estimator="dwls", ordered=("y1", "y2", "y3", "y4")))
    assert list(table.status) == ["converged"] * 5
    assert (table.delta_pvalue[1:] > 0.05).all()
    assert table.verdict[3] == "Equality of the intercepts is not rejected: latent means can be compared."


def test_a_moved_threshold_is_seen_and_can_be_freed():
    random = np.random.default_rng(6)
    data = of_two(answers(1.0, 0.0, {}, random), answers(1.2, 0.3, {"y1": 0.4}, random))
    settings = Method(estimator="dwls", ordered=("y1", "y2", "y3", "y4"))
    table = invariance(FOUR, data, "side", settings)
    assert table.verdict[1].startswith("The thresholds differ between the groups; free those")
    assert table.verdict[2] == "Not judged: the thresholds differ between the groups already."
    freed = invariance(FOUR, data, "side", settings, partial=("y1|t2",))
    assert (freed.delta_pvalue[1:] > 0.05).all() and freed.delta_df[1] == table.delta_df[1] - 1


def test_what_binary_items_cannot_tell_is_tested_with_the_next_step():
    model, settings = CASES["binary"]
    table = invariance(model, survey(), "side", method(model, **settings))
    assert table.verdict[1].startswith("Equality of the thresholds cannot be tested by itself")
    assert table.verdict[2].startswith("Equality of the loadings cannot be tested by itself")
    words = "Equality of the thresholds and the loadings and the intercepts is not rejected"
    assert table.verdict[3].startswith(words)


def test_cases_in_clusters_are_no_new_evidence():
    """Every case twice: by cluster each test is nearly that of the cases once, by case it is not."""
    model, settings = CASES["weights"][0], {"clusters": ("firm",)}
    once = survey().assign(firm=np.arange(len(survey())))
    twice = pd.concat([once, once], ignore_index=True)
    single, doubled = (invariance(model, data, "side", method(model, **settings)) for data in (once, twice))
    np.testing.assert_allclose(doubled.delta_chisq[1:], single.delta_chisq[1:], rtol=5e-3)


def test_what_cannot_be_judged_says_why():
    random = np.random.default_rng(7)
    data = of_two(answers(1.0, 0.0, {}, random, 500), answers(1.0, 0.0, {}, random, 500))
    settings = Method(estimator="dwls", ordered=("y1", "y2", "y3", "y4"))
    data.loc[(data.side == "west") & (data.y2 == 3), "y2"] = 2
    table = invariance(FOUR, data, "side", settings)
    assert table.status[1] == "failed"
    assert "y2 has 3 categories in one group and 4 in another" in table.verdict[1]
    with pytest.raises(ModelError, match="takes a model without labels"):
        invariance("f =~ y1 + a*y2 + a*y3 + y4", data, "side", settings)
    with pytest.raises(ModelError, match=r"the partial y1\|t4 is no free parameter"):
        invariance(FOUR, data, "side", settings, partial=("y1|t4",))
