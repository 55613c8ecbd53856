"""Omega and average variance extracted, from lavaan's estimates (tests/reference/sem/diagnosis.R)."""

import numpy as np
import pandas as pd
import pytest

from jobs.sem.diagnosis.reliability import reliability
from jobs.sem.model.structure import structure_of


@pytest.mark.parametrize("case", ["holzinger", "uncorrelated", "crossed", "democracy", "survey", "study"])
def test_agrees_with_lavaans_estimates(diagnosed, lavaan, case):
    found = diagnosed(case).reliability.set_index("factor")
    wanted = lavaan("reliability", case).set_index("factor")
    assert set(found.index) == set(wanted.index)
    found = found.loc[wanted.index]
    assert list(found["items"]) == list(wanted["items"])
    assert (found.note == "").all()
    assert set(found.scale) == {"latent responses" if case == "study" else "observed"}
    for name in ("omega", "omega_std", "ave"):
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-4)


def of(text: str, values: dict[str, float]) -> pd.DataFrame:
    structure = structure_of(text)
    x = np.zeros(structure.q)
    for one in structure.parameters:
        if one.free is not None:
            x[one.free] = values[f"{one.lhs} {one.op} {one.rhs}"]
    return reliability(structure, x).set_index("factor")


def test_congeneric_items_by_hand():
    """Loadings 1, .8, .6, factor variance 2, error variances .5, .6, .7, error covariance .1."""
    values = {"f =~ b": 0.8, "f =~ c": 0.6, "f ~~ f": 2.0, "a ~~ a": 0.5, "b ~~ b": 0.6, "c ~~ c": 0.7}
    found = of("f =~ a + b + c\na ~~ b", {**values, "a ~~ b": 0.1}).loc["f"]
    assert found.omega == pytest.approx(2.4**2 * 2 / (2.4**2 * 2 + 1.8 + 2 * 0.1))
    # squares of the loadings times 2, over the items' variances 2.5, 1.88 and 1.42
    assert found.ave == pytest.approx((2 / 2.5 + 1.28 / 1.88 + 0.72 / 1.42) / 3)


def test_what_has_no_reliability_is_said():
    values = {"f =~ b": -0.8, "f =~ c": 0.6, "f ~~ f": 2.0, "a ~~ a": 0.5, "b ~~ b": 0.6, "c ~~ c": 0.7}
    found = of("f =~ a + b + c", values).loc["f"]
    assert found.note == "loadings of both signs: turn b, then read omega." and np.isnan(found.omega)
    values = {"g =~ b": 1.0, "g ~~ g": 1.0, "f ~~ g": 0.3, "f ~~ f": 2.0, "b ~~ b": 1.0, "c ~~ c": 1.0}
    found = of("f =~ a\ng =~ b + c\na ~~ 0*a", {**values, "g =~ c": 0.9})
    assert found.note["f"] == "one item: its reliability is assumed, not estimated."
    assert np.isnan(found.omega["f"]) and found.omega["g"] == pytest.approx(1.9**2 / (1.9**2 + 2))
