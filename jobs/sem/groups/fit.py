"""The same model in several groups: estimates, errors, fit, differences, and a status for each.

A result that cannot be trusted is a status, not a number: a group that is not identified, did not
converge, or whose covariance matrix is not positive definite gives no estimates; the other groups do.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from jobs.sem.cases.split import NO_GROUP, split
from jobs.sem.checks import check_admissible, check_cases, check_estimate, check_factors, check_names, numbers
from jobs.sem.groups.rows import (
    FitReport,
    GroupFit,
    _report,
)
from jobs.sem.groups.support import support
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.routes.derived import check_definitions, with_defined
from jobs.sem.routes.method import Method, check
from jobs.sem.routes.routes import Route, route
from jobs.sem.routes.totals import TotalLikelihood, Totals
from jobs.sem.threads import one_thread
from jobs.sem.trouble import TROUBLES, ModelError, verdict


@one_thread()
def fit_groups(model: str, data: pd.DataFrame, group: str | None, method: Method) -> FitReport:
    """Fit `model` (lavaan syntax) in every group of `data`.

    Cases without a group enter no fit: they have a row of their own in the status. Raises ModelError where
    the model cannot be read, where it or the settings name a column the data do not have, or where the
    settings do not go together.
    """
    structure = structure_of(model, method.ordered)
    check(method, structure)
    check_definitions(structure.definitions, structure.labels())
    others = [name for name in (group, method.weights, *method.clusters) if name is not None]
    check_names(data, structure.observed, others)
    check_factors(data, structure)
    fits = [_fit_group(model, name, part, method) for name, part in split(data, group)]
    if group is not None and data[group].isna().any():
        fits.append(_without_group(int(data[group].isna().sum()), group))
    return _report(fits, method)


@one_thread()
def fit_totals(
    model: str, totals: Mapping[str, Totals], group: str | None, method: Method, without_group: int = 0
) -> FitReport:
    """`fit_groups` of groups of which there are sums alone, with `without_group` cases in none of them.

    Raises ModelError as it does, and where the settings ask for what needs the cases.
    """
    structure = structure_of(model, method.ordered)
    check(method, structure)
    check_definitions(structure.definitions, structure.labels())
    if not method.from_moments or method.diagnosis:
        raise ModelError("only estimator ml with missing listwise, without diagnosis, works from sums alone")
    fits = [_fit_group(model, name, sums, method) for name, sums in sorted(totals.items())]
    if group is not None and without_group:
        fits.append(_without_group(without_group, group))
    return _report(fits, method)


def _without_group(cases: int, group: str) -> GroupFit:
    detail = f"{cases} cases have no {group} and enter no fit; give them one or leave them out."
    return GroupFit(NO_GROUP, "failed", detail, cases_in=cases)


def _fit_group(model: str, name: str, data: pd.DataFrame | Totals, method: Method) -> GroupFit:
    """One group with all its checks; never raises for what the data are like."""
    fit = GroupFit(name, "failed", "", cases_in=data.cases_in if isinstance(data, Totals) else len(data))
    try:
        _estimate(fit, structure_of(model, method.ordered), data, method)
    except TROUBLES as error:
        fit.status, fit.detail = verdict(error)
    return fit


def _estimate(fit: GroupFit, structure: Structure, data: pd.DataFrame | Totals, method: Method) -> None:
    """Fill `fit` step by step; Trouble ends it where the result would not be trustworthy."""
    way: Route
    if isinstance(data, Totals):
        way = TotalLikelihood(structure, data, method)
    else:
        columns = [*structure.observed, *([method.weights] if method.weights else [])]
        cases = numbers(data, columns)
        way = route(structure, cases, method)
    fit.moments = way.sample
    check_cases(way.sample, structure)
    fit.estimate = way.fit()
    check_estimate(fit.estimate)
    fit.inference = way.inference()
    # What is not admissible has estimates too, and they tell as much.
    if isinstance(data, Totals):
        fit.support = data.support
    else:
        fit.support = support(fit.group, cases, structure, method.weights, method.missing)
    check_admissible(structure, fit.estimate.x)
    diagnosis = way.diagnosis(fit.inference) if method.diagnosis else None
    fit.inference, fit.diagnosis = with_defined(fit.inference, diagnosis, structure)
    fit.status = "converged"
