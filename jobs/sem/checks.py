"""What must hold of a group before its fit is worth trying, and of the fit before it is worth reading."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype
from scipy import linalg

from jobs.sem.arrays import Matrix
from jobs.sem.cases.moments import Moments
from jobs.sem.estimate import DEPENDENT, Estimate, unit_diagonal
from jobs.sem.model.structure import Structure
from jobs.sem.trouble import ModelError, Trouble

NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty")  # kinds of objects
MOST_NAMED = 4  # a sentence names no more parameters than these


def check_names(data: pd.DataFrame, observed: list[str], others: list[str]) -> None:
    """The columns that the model (`observed`) and the settings (`others`) name are there, and once."""
    for name in [*observed, *others]:
        count = int((data.columns == name).sum())
        who = "model names" if name in observed else "settings name"
        if count == 0:
            raise ModelError(f"the {who} {name}, which is no column of the data")
        if count > 1:
            raise ModelError(f"the {who} {name}, which is {count} columns of the data; keep one")


def check_factors(data: pd.DataFrame, structure: Structure) -> None:
    """No factor has the name of a column of the data: it would not be clear which is meant (ModelError)."""
    taken = [name for name in structure.latent if name in data.columns]
    if taken:
        raise ModelError(f"the factor {taken[0]} is also a column of the data; give the factor another name")


def numbers(data: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The data with the columns `names` as numbers; finite ones, and some of them, in each."""
    changed = {}
    for name in names:
        column = data[name]
        if not pd.api.types.is_numeric_dtype(column):
            if infer_dtype(column, skipna=True) not in NUMBERS:
                raise Trouble("failed", f"the column {name} holds text; it has to be a number.")
            changed[name] = column.astype(float)
        values = column.to_numpy(dtype=float, na_value=np.nan)
        if np.isinf(values).any():
            raise Trouble("failed", f"{name} has infinite values; mend them or set them missing.")
        if len(values) and np.isnan(values).all():
            raise Trouble("failed", f"{name} has no value in this group; leave it out or drop the group.")
    return data.assign(**changed) if changed else data


def check_cases(sample: Moments, structure: Structure, parameters: int | None = None) -> None:
    """Enough cases, and variables that vary and do not follow from each other.

    `parameters`: how many the cases have to determine, by default all of the structure.
    """
    needed = structure.q if parameters is None else parameters
    if sample.n <= max(needed, structure.p):
        what = f"{needed} free parameters" if needed >= structure.p else f"{structure.p} variables"
        raise Trouble(
            "too few cases",
            f"{sample.n} usable cases for {what}; join groups or simplify the model.",
        )
    deviations = np.sqrt(np.diag(sample.covariance))
    flat = deviations <= 1e-10 * np.maximum(np.abs(sample.mean), 1e-8)
    constant = [name for name, still in zip(structure.observed, flat, strict=True) if still]
    if constant:
        verb = "does" if len(constant) == 1 else "do"
        raise Trouble(
            "constant indicator", f"{', '.join(constant)} {verb} not vary; leave it out of the model."
        )
    _check_dependence(sample.covariance, structure)
    complete = ~np.isnan(sample.deviations).any(axis=1)
    if complete.sum() > structure.p:  # the variances alone, as incomplete cases give them, don't show it
        standard = sample.deviations[complete] / deviations
        standard = standard - standard.mean(axis=0)
        if (standard.std(axis=0) > 1e-8).all():
            _check_dependence(standard.T @ standard, structure)


def _check_dependence(covariance: Matrix, structure: Structure) -> None:
    deviations = np.sqrt(np.diag(covariance))
    values, vectors = linalg.eigh(covariance / np.outer(deviations, deviations))
    if values[0] < 1e-10:
        involved = _involved(structure.observed, vectors[:, 0])
        raise Trouble(
            "not positive definite",
            f"{', '.join(involved)} are linearly dependent; leave one of them out.",
        )


def _involved(names: list[str], vector: Matrix) -> list[str]:
    """The variables that have a part in an eigenvector (p)."""
    return [name for name, part in zip(names, vector, strict=True) if abs(part) > 0.1]


def check_estimate(estimate: Estimate) -> None:
    """The search ended at the one minimum.

    A model that no data could determine is told from one that these data leave open: the former's
    parameters move together at any values, the latter's only where the search ended.
    """
    if not np.isfinite(estimate.objective):
        raise Trouble("not converged", "the search found no admissible start; simplify the model.")
    if estimate.converged and estimate.identified and estimate.minimum:
        return
    together = _together(estimate, *_anywhere(estimate)) or (
        _together(estimate, *_here(estimate)) if estimate.converged else ""
    )
    if together:
        raise Trouble("not identified", together)
    raise Trouble("not converged", "the search stopped away from a minimum; simplify the model.")


def check_determined(estimate: Estimate) -> None:
    """Some values of the parameters are told apart by the model and its equations, whatever the data."""
    together = _together(estimate, *_anywhere(estimate))
    if together:
        raise Trouble("not identified", together)


def check_identified(names: list[str], information: Matrix) -> None:
    """The information on the parameters named (k x k, in natural units) of several groups has full rank."""
    values, vectors = linalg.eigh(unit_diagonal(information))
    still = vectors[:, values <= DEPENDENT]
    if still.shape[1] == 0:
        return
    heavy = [names[place] for place in np.flatnonzero(np.sqrt((still**2).sum(axis=1)) > 0.2)]
    more = f" and {len(heavy) - MOST_NAMED} more" if len(heavy) > MOST_NAMED else ""
    raise Trouble(
        "not identified",
        f"{', '.join(heavy[:MOST_NAMED])}{more} cannot be told apart; fix or remove one, or make more equal.",
    )


def check_admissible(structure: Structure, x: Matrix) -> None:
    """Variances of zero or more; factors and residuals that correlate by less than one (Heywood 1931)."""
    negative = [
        parameter.lhs
        for parameter in structure.parameters
        if parameter.op == "~~"
        and parameter.lhs == parameter.rhs
        and parameter.free is not None
        and x[parameter.free] < 0
    ]
    if negative:
        raise Trouble(
            "heywood",
            f"the variance of {', '.join(negative)} is negative, so the estimates are not to be trusted; "
            "simplify the model there.",
        )
    beta, _, psi, theta = structure.matrices(x)
    total = np.linalg.inv(np.eye(len(beta)) - beta)
    at = [structure.inner.index(name) for name in structure.latent]
    factors = (total @ psi @ total.T)[np.ix_(at, at)]
    if at and np.linalg.eigvalsh(factors)[0] < -1e-10 * np.abs(factors).max():
        raise Trouble(
            "heywood",
            f"the factors {', '.join(structure.latent)} correlate by more than one can; join two of them.",
        )
    _check_residuals(structure, psi, theta)


def _check_residuals(structure: Structure, psi: Matrix, theta: Matrix) -> None:
    """The covariance matrix of the observed variables' residuals has no negative eigenvalue."""
    own = [name for name in structure.inner if name not in structure.latent]
    at = [structure.inner.index(name) for name in own]
    for names, residuals in ((structure.observed, theta), (own, psi[np.ix_(at, at)])):
        size = np.sqrt(np.abs(np.diag(residuals)))
        if not len(names) or not size.any():
            continue
        unit = np.where(size > 0, size, 1.0)
        values, vectors = np.linalg.eigh(residuals / np.outer(unit, unit))
        if values[0] < -1e-8:
            involved = _involved(names, vectors[:, 0])
            raise Trouble(
                "heywood",
                f"the residuals of {', '.join(involved[:MOST_NAMED])} correlate by more than one can; "
                "leave out one of their covariances.",
            )


def _here(estimate: Estimate) -> tuple[Matrix, Matrix]:
    """Eigenvalues and vectors of the information where the search ended, in natural units."""
    places = estimate.searched
    scale = estimate.scale[places]
    natural = estimate.information[np.ix_(places, places)] * np.outer(scale, scale)
    values, vectors = linalg.eigh(unit_diagonal(natural))
    return values, vectors


def _anywhere(estimate: Estimate) -> tuple[Matrix, Matrix]:
    """The same of the derivatives of Sigma, and of equations, at values that nothing ties to the data.

    Where they are deficient at such values, no data tell the parameters apart (Bekker, Merckens and
    Wansbeek 1994, Identification, equivalent models and computer algebra).
    """
    structure, places = estimate.structure, estimate.searched
    start = structure.start() + np.random.default_rng(0).uniform(-0.3, 0.3, structure.q)
    sigma, derivatives = structure.sigma_and_derivatives(start * estimate.scale)
    deviations = np.sqrt(np.abs(np.diag(sigma)))
    natural = derivatives * estimate.scale[:, None, None] / np.outer(deviations, deviations)
    flat = natural.reshape(structure.q, -1)
    _, slopes = structure.constrained(start * estimate.scale)
    equations = [place for place, entry in enumerate(structure.constraints) if entry.equality]
    tied = np.nan_to_num(slopes[equations] * estimate.scale)
    values, vectors = linalg.eigh((flat @ flat.T + tied.T @ tied)[np.ix_(places, places)])
    return values, vectors


def _together(estimate: Estimate, values: Matrix, vectors: Matrix) -> str:
    """Which parameters move together without changing what the model implies; empty where none do."""
    still = vectors[:, values <= 1e-9 * max(values[-1], 1.0)]
    heavy = set(estimate.searched[np.sqrt((still**2).sum(axis=1)) > 0.2])
    names = list(
        dict.fromkeys(f"{p.lhs} {p.op} {p.rhs}" for p in estimate.structure.parameters if p.free in heavy)
    )
    if len(names) < 2:
        return f"the data do not tell {names[0]}; fix or remove it." if names else ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more} cannot be told apart; fix or remove a parameter."
