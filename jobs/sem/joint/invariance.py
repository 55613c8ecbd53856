"""Do the groups' factors mean the same? Models of growing equality, each tested against the one before.

Configural: the same pattern; metric: equal loadings, so that paths and covariances can be compared; scalar:
equal intercepts too, so that means can; strict: equal residual variances too (Meredith 1993, Psychometrika
58, 525-543). A step is kept where the chi-square difference is not significant, or where CFI falls by no
more than .01, which is less sensitive to the number of cases (Cheung and Rensvold 2002, Structural Equation
Modeling 9, 233-255). Once a step fails, those below it are not judged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import difference_test
from jobs.sem.routes.method import Method

STEPS = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
OF_ITEMS = ("configural", "metric")
MEANING = {
    "metric": ("the loadings", "paths and covariances can be compared"),
    "scalar": ("the intercepts", "latent means can be compared"),
    "strict": ("the residual variances", "the items are as reliable in one group as in another"),
}
COLUMNS = [
    *("model", "status", "chisq", "df", "pvalue", "cfi", "rmsea", "delta_chisq", "delta_df", "delta_pvalue"),
    *("delta_cfi", "verdict"),
]
LARGEST_FALL = 0.01  # of CFI
NO_VERDICT = (
    "No verdict: while the thresholds of ordered items are free in each group, every item has a scale of its "
    "own in each, and equal loadings tell nothing of what the factors mean (Wu and Estabrook 2016)."
)


def invariance(
    model: str,
    data: pd.DataFrame,
    group: str,
    method: Method,
    partial: tuple[str, ...] = (),
    level: float = 0.05,
) -> pd.DataFrame:
    """One row per step of STEPS, each compared with the one above; with MLR chi-squares are scaled.

    Of ordered items there are the first two steps (OF_ITEMS), and no verdict: their thresholds are free in
    each group, so that the second step is rejected also where the factors mean the same (Wu and Estabrook
    2016, Psychometrika 81, 1014-1045).

    `partial`: parameters free in all steps ("visual=~x2", "x7~1"). A step that is not converged has no
    numbers, and says why. Raises ModelError as `fit_multigroup` does.
    """
    rows: list[dict[str, Any]] = []
    before, failed = None, ""
    for name, equal in STEPS.items():
        if method.ordered and name not in OF_ITEMS:
            break
        mine = tuple(exception for exception in partial if _concerns(exception, equal))
        fit = fit_multigroup(model, data, group, method, equal, mine)
        row = _row(name, fit, before)
        if before is None:
            row["verdict"] = _first(fit)
        elif method.ordered:
            row["verdict"] = f"{NO_VERDICT} {row['verdict']}".strip()
        elif failed:
            row["verdict"] = f"Not judged: {failed} differ between the groups already."
        else:
            row["verdict"], kept = _verdict(name, fit, row, level)
            failed = "" if kept else MEANING[name][0]
        rows.append(row)
        before = fit
    return pd.DataFrame(rows, columns=COLUMNS)


def _concerns(parameter: str, equal: tuple[str, ...]) -> bool:
    """Whether a step makes this parameter equal: later steps only know what they free."""
    if "=~" in parameter:
        return "loadings" in equal
    return ("residuals" if "~~" in parameter else "intercepts") in equal


def _row(name: str, fit: MultigroupFit, before: MultigroupFit | None) -> dict[str, Any]:
    suffix = "_scaled" if "chisq_scaled" in fit.measures else ""
    own = {
        measure: fit.measures.get(f"{measure}{suffix}", np.nan)
        for measure in ("chisq", "pvalue", "cfi", "rmsea")
    }
    row = {"model": name, "status": fit.status, "df": fit.measures.get("df", np.nan), **own}
    if before is None:
        return row
    test = difference_test(before, fit)
    return row | {
        "delta_chisq": test.statistic,
        "delta_df": test.df,
        "delta_pvalue": test.pvalue,
        "delta_cfi": own["cfi"] - before.measures.get(f"cfi{suffix}", np.nan),
        "verdict": test.detail,
    }


def _first(fit: MultigroupFit) -> str:
    if fit.status != "converged":
        return f"The model does not hold up in the groups: {fit.detail}"
    return "The same pattern in all groups; the steps below are judged against it, so see first that it fits."


def _verdict(name: str, fit: MultigroupFit, row: dict[str, Any], level: float) -> tuple[str, bool]:
    """The sentence, and whether the step is kept."""
    what, then = MEANING[name]
    trouble = fit.detail or row["verdict"]
    if trouble:
        return f"No verdict on {what}: {trouble}", True
    falls = row["delta_cfi"] < -LARGEST_FALL
    if row["delta_pvalue"] >= level:
        remark = ", though CFI falls by more than .01" if falls else ""
        return f"Equality of {what} is not rejected{remark}: {then}.", True
    if not falls:
        return f"Equality of {what} is rejected, but CFI falls by no more than .01: {then}, with care.", True
    return f"{what.capitalize()} differ between the groups; free those that do before you compare.", False
