"""The simulated firms' answers: drawn from the structural equation model with known parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.simulate.draws import Draws, Floats, begun, bounded, of_texts, uniform
from jobs.simulate.firms import COOPERATING, KINDS, Columns, Plan

GROUPS = {"co-operating": True, "stand-alone": False}
SOURCES = ("source_suppliers", "source_clients", "source_competitors", "source_universities", "source_fairs")
ASKED = ("innovative_share", "competitive_contribution", "rd_effort", "other_effort", *SOURCES)
UNKNOWN = 0.5  # in the place of an indicator that a cell has not: its mean; no such firm is in the sample
EXACT = 10**12  # parts of a turnover in which totals are summed

Totals = NDArray[np.object_]  # by kind of co-operating firms, and three measures: whole numbers of parts


def answers(firms: Columns, plan: Plan) -> Columns:
    """The firms with what the model says of them: their factors and answers, nobody's left out yet.

    `firms` has the columns of simulate.firms.firms, and the indicators `complementarity_within` and
    `commonality_within` (NaN where there is none). The ratios of Table 1 are not met yet, see `answered`.
    """
    model = plan.parameters["model"]
    draws = Draws(firms["number"], plan.seed, plan.country, plan.wave)
    sd, factors, loadings, at = model["residual_sd"], model["factors"], model["loadings"], model["intercepts"]

    effort = draws.bounded("effort")
    rho = factors["correlation"]
    information = rho * effort + (1 - rho**2) ** 0.5 * draws.bounded("information")
    effort, information = factors["effort_sd"] * effort, factors["information_sd"] * information
    predictors = {"effort": effort, "information": information}
    for name in ("complementarity_within", "commonality_within"):
        predictors[name] = np.where(np.isnan(firms[name]), UNKNOWN, firms[name]) - UNKNOWN
    explained = np.zeros(len(effort))
    for name, predictor in predictors.items():
        together, alone = (model["paths"][group][name] for group in GROUPS)
        explained = explained + np.where(firms["cooperates"], together, alone) * predictor
    of_cell = bounded(_of_cells(plan, "cell"))[firms["cell"]]
    results = explained + sd["cell"] * of_cell + sd["results"] * draws.bounded("results")

    columns = {**firms, "effort": effort, "information": information, "results": results}
    for name in ("rd_effort", "other_effort"):
        columns[name] = at[name] + loadings["effort"][name] * effort + sd[name] * draws.bounded(name)
    for name in SOURCES:
        columns[name] = draws.rounded(at["sources"] + loadings["information"][name] * information, name)
    contribution = at["competitive_contribution"] + loadings["results"]["competitive_contribution"] * results
    columns["competitive_contribution"] = draws.rounded(contribution, "contribution")
    share = at["innovative_share"] + results + sd["innovative_share"] * draws.bounded("innovative_share")
    columns["in_sample"] = in_sample(firms)
    # Outside the sample the shares vary less, so that the shift cannot push one out of [0, 1].
    less = at["innovative_share"] + 0.4 * (share - at["innovative_share"])
    columns["innovative_share"] = np.where(columns["in_sample"], share, less)
    return columns


def in_sample(firms: Columns) -> NDArray[np.bool_]:
    """The study's sample: exporting industrial product innovators of 10 to 200 employees."""
    sized = (firms["employees"] >= 10) & (firms["employees"] <= 200)
    return firms["exports"] & firms["industrial"] & firms["product_innovator"] & sized


def totals(columns: Columns, plan: Plan) -> Totals:
    """What is known of the turnover of co-operating firms, weighted, in parts of EXACT.

    By kind: the turnover of firms that answer, of those of them outside the sample, and of innovative
    products. The totals of several parts of the firms add up, whatever the parts.
    """
    draws = Draws(columns["number"], plan.seed, plan.country, plan.wave)
    counted = columns["cooperates"] & _answers("innovative_share", draws, plan)
    mass = columns["weight"] * columns["turnover"]
    measures = (mass, np.where(columns["in_sample"], 0.0, mass), mass * columns["innovative_share"])
    table = np.zeros((COOPERATING, len(measures)), object)
    for kind in range(COOPERATING):
        own = counted & (columns["kind"] == kind)
        table[kind] = [_exact_sum(measure[own]) for measure in measures]
    return table


def shifts(totals: Totals, targets: dict[str, float]) -> Floats:
    """By kind, how far the shares of co-operating firms outside the sample move to meet Table 1's ratios.

    Within each origin of partners the ratio of weighted totals (answered firms) is set exactly; the firms of
    the sample keep theirs. `any_domestic` is met through the firms with domestic partners only. 0 where
    nobody can be moved.
    """
    whole, outside, share = (np.array([part / EXACT for part in column]) for column in totals.T)
    domestic, foreign, both = (KINDS.index(name) for name in ("domestic_only", "foreign_only", "both"))
    wanted = np.empty(COOPERATING)
    of_both = targets["both"] * whole[both]
    wanted[domestic] = targets["any_domestic"] * (whole[domestic] + whole[both]) - of_both
    wanted[foreign] = targets["foreign_only"] * whole[foreign]
    wanted[both] = of_both
    return np.divide(wanted - share, outside, out=np.zeros(COOPERATING), where=outside > 0)


def answered(columns: Columns, plan: Plan, shifts: Floats) -> Columns:
    """The answers as they are given: moved by the shifts, and NaN where nobody asks or answers."""
    draws = Draws(columns["number"], plan.seed, plan.country, plan.wave)
    by_kind = np.concatenate([shifts, np.zeros(len(KINDS) - COOPERATING)])
    share = columns["innovative_share"] + np.where(columns["in_sample"], 0.0, by_kind[columns["kind"]])
    given = {**columns, "innovative_share": share}
    for name in ASKED:
        asked = columns["product_innovator" if name == "innovative_share" else "innovator"]
        given[name] = np.where(asked & _answers(name, draws, plan), given[name], np.nan)
    return given


def _answers(name: str, draws: Draws, plan: Plan) -> NDArray[np.bool_]:
    return draws.uniform(f"answered {name}") >= plan.nonresponse


def _of_cells(plan: Plan, purpose: str) -> Floats:
    """A draw for each cell."""
    regions = of_texts(begun(plan.seed, purpose, plan.country, plan.wave), plan.region_codes)
    return uniform(of_texts(regions, plan.sector_codes)).ravel()


def _exact_sum(values: Floats) -> int:
    """A sum in parts of EXACT that does not depend on the order of its terms."""
    whole = np.floor(values)
    parts = np.rint((values - whole) * EXACT).astype(np.int64)
    return int(whole.astype(np.int64).sum()) * EXACT + int(parts.sum())


def truth(parameters: dict[str, Any]) -> list[tuple[str, str, str, str, float]]:
    """The true loadings and paths of each group: group, lhs, op, rhs, value (first loading 1)."""
    model = parameters["model"]
    rows = []
    for group in GROUPS:
        for factor, loadings in model["loadings"].items():
            rows += [(group, factor, "=~", indicator, value) for indicator, value in loadings.items()]
        rows += [
            (group, "results", "~", predictor, value) for predictor, value in model["paths"][group].items()
        ]
    return rows
