"""Do the groups' factors mean the same? Models of growing equality, each tested against the one before.

Configural: the same pattern; metric: equal loadings, so that paths and covariances can be compared; scalar:
equal intercepts too, so that means can; strict: equal residual variances too (Meredith 1993, Psychometrika
58, 525-543). A step is kept where the chi-square difference is not significant, or where CFI falls by no
more than .01, which is less sensitive to the number of cases (Cheung and Rensvold 2002, Structural Equation
Modeling 9, 233-255). Once a step fails, those below it are not judged.

With ordered items thresholds come first (`thresholds_first`), and a step is kept by its test alone: how far
CFI falls says little with least squares (Sass, Schmitt and Marsh 2014, Structural Equation Modeling 21,
167-180).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.joint import INVARIANCE
from jobs.sem.joint.fit import MultigroupFit, fit_multigroup, planned
from jobs.sem.joint.hypotheses import HypothesisTest, difference_test
from jobs.sem.joint.thresholds_first import STEPS as STEPS_OF_ITEMS
from jobs.sem.joint.thresholds_first import StepFit, ThresholdsFirst
from jobs.sem.routes.method import Method
from jobs.sem.trouble import TROUBLES, ModelError, verdict

STEPS = {
    "configural": (),
    "metric": ("loadings",),
    "scalar": ("loadings", "intercepts"),
    "strict": ("loadings", "intercepts", "residuals"),
}
MEANING = {
    "thresholds": ("the thresholds", "answers are given on one scale"),
    "metric": ("the loadings", "paths and covariances can be compared"),
    "scalar": ("the intercepts", "latent means can be compared"),
    "strict": ("the residual variances", "the items are as reliable in one group as in another"),
}
LARGEST_FALL = 0.01  # of CFI
NO_TEST = HypothesisTest(np.nan, np.nan, np.nan)
Fit = MultigroupFit | StepFit


def invariance(
    model: str,
    data: pd.DataFrame,
    group: str,
    method: Method,
    partial: tuple[str, ...] = (),
    level: float = 0.05,
) -> pd.DataFrame:
    """One row per step of STEPS, each compared with the one above; with MLR chi-squares are scaled.

    Of ordered items the steps are those of `thresholds_first`, whose chi-squares are scaled and shifted.

    `partial`: parameters free in all steps ("visual=~x2", "x7~1", "x7|t1"). A step that is not converged has
    no numbers, and says why. Raises ModelError as `fit_multigroup` does.
    """
    if method.ordered:
        return _of_items(model, data, group, method, partial, level)

    def fitted(name: str) -> MultigroupFit:
        equal = STEPS[name]
        mine = tuple(exception for exception in partial if _concerns(exception, equal))
        return fit_multigroup(model, data, group, method, equal, mine)

    return _steps(list(STEPS), fitted, difference_test, level, method)


def _of_items(
    model: str, data: pd.DataFrame, group: str, method: Method, partial: tuple[str, ...], level: float
) -> pd.DataFrame:
    """The table of `invariance` for ordered items."""
    parts, plan = planned(model, data, group, method)
    if plan.labels:
        raise ModelError("the invariance of ordered items takes a model without labels; leave them out")
    try:
        steps = ThresholdsFirst(model, parts, method, partial)
    except ModelError:
        raise
    except TROUBLES as error:
        first = StepFit("configural", *verdict(error))
        row = _row(first.name, first, None, NO_TEST)
        return pd.DataFrame([row | {"verdict": _first(first)}], columns=INVARIANCE)
    return _steps(list(STEPS_OF_ITEMS), steps.fit, steps.difference, level, method)


def _steps(
    names: list[str],
    fitted: Callable[[str], Any],
    compared: Callable[[Any, Any], HypothesisTest],
    level: float,
    method: Method,
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    before, failed, open_steps = None, "", []
    for name in names:
        fit = fitted(name)
        test = compared(before, fit) if before else NO_TEST
        row = _row(name, fit, before, test)
        if before is None:
            row["verdict"] = _first(fit)
        elif failed:
            row["verdict"] = f"Not judged: {failed} differ between the groups already."
        elif method.ordered and fit.status == "converged" and not test.df > 0:
            open_steps.append(MEANING[name][0])
            row["verdict"] = (
                f"Equality of {MEANING[name][0]} cannot be tested by itself: items of so few categories fit "
                "as well with it as without; it is tested with the step below."
            )
        else:
            what = " and ".join([*open_steps, MEANING[name][0]])
            row["verdict"], kept = _verdict(what, MEANING[name][1], fit, row, level, not method.ordered)
            failed, open_steps = "" if kept else what, []
        rows.append(row)
        before = fit
    return pd.DataFrame(rows, columns=INVARIANCE)


def _concerns(parameter: str, equal: tuple[str, ...]) -> bool:
    """Whether a step makes this parameter equal: later steps only know what they free."""
    if "=~" in parameter:
        return "loadings" in equal
    return ("residuals" if "~~" in parameter else "intercepts") in equal


def _row(name: str, fit: Fit, before: Fit | None, test: HypothesisTest) -> dict[str, Any]:
    suffix = "_scaled" if "chisq_scaled" in fit.measures else ""
    own = {
        measure: fit.measures.get(f"{measure}{suffix}", np.nan)
        for measure in ("chisq", "pvalue", "cfi", "rmsea")
    }
    row = {"model": name, "status": fit.status, "df": fit.measures.get("df", np.nan), **own}
    if before is None:
        return row
    return row | {
        "delta_chisq": test.statistic,
        "delta_df": test.df,
        "delta_pvalue": test.pvalue,
        "delta_cfi": own["cfi"] - before.measures.get(f"cfi{suffix}", np.nan),
        "verdict": test.detail,
    }


def _first(fit: Fit) -> str:
    if fit.status != "converged":
        return f"The model does not hold up in the groups: {fit.detail}"
    return "The same pattern in all groups; the steps below are judged against it, so see first that it fits."


def _verdict(
    what: str, then: str, fit: Fit, row: dict[str, Any], level: float, by_cfi: bool
) -> tuple[str, bool]:
    """The sentence, and whether the step is kept; `by_cfi`: also where CFI falls by little."""
    trouble = fit.detail or row["verdict"]
    if trouble:
        return f"No verdict on {what}: {trouble}", True
    falls = row["delta_cfi"] < -LARGEST_FALL
    if row["delta_pvalue"] >= level:
        remark = ", though CFI falls by more than .01" if falls and by_cfi else ""
        return f"Equality of {what} is not rejected{remark}: {then}.", True
    if by_cfi and not falls:
        return f"Equality of {what} is rejected, but CFI falls by no more than .01: {then}, with care.", True
    return f"{what.capitalize()} differ between the groups; free those that do before you compare.", False
