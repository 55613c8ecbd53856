"""Surveys drawn at random, and their tables as the stages of a run would leave them, by plain pandas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.sem.groups.support import SUPPORT

SIZES = ("10-49", "50-249", "250+", "unknown")
EXCLUSIVE = ("domestic only", "foreign only", "both", "unknown")
ORIGINS = {
    **{origin: {origin} for origin in EXCLUSIVE},
    "any domestic": {"domestic only", "both"},
    "any foreign": {"foreign only", "both"},
    "all": set(EXCLUSIVE),
}
SLICE = {"country": "NL", "wave": "w"}
FILTERS = ("industrial sector", "employees known", "group known")


@dataclass(frozen=True)
class Hardness:
    """How firms are spread: over origins (shares), over regions and sectors, and how uneven they are."""

    firms: int
    origins: tuple[float, float, float, float]
    regions: int = 3
    sectors: int = 5
    giant: float = 0.0  # how likely a size class has a firm a thousand times the others' turnover
    heavy: float = 0.0  # how likely a cell has a firm of a weight of 100,000
    alike: float = 0.0  # how likely all firms of a cell answer alike


def hard(seed: int) -> Hardness:
    """A hard data set: few firms a cell, unlike parts, empty cells."""
    rng = np.random.default_rng(seed)
    return Hardness(
        firms=int(rng.choice([60, 150, 400])),
        origins=tuple(rng.dirichlet([3.0, 0.6, 1.2, 0.3])),
        regions=int(rng.integers(2, 5)),
        sectors=int(rng.integers(2, 8)),
        giant=float(rng.choice([0.0, 0.5])),
        heavy=float(rng.choice([0.0, 0.1])),
        alike=float(rng.choice([0.0, 0.3])),
    )


def firms(seed: int, how: Hardness) -> pd.DataFrame:
    """One row a firm; weights are those of the size class, but for the heavy ones."""
    rng = np.random.default_rng(seed)
    n = how.firms
    frame = pd.DataFrame(
        {
            "size_class": rng.choice(SIZES, n, p=[0.5, 0.3, 0.15, 0.05]),
            "origin": rng.choice(EXCLUSIVE, n, p=how.origins),
            "partners": rng.random(n) < 0.6,
            "region": rng.choice([f"R{k}" for k in range(how.regions)], n),
            "sector": rng.choice(
                [f"S{k}" for k in range(how.sectors)], n, p=rng.dirichlet([1.0] * how.sectors)
            ),
            "turnover": np.round(np.exp(rng.normal(3, 1.5, n)), 3),
            "innovative_share": np.round(rng.beta(0.7, 2, n), 2),
            "innovator": rng.random(n) < 0.4,
        }
    )
    by_size = dict(zip(SIZES, rng.choice([1.0, 1.5, 2.0, 4.0, 7.5], len(SIZES)), strict=True))
    frame["weight"] = frame.size_class.map(by_size)
    for _, part in frame.groupby("size_class"):
        if rng.random() < how.giant:
            frame.loc[part.index[0], "turnover"] *= 1000
    for _, part in frame.groupby(["region", "sector"]):
        if rng.random() < how.heavy:
            frame.loc[part.index[0], "weight"] = 100_000.0
        if rng.random() < how.alike:
            frame.loc[part.index, "innovator"] = bool(rng.random() < 0.5)
    frame["excluded_by"] = None
    frame.loc[rng.random(n) < 0.05, "excluded_by"] = FILTERS[2]
    frame.loc[frame.size_class == "unknown", "excluded_by"] = FILTERS[1]
    frame.loc[rng.random(n) < 0.1, "excluded_by"] = FILTERS[0]
    frame["group"] = np.where(frame.partners, "co-operating", "stand-alone")
    frame["answered"] = rng.random(n) < 0.95
    return frame


def tables(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What disclosure control is given of these firms."""
    inside = frame[frame.partners]
    sample = frame[frame.excluded_by.isna()]
    return {
        "partner_origin": _partner_origin(inside),
        "in_the_sample": _crossed(inside),
        "largest_weights": _largest_weights(frame),
        "cluster_indicators": _indicators(frame),
        "sample_waterfall": _waterfall(frame),
        "fit_status": _status(sample),
        **{
            name: pd.DataFrame(columns=["country", "wave", *columns])
            for name, columns in {
                "support": SUPPORT,
                "estimates": ["group", "lhs", "op"],
                "fit_measures": ["group"],
                "group_differences": ["group_a", "group_b"],
            }.items()
        },
    }


def _largest(values: pd.Series) -> list[float]:
    return sorted(values, reverse=True)[:5]


def _partner_origin(inside: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for size in [*SIZES, "all"]:
        of_size = inside if size == "all" else inside[inside.size_class == size]
        base = of_size[of_size.origin != "unknown"].weight.sum()
        for origin, parts in ORIGINS.items():
            cell = of_size[of_size.origin.isin(parts)]
            if cell.empty:
                continue
            mass = cell.weight * cell.turnover
            known = cell[cell.origin != "unknown"]
            share = {"unknown": np.nan, "all": 1.0}.get(origin, cell.weight.sum() / base if base else np.nan)
            innovative = (mass * cell.innovative_share).sum()
            rows.append(
                {
                    **SLICE,
                    **{"size_class": size, "origin": origin, "firms": len(cell), "share": share},
                    **{"innovative_turnover": innovative / mass.sum(), "answered": len(cell)},
                    **{"weight": cell.weight.sum(), "turnover": cell.turnover.sum()},
                    **{"innovative": innovative, "mass": mass.sum()},
                    **{"weights": _largest(known.weight), "turnovers": _largest(cell.turnover)},
                    "masses": _largest(mass),
                }
            )
    columns = ["country", "wave", "size_class", "origin", "firms", "share", "innovative_turnover", "answered"]
    columns += ["weight", "turnover", "innovative", "mass", "weights", "turnovers", "masses"]
    return pd.DataFrame(rows, columns=columns)


def _crossed(inside: pd.DataFrame) -> pd.DataFrame:
    keyed = inside.assign(group=inside.group.where(inside.excluded_by.isna()))
    by = ["size_class", "origin", "excluded_by", "group"]
    return keyed.groupby(by, dropna=False).size().rename("firms").reset_index().assign(**SLICE)


def _cells(frame: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    cells = [(*key, part) for key, part in frame.groupby(["region", "sector"])]
    return cells + [(region, "_all", part) for region, part in frame.groupby("region")]


def _largest_weights(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {**SLICE, "region": region, "sector": sector, "weights": _largest(part.weight)}
            for region, sector, part in _cells(frame)
        ]
    )


def _indicators(frame: pd.DataFrame) -> pd.DataFrame:
    regions = dict(iter(frame.groupby("region")))
    rows = []
    for region, sector, part in _cells(frame):
        row = {**SLICE, "region": region, "sector": sector, "direction": "sales"}
        for kind, firms in (("within", part), ("general", regions[region])):
            numerator, denominator = firms.weight[firms.innovator].sum(), firms.weight.sum()
            row |= {
                f"commonality_{kind}": numerator / denominator,
                f"commonality_{kind}_numerator": numerator,
                f"commonality_{kind}_denominator": denominator,
                f"commonality_{kind}_firms": len(firms),
                f"commonality_{kind}_innovators": int(firms.innovator.sum()),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _waterfall(frame: pd.DataFrame) -> pd.DataFrame:
    left = len(frame)
    rows = [
        {**SLICE, "step": 0, "filter": "validated survey", "rows_in": left, "rows_taken": 0, "rows_out": left}
    ]
    for step, name in enumerate(FILTERS, start=1):
        taken = int((frame.excluded_by == name).sum())
        counts = {"rows_in": left, "rows_taken": taken, "rows_out": left - taken}
        rows.append({**SLICE, "step": step, "filter": name, **counts})
        left -= taken
    return pd.DataFrame(rows)


def _status(sample: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for group, part in sample.groupby("group"):
        used = int(part.answered.sum())
        counts = {"cases_in": len(part), "cases_used": used, "cases_missing": len(part) - used}
        rows.append({**SLICE, "group": group, "status": "converged", "detail": "", **counts})
    columns = ["country", "wave", "group", "status", "detail", "cases_in", "cases_used", "cases_missing"]
    return pd.DataFrame(rows, columns=columns).assign(parameters=5, max_gradient=0.0)
