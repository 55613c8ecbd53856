"""Where parameters stand: beside semopy's matrices, and beside what lavaan adds to a text."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import semopy

from jobs.sem.model.structure import Structure, structure_of

TEXT = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9\nspeed ~ w + visual\n"
PROGRAM = f"""
from jobs.sem.model.structure import structure_of
model = structure_of({TEXT!r})
for entry in model.parameters:
    print(entry)
print(model.elements.free.tolist(), model.elements.row.tolist(), model.elements.column.tolist())
print(model.observed, model.inner, model.exogenous)
"""
ORDINARY = {
    "factors": TEXT,
    "paths": "m ~ x + z\ny ~ m + x",
    "reduced": "f =~ y1 + y2 + y3\ny2 ~ x\nf ~ x + z\ny1 ~~ y3",
    "second order": "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\nh =~ f + g\nh ~ x",
    "labels": "f =~ y1 + a*y2 + a*y3 + y4\nf ~ b*x + b*z\ny2 ~~ 0.3*y3",
    "loop": "y ~ m + x\nm ~ y + z",
}


def read(seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def test_the_order_of_parameters_does_not_depend_on_the_process():
    first = read(0)
    assert "lhs='textual', op='~~', rhs='visual'" in first
    assert {read(seed) for seed in (1, 2, 3)} == {first}


def test_loadings_stand_as_the_text_has_them():
    loadings = [line.split("rhs='")[1].split("'")[0] for line in read(0).splitlines() if "op='=~'" in line]
    assert loadings == [f"x{number}" for number in range(1, 10)]


def values(structure: Structure, seed: int) -> np.ndarray:
    """Free parameters at random, variances well above the rest."""
    x = np.random.default_rng(seed).uniform(-0.4, 0.4, structure.q)
    for parameter in structure.parameters:
        if parameter.free is not None and parameter.op == "~~" and parameter.lhs == parameter.rhs:
            x[parameter.free] += 2.0
    return x


def of_semopy(text: str, structure: Structure, x: np.ndarray, exogenous: np.ndarray) -> np.ndarray:
    """Sigma of semopy's model, in our order of variables, at our values of the parameters."""
    model = semopy.Model(text)
    beta, lambda_, psi, theta = model.mx_beta, model.mx_lambda, model.mx_psi, model.mx_theta
    inner, observed = model.vars["inner"], model.vars["observed"]
    for parameter in structure.parameters:
        value = parameter.value if parameter.free is None else x[parameter.free]
        lhs, rhs = parameter.lhs, parameter.rhs
        if parameter.op == "~~":
            matrix, names = (psi, inner) if lhs in inner and rhs in inner else (theta, observed)
            matrix[names.index(lhs), names.index(rhs)] = matrix[names.index(rhs), names.index(lhs)] = value
            continue
        to, of = (rhs, lhs) if parameter.op == "=~" else (lhs, rhs)
        if to in inner:
            beta[inner.index(to), inner.index(of)] = value
        else:
            lambda_[observed.index(to), inner.index(of)] = value
    fixed = [structure.observed[place] for place in structure.exogenous]
    at = [inner.index(name) for name in fixed]
    psi[np.ix_(at, at)] = exogenous
    model.prepare_params()
    order = [observed.index(name) for name in structure.observed]
    return model.calc_sigma()[0][np.ix_(order, order)]


@pytest.mark.parametrize("name", ORDINARY)
def test_sigma_is_semopys(name):
    structure = structure_of(ORDINARY[name])
    k, p = len(structure.exogenous), structure.p
    exogenous = np.eye(k) + 0.2
    sample = np.eye(p)
    sample[np.ix_(structure.exogenous, structure.exogenous)] = exogenous
    x = values(structure, seed=len(name))
    ours = structure.with_exogenous(sample).sigma(x)
    np.testing.assert_allclose(ours, of_semopy(ORDINARY[name], structure, x, exogenous), atol=1e-12)


def covariances(text: str) -> set[tuple[str, str, bool]]:
    """Variances and covariances as lavaan lists them: names in order, and whether they are free."""
    return {
        (*sorted((entry.lhs, entry.rhs)), entry.free is not None)
        for entry in structure_of(text).parameters
        if entry.op == "~~"
    }


def predictors(text: str) -> list[str]:
    structure = structure_of(text)
    return [structure.observed[place] for place in structure.exogenous]


def test_written_covariances_of_predictors_make_them_random():
    """lavaan 0.6-14: x1 and x2 are random, x3 keeps the sample's variance, and is uncorrelated with both."""
    text = "y ~ x1 + x2 + x3\nx1 ~~ x2"
    assert covariances(text) == {(name, name, True) for name in ("y", "x1", "x2")} | {("x1", "x2", True)}
    assert predictors(text) == ["x3"]
    assert covariances("y ~ x1 + x2\nx1 ~~ 0*x2") >= {("x1", "x2", False), ("x1", "x1", True)}
    assert predictors("y ~ x1 + x2 + x3\nx1 ~~ x1") == ["x2", "x3"]


def test_a_factor_may_covary_with_a_predictor_and_an_indicator_with_both():
    text = "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\nf ~ g + x\ng ~~ x"
    assert ("g", "x", True) in covariances(text) and predictors(text) == []
    structure = structure_of("f =~ y1 + y2 + y3\nf ~ x\ny1 ~~ x\ny1 ~~ y2")
    assert "y1" in structure.inner and "y2" in structure.inner and "y3" not in structure.inner


def test_outcomes_covary_whether_they_are_factors_or_observed():
    assert ("f", "y", True) in covariances("f =~ y1 + y2 + y3\nf ~ x\ny ~ x")
    assert ("f", "y", True) not in covariances("f =~ y1 + y2 + y3\nf ~ x\ny ~ f")


def test_the_only_indicator_of_a_factor_has_no_residual():
    text = "f =~ y1 + y2 + y3\na =~ z\nf ~ a"
    assert ("z", "z", False) in covariances(text)
    assert ("z", "z", True) in covariances(text + "\nz ~~ z"), "a residual in the text is free"
    assert ("z", "z", True) in covariances(text + "\nb =~ z + w"), "lavaan leaves it where it measures more"
