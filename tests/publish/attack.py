"""What a hostile reader can work out of a publication, written apart from the code that protects it.

The reader knows the publication, how its tables hang together, the weight of every size class, the turnover
of every cell, and which filter may take firms of which size class; not how many. Whole numbers of firms that
give all published figures are searched for the least and greatest value of each withheld one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from drawn_survey import EXCLUSIVE, FILTERS, ORIGINS
from scipy import optimize

ROUNDING = 0.0005 + 1e-9
SECONDS = 5.0
FAR = 10_000.0
KINDS = ("innovators", "others")
Rows = list[tuple[dict[object, float], float, float]]  # coefficients by unknown, least, greatest


def ends(
    unknowns: list[object], rows: Rows, target: dict[object, float], whole: bool = True
) -> tuple[float, float]:
    """Least and greatest value of `target` over all unknowns (at least 0) that fit the rows."""
    place = {unknown: k for k, unknown in enumerate(unknowns)}

    def vector(terms: dict[object, float]) -> np.ndarray:
        out = np.zeros(len(unknowns))
        for unknown, factor in terms.items():
            out[place[unknown]] += factor
        return out

    matrix = np.array([vector(terms) for terms, _, _ in rows])
    limits = optimize.LinearConstraint(matrix, [low for _, low, _ in rows], [high for _, _, high in rows])
    values = []
    for sign in (1.0, -1.0):
        result = optimize.milp(
            sign * vector(target),
            constraints=limits if rows else None,
            integrality=np.full(len(unknowns), float(whole)),
            bounds=optimize.Bounds(0, FAR if whole else np.inf),
            options={"time_limit": SECONDS},
        )
        # The bound holds however far the search came; a value that was found may be less extreme.
        bound = result.mip_dual_bound if whole and result.mip_dual_bound is not None else result.fun
        assert bound is not None, result.message
        values.append(sign * (result.fun if result.fun is not None else bound))
    return values[0], values[1]


def counts(
    shown: dict[str, pd.DataFrame], fates: dict[str, list[object]], weights: dict[str, float]
) -> dict[tuple[object, ...], tuple[float, float]]:
    """The ends of every withheld count of firms in Table 1, the waterfall and the models' cases.

    `fates`: what may have become of the firms of each size class, a filter or a group.
    """
    origins = shown["partner_origin"]
    sizes = [size for size in origins.size_class.unique() if size != "all"]
    groups = list(shown["fit_status"].group)
    inner = [(size, origin, fate) for size in sizes for origin in EXCLUSIVE for fate in fates[size]]
    outer = [("rest", fate) for fate in [*FILTERS, *groups]]
    lost = [("missing", group) for group in groups]
    unknowns: list[object] = [*inner, *outer, *lost]
    values: dict[tuple[object, ...], dict[object, float]] = {}
    rows: Rows = []

    def add(key: tuple[object, ...], terms: dict[object, float], value: object, status: str) -> None:
        values[key] = terms
        if status != "c":
            rows.append((terms, float(value), float(value)))  # type: ignore[arg-type]

    for row in origins.itertuples():
        of_size = [atom for atom in inner if row.size_class in ("all", atom[0])]
        terms: dict[object, float] = {atom: 1.0 for atom in of_size if atom[1] in ORIGINS[row.origin]}
        add(("firms", row.size_class, row.origin), terms, row.firms, row.status)
        if not pd.isna(row.share) and row.origin not in ("all", "unknown"):
            for sign in (1, -1):  # part - (share +- rounding) whole
                edge: dict[object, float] = {}
                for atom in of_size:
                    if atom[1] != "unknown":
                        member = float(atom[1] in ORIGINS[row.origin])
                        edge[atom] = weights[atom[0]] * (member - row.share - sign * ROUNDING)
                rows.append((edge, -np.inf, 0.0) if sign == 1 else (edge, 0.0, np.inf))
    of_fate = {
        fate: {**{atom: 1.0 for atom in inner if atom[2] == fate}, ("rest", fate): 1.0}
        for fate in [*FILTERS, *groups]
    }
    for row in shown["sample_waterfall"].itertuples():
        later = [*FILTERS[row.step :], *groups]
        left = {atom: 1.0 for fate in later for atom in of_fate[fate]}
        add(("left", row.step), left, row.rows_out, row.rows_out_status)
        if row.step:
            add(("taken", row.step), of_fate[row.filter], row.rows_taken, row.status)
            if row.rows_in_status != "c":
                before = {atom: 1.0 for fate in [row.filter, *later] for atom in of_fate[fate]}
                rows.append((before, float(row.rows_in), float(row.rows_in)))
    for row in shown["fit_status"].itertuples():
        missing: dict[object, float] = {("missing", row.group): 1.0}
        used = of_fate[row.group] | {("missing", row.group): -1.0}
        add(("cases_in", row.group), of_fate[row.group], row.cases_in, row.cases_in_status)
        add(("cases_missing", row.group), missing, row.cases_missing, row.cases_missing_status)
        add(("cases_used", row.group), used, row.cases_used, row.cases_used_status)
        rows.append((used, 0.0, np.inf))
    withheld = _withheld(shown)
    return {key: ends(unknowns, rows, values[key]) for key in withheld if key in values}


def _withheld(shown: dict[str, pd.DataFrame]) -> list[tuple[object, ...]]:
    origins, steps, status = (shown[name] for name in ("partner_origin", "sample_waterfall", "fit_status"))
    keys: list[tuple[object, ...]] = [
        ("firms", row.size_class, row.origin) for row in origins.itertuples() if row.status == "c"
    ]
    keys += [("taken", row.step) for row in steps.itertuples() if row.status == "c"]
    keys += [("left", row.step) for row in steps.itertuples() if row.rows_out_status == "c"]
    for name in ("cases_in", "cases_missing", "cases_used"):
        keys += [(name, row.group) for _, row in status.iterrows() if row[f"{name}_status"] == "c"]
    return keys


def ratios(
    shown: pd.DataFrame, masses: dict[tuple[str, str], float]
) -> dict[tuple[str, str], tuple[float, float]]:
    """The ends of every withheld ratio of turnover; `masses`: weighted turnover of the inner cells."""
    scale = 1000.0 / sum(masses.values()) if masses else 1.0  # sums of like size, for the search's sake
    masses = {cell: mass * scale for cell, mass in masses.items()}
    inner: list[object] = list(masses)
    rows: Rows = [({cell: 1.0}, 0.0, masses[cell]) for cell in masses]  # type: ignore[index]
    targets = {}
    for row in shown.itertuples():
        members = [
            cell for cell in masses if row.size_class in ("all", cell[0]) and cell[1] in ORIGINS[row.origin]
        ]
        mass = sum(masses[cell] for cell in members)
        if not mass:
            continue
        if row.innovative_turnover_status == "c":
            targets[(row.size_class, row.origin)] = {cell: 1.0 / mass for cell in members}
        else:
            low, high = (mass * (row.innovative_turnover + sign * ROUNDING) for sign in (-1, 1))
            rows.append(({cell: 1.0 for cell in members}, low, high))
    return {key: ends(inner, rows, terms, whole=False) for key, terms in targets.items()}  # type: ignore[arg-type]


def sectors(
    shown: pd.DataFrame, firms: Callable[[str, str], int], innovators: Callable[[str, str], int]
) -> dict[tuple[str, str], tuple[tuple[float, float], tuple[float, float]]]:
    """The ends of firms and innovators behind each withheld commonality of a sector.

    The reader knows those of every shown cell, and of the region where it is shown.
    """
    ends_of = {}
    for region, part in shown.groupby("region"):
        whole = part[part.sector == "_all"].iloc[0]
        cells = part[part.sector != "_all"]
        hidden = list(cells[cells.commonality_within_status == "c"].sector)
        seen = list(cells[cells.commonality_within_status != "c"].sector)
        inside, outside = ({(sector, kind): 1.0 for sector in hidden} for kind in KINDS)
        unknowns: list[object] = [*inside, *outside]
        rows: Rows = [({(sector, kind): 1.0 for kind in KINDS}, 1.0, np.inf) for sector in hidden]
        if whole.commonality_within_status != "c":
            total = firms(region, "_all") - sum(firms(region, sector) for sector in seen)
            innovating = innovators(region, "_all") - sum(innovators(region, sector) for sector in seen)
            rows.append((inside, innovating, innovating))
            rows.append((outside, total - innovating, total - innovating))
        for sector in hidden:
            every = {(sector, "innovators"): 1.0, (sector, "others"): 1.0}
            ends_of[region, sector] = (
                ends(unknowns, rows, every),
                ends(unknowns, rows, {(sector, "innovators"): 1.0}),
            )
    return ends_of
