"""Several groups fitted at once, with parameters that are equal across them.

The groups share one search, so their cases are collected and fitted on the driver; there are few groups.
"""

from __future__ import annotations

import pandas as pd
from pyspark.sql import DataFrame
from threadpoolctl import threadpool_limits

from jobs.anytable.request import Request
from jobs.errors import InputError, SettingsError
from jobs.fits.groups import FEW, GROUP, Fits, in_order, whole
from jobs.sem.groups.rows import ESTIMATES, MEASURES, STATUS
from jobs.sem.joint import invariance as steps
from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import HYPOTHESES, wald_tests
from jobs.sem.model.layout import layout
from jobs.sem.model.structure import ModelError
from jobs.spark.tables import collected

ALL = "all"  # the group of what belongs to all groups together


def check(groups: list[str], request: Request) -> None:
    """Whether the groups can be fitted at once.

    Raises SettingsError where not, InputError for a group's name that is taken.
    """
    if not 2 <= len(groups) <= FEW:
        raise SettingsError(
            f"{request.data} has {len(groups):,} groups, and 2 to {FEW} are fitted at once; join groups, or "
            "leave out --equal, --invariance, --hypothesis and labels by group."
        )
    if ALL in groups:
        raise InputError(
            f"{request.data} has a group named {ALL}, which stands for all groups; give it another name."
        )
    if request.joint:
        try:
            layout(request.text, groups, request.equal, request.free)
        except ModelError as error:
            raise SettingsError(f"{request.model}: {error}; mend the model or the options.") from None


def fit(cases: DataFrame, request: Request) -> Fits:
    """The model in all groups of `cases` (columns as source.cases gives them) at once."""
    rows = in_order(collected(cases))
    with threadpool_limits(1):
        found = fit_multigroup(request.text, rows, GROUP, request.settings, request.equal, request.free)
        hypotheses = wald_tests(found, list(request.hypotheses), request.chosen_error)
        tables = {
            "estimates": found.estimates().replace({"group": {"": ALL}})[ESTIMATES],
            "fit_measures": _measures(found),
            "status": _status(found),
            "hypotheses": pd.DataFrame(hypotheses, columns=HYPOTHESES),
            "invariance": _steps(rows, request),
        }
    return whole(tables)


def invariance(cases: DataFrame, request: Request) -> pd.DataFrame:
    """The steps of measurement invariance of the groups of `cases`."""
    with threadpool_limits(1):
        return _steps(in_order(collected(cases)), request)


def _steps(rows: pd.DataFrame, request: Request) -> pd.DataFrame:
    if not request.invariance:
        return pd.DataFrame(columns=steps.COLUMNS)
    return steps.invariance(request.text, rows, GROUP, request.settings, request.free)


def _measures(found: MultigroupFit) -> pd.DataFrame:
    """The joint measures, and the number of cases of each group."""
    joint = found.fit_measures().assign(group=ALL)
    counts = [len(part) for part in found.influence]
    each = pd.DataFrame({"group": found.groups[: len(counts)], "measure": "nobs", "value": counts})
    return pd.concat([joint, each], ignore_index=True)[MEASURES]


def _status(found: MultigroupFit) -> pd.DataFrame:
    row = {
        "group": ALL,
        "status": found.status,
        "detail": found.detail,
        "cases_in": found.cases_in,
        "cases_used": found.cases_used,
        "cases_missing": found.cases_in - found.cases_used,
        "parameters": found.layout.k,
        "max_gradient": found.max_gradient,
    }
    return pd.DataFrame([row], columns=STATUS)
