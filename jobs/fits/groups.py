"""Groups fitted one by one, from cases in memory: pandas in, tables out.

Only groups fitted together have tests of their differences, since these need the cases' influence. Cases are
put in order first, so that neither the order of rows nor partitions show in a result; one BLAS thread, so
that cores do not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from jobs.fits.plan import FEW, FitPlan
from jobs.fits.results import Fits, joined, lost, of_report, whole
from jobs.sem.bootstrap import in_turn
from jobs.sem.groups.fit import fit_groups
from jobs.sem.threads import one_thread
from jobs.sem.trouble import ModelError, Trouble, verdict

Mapped = Callable[[Callable[[Any], Any], Any], list[Any]]  # a function of each task, in their order


def fitted(rows: pd.DataFrame, plan: FitPlan, count: int, few: int = FEW, mapped: Mapped = in_turn) -> Fits:
    """The plan carried out on cases in memory, which are of `count` groups; more than `few` are fitted apart.

    `mapped` evaluates the parts of a bootstrap. Raises ModelError where the model does not fit the columns.
    """
    if plan.joint or plan.invariance:
        from jobs.fits import joint  # it takes a while to load
    if plan.joint:
        return joint.fit(rows, plan)
    if count <= few:
        fits = together(rows, plan, mapped)
    else:
        fits = joined([apart(group, plan) for _, group in rows.groupby(plan.group, sort=True)])
    return replace(fits, invariance=joint.invariance(rows, plan)) if plan.invariance else fits


def together(rows: pd.DataFrame, plan: FitPlan, mapped: Mapped) -> Fits:
    """The groups of the cases, with the differences between them."""
    cases = plan.in_order(rows)
    with one_thread():
        tables = of_report(fit_groups(plan.model, cases, plan.group, plan.method))
        if plan.replicates:
            from jobs.sem.bootstrap import replicates  # it takes a while to load

            drawing = replicates.Drawing(plan.replicates, plan.seed)
            drawn = replicates.bootstrap(plan.model, cases, plan.group, plan.method, drawing, mapped)
            tables |= {
                "bootstrap_estimates": drawn.estimates,
                "bootstrap_differences": drawn.differences,
                "bootstrap_status": drawn.status,
            }
    return whole(tables)


def apart(rows: pd.DataFrame, plan: FitPlan) -> Fits:
    """The fits of the one group that the cases are of; what cannot be fitted is a status."""
    try:
        return together(rows, plan, in_turn)
    except (ModelError, Trouble) as error:
        return lost(str(rows[plan.group].iloc[0]), len(rows), verdict(error)[1])
