"""The cluster bootstrap: clusters drawn with replacement, the model fitted again in each replicate.

Errors and intervals of parameters, standardised and defined values, and of differences between groups,
without a normal approximation (Efron and Tibshirani 1993; clusters: Davison and Hinkley 1997, ch. 3.8).
Clusters that groups share are drawn once for all of them. Without clusters cases are drawn, within groups.

Work is cut into tasks for any executor: `mapped(function, tasks)` gives the results in the tasks' order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from jobs.sem.arrays import Matrix
from jobs.sem.bootstrap import TABLES, in_turn
from jobs.sem.bootstrap.intervals import bca, percentile
from jobs.sem.bootstrap.quantities import Quantity, quantities, quantity_values
from jobs.sem.bootstrap.refits import Refit, refit
from jobs.sem.bootstrap.resampling import Stratum, strata
from jobs.sem.cases.split import split
from jobs.sem.checks import check_admissible, check_cases, check_estimate, check_names, numbers
from jobs.sem.model.structure import Parameter, structure_of
from jobs.sem.routes.derived import check_definitions
from jobs.sem.routes.method import Method, check
from jobs.sem.routes.routes import route
from jobs.sem.threads import one_thread
from jobs.sem.trouble import TROUBLES, Trouble, verdict

CHUNK = 25  # replicates a task: enough to share the overhead, few enough to keep their matrices in cache
FEWEST_UNITS = 10  # clusters or cases of a group, up to which intervals are marked unreliable
MOST_FAILED = 0.05  # share of failed replicates above which intervals are marked unreliable
FAILURES = ["group", "reason", "replicates"]


@dataclass(frozen=True)
class BootstrapReport:
    """Tidy tables: one row per value and group, a difference, a group, a group and reason of failure.

    `quantity` is est, std_all or defined; `ci_` are percentile intervals, `bca_` Efron's; `replicates`
    counts those that gave the value.
    """

    estimates: pd.DataFrame
    differences: pd.DataFrame
    status: pd.DataFrame
    failures: pd.DataFrame


@dataclass(frozen=True)
class Group:
    """A group that was fitted and can be fitted again; `values` (k) of its `parameters` as in `Inference`."""

    name: str
    parameters: list[Parameter]
    values: Matrix
    refit: Refit

    def quantities(self, values: Matrix, counts: Matrix) -> Matrix:
        """The quantities (R x v) of `values` (R x k), each unit counted so often (R x units)."""
        exogenous = self.refit.exogenous(counts)
        return quantity_values(self.refit.structure, self.parameters, values, exogenous)


@dataclass(frozen=True)
class Task:
    """Replicates start to stop of a stratum, or its jackknife without the units start to stop."""

    stratum: Stratum
    jackknife: bool
    start: int
    stop: int


@dataclass(frozen=True)
class Draws:
    """What the replicates of a group gave: values (R x v), a status each ("" where fine), and the jackknife.

    `jackknife` (units of the stratum x v): values without each unit, less their mean.
    """

    group: Group
    stratum: Stratum
    value: Matrix
    values: Matrix
    reasons: list[str]
    jackknife: Matrix
    quantities: list[Quantity]


@dataclass(frozen=True)
class Drawing:
    """How many replicates are drawn, and the seed they follow from."""

    replicates: int = 1000
    seed: int = 1


DEFAULT = Drawing()


@one_thread()
def bootstrap(
    model: str,
    data: pd.DataFrame,
    group: str | None,
    method: Method,
    drawing: Drawing = DEFAULT,
    mapped: Callable[[Callable[[Task], Any], Iterable[Task]], list[Any]] = in_turn,
) -> BootstrapReport:
    """Bootstrap `model` in every group of `data` by the first of `method.clusters`.

    The same seed gives the same replicates however the tasks are spread. A group that cannot be fitted, or
    has fewer than two clusters, has a status and no rows. Raises ModelError as `fit_groups` does.
    """
    structure = structure_of(model, method.ordered)
    check(method, structure)
    check_definitions(structure.definitions, structure.labels())
    others = [name for name in (group, method.weights, *method.clusters) if name is not None]
    check_names(data, structure.observed, others)
    fitted: list[Group] = []
    units: dict[str, list[Any] | int] = {}
    status: dict[str, tuple[str, str]] = {}
    for name, part in split(data, group):
        try:
            entry, units[name] = _fitted(name, model, part, method)
            fitted.append(entry)
            status[name] = "converged", ""
        except TROUBLES as error:
            status[name] = verdict(error)
    draws = _draws(
        fitted,
        strata({entry.name: units[entry.name] for entry in fitted}),
        drawing.replicates,
        drawing.seed,
        mapped,
    )
    pairs = combinations(draws.values(), 2)
    return BootstrapReport(
        estimates=pd.DataFrame(
            [row for entry in draws.values() for row in _estimates(entry, method.confidence)],
            columns=TABLES["bootstrap_estimates"],
        ),
        differences=pd.DataFrame(
            [row for a, b in pairs for row in _differences(a, b, method.confidence)],
            columns=TABLES["bootstrap_differences"],
        ),
        status=pd.DataFrame(
            [_status(name, *words, draws.get(name)) for name, words in status.items()],
            columns=TABLES["bootstrap_status"],
        ),
        failures=pd.DataFrame(
            [row for entry in draws.values() for row in _failures(entry)], columns=FAILURES
        ),
    )


def _fitted(name: str, model: str, data: pd.DataFrame, method: Method) -> tuple[Group, list[Any] | int]:
    """The group's fit, and the labels of its clusters or the number of its cases. Raises Trouble."""
    structure = structure_of(model, method.ordered)
    data = numbers(data, [*structure.observed, *([method.weights] if method.weights else [])])
    way = route(structure, data, method)
    check_cases(way.sample, structure)
    estimate = way.fit()
    check_estimate(estimate)
    check_admissible(structure, estimate.x)
    inference = way.inference()
    if not method.clusters:
        return Group(
            name, inference.parameters, inference.values, refit(model, way, np.arange(way.sample.n))
        ), way.sample.n
    column = method.clusters[0]
    labels = way.sample.labels[column]
    if len(labels) < 2:
        raise Trouble("failed", f"the group has one {column}; a bootstrap needs several.")
    return Group(
        name, inference.parameters, inference.values, refit(model, way, way.sample.clusters[column])
    ), labels


def _draws(groups: list[Group], drawn: list[Stratum], replicates: int, seed: int, mapped) -> dict[str, Draws]:
    """All replicates and jackknife values, by group, in the order of the groups."""
    tasks = [
        Task(stratum, jackknife, start, min(start + CHUNK, count))
        for stratum in drawn
        for jackknife, count in ((False, replicates), (True, stratum.units))
        for start in range(0, count, CHUNK)
    ]
    results = list(zip(tasks, mapped(Evaluation(groups, seed), tasks), strict=True))
    by_group = {}
    for entry in groups:
        stratum = next(stratum for stratum in drawn if entry.name in stratum.groups)
        place = stratum.groups.index(entry.name)
        mine = [(task, result[place]) for task, result in results if task.stratum is stratum]
        values = np.vstack([result[0] for task, result in mine if not task.jackknife])
        left = np.vstack([result[0] for task, result in mine if task.jackknife])
        own = stratum.places[place]
        jackknife = np.zeros_like(left)
        jackknife[own] = left[own] - left[own].mean(axis=0)
        by_group[entry.name] = Draws(
            group=entry,
            stratum=stratum,
            value=entry.quantities(entry.values[None, :], np.ones((1, len(own))))[0],
            values=values,
            reasons=[reason for task, result in mine if not task.jackknife for reason in result[1]],
            jackknife=jackknife,
            quantities=quantities(entry.refit.structure, entry.parameters),
        )
    return by_group


@dataclass(frozen=True)
class Evaluation:
    """The function of a task: for each of its stratum's groups, the values (R x v) and a status each."""

    groups: list[Group]
    seed: int

    def __call__(self, task: Task) -> list[tuple[Matrix, list[str]]]:
        stratum = task.stratum
        if task.jackknife:
            counts = stratum.left_out(task.start, task.stop)
        else:
            counts = stratum.drawn(self.seed, task.start, task.stop)
        by_name = {entry.name: entry for entry in self.groups}
        results = []
        for name, places in zip(stratum.groups, stratum.places, strict=True):
            entry = by_name[name]
            values, reasons = entry.refit.values(counts[:, places])
            results.append((entry.quantities(values, counts[:, places]), reasons))
        return results


def _summary(
    replicates: Matrix, value: float, jackknife: Matrix, confidence: float, enough: bool
) -> list[Any]:
    """The columns RESULTS of one value."""
    usable = replicates[np.isfinite(replicates)]
    used = len(usable)
    bias, se = (usable.mean() - value, usable.std(ddof=1)) if used > 1 else (np.nan, np.nan)
    reliable = enough and used >= (1 - MOST_FAILED) * len(replicates)
    percentiles = percentile(usable, confidence)
    accelerated = bca(usable, value, jackknife, confidence)
    return [value, bias, se, *percentiles, *accelerated, used, reliable]


def _estimates(draws: Draws, confidence: float) -> list[list[Any]]:
    own = draws.stratum.places[draws.stratum.groups.index(draws.group.name)]
    enough = len(own) > FEWEST_UNITS
    return [
        [
            *(draws.group.name, quantity.lhs, quantity.op, quantity.rhs, quantity.label, quantity.kind),
            *_summary(
                draws.values[:, place], draws.value[place], draws.jackknife[own, place], confidence, enough
            ),
        ]
        for place, quantity in enumerate(draws.quantities)
    ]


def _differences(a: Draws, b: Draws, confidence: float) -> list[list[Any]]:
    """Free loadings, paths and defined values of one group less those of another, replicate by replicate."""
    enough = min(a.stratum.units, b.stratum.units) > FEWEST_UNITS
    rows = []
    for place, quantity in enumerate(a.quantities):
        if not quantity.compared or quantity not in b.quantities:
            continue
        other = b.quantities.index(quantity)
        left, right = a.jackknife[:, place], b.jackknife[:, other]
        together = left - right if a.stratum is b.stratum else np.concatenate([left, -right])
        rows.append(
            [
                *(quantity.lhs, quantity.op, quantity.rhs, quantity.kind, a.group.name, b.group.name),
                *_summary(
                    a.values[:, place] - b.values[:, other],
                    a.value[place] - b.value[other],
                    together,
                    confidence,
                    enough,
                ),
            ]
        )
    return rows


def _status(name: str, status: str, detail: str, draws: Draws | None) -> list[Any]:
    if draws is None:
        return [name, status, detail, 0, 0, 0]
    units = len(draws.stratum.places[draws.stratum.groups.index(name)])
    failed = sum(reason != "" for reason in draws.reasons)
    return [name, status, detail, units, len(draws.reasons), failed]


def _failures(draws: Draws) -> list[list[Any]]:
    counted = Counter(reason for reason in draws.reasons if reason)
    return [[draws.group.name, reason, count] for reason, count in sorted(counted.items())]
