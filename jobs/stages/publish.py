"""Publish: tables, workbook, figures, pages, manifest; through disclosure control, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

from jobs.errors import DiamantError, SettingsError
from jobs.output import diagram, manifests
from jobs.output.file_names import FileNames
from jobs.output.publication import replacing
from jobs.output.tables import write as write_tables
from jobs.publish import disclosure, figures, report, tables, workbook
from jobs.publish.figures import Drawn, Figure
from jobs.run import published, sources
from jobs.run.context import Context, Outcome
from jobs.run.fingerprints import fingerprint
from jobs.run.ledger import Ledger
from jobs.run.published import Published
from jobs.settings import schemas
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.frames import nothing
from jobs.spark.spread import spread
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
FEW = 8  # figures that the driver draws itself

Failures = Mapping[Slice, DiamantError]
Tables = dict[str, pd.DataFrame]


def is_current(context: Context, ledger: Ledger, failures: Failures) -> bool:
    """Whether `out` holds what this run would publish, file by file."""
    state = published.chosen(context, ledger, failures)
    out = Path(context.settings.out)
    if ledger.publication != _mark(context, state, failures) or not (out / manifests.NAME).is_file():
        return False
    try:
        manifests.check(out, manifests.PUBLICATION, "out")
    except SettingsError:
        return False
    return manifests.is_whole(out)


def run(context: Context, ledger: Ledger, failures: Failures) -> Outcome:
    """Write the run's publication beside the old one, and let the two change places."""
    settings = context.settings
    state = published.chosen(context, ledger, failures)
    facts = published.facts(context, state)
    facts |= {"libraries": {name: version(name) for name in LIBRARIES}}
    shown = tables.protected(_read(context, state), settings.disclosure, settings.size_classes)
    disclosure.check(shown, settings.disclosure)
    status = shown["fit_status"]
    hidden = status[status.status == disclosure.WITHHELD][["country", "wave", "group"]]
    groups = set(hidden.itertuples(index=False, name=None))
    facts = disclosure.protect_facts(facts, settings.disclosure, groups)
    with replacing(Path(settings.out), manifests.PUBLICATION, "out") as draft:
        write_tables(shown, draft)
        workbook.write(shown, facts, draft / "tables.xlsx")
        pictures = _figures(context, state, shown, draft)
        _pages(context, state, shown, facts, pictures, draft)
        _manifest(context, shown, facts, draft)
        for path in [draft, *draft.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    ledger.publish(state.entries, _mark(context, state, failures))
    rows = sum(len(frame) for frame in shown.values())
    return Outcome(rows, rows)


def _mark(context: Context, state: Published, failures: Failures) -> str:
    """What a publication depends on: the program, the settings, the marks of what is published."""
    program = sources.of_module(__name__ if __name__ != "__main__" else "jobs.stages.publish")
    return fingerprint(
        program.modules,
        program.versions(),
        {name: schemas.table(name).form for name in sorted(program.schemas)},
        context.settings.model_dump(mode="json", exclude=EXECUTION),
        {
            str(slice): {stage: entry.mark for stage, entry in entries.items()}
            for slice, entries in state.entries.items()
        },
        {str(slice): word for slice, word in state.states.items()},
        {str(slice): str(error) for slice, error in failures.items()},
    )


def _figures(
    context: Context, state: Published, shown: Tables, folder: Path
) -> dict[str, list[dict[str, str]]]:
    """One path diagram per country, wave and group, as SVG and PNG; by country, with their captions."""
    wanted: list[tuple[str, Path, Figure, str]] = []
    names = FileNames()
    status = shown["fit_status"].set_index(SLICE)
    several = len(context.countries) > 1
    for (country, wave, group), rows in shown["estimates"].groupby(SLICE, sort=True):
        fit = context.slices[Slice(country, wave)].fit
        primary = rows[rows.error == fit.primary_error]
        firms = int(status.loc[(country, wave, group), "cases_used"])
        title = f"{str(group).capitalize()} firms, {country} {wave}"
        note = f"N = {firms:,}; standardised; errors {fit.primary_error}; * p < 0.05, ** 0.01, *** 0.001"
        if not primary[primary.op == "~"].reliable.all():
            note += f"; {diagram.UNRELIABLE}"
        below = folder / "figures" if several else folder
        stem = below / names.stem("path", country, wave, group)
        wanted.append((country, stem, Figure(primary, title, note, fit.level), f"{title}, N = {firms:,}"))

    def each(missing: Sequence[Figure]) -> list[Drawn]:
        if len(missing) <= FEW:
            return [figures.draw(figure) for figure in missing]
        return spread(context.spark, figures.draw, missing, partitions=max(2, len(missing) // 16))

    drawn = figures.drawn([figure for _, _, figure, _ in wanted], _kept(context, "figures"), each)
    pictures: dict[str, list[dict[str, str]]] = {}
    for (country, stem, _, caption), files in zip(wanted, drawn, strict=True):
        stem.parent.mkdir(exist_ok=True)
        for ending, content in zip(figures.ENDINGS, (files.svg, files.png), strict=True):
            stem.with_name(stem.name + ending).write_bytes(content)
        svg = files.svg.decode()
        pictures.setdefault(country, []).append({"svg": svg[svg.index("<svg") :], "caption": caption})
    return pictures


def _kept(context: Context, kind: str) -> Path:
    """Where drawings and pages are kept between runs."""
    return Path(context.settings.work) / "pages" / kind


def _pages(
    context: Context,
    state: Published,
    shown: Tables,
    facts: dict[str, Any],
    pictures: dict[str, list[dict[str, str]]],
    folder: Path,
) -> None:
    """One page a country; a run of several has an overview beside them."""
    for country in context.countries:
        slices = [slice for slice in state.entries if slice.country == country]
        if not slices:
            continue
        own = {name: frame[frame.country == country].reset_index(drop=True) for name, frame in shown.items()}
        of_country = {**facts, "slices": {str(slice): facts["slices"][str(slice)] for slice in slices}}
        settings: SliceSettings = context.slices[slices[0]]
        page = report.render(own, of_country, settings, pictures.get(country, []))
        (folder / _page(context, country)).write_text(page, encoding="utf-8")


def _page(context: Context, country: str) -> str:
    """The name of a country's page."""
    return f"country_{country}.html" if len(context.countries) > 1 else "report.html"


def _manifest(context: Context, shown: Tables, facts: dict[str, Any], folder: Path) -> None:
    """What the publication was made from and what it holds; nothing in it changes from run to run."""
    settings = context.settings.model_dump(mode="json")
    hidden = {
        name: int(
            sum((frame[column] == disclosure.WITHHELD).sum() for column in frame if column.endswith("status"))
        )
        for name, frame in shown.items()
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


def _read(context: Context, state: Published) -> Tables:
    """The tables that are to be published, of all slices, before disclosure control."""
    diagnosis = any(own.fit.diagnosis for own in context.slices.values())
    raw = {name: _table(context, state, name) for name in tables.names(diagnosis) if name != "partner_origin"}
    survey = _frame(context, state, "survey")
    return {**raw, "partner_origin": collected(partner_origin(survey, context.settings.size_classes))}


def _frame(context: Context, state: Published, name: str) -> DataFrame:
    """A table's published slices: each as it is now, or as it was when it was published before."""
    now: list[dict[str, str]] = []
    before: dict[int, list[dict[str, str]]] = {}
    for slice in state.entries:
        kept = state.version(slice, name)
        if state.states[slice] == published.NOW:
            now.append(slice.keys)
        elif kept is not None:
            before.setdefault(kept, []).append(slice.keys)
    if not context.tables.exists(name):
        return nothing(context.spark, name)
    frames = [context.tables.read(name, now)] if now else []
    frames += [context.tables.read(name, slices, of) for of, slices in sorted(before.items())]
    return reduce(DataFrame.unionByName, frames)


def _table(context: Context, state: Published, name: str) -> pd.DataFrame:
    table = schemas.table(name)
    chosen = collected(_frame(context, state, name).select(*table.names))
    for column in table.columns:
        if column.type.startswith("decimal"):
            chosen[column.name] = chosen[column.name].astype(float)
        elif column.type in ("int", "bigint", "smallint"):
            chosen[column.name] = chosen[column.name].astype("Int64")
    return chosen.sort_values(list(table.key), kind="stable").reset_index(drop=True)


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
