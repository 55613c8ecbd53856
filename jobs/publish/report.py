"""The HTML report: one file, readable without a network, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from jobs.output.diagram import UNRELIABLE, marks, stars
from jobs.publish import changes, diagnosis, over_slices, persisting
from jobs.publish.grids import Table, grid, interval, number, p_value, percent, whole, words
from jobs.publish.pages import Drawing, drawings, rendered
from jobs.publish.rules import WITHHELD
from jobs.settings.slices import SliceSettings

PARAMETER = ["lhs", "op", "rhs"]
MEASURES = (
    *("chisq", "df", "pvalue", "cfi", "tli", "rmsea", "rmsea_ci_lower", "rmsea_ci_upper", "srmr"),
    "clusters_effective",
)
WHOLE = ("df", "clusters_effective")


def render(
    tables: dict[str, pd.DataFrame],
    facts: dict[str, Any],
    settings: SliceSettings,
    figures: Sequence[Drawing],
    maps: Sequence[Drawing] = (),
    forests: Sequence[Drawing] = (),
    overview: str = "",
) -> str:
    """The page of a country for its published tables; `figures` are path diagrams.

    `settings` are those of one of its slices: how the model is fitted and shown. `overview`: the name of the
    page of all countries, where there is one.
    """
    pooled = {name: tables[name] for name in over_slices.NAMES if name in tables}
    firms = persisting.tables(tables["persisting_firms"]) if "persisting_firms" in tables else []
    tables = {name: table.assign(wave=slices(table)) for name, table in tables.items() if name not in pooled}
    primary = tables["estimates"][tables["estimates"].error == settings.fit.primary_error]
    diagnosed = "reliability" in tables
    contents = [
        ("findings", "Findings", len(primary)),
        ("partners", "Partners", len(tables["partner_origin"])),
        ("model", "Model", len(figures)),
        ("differences", "Differences", len(figures)),
        ("fit", "Fit", len(figures)),
        ("sample", "Sample", len(tables["sample_waterfall"])),
        ("clusters", "Clusters", len(tables["cluster_indicators"])),
        ("changes", "Changes", len(tables.get("indicator_changes", ()))),
        ("persisting", "Firms over waves", len(firms)),
        ("pooled", "Over the waves", "pooled_paths" in pooled),
        ("checks", "Checks", 1),
        ("provenance", "Provenance", 1),
    ]
    return rendered(
        "report.html.j2",
        overview=overview,
        title=facts["title"],
        study=facts["study"],
        version=facts["version"],
        country=settings.country,
        waves=[slice.partition(" ")[2] for slice in facts["slices"]],
        contents=[(place, name) for place, name, there in contents if there],
        findings=findings(primary, tables["group_differences"], settings),
        origins=_origins(tables["partner_origin"]),
        figures=drawings(figures),
        level=settings.fit.level,
        primary_error=settings.fit.primary_error,
        paths=_paths(primary, settings.fit.confidence, tables.get("bootstrap_estimates")),
        reliability=diagnosis.reliability(tables) if diagnosed else [],
        missed=diagnosis.missed(tables) if diagnosed else [],
        differences=_differences(tables["group_differences"], settings.fit.primary_error),
        fit=_fit(tables),
        parameters=_parameters(tables["estimates"]),
        waterfall=_waterfall(tables["sample_waterfall"]),
        maps=drawings(maps),
        **over_slices.grids(pooled),
        forests=drawings(forests),
        forests_by="wave",
        heatmaps=heatmaps(tables["cluster_indicators"]),
        changes=changes.tables(tables["indicator_changes"]) if "indicator_changes" in tables else [],
        persisting=firms,
        checks=_checks(facts),
        notes=[f"{wave}, {stage}: {note}" for wave, stage, note in _notes(facts)],
        provenance=_provenance(facts),
    )


def slices(table: pd.DataFrame) -> pd.Series:
    """What the rows of a published table are of: a country's wave, such as NL cis2."""
    return table.country + " " + table.wave


def findings(
    primary: pd.DataFrame, differences: pd.DataFrame, settings: SliceSettings
) -> list[dict[str, Any]]:
    """In words, a wave: what each path does in each group, and where the groups differ by the test."""
    sections = []
    level = settings.fit.level
    tested = differences[(differences.op == "~") & (differences.error == settings.fit.primary_error)]
    pvalues = {key: part.pvalue.tolist() for key, part in tested.groupby(["wave", "lhs", "rhs"])}
    for wave, part in primary[primary.op == "~"].groupby("wave", sort=True):
        lines = []
        for (lhs, rhs), rows in part.groupby(["lhs", "rhs"], sort=False):
            said = []
            for row in rows.itertuples():
                if not row.reliable:
                    said.append(f"not to be judged in {row.group}")
                elif row.pvalue < level:
                    sign = "raises" if row.est > 0 else "lowers"
                    said.append(f"{sign} it in {row.group} ({row.std_all:.2f}{stars(row.pvalue)})")
                else:
                    said.append(f"no significant effect in {row.group}")
            differ = [pvalue for pvalue in pvalues.get((wave, lhs, rhs), []) if pvalue < level]
            said.append("the groups differ" if differ else "no difference between the groups is shown")
            lines.append(f"{words(rhs)} → {words(lhs)}: {'; '.join(said)}.")
        sections.append({"head": f"Wave {wave}", "lines": lines})
    return sections


def _or_withheld(status: str, text: str) -> str:
    return WITHHELD if status == WITHHELD else text


def _origins(frame: pd.DataFrame) -> list[Table]:
    grids = []
    for (wave, size), part in frame.groupby(["wave", "size_class"], sort=False):
        rows = []
        for row in part.itertuples():
            rows.append(
                [
                    row.origin,
                    _or_withheld(row.status, whole(row.firms)),
                    _or_withheld(row.share_status, percent(row.share)),
                    _or_withheld(row.innovative_turnover_status, percent(row.innovative_turnover)),
                ]
            )
        label = "all sizes" if size == "all" else f"{size} employees"
        columns = ["origin", "firms (N)", "weighted share", "innovative products in turnover"]
        grids.append((size != "all", grid(f"{wave}, {label}", columns, rows)))
    return [table for _, table in sorted(grids, key=lambda pair: pair[0])]


def _paths(primary: pd.DataFrame, confidence: float, again: pd.DataFrame | None) -> list[Table]:
    """A table a wave and group; `again`: as bootstrap_estimates, whose BCa intervals stand beside."""
    drawn = again is not None and len(again) > 0
    if again is not None and drawn:
        ends = again[again.quantity == "est"][["wave", "group", "lhs", "op", "rhs", "bca_lower", "bca_upper"]]
        primary = primary.merge(ends, how="left", on=["wave", "group", "lhs", "op", "rhs"])
    grids = []
    for (wave, group), part in primary[primary.op == "~"].groupby(["wave", "group"], sort=True):
        rows = [
            [
                f"{words(row.rhs)} → {words(row.lhs)}",
                number(row.est, 4),
                number(row.se, 4),
                interval(row.ci_lower, row.ci_upper),
                *([interval(row.bca_lower, row.bca_upper)] if drawn else []),
                p_value(row.pvalue),
                number(row.std_all, 2) + marks(row),
            ]
            for row in part.itertuples()
        ]
        head = f"{100 * confidence:g} % interval"
        columns = ["path", "estimate", "error", head, *(["bootstrap (BCa)"] if drawn else [])]
        columns += ["p", "standardised"]
        unreliable = not part.reliable.all()
        grids.append(grid(f"{wave}, {group}" + (f" ({UNRELIABLE})" if unreliable else ""), columns, rows))
    return grids


def _differences(frame: pd.DataFrame, error: str) -> list[Table]:
    grids = []
    chosen = frame[(frame.op == "~") & (frame.error == error)]
    for (wave, a, b), part in chosen.groupby(["wave", "group_a", "group_b"], sort=True):
        rows = [
            [
                f"{words(r.rhs)} → {words(r.lhs)}",
                number(r.difference, 4),
                number(r.se, 4),
                number(r.statistic, 2),
                p_value(r.pvalue),
            ]
            for r in part.itertuples()
        ]
        grids.append(grid(f"{wave}: {a} less {b}", ["path", "difference", "error", "Wald", "p"], rows))
    return grids


def _fit(tables: dict[str, pd.DataFrame]) -> list[Table]:
    status = tables["fit_status"]
    rows = [
        [
            r.wave,
            r.group,
            r.status,
            _or_withheld(r.cases_in_status, whole(r.cases_in)),
            _or_withheld(r.cases_used_status, whole(r.cases_used)),
            _or_withheld(r.cases_missing_status, whole(r.cases_missing)),
            r.detail or "",
        ]
        for r in status.itertuples()
    ]
    columns = ["wave", "group", "status", "firms", "used", "missing answers", "what to do"]
    grids = [grid("Status of each group", columns, rows, text=3)] if rows else []
    measures = tables["fit_measures"]
    if len(measures):
        wide = measures.pivot_table(index=["wave", "group"], columns="measure", values="value", sort=True)
        # Of weighted or clustered firms the scaled statistic counts: the plain one rejects true models.
        scaled = {name: f"{name}_scaled" for name in MEASURES if f"{name}_scaled" in wide}
        for name, of_scaled in scaled.items():
            wide[name] = wide[of_scaled].where(wide[of_scaled].notna(), wide.get(name))
        if "pvalue_adjusted" in wide:
            wide["pvalue"] = wide.pvalue_adjusted.where(wide.pvalue_adjusted.notna(), wide.pvalue)
        names = [name for name in MEASURES if name in wide]
        rows = [
            [*map(str, key), *[number(line[name], 0 if name in WHOLE else 3) for name in names]]
            for key, line in wide.iterrows()
        ]
        title = "Fit measures"
        title += ", scaled for weights and clusters; p of the adjusted test" if scaled else ""
        grids.append(grid(title, ["wave", "group", *map(words, names)], rows, text=2))
    return grids


def _parameters(frame: pd.DataFrame) -> list[Table]:
    grids = []
    for (wave, group), part in frame.groupby(["wave", "group"], sort=True):
        kinds = sorted(
            part.error.unique(),
            key=lambda kind: ("expected", "robust").index(kind) if kind in ("expected", "robust") else 2,
        )
        first = part.drop_duplicates(PARAMETER).sort_values(PARAMETER)
        errors = part.pivot(index=PARAMETER, columns="error", values="se").reindex(columns=kinds)
        rows = [
            [
                f"{row.lhs} {row.op} {row.rhs}",
                number(row.est, 4),
                number(row.std_all, 3),
                *[number(error, 4) for error in own],
            ]
            for row, own in zip(first.itertuples(), errors.sort_index().to_numpy(), strict=True)
        ]
        grids.append(
            grid(
                f"{wave}, {group}",
                ["parameter", "estimate", "standardised", *[f"error: {kind}" for kind in kinds]],
                rows,
            )
        )
    return grids


def _waterfall(frame: pd.DataFrame) -> list[Table]:
    grids = []
    for wave, part in frame.groupby("wave", sort=True):
        rows = [
            [
                r.filter,
                _or_withheld(r.rows_in_status, whole(r.rows_in)),
                _or_withheld(r.status, whole(r.rows_taken)),
                _or_withheld(r.rows_out_status, whole(r.rows_out)),
            ]
            for r in part.itertuples()
        ]
        grids.append(grid(str(wave), ["filter", "firms before", "taken", "firms after"], rows))
    return grids


def heatmaps(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Regions by sectors, a wave and indicator within the sector, with the region as a whole first."""
    maps = []
    for wave, part in frame.groupby("wave", sort=True):
        region_names, sector_names = (_by_code(part, kind) for kind in ("region", "sector"))
        key = [f"{code} {name}" for code, name in sorted(sector_names.items())]
        for name in ("complementarity_within", "commonality_within"):
            if part[name].isna().all():
                continue
            sectors = sorted(part.sector.unique(), key=lambda code: (code != "_all", code))
            status = part.get(f"{name}_status", pd.Series("", index=part.index))
            cells = _by_cell(part, part[name], status)
            if name == "complementarity_within":  # of a region as a whole it is the general share that counts
                wholes = part[part.sector == "_all"]
                cells |= _by_cell(wholes, wholes.complementarity_general, [""] * len(wholes))
            rows = [
                {
                    "name": _with_name(region, region_names),
                    "cells": [_heat(*cells.get((region, sector), (None, ""))) for sector in sectors],
                }
                for region in sorted(part.region.unique())
            ]
            shown = ["all" if code == "_all" else code.split()[0] for code in sectors]
            maps.append(
                {
                    "caption": f"{words(name).capitalize()} the sector, {wave}",
                    "sectors": shown,
                    "key": key,
                    "rows": rows,
                }
            )
            key = []  # once a wave
    return maps


def _by_cell(frame: pd.DataFrame, values: Iterable[Any], marks: Iterable[str]) -> dict[tuple[str, str], Any]:
    """Each row's value and mark by its region and sector."""
    rows = zip(frame.region, frame.sector, values, marks, strict=True)
    return {(region, sector): (value, mark) for region, sector, value, mark in rows}


def _by_code(frame: pd.DataFrame, kind: str) -> dict[str, str]:
    """The names of regions or sectors that say more than their codes."""
    pairs = frame[[kind, f"{kind}_name"]].dropna().drop_duplicates()
    return {code: name for code, name in pairs.itertuples(index=False) if name != code}


def _with_name(code: str, names: dict[str, str]) -> str:
    return f"{code} {names[code]}" if code in names else code


def _heat(value: Any, status: str) -> dict[str, Any]:
    if status == WITHHELD:
        return {"text": "c", "tint": None}
    if value is None or pd.isna(value):
        return {"text": "·", "tint": None}
    return {"text": f"{value:.2f}", "tint": round(0.85 * float(value), 2)}


def _checks(facts: dict[str, Any]) -> list[Table]:
    grids = []
    for wave, stages in sorted(facts["slices"].items()):
        results = stages.get("validate", {}).get("detail", {}).get("results", [])
        rows = [
            [r["table"], r["rule"], r["status"], whole(r["failing"]), r["reason"]]
            for r in results
            if r["status"] != "passed"
        ]
        passed = sum(r["status"] == "passed" for r in results)
        caption = f"{wave}: {passed} of {len(results)} rules passed" + ("; the others:" if rows else "")
        grids.append(
            grid(caption, ["table", "rule", "status", "rows", "what"], rows, text=3)
            if rows
            else grid(caption, [], [])
        )
        counts = [
            [name, whole(stage["rows_in"]), whole(stage["rows_out"]), whole(stage["rows_set_aside"])]
            for name, stage in stages.items()
        ]
        grids.append(grid(f"{wave}: rows a stage, rounded down", ["stage", "in", "out", "set aside"], counts))
    return grids


def _notes(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (wave, name, note)
        for wave, stages in sorted(facts["slices"].items())
        for name, stage in stages.items()
        for note in stage["notes"]
    ]


def _provenance(facts: dict[str, Any]) -> list[Table]:
    rows = [
        [wave, role, file["name"], file["sha256"]]
        for wave, stages in sorted(facts["slices"].items())
        for role, file in sorted(stages.get("ingest", {}).get("detail", {}).get("files", {}).items())
    ]
    return [
        grid("Input files", ["wave", "role", "file", "sha256"], rows, text=4),
        grid(
            "Versions",
            ["library", "version"],
            [[k, v] for k, v in sorted(facts["libraries"].items())],
            text=2,
        ),
    ]
