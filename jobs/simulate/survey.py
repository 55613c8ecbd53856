"""The simulated survey of a slice, some firms at a time: what is drawn and what cells and kinds add up to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jobs.simulate.answers import answered, answers, shifts, totals
from jobs.simulate.draws import Floats
from jobs.simulate.firms import COOPERATING, SIZES, Columns, Plan, firms
from jobs.simulate.flows import Deliveries
from jobs.simulate.questionnaires import broken, questionnaires

Counts = NDArray[np.int64]  # of firms by cell, innovation (no, yes) and size


def survey(plan: Plan, block: int) -> Iterator[tuple[pa.Table, NDArray[np.int64]]]:
    """The questionnaires with the numbers of their firms, a few spoilt ones included, so many at a time."""
    for part in respondents(plan, block):
        filled, number = questionnaires(part, plan), part["number"]
        spoilt, numbers = broken(filled, number, plan)
        yield pa.concat_tables([filled, spoilt]), np.concatenate([number, numbers])


def respondents(plan: Plan, block: int) -> Iterator[Columns]:
    """The firms and their answers, in the columns of simulate.answers.answered, so many firms at a time.

    The firms are gone through three times: for the sums of their cells, for the totals of those that
    co-operate, and for their answers. What a single block gave is kept.
    """
    blocks = [(start, min(start + block, plan.firms)) for start in range(0, plan.firms, block)]

    @lru_cache(maxsize=1)
    def drawn(start: int, end: int) -> Columns:
        return firms(plan, start, end)

    counts = reduce(np.add, (cells(drawn(*part), plan) for part in blocks))
    shares = Deliveries(plan).complementarity()

    @lru_cache(maxsize=1)
    def told(start: int, end: int) -> Columns:
        return answers(with_indicators(drawn(start, end), shares, counts, plan), plan)

    last = plan.ends[COOPERATING - 1]
    co_operate = [part for part in blocks if part == blocks[0] or part[0] < last]
    sums = reduce(np.add, (totals(told(*part), plan) for part in co_operate))
    moved = shifts(sums, plan.parameters["turnover_shares"])
    for part in blocks:
        yield answered(told(*part), plan, moved)


def cells(firms: Columns, plan: Plan) -> Counts:
    """How many industrial firms a cell has, by innovation and size."""
    shape = (len(plan.region_codes) * len(plan.sector_codes), 2, len(SIZES))
    kinds = tuple(firms[name][firms["industrial"]].astype(int) for name in ("cell", "innovator", "size"))
    return np.bincount(np.ravel_multi_index(kinds, shape), minlength=np.prod(shape)).reshape(shape)


def with_indicators(firms: Columns, shares: Floats, counts: Counts, plan: Plan) -> Columns:
    """Firms with complementarity and commonality within their sector, as the pipeline computes them.

    `shares` is the complementarity of the cells. Commonality, the weighted innovators of a cell as a share of
    its weighted firms, leaves the firm itself out. NaN where there is none.
    """
    weights = [float(weight) for weight in plan.parameters["survey"]["weights"]]
    by_size = [counts[..., size] * weight for size, weight in enumerate(weights)]
    weighted = np.sum(by_size, axis=0)[firms["cell"]]
    own = np.where(firms["industrial"], firms["weight"], 0.0)
    others = weighted.sum(axis=1) - own
    innovating = weighted[:, 1] - np.where(firms["innovator"], own, 0.0)
    commonality = np.divide(innovating, others, out=np.full(len(own), np.nan), where=others > 0)
    return {**firms, "complementarity_within": shares[firms["cell"]], "commonality_within": commonality}
