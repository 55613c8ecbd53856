"""Attack on hard data sets, and what is withheld beside the least that an exact search finds.

    python bench/disclosure.py attack --data-sets 300       writes disclosure_attack.csv
    python bench/disclosure.py optimum --data-sets 60       writes disclosure_optimum.csv

`attack`: each data set's publication is attacked by the reader of tests/publish/attack.py, who shares no code
with what protects. `optimum`: Table 1 of two size classes; one integer program over all protected figures at
once gives the least cost of withheld figures, where it ends within the time that is given.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, sparse

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "publish")]

import attack  # noqa: E402
from drawn_survey import SIZES, Hardness, firms, hard, tables  # noqa: E402

from jobs.publish import counts, safeguards  # noqa: E402
from jobs.publish.linked import Linked, Protected  # noqa: E402
from jobs.publish.tables import protected, sorted_cells  # noqa: E402
from jobs.settings.sections import DisclosureSettings  # noqa: E402

RULES = DisclosureSettings()
EDGES = [10, 50, 250]
RESULTS = ROOT / "bench" / "results"
SECONDS = 120.0  # for one exact search


def attacked(seed: int) -> dict[str, Any]:
    """One data set: how many protected figures the reader narrows beyond the promise, and what is kept."""
    survey = firms(seed, hard(seed))
    shown, audit = protected(tables(survey), RULES, EDGES)
    promised = audit[audit.promised.notna()]
    row = {"seed": seed, "firms": len(survey), "heavy": bool((survey.weight > 1e4).any())}
    inside = survey[survey.partners]
    if not row["heavy"]:  # with one known weight a size class
        fate = inside.excluded_by.fillna(inside.group)
        fates = {size: sorted(set(fate[inside.size_class == size])) for size in SIZES}
        ends = attack.counts(shown, fates, survey.groupby("size_class").weight.mean().to_dict())
        few = promised[promised.figure != "ratio"]
        keys = [(row.figure, *_cell(row.cell)) for row in few.itertuples()]
        widths = [ends[key][1] - ends[key][0] for key in keys]
        row |= {"counts": len(widths), "counts_narrowed": sum(width < RULES.threshold for width in widths)}
    mass = (inside.weight * inside.turnover).groupby([inside.size_class, inside.origin]).sum().to_dict()
    true = tables(survey)["partner_origin"].set_index(["size_class", "origin"]).innovative_turnover
    ratios = attack.ratios(shown["partner_origin"], mass)
    cells = {_cell(cell) for cell in promised[promised.figure == "ratio"].cell}
    share = RULES.p_percent / 100
    narrowed = [
        cell
        for cell in cells
        if (ratios[cell][0] > true[cell] * (1 - share) + 1e-4 and true[cell] > 5e-4)
        or ratios[cell][1] < min(true[cell] * (1 + share), 1.0) - 1e-4
    ]
    row |= {"ratios": len(cells), "ratios_narrowed": len(narrowed)}
    raw = tables(survey)["cluster_indicators"].set_index(["region", "sector"])
    sectors = attack.sectors(
        shown["cluster_indicators"],
        lambda *cell: int(raw.commonality_within_firms[cell]),
        lambda *cell: int(raw.commonality_within_innovators[cell]),
    )
    few_firms = [cell for cell in sectors if raw.commonality_within_firms[cell] < RULES.threshold]
    row |= {
        "sectors": len(few_firms),
        "sectors_narrowed": sum(
            sectors[cell][0][1] - sectors[cell][0][0] < RULES.threshold - 1 for cell in few_firms
        ),
    }
    origins, indicators = shown["partner_origin"], shown["cluster_indicators"]
    return row | {
        "cells_shown": float((origins.status != "c").mean()),
        "shares_shown": float((origins.share_status != "c").mean()),
        "ratios_shown": float((origins.innovative_turnover_status != "c").mean()),
        "commonality_shown": float((indicators.commonality_within_status != "c").mean()),
    }


def _cell(text: str) -> tuple[Any, ...]:
    parts = text.split(safeguards.CELL)
    return tuple(int(part) if part.isdigit() else part for part in parts)


def beside_the_optimum(seed: int) -> dict[str, Any]:
    """One small data set: figures withheld, and the least that are enough."""
    rng = np.random.default_rng(seed)
    survey = firms(seed, Hardness(int(rng.choice([60, 150])), tuple(rng.dirichlet([2.0, 0.8, 1.2, 0.3]))))
    survey["size_class"] = survey.size_class.where(survey.size_class.isin(SIZES[:2]), SIZES[1])
    survey["weight"] = survey.size_class.map({SIZES[0]: 4.0, SIZES[1]: 1.5})
    survey = survey.assign(excluded_by=None, answered=True)
    raw = tables(survey)
    cells = sorted_cells(counts.whole_table(raw["partner_origin"]), EDGES)
    counted = next(iter(safeguards.slices(cells, raw, set(), RULES).values()))
    system, sensitive = counts.system_of(counted)
    system.protect(sensitive)
    costs = {figure.key: figure.cost for figure in system.figures}
    withheld = len(system.withheld)
    cost = sum(costs[key] for key in system.withheld)
    fresh, _ = counts.system_of(counted)
    least, number, proved = _optimum(fresh, sensitive) if sensitive else (0.0, 0, True)
    return {
        **{"seed": seed, "figures": len(costs), "protected": len(sensitive)},
        **{
            "withheld": withheld,
            "withheld_least": number,
            "cost": cost,
            "cost_least": least,
            "proved": proved,
        },
    }


def _optimum(system: Linked, sensitive: list[Protected]) -> tuple[float, int, bool]:
    """Least cost and its number of figures: one integer program with a change for each protected figure.

    Its unknowns are the changes, which figures are withheld, and which protected figures go down.
    """
    figures, keys = system.figures, [figure.key for figure in system.figures]
    fixed = {each.key for each in sensitive} | set(system.reasons)
    sums = np.vstack([figure.sums for figure in figures])
    now = sums @ system.atoms
    low = np.minimum(np.concatenate([figure.low for figure in figures]) - now, 0.0)
    high = np.maximum(np.concatenate([figure.high for figure in figures]) - now, 0.0)
    owners = [place for place, figure in enumerate(figures) for _ in figure.low]
    reach = np.abs(sums) @ np.maximum(-system.least, system.most)
    moves = sparse.csr_array((reach, (np.arange(len(sums)), owners)), shape=(len(sums), len(keys)))
    each_one = sparse.identity(len(sensitive))
    no_direction = sparse.csr_array((len(sums) * len(sensitive), len(sensitive)))
    of_changes = sparse.kron(each_one, sums)
    of_moves = sparse.vstack([moves] * len(sensitive))
    targets = sparse.block_diag([each.members[None, :] for each in sensitive])
    far = np.array([each.members @ np.maximum(-system.least, system.most) + each.width for each in sensitive])
    no_move = sparse.csr_array((len(sensitive), len(keys)))
    width = np.array([each.width for each in sensitive])
    limits = [
        (sparse.hstack([of_changes, -of_moves, no_direction]), -np.inf, np.tile(high, len(sensitive))),
        (sparse.hstack([of_changes, of_moves, no_direction]), np.tile(low, len(sensitive)), np.inf),
        (sparse.hstack([targets, no_move, sparse.diags(far)]), width, np.inf),
        (sparse.hstack([-targets, no_move, -sparse.diags(far)]), width - far, np.inf),
    ]
    costs = np.array([figure.cost if np.isfinite(figure.cost) else 0.0 for figure in figures])
    withheld = [float(key in fixed) for key in keys]
    can_go = [float(-1 in each.ways) for each in sensitive]
    unknowns = len(sensitive) * len(system.atoms) + len(keys) + len(sensitive)
    result = optimize.milp(
        np.concatenate([np.zeros(len(sensitive) * len(system.atoms)), costs, np.zeros(len(sensitive))]),
        constraints=[optimize.LinearConstraint(*limit) for limit in limits],
        integrality=np.ones(unknowns),
        bounds=optimize.Bounds(
            np.concatenate([*[system.least] * len(sensitive), withheld, np.zeros(len(sensitive))]),
            np.concatenate(
                [*[system.most] * len(sensitive), [float(np.isfinite(f.cost)) for f in figures], can_go]
            ),
        ),
        options={"time_limit": SECONDS, "mip_rel_gap": 0.0},
    )
    if result.x is None:
        return np.nan, 0, False
    chosen = np.round(result.x[len(sensitive) * len(system.atoms) :][: len(keys)])
    return float(costs @ chosen), int(chosen.sum()), result.status == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["attack", "optimum"])
    parser.add_argument("--data-sets", type=int, default=300)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    each = attacked if given.what == "attack" else beside_the_optimum
    with ProcessPoolExecutor(given.processes) as pool:
        frame = pd.DataFrame(list(pool.map(each, range(given.data_sets))))
    frame.to_csv(RESULTS / f"disclosure_{given.what}.csv", index=False, float_format="%.6g")
    print(frame.describe().loc[["count", "mean", "min", "max"]].T.to_string())
    if given.what == "optimum":
        proved = frame[frame.proved & (frame.protected > 0)]
        ratio = proved.withheld.sum() / proved.withheld_least.sum()
        cost = proved.cost.sum() / proved.cost_least.sum()
        print(f"{len(proved)} proved; withheld {ratio:.3f} times the least, at {cost:.3f} times its cost")


if __name__ == "__main__":
    main()
