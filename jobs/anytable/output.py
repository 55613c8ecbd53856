"""The folder of `diamant fit --data`: CSV files and figures, written whole or not at all."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import pandas as pd

from jobs import __version__
from jobs.anytable import results
from jobs.anytable.request import Request
from jobs.output import diagram, folders, manifests, publication, rooms, svg
from jobs.output.file_names import FileNames
from jobs.output.publication import replacing
from jobs.output.tables import rounded, write_csv
from jobs.sem.groups.pooling import counted

UNCONTROLLED = "# not for publication: nothing here has passed disclosure control"
LEVEL = 0.05  # of significance, in path diagrams
MOST_FIGURES = 12  # groups with a path diagram, and pools with forest plots
MOST_ROWS = 200  # groups on a forest plot


def check(request: Request) -> Path:
    """The folder as a path. Raises SettingsError where it holds or could lose files that are not a fit's."""
    folder = folders.located(request.out, "--out")
    folders.replaced_as_a_whole(folder, "--out")
    folders.apart_from_input(folder, "--out", {"--data": request.data, "--model": request.model})
    rooms.sweep(folder)
    publication.check(folder, manifests.FIT, "--out")
    return folder


def write(tables: dict[str, pd.DataFrame], sharing: Set[str], request: Request, out: Path) -> None:
    """All tables and figures, for the user alone; `sharing` names the pools whose groups share clusters."""
    with replacing(out, manifests.FIT, "--out") as draft:
        for name, table in tables.items():
            write_csv(
                rounded(results.written(table)),
                draft / f"{name}.csv",
                "" if request.publish else UNCONTROLLED,
            )
        names = FileNames()
        _diagrams(tables, request, draft, names)
        if "pooled" in tables:
            _forests(tables, sharing, request, draft, names)
        manifests.write(draft, {"fit": Path(request.model).name, "version": __version__})
        for path in [draft, *draft.iterdir()]:
            path.chmod(0o700 if path.is_dir() else 0o600)


def _caution(request: Request) -> str:
    """How the note of a figure begins."""
    return "" if request.publish else "not checked for disclosure; "


def _diagrams(tables: dict[str, pd.DataFrame], request: Request, folder: Path, names: FileNames) -> None:
    """One path diagram per group, where the groups are few and the model has paths."""
    estimates = tables["estimates"]
    measures = tables["fit_measures"]
    used = measures[measures.measure == "nobs"].set_index("group").value
    if not 0 < estimates.group.nunique() <= MOST_FIGURES or not (estimates.op == "~").any():
        return
    for group, rows in estimates[estimates.op != ":="].groupby("group", sort=True):
        note = _caution(request)
        note += f"N = {int(used[group]):,}; standardised; errors {request.chosen_error}; "
        note += (
            "* p < 0.05, ** 0.01, *** 0.001" if rows.reliable.all() else "not to be judged: see status.csv"
        )
        drawn = svg.text(diagram.draw(rows, str(group), note, LEVEL), f"Path diagram: {group}")
        (folder / f"{names.stem('path', str(group))}.svg").write_text(drawn, encoding="utf-8")


def _forests(
    tables: dict[str, pd.DataFrame], sharing: Set[str], request: Request, folder: Path, names: FileNames
) -> None:
    """One forest plot per pooled path."""
    from jobs.output import forest, painting  # matplotlib takes longer to load than a small fit takes

    pooled, status = tables["pooled"], tables["status"]
    if pooled.group.nunique() > MOST_FIGURES:
        return
    keys = status.rename(columns={f"group.{name}": name for name in request.groups})
    pools = pd.Series(results.pool_names(keys, request), index=status.group)
    for _, pool in pooled[pooled.est.notna()].iterrows():
        members = pools.index[pools == pool.group]
        if len(members) > MOST_ROWS:
            continue
        path = tables["estimates"][
            (tables["estimates"][["lhs", "op", "rhs"]] == pool[["lhs", "op", "rhs"]]).all(axis=1)
        ]
        rows = path.set_index("group").reindex(members).reset_index()
        rows["reliable"] = rows.group.isin(results.converged(status))
        rows["reliable"] = counted(rows, pool.group in sharing)
        title = f"{pool.rhs} → {pool.lhs}" if pool.op == "~" else f"{pool.lhs} {pool.op} {pool.rhs}"
        title += "" if pool.group == "all" else f", {pool.group}"
        note = _caution(request)
        note += f"{forest.heterogeneity(pool)}; errors {request.chosen_error}"
        note += "" if pool.reliable else "\nnot to be judged: see pooled.csv"
        stem = names.stem("forest", *([] if pool.group == "all" else [pool.group]), pool.lhs, pool.rhs)
        painting.write(forest.draw(rows, pool, title, note), folder / stem, f"Forest plot: {title}")
