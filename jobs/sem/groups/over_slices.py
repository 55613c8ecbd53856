"""One model over many slices, with equal loadings and paths and all else free; tests that they are equal.

A slice (a country's wave) enters with its sums over the cases of each region (`Sums`), so that no case is
read again; see equal_parameters for the likelihood and its maximum.

Regions are the clusters, over all waves and groups of parameters: errors are cluster-robust, with the
clusters less the countries as degrees of freedom. The tests compare nested models by the difference of their
chi-squares, with Rao and Scott's correction for clusters (1984, Annals of Statistics 12, 46-60) to the second
order and in its F-form (Thomas and Rao 1987, JASA 82, 630-636); the trace of the squared design effects is
estimated without bias (Himeno and Yamada 2014, Journal of Multivariate Analysis 130, 27-38).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.checks import check_admissible
from jobs.sem.groups.equal_parameters import (
    Bordered,
    Member,
    SliceSums,
    hessians_of,
    maximum,
    members_of,
    points_at,
    value_of,
)
from jobs.sem.laws import f_tail, t_quantile, t_tail
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.trouble import TROUBLES, Trouble, verdict

STEPS = {"loadings": ("=~",), "paths": ("=~", "~")}  # what is equal, each step beyond the one before
PATHS = ["lhs", "op", "rhs", "est", "se", "df", "pvalue", "ci_lower", "ci_upper", "reliable", "detail"]
TESTS = ["equal", "chisq", "chisq_df", "f", "f_df", "f_df_error", "pvalue", "detail"]
FEWEST_DEGREES = 10  # of freedom, below which an error by regions is marked unreliable
FEWEST_REGIONS = 4  # of a country, from which the trace of its squares is estimated without bias
CONSTRAINED = "a model with constraints is fitted to each slice alone"
TOO_FEW = "fewer than two slices have an estimate that can be trusted"


def fit_over_slices(
    model: str, slices: Sequence[SliceSums], confidence: float = 0.95
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The paths of one model over all slices (columns PATHS), and the tests of equality (TESTS).

    `model` in lavaan syntax, estimated by maximum likelihood from complete cases. Where there is no estimate
    that can be trusted the numbers are missing, and `detail` says why in one sentence.
    """
    structure = structure_of(model)
    paths = [parameter for parameter in structure.parameters if parameter.op == "~"]
    steps = {name: _shared(structure, kinds) for name, kinds in STEPS.items()}
    try:
        if len(slices) < 2:
            raise Trouble("failed", TOO_FEW)
        if structure.constraints:
            raise Trouble("failed", CONSTRAINED)
        members = members_of(structure, sorted(slices, key=lambda slice: (slice.country, slice.wave)))
        fits = {"": Fit(members, np.array([], dtype=np.intp), [member.z for member in members])}
        for (before, _), (name, shared) in pairwise([("", None), *steps.items()]):
            assert shared is not None
            fits[name] = Fit(members, shared, maximum(members, shared, fits[before].z))
    except TROUBLES as error:
        detail = verdict(error)[1]
        rows = [{**_named(parameter), "reliable": False, "detail": detail} for parameter in paths]
        return pd.DataFrame(rows, columns=PATHS), pd.DataFrame(columns=TESTS)
    tests = [
        {"equal": name, **_difference(fits[before], fits[name])}
        for before, name in pairwise(fits)
        if len(fits[name].shared) > len(fits[before].shared)
    ]
    return _paths(fits["paths"], paths, confidence), pd.DataFrame(tests, columns=TESTS)


def _shared(structure: Structure, kinds: Sequence[str]) -> NDArray[np.intp]:
    """Places of the free parameters of some kinds."""
    places = {
        parameter.free
        for parameter in structure.parameters
        if parameter.op in kinds and parameter.free is not None
    }
    return np.array(sorted(places), dtype=np.intp)


class Fit:
    """All slices' parameters with those at `shared` equal, and what tests and errors follow from."""

    def __init__(self, members: Sequence[Member], shared: NDArray[np.intp], z: Sequence[Matrix]) -> None:
        self.members, self.shared, self.z = members, shared, list(z)
        self.points = points_at(members, z)

    @cached_property
    def hessians(self) -> list[Matrix]:
        return hessians_of(self.members, self.points)

    @cached_property
    def clusters(self) -> list[tuple[str, str]]:
        """The regions of all countries, each once."""
        slices = [member.slice for member in self.members]
        return sorted({(slice.country, region) for slice in slices for region in slice.regions})

    @cached_property
    def rows(self) -> list[NDArray[np.intp]]:
        """For each slice the places of its regions among the clusters."""
        place = {cluster: number for number, cluster in enumerate(self.clusters)}
        return [
            np.array([place[member.slice.country, region] for region in member.slice.regions], dtype=np.intp)
            for member in self.members
        ]

    @cached_property
    def scores(self) -> list[Matrix]:
        return [member.scores(z) for member, z in zip(self.members, self.z, strict=True)]

    @property
    def degrees(self) -> int:
        """Clusters less countries."""
        return len(self.clusters) - len({country for country, _ in self.clusters})

    def of_common(self, bordered: Bordered) -> Matrix:
        """Each cluster's scores for the shared parameters (C x a)."""
        total = np.zeros((len(self.clusters), len(bordered.shared)))
        for place, (rows, scores) in enumerate(zip(self.rows, self.scores, strict=True)):
            np.add.at(total, rows, bordered.efficient(place, scores))
        return total

    def influence(self) -> Matrix:
        """Each cluster's part in the error of the shared parameters, in their units (C x a)."""
        bordered = Bordered(self.hessians, self.shared)
        return bordered.common(self.of_common(bordered)) * self.members[0].scale[self.shared]

    def products(self, shared: NDArray[np.intp]) -> Matrix:
        """Products of the clusters' scores by the inverse Hessian of a model that shares those (C x C)."""
        bordered = Bordered(self.hessians, shared)
        total = self.of_common(bordered)
        out = np.asarray(total @ bordered.common(total).T)
        for place, (rows, scores) in enumerate(zip(self.rows, self.scores, strict=True)):
            out[np.ix_(rows, rows)] += bordered.within(place, scores)
        return out


def _paths(fit: Fit, paths: Sequence[Any], confidence: float) -> pd.DataFrame:
    """The paths of the model with their errors by region."""
    influence, degrees = fit.influence(), fit.degrees
    for country in {country for country, _ in fit.clusters}:
        own = [place for place, cluster in enumerate(fit.clusters) if cluster[0] == country]
        influence[own] *= np.sqrt(len(own) / max(len(own) - 1, 1))
    variances = (influence**2).sum(axis=0)
    place = {free: number for number, free in enumerate(fit.shared)}
    detail = _inadmissible(fit)
    if degrees < FEWEST_DEGREES and not detail:
        detail = "too few regions to tell how sure the path is"
    rows = []
    for parameter in paths:
        if parameter.free is None:
            rows.append({**_named(parameter), "est": parameter.value, "reliable": not detail})
            continue
        at = place[parameter.free]
        est = float(fit.z[0][parameter.free] * fit.members[0].scale[parameter.free])
        row = {**_named(parameter), "est": est, "reliable": not detail, "detail": detail}
        if degrees > 0 and variances[at] > 0:
            se = float(np.sqrt(variances[at]))
            width = float(t_quantile(0.5 + confidence / 2, degrees)) * se
            row |= {"se": se, "df": float(degrees), "pvalue": float(2 * t_tail(abs(est / se), degrees))}
            row |= {"ci_lower": est - width, "ci_upper": est + width}
        rows.append(row)
    return pd.DataFrame(rows, columns=PATHS)


def _named(parameter: Any) -> dict[str, str]:
    return {"lhs": parameter.lhs, "op": parameter.op, "rhs": parameter.rhs}


def _inadmissible(fit: Fit) -> str:
    """Which slices have a solution that cannot be, such as a negative variance; empty where none has."""
    refused = []
    for member, z in zip(fit.members, fit.z, strict=True):
        try:
            check_admissible(member.structure, z * member.scale)
        except Trouble:
            refused.append(f"{member.slice.country} {member.slice.wave}")
    if not refused:
        return ""
    named = ", ".join(refused[:3]) + (" and others" if len(refused) > 3 else "")
    return f"with equal paths the solution of {len(refused)} slices cannot be ({named})"


def _difference(free: Fit, restricted: Fit) -> dict[str, Any]:
    """The test of a restricted model against a freer one (without `equal`)."""
    df = (len(restricted.shared) - len(free.shared)) * (len(free.members) - 1)
    chisq = 2 * (value_of(free.members, restricted.points) - value_of(free.members, free.points))
    row: dict[str, Any] = {"chisq": chisq, "chisq_df": float(df)}
    gram = free.products(free.shared) - free.products(restricted.shared)
    countries = np.array([country for country, _ in free.clusters])
    if free.degrees < 1:
        return row | {"detail": "each country has one region, so that nothing tells how sure the test is"}
    first, second = _traces(gram, countries)
    f, f_df = chisq / first, min(max(first**2 / second, 1.0), float(df)) if second > 0 else float(df)
    f_df_error = f_df * free.degrees
    return row | {
        **{"f": f, "f_df": f_df, "f_df_error": f_df_error},
        **{"pvalue": float(f_tail(f, f_df, f_df_error)), "detail": ""},
    }


def _traces(gram: Matrix, countries: NDArray[Any]) -> tuple[float, float]:
    """The traces of the design effects and of their square, from the clusters' products (C x C).

    Each country's clusters are a sample, and countries are independent.
    """
    names = sorted(set(countries))
    centre = np.eye(len(gram))
    inflate = np.ones(len(gram))
    for name in names:
        own = np.flatnonzero(countries == name)
        centre[np.ix_(own, own)] -= 1 / len(own)
        inflate[own] = np.sqrt(len(own) / max(len(own) - 1, 1))
    effects = (centre @ gram @ centre) * np.outer(inflate, inflate)
    squares = effects**2
    second = float(squares.sum())
    for name in names:
        own = np.flatnonzero(countries == name)
        if len(own) >= FEWEST_REGIONS:
            second += _without_bias(effects[np.ix_(own, own)]) - float(squares[np.ix_(own, own)].sum())
    return float(np.trace(effects)), second


def _without_bias(effects: Matrix) -> float:
    """tr(Omega^2) of a country's total, from the products of its n clusters (n x n), after Himeno and Yamada.

    `effects` sums to the estimate of Omega; the clusters' own covariance is Omega / n.
    """
    n = len(effects)
    square, trace = float((effects**2).sum()) / n**2, float(np.trace(effects)) / n
    fourth = (n - 1) * float((np.diag(effects) ** 2).sum()) / n**2
    unbiased = (n - 1) / (n * (n - 2) * (n - 3)) * ((n - 1) * (n - 2) * square + trace**2 - n * fourth)
    return n**2 * unbiased
