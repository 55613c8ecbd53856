"""The diagnosis on the page: how well factors are measured, and the most of what the model misses."""

from __future__ import annotations

import pandas as pd

from jobs.publish.grids import Table, grid, number, whole, words

MOST = 10  # rows of the largest


def reliability(tables: dict[str, pd.DataFrame]) -> list[Table]:
    """One table per wave and group with one row per factor."""
    columns = ["factor", "items", "omega", "omega, standardised items", "average variance extracted"]
    grids = []
    for (wave, group), part in tables["reliability"].groupby(["wave", "group"], sort=True):
        rows = [
            [
                f"{words(r.factor)} ({r.note.rstrip('.')})" if r.note else words(r.factor),
                whole(r.items),
                *map(number, (r.omega, r.omega_std, r.ave)),
            ]
            for r in part.itertuples()
        ]
        latent = " (of the responses behind ordered answers)" if (part.scale != "observed").any() else ""
        grids.append(grid(f"{wave}, {group}{latent}", columns, rows))
    return grids


def missed(tables: dict[str, pd.DataFrame]) -> list[Table]:
    """A table of the largest modification indices, and one of residual correlations, a wave and group."""
    grids = []
    for (wave, group), part in tables["modification_indices"].groupby(["wave", "group"], sort=True):
        rows = [
            [
                f"{r.lhs} {r.op} {r.rhs}",
                number(r.mi, 2),
                number(r.mi_robust, 2),
                number(r.epc, 4),
                number(r.sepc_all, 2),
            ]
            for r in part.nlargest(MOST, "mi").itertuples()
        ]
        columns = ["parameter", "index", "robust index", "expected value", "standardised"]
        grids.append(grid(f"Modification indices: {wave}, {group}", columns, rows))
    for (wave, group), part in tables["residuals"].groupby(["wave", "group"], sort=True):
        largest = part.loc[part.residual.abs().nlargest(MOST).index]
        rows = [[f"{r.lhs}, {r.rhs}", number(r.residual), number(r.z, 2)] for r in largest.itertuples()]
        grids.append(grid(f"Residual correlations: {wave}, {group}", ["pair", "residual", "z"], rows))
    return grids
