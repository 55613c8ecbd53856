"""Publish: tables, workbook, figures, report, manifest; through disclosure control, whole or not at all."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.output import diagram, manifests
from jobs.output.file_names import FileNames
from jobs.output.publication import replacing
from jobs.output.tables import write as write_tables
from jobs.publish import disclosure, report, tables, workbook
from jobs.run.context import Context, Outcome
from jobs.settings import schemas
from jobs.settings.inputs import WaveSettings
from jobs.spark.tables import collected
from jobs.transforms.partner_origin import partner_origin

NAME = "publish"
SLICE = ["country", "wave", "group"]
LIBRARIES = (
    "pyspark",
    "delta-spark",
    "great-expectations",
    "semopy",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "matplotlib",
)
# Settings that say how a run is executed, not what it computes; the same study gives the same manifest.
EXECUTION = {"spark", "work", "out"}


def run(context: Context, waves: list[WaveSettings], facts: dict[str, Any]) -> Outcome:
    """Write the run's publication beside the old one, and let the two change places."""
    settings = context.settings
    facts = {**facts, "libraries": {name: version(name) for name in LIBRARIES}}
    published = tables.protected(_read(context, waves), settings.disclosure, settings.size_classes)
    disclosure.check(published, settings.disclosure)
    status = published["fit_status"]
    hidden = status[status.status == disclosure.WITHHELD][["country", "wave", "group"]]
    groups = set(hidden.itertuples(index=False, name=None))
    facts = disclosure.protect_facts(facts, settings.disclosure, groups)
    out = Path(settings.out)
    with replacing(out, manifests.PUBLICATION, "out") as draft:
        write_tables(published, draft)
        workbook.write(published, facts, draft / "tables.xlsx")
        figures = _figures(context, published, draft)
        page = report.render(published, facts, settings, figures)
        (draft / "report.html").write_text(page, encoding="utf-8")
        _manifest(context, published, facts, draft)
        for path in [draft, *draft.iterdir()]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    rows = sum(len(frame) for frame in published.values())
    return Outcome(rows, rows)


def _figures(context: Context, published: dict, folder: Path) -> list[dict[str, str]]:
    """One path diagram per country, wave and group, as SVG and PNG."""
    method = context.settings.fit
    primary = published["estimates"]
    primary = primary[primary.error == method.primary_error]
    status = published["fit_status"].set_index(SLICE)
    names = FileNames()
    figures = []
    for (country, wave, group), rows in primary.groupby(SLICE, sort=True):
        firms = int(status.loc[(country, wave, group), "cases_used"])
        title = f"{str(group).capitalize()} firms, {country} {wave}"
        note = f"N = {firms:,}; standardised; errors {method.primary_error}; * p < 0.05, ** 0.01, *** 0.001"
        if not rows[rows.op == "~"].reliable.all():
            note += f"; {diagram.UNRELIABLE}"
        stem = folder / names.stem("path", country, wave, group)
        diagram.write(diagram.draw(rows, title, note, method.level), stem, f"Path diagram: {title}")
        svg = stem.with_name(f"{stem.name}.svg").read_text(encoding="utf-8")
        figures.append({"svg": svg[svg.index("<svg") :], "caption": f"{title}, N = {firms:,}"})
    return figures


def _manifest(context: Context, published: dict, facts: dict[str, Any], folder: Path) -> None:
    """What the publication was made from and what it holds; nothing in it changes from run to run."""
    settings = context.settings.model_dump(mode="json")
    hidden = {
        name: int(
            sum((frame[column] == disclosure.WITHHELD).sum() for column in frame if column.endswith("status"))
        )
        for name, frame in published.items()
    }
    manifest = {
        **facts,
        "settings": _without_folders(
            {name: section for name, section in settings.items() if name not in EXECUTION}
        ),
        "withheld": hidden,
    }
    manifests.write(folder, manifest)


def _without_folders(settings: Any, key: str = "") -> Any:
    """The settings with the names of files in the place of their paths, which are the office's own matter."""
    if isinstance(settings, dict):
        return {
            name: _without_folders(part, key if key == "paths" else name) for name, part in settings.items()
        }
    if isinstance(settings, list):
        return [_without_folders(part, key) for part in settings]
    return Path(settings).name if key in ("path", "paths") and isinstance(settings, str) else settings


def _read(context: Context, waves: list[WaveSettings]) -> dict[str, pd.DataFrame]:
    """The tables that are to be published, of all waves of the run, before disclosure control."""
    raw = {
        name: _of_waves(context, name, waves)
        for name in tables.names(context.settings.fit.diagnosis)
        if name != "partner_origin"
    }
    survey = context.tables.read("survey", {"country": context.settings.country})
    chosen = survey.where(F.col("wave").isin([wave.wave for wave in waves]))
    return {**raw, "partner_origin": collected(partner_origin(chosen, context.settings.size_classes))}


def _of_waves(context: Context, name: str, waves: list[WaveSettings]) -> pd.DataFrame:
    frame: DataFrame = context.tables.read(name, {"country": context.settings.country})
    table = schemas.table(name)
    chosen = collected(frame.where(F.col("wave").isin([wave.wave for wave in waves])).select(*table.names))
    for column in table.columns:
        if column.type.startswith("decimal"):
            chosen[column.name] = chosen[column.name].astype(float)
        elif column.type in ("int", "bigint", "smallint"):
            chosen[column.name] = chosen[column.name].astype("Int64")
    return chosen.sort_values(list(table.key), kind="stable").reset_index(drop=True)


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
