"""Several groups fitted at once, with parameters that are equal across them.

The groups share one search, so their cases are in memory together; there are few groups.
"""

from __future__ import annotations

import pandas as pd

from jobs.fits.plan import FitPlan
from jobs.fits.results import ALL, Fits, whole
from jobs.sem.cases.split import split
from jobs.sem.groups.rows import ESTIMATES, MEASURES, STATUS
from jobs.sem.groups.support import SUPPORT, support
from jobs.sem.joint import HYPOTHESES, INVARIANCE
from jobs.sem.joint import invariance as steps
from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import wald_tests
from jobs.sem.threads import one_thread


def fit(cases: pd.DataFrame, plan: FitPlan) -> Fits:
    """The model in all groups of `cases` at once."""
    rows = plan.in_order(cases)
    with one_thread():
        fitted = fit_multigroup(plan.model, rows, plan.group, plan.method, plan.equal, plan.free)
        hypotheses = wald_tests(fitted, list(plan.hypotheses), plan.error)
        tables = {
            "estimates": fitted.estimates().replace({"group": {"": ALL}})[ESTIMATES],
            "fit_measures": _measures(fitted),
            "status": _status(fitted),
            "support": _support(fitted, rows, plan),
            "hypotheses": pd.DataFrame(hypotheses, columns=HYPOTHESES),
            "invariance": _steps(rows, plan),
        }
    return whole(tables)


def _support(fit: MultigroupFit, rows: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """On how many cases each group's part of the model rests; nothing without a solution."""
    if fit.x is None:
        return pd.DataFrame(columns=SUPPORT)
    structures = [group.structure for group in fit.layout.groups]
    of_groups = [
        support(name, cases, structure, plan.method.weights, plan.method.missing)
        for (name, cases), structure in zip(split(rows, plan.group), structures, strict=True)
    ]
    return pd.concat(of_groups, ignore_index=True)


def invariance(cases: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    """The steps of measurement invariance of the groups of `cases`."""
    with one_thread():
        return _steps(plan.in_order(cases), plan)


def _steps(rows: pd.DataFrame, plan: FitPlan) -> pd.DataFrame:
    if not plan.invariance:
        return pd.DataFrame(columns=INVARIANCE)
    return steps.invariance(plan.model, rows, plan.group, plan.method, plan.free)


def _measures(fit: MultigroupFit) -> pd.DataFrame:
    """The joint measures, and the number of cases of each group."""
    joint = fit.fit_measures().assign(group=ALL)
    counts = [len(part) for part in fit.influence]
    each = pd.DataFrame({"group": fit.groups[: len(counts)], "measure": "nobs", "value": counts})
    return pd.concat([joint, each], ignore_index=True)[MEASURES]


def _status(fit: MultigroupFit) -> pd.DataFrame:
    row = {
        "group": ALL,
        "status": fit.status,
        "detail": fit.detail,
        "cases_in": fit.cases_in,
        "cases_used": fit.cases_used,
        "cases_missing": fit.cases_in - fit.cases_used,
        "parameters": fit.layout.k,
        "max_gradient": fit.max_gradient,
    }
    return pd.DataFrame([row], columns=STATUS)
