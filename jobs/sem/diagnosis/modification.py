"""Modification indices: by how much chi-square would fall if a parameter that is absent were free.

The score test of one parameter (Sörbom 1989, Psychometrika 54, 371-384) on the expected information, as
lavaan's; the expected parameter change is that of Saris, Satorra and Sörbom (1987, Sociological Methodology
17, 105-129). It takes cases as independent and values as normal. The robust one divides the score by its
empirical variance, summed by cluster: the generalised score test (Boos 1992, American Statistician 46,
327-333).

An absent arrow changes Sigma by a b' + b a' for two vectors a and b, which follow from the effects of all
variables on all others (McArdle and McDonald 1984): no derivative is taken numerically.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations, product

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.diagnosis.saturated import Saturated
from jobs.sem.diagnosis.solution import MODIFICATION_INDICES
from jobs.sem.estimate import Estimate
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.model.structure import Structure
from jobs.sem.ordinal.fit import OrdinalFit
from jobs.sem.ordinal.moments import OrdinalMoments
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.standardised import Units

LEAST = 1e-6  # share of its information that a parameter must keep once the model's own are free


def modification_indices(saturated: Saturated, codes: Matrix | None = None) -> pd.DataFrame:
    """lhs, op, rhs, mi, mi_robust (chi-squares of 1 degree of freedom), epc, sepc_all; the largest mi first.

    `mi_robust` takes cases as independent, or clusters where `codes` (n) are given. `epc` is in the data's
    units, `sepc_all` in standard deviations. A candidate that can't be told apart from the parameters of
    the model is left out.
    """
    estimate, p = saturated.estimate, len(saturated.names)
    arrows = candidates(estimate.structure)
    change = saturated.vech(_derivatives(estimate.structure, estimate.x, arrows)).T
    projected = _apart(change, saturated.jacobian() * estimate.natural, saturated.expected())
    n, score = saturated.patterns.total, change.T @ saturated.slope()
    cases = fiml.case_scores(saturated.mean, saturated.implied, saturated.data, saturated.patterns)
    parts = saturated.weights[:, None] * cases[:, p:] @ projected.remainder
    if codes is not None:
        parts = cov.cluster_sums(parts, codes)
    small = len(parts) / (len(parts) - 1) if codes is not None else 1.0
    return _table(estimate, arrows, projected, n * score, n * projected.left, small * (parts**2).sum(axis=0))


def ordinal_modification_indices(
    fit: OrdinalFit, sample: OrdinalMoments, codes: Matrix | None = None
) -> pd.DataFrame:
    """The same table for ordered items.

    Least squares weigh by the variances of the statistics alone, so that `mi`, lavaan's, is no chi-square;
    `mi_robust` takes their whole covariance matrix.
    """
    estimate, n = fit.estimate, sample.n
    arrows = candidates(estimate.structure)
    beside = _derivatives(estimate.structure, estimate.x, arrows)
    change = fit.model.statistics(estimate.x, beside)[1]
    change = change[:, len(fit.free) :]
    projected = _apart(change, fit.tangent, np.diag(fit.weight))
    weighted = fit.weight[:, None] * projected.remainder
    gamma = sample.gamma(codes)[np.ix_(fit.fitted, fit.fitted)]
    score = n * change.T @ (fit.weight * fit.residual)
    return _table(
        estimate,
        arrows,
        projected,
        score,
        n * projected.left,
        n * (weighted * (gamma @ weighted)).sum(axis=0),
    )


@dataclass(frozen=True)
class _Apart:
    """What is left of each of c candidates once the model's own parameters have taken their part.

    `remainder` (m x c) of its derivatives; `left` (c), its information a case, and `alone` (c), before.
    """

    remainder: Matrix
    left: Matrix
    alone: Matrix


def _apart(change: Matrix, own: Matrix, weight: Matrix) -> _Apart:
    """Derivatives of m moments by the candidates (m x c) and by the model's own parameters (m x q)."""
    across = own.T @ weight @ change
    remainder = change - own @ np.linalg.solve(own.T @ weight @ own, across)
    weighted = weight @ change
    return _Apart(remainder, (remainder * weighted).sum(axis=0), (change * weighted).sum(axis=0))


def _table(
    estimate: Estimate,
    arrows: list[tuple[str, str, str]],
    apart: _Apart,
    score: Matrix,
    information: Matrix,
    variance: Matrix,
) -> pd.DataFrame:
    """The candidates with enough information left, by their score, its model-based and robust variance."""
    units = Units(estimate.structure, estimate.x)
    rows = []
    for place, arrow in enumerate(arrows):
        if apart.left[place] > LEAST * apart.alone[place]:
            square, epc = score[place] ** 2, score[place] / information[place]
            mi, robust = square / information[place], square / variance[place]
            rows.append((*arrow, mi, robust, epc, epc * units.ratio(*arrow)))
    table = pd.DataFrame(rows, columns=MODIFICATION_INDICES)
    return table.sort_values("mi", ascending=False, kind="stable", ignore_index=True)


def candidates(structure: Structure) -> list[tuple[str, str, str]]:
    """The arrows (lhs, op, rhs) that lavaan would try, without those that the model has free.

    Loadings of each factor on the indicators; covariances of indicators, and of factors; paths between
    the variables that stand in an equation. An exogenous variable is given: nothing points at it.
    """
    parameters, factors = structure.parameters, structure.latent
    fixed = {structure.observed[place] for place in structure.exogenous}
    paths = [parameter for parameter in parameters if parameter.op == "~"]
    equations = list(dict.fromkeys(name for parameter in paths for name in (parameter.lhs, parameter.rhs)))
    indicators = [
        name
        for name in structure.observed
        if any(parameter.op == "=~" and parameter.rhs == name for parameter in parameters)
    ]
    plain = [name for name in structure.observed if name not in fixed and name not in equations]
    arrows = [(factor, "=~", name) for factor, name in product(factors, plain)]
    for group in (indicators, factors):
        arrows += [(parameter, "~~", other) for parameter, other in combinations_with_replacement(group, 2)]
    arrows += [
        (outcome, "~", predictor)
        for outcome, predictor in permutations(equations, 2)
        if outcome not in fixed and not (outcome in indicators and predictor in factors)
    ]
    present = {
        _key(parameter.lhs, parameter.op, parameter.rhs)
        for parameter in parameters
        if parameter.free is not None
    }
    return [arrow for arrow in arrows if _key(*arrow) not in present]


def _key(lhs: str, op: str, rhs: str) -> tuple[str, str, str]:
    return (op, min(lhs, rhs), max(lhs, rhs)) if op == "~~" else (op, lhs, rhs)


def _derivatives(structure: Structure, x: Matrix, arrows: list[tuple[str, str, str]]) -> Matrix:
    """Derivatives of Sigma by each arrow (k x p x p), in the data's units."""
    place = {name: number for number, name in enumerate([*structure.observed, *structure.latent])}
    total, covariance = _effects(structure, x, place)
    reach = total[: structure.p]  # of every variable on the observed ones
    along = covariance[: structure.p]  # covariances of the observed with every variable
    out = np.empty((len(arrows), structure.p, structure.p))
    for number, (lhs, op, rhs) in enumerate(arrows):
        if op == "~~":
            a, b = reach[:, place[lhs]], reach[:, place[rhs]]
        else:
            cause, effect = (lhs, rhs) if op == "=~" else (rhs, lhs)
            a, b = reach[:, place[effect]], along[:, place[cause]]
        half = np.outer(a, b)
        out[number] = half if op == "~~" and lhs == rhs else half + half.T
    return out


def _effects(structure: Structure, x: Matrix, place: dict[str, int]) -> tuple[Matrix, Matrix]:
    """Total effects (I - A)^-1 of all variables on all, and their covariances; A holds every arrow."""
    direct, residual = np.zeros((len(place), len(place))), np.zeros((len(place), len(place)))
    for parameter in structure.parameters:
        value = parameter.value if parameter.free is None else x[parameter.free]
        lhs, rhs = place[parameter.lhs], place[parameter.rhs]
        if parameter.op == "~~":
            residual[lhs, rhs] = residual[rhs, lhs] = value
        elif parameter.op == "=~":
            direct[rhs, lhs] = value
        else:
            direct[lhs, rhs] = value
    given = structure.exogenous
    residual[np.ix_(given, given)] = structure.sigma(x)[np.ix_(given, given)]
    total = np.linalg.inv(np.eye(len(place)) - direct)
    return total, total @ residual @ total.T
