"""How well a factor's items measure it: McDonald's omega and the average variance extracted.

omega: the share of the variance of the items' sum that the factor carries, lambda = loadings, psi = the
factor's variance (of all of it, where it has predictors), Sigma = the items' implied covariances:

    (sum lambda)^2 psi / sum Sigma

For items of one factor sum Sigma is (sum lambda)^2 psi + sum theta, plus twice the error covariances
(McDonald 1999, Test theory; Raykov 2001, British Journal of Mathematical and Statistical Psychology 54,
315-323). Average variance extracted: the mean square of the standardised loadings (Fornell and Larcker
1981, Journal of Marketing Research 18, 39-50), below one half where errors outweigh the factor.

Of ordered items both describe the continuous responses behind the answers, not the sum of the answers,
whose reliability needs the thresholds too (Green and Yang 2009, Psychometrika 74, 155-167).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.diagnosis.solution import RELIABILITY
from jobs.sem.model.structure import Structure
from jobs.sem.standard_errors.standardised import Units


def reliability(
    structure: Structure, x: Matrix, ordered: tuple[str, ...] = (), sizes: Matrix | None = None
) -> pd.DataFrame:
    """factor, items (their number), scale, omega, omega_std, ave, note: one row per factor, at `x` (q).

    `omega` is of the sum in the data's units, `omega_std` of the sum of standardised items. `scale` says
    "latent responses" where an item is `ordered`, else "observed". Where a number would mislead it is null,
    and `note` says why. `sizes` (p): what the observed variables are divided by first, one where not given.
    """
    units, sigma = Units(structure, x), structure.sigma(x)
    place = {name: number for number, name in enumerate(structure.observed)}
    rows = []
    for factor in structure.latent:
        loadings = {
            parameter.rhs: parameter.value if parameter.free is None else float(x[parameter.free])
            for parameter in structure.parameters
            if parameter.op == "=~" and parameter.lhs == factor
        }
        scale = "latent responses" if set(loadings) & set(ordered) else "observed"
        note = _note(loadings, place)
        omega = omega_std = ave = None
        if not note:
            at = [place[name] for name in loadings]
            items = sigma[np.ix_(at, at)]
            carried = units.deviation[factor] * np.array(list(loadings.values()))
            if sizes is not None:
                carried, items = carried / sizes[at], items / np.outer(sizes[at], sizes[at])
            deviation = np.sqrt(np.diag(items))
            omega = carried.sum() ** 2 / items.sum()
            omega_std = (carried / deviation).sum() ** 2 / (items / np.outer(deviation, deviation)).sum()
            ave = ((carried / deviation) ** 2).mean()
        rows.append((factor, len(loadings), scale, omega, omega_std, ave, note))
    return pd.DataFrame(rows, columns=RELIABILITY).astype({"omega": float, "omega_std": float, "ave": float})


def _note(loadings: dict[str, float], place: dict[str, int]) -> str:
    """Why a factor has no reliability; empty where it has."""
    if any(name not in place for name in loadings):
        return "measured by factors: reliability is of observed items."
    if len(loadings) == 1:
        return "one item: its reliability is assumed, not estimated."
    if min(loadings.values()) < 0 < max(loadings.values()):
        negative = ", ".join(name for name, value in loadings.items() if value < 0)
        return f"loadings of both signs: turn {negative}, then read omega."
    return ""
