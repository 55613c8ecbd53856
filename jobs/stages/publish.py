"""Publish: tables, workbook, figures, pages, manifest; through disclosure control, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from jobs.errors import DiamantError, InputError, SettingsError
from jobs.output import manifests
from jobs.output.publication import replacing
from jobs.output.tables import rounded
from jobs.output.tables import write as write_tables
from jobs.places.place import located
from jobs.publish import (
    changes,
    checker,
    digits,
    disclosure,
    figures,
    over_slices,
    overview,
    pages,
    pictures,
    pooled,
    report,
    tables,
    workbook,
)
from jobs.publish.figures import Drawn, Figure
from jobs.publish.overview import Overview
from jobs.publish.pictures import Picture
from jobs.publish.rules import WITHHELD
from jobs.readers import boundaries
from jobs.run import published, sources, workfolder
from jobs.run.context import Context, Outcome
from jobs.run.fingerprints import fingerprint
from jobs.run.ledger import Ledger
from jobs.run.published import Published
from jobs.run.rows import Rows
from jobs.sem.groups.pooled_slices import ALL
from jobs.settings import classifications, models, resources, safe_ranges, schemas
from jobs.settings.inputs import ForeignCodes
from jobs.settings.layers import FILES
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.spread import spread
from jobs.stages import protection

NAME = "publish"
LIBRARIES = (
    "pyspark",
    "delta-spark",
    "great-expectations",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "matplotlib",
)
# Settings that say how a run is executed, not what it computes; the same study gives the same manifest.
EXECUTION = {"spark", "work", "out", "releases"}
FEW = 40  # figures that the driver draws itself, in the time that executors take to start for them

Failures = Mapping[Slice, DiamantError]
Tables = dict[str, pd.DataFrame]


def is_current(context: Context, ledger: Ledger, failures: Failures) -> bool:
    """Whether `out` holds what this run would publish, file by file."""
    state = published.chosen(context, ledger, failures)
    out = located(context.settings.out)
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
    rows = Rows(context, state, _program().modules, _kept(context, "rows"))
    shown, audit = protection.protected(context, rows, _program(), _kept(context, "guarded"))
    disclosure.check(shown, settings.disclosure)
    record = protection.held_against_releases(context, rows, shown)
    shown["cluster_indicators"] = tables.with_names(shown["cluster_indicators"], _names(context))
    facts = disclosure.protect_facts(facts, settings.disclosure)
    measured = _measured(context, facts)
    if len(measured) > len(context.countries):  # otherwise no country has two waves
        shown["indicator_changes"] = changes.changes(shown["cluster_indicators"], measured)
    shown |= protection.persisting_firms(context, state.entries)
    weaker = safe_ranges.weaker(settings.disclosure)
    remarks = [*weaker, protection.words_on_releases(context)]
    checker.write(workfolder.here(settings.work, "checker"), shown, audit, settings.disclosure, remarks)
    workfolder.put_back(settings.work, "checker")
    means = _pooled(context, rows, shown)
    if means:
        shown["pooled_paths"] = pd.concat(means.values(), ignore_index=True).drop_duplicates()
    shown |= _one_model(context, rows, shown)
    rows.forget_others()
    shown = {name: rounded(frame) for name, frame in digits.published(shown).items()}
    with replacing(located(settings.out), manifests.PUBLICATION, "out") as draft:
        write_tables(shown, draft)
        workbook.write(shown, facts, draft / "tables.xlsx")
        wanted = pictures.path_diagrams(shown, lambda *slice: context.slices[Slice(*slice)].fit)
        wanted += _of_the_run(context, shown, facts, means)
        wanted += _maps(context, shown)
        drawn = _drawn(context, wanted, draft)
        _pages(context, state, shown, facts, drawn, draft)
        if len(context.countries) > 1:
            page = overview.render(_overview(context, state, shown, facts, failures, drawn))
            (draft / "report.html").write_text(page, encoding="utf-8")
        _manifest(context, shown, facts, draft)
        for path in [draft, *draft.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        record()
    workfolder.put_back(settings.work, "pages")
    ledger.publish(state.entries, _mark(context, state, failures))
    count = sum(len(frame) for frame in shown.values())
    return Outcome(count, count, notes=tuple(weaker))


def _pooled(context: Context, rows: Rows, shown: Tables) -> Tables:
    """Paths pooled as the run asks (`asked`), by country and by wave; empty where it does not."""
    if context.settings.pool is None:
        return {}
    ways: dict[str, tuple[str, ...]] = {"asked": context.settings.pool.over}
    if len(context.countries) > 1:
        ways |= {"by country": ("wave",), "by wave": ("country",)}
    errors = {str(slice): own.fit.primary_error for slice, own in context.slices.items()}
    influences = rows.table("influences")
    return pooled.pooled(shown, influences, ways, errors, _confidence(context))


def _one_model(context: Context, rows: Rows, shown: Tables) -> Tables:
    """One model over all slices of a pool, with its tests; empty where the run does not ask for it."""
    pool = context.settings.pool
    if pool is None or not pool.one_model:
        return {}
    texts = {
        str(slice): models.read(resources.find(own.model), own.model)
        for slice, own in context.slices.items()
        if own.model
    }
    return pooled.one_model(shown, rows.table("moments"), texts, pool.over, _confidence(context))


def _confidence(context: Context) -> float:
    return next(iter(context.slices.values())).fit.confidence


def _of_the_run(context: Context, shown: Tables, facts: dict[str, Any], means: Tables) -> list[Picture]:
    """Forests of a run whose paths are pooled, and of several countries the series."""
    if not means:
        return []
    whole = means["asked"][means["asked"].pool == ALL]
    if "by country" not in means:
        errors = {slice.wave: own.fit.primary_error for slice, own in context.slices.items()}
        by_wave = pooled.of_each_wave(shown["estimates"], errors)
        return pictures.forests(by_wave, whole, context.countries[0])
    waves = list(dict.fromkeys(slice.wave for slice in context.slices))
    broken = {
        slice.partition(" ")[2]
        for slice, stages in facts["slices"].items()
        if stages.get("harmonise", {}).get("detail", {}).get("breaks")
    }
    breaks = [wave for wave in waves[1:] if wave in broken]
    return [
        *pictures.forests(means["by country"], whole),
        *pictures.series(means["by wave"], waves, breaks),
    ]


def _maps(context: Context, shown: Tables) -> list[Picture]:
    """Maps of the regions, where the run names a file of their boundaries."""
    path = context.settings.boundaries
    if path is None:
        return []
    shapes = boundaries.read(path)
    indicators = shown["cluster_indicators"]
    if len(indicators) and not indicators.region.isin(shapes.keys()).any():
        raise InputError(
            f"{path} holds none of the run's regions; take the file of the same version and level of NUTS."
        )
    country = "" if len(context.countries) > 1 else context.countries[0]
    return pictures.maps(indicators, shapes, country)


def _names(context: Context) -> dict[tuple[str, str], tables.Names]:
    """The names of regions and sectors by code, of each slice."""
    return {
        (slice.country, slice.wave): (
            classifications.read(own.regions).names,
            classifications.read(own.sectors).names,
        )
        for slice, own in context.slices.items()
    }


def _measured(context: Context, facts: dict[str, Any]) -> dict[tuple[str, str], changes.Measured]:
    """How each slice measures the indicators, waves in the order of the run file."""
    measured: dict[tuple[str, str], changes.Measured] = {}
    for slice, own in context.slices.items():
        if str(slice) in facts["slices"]:
            stages = facts["slices"][str(slice)]
            of_nuts = (own.nuts.version, own.nuts.level) if own.nuts else None
            measured[slice] = changes.Measured(
                (of_nuts, resources.digest(own.regions)),
                {
                    "complementarity": _source(own.sectors, own.flows),
                    "commonality": _source(own.sectors, own.survey),
                },
                {"commonality": stages.get("harmonise", {}).get("detail", {}).get("breaks", [])},
            )
    return measured


def _source(sectors: str, of: ForeignCodes | None) -> tuple[str, str]:
    """Where the sectors of a file come from: the run's, and the correspondence that leads to them."""
    correspondence = of.correspondence if of else None
    return resources.digest(sectors), resources.digest(correspondence) if correspondence else ""


def _overview(
    context: Context,
    state: Published,
    shown: Tables,
    facts: dict[str, Any],
    failures: Failures,
    drawn: list[tuple[Picture, str]],
) -> Overview:
    def of(kind: str) -> list[dict[str, str]]:
        return [
            {"svg": svg, "caption": picture.caption} for picture, svg in drawn if picture.figure.kind == kind
        ]

    published_countries = {slice.country for slice in state.entries}
    return Overview(
        title=facts["title"],
        study=facts["study"],
        version=facts["version"],
        states={(slice.country, slice.wave): word for slice, word in state.states.items()},
        failures={(slice.country, slice.wave): str(error) for slice, error in failures.items()},
        pages={country: _page(context, country) for country in published_countries},
        withheld=_withheld(shown),
        libraries=facts["libraries"],
        pooled={name: shown[name] for name in over_slices.NAMES if name in shown},
        forests=of("forest"),
        series=of("series"),
        maps=of("map"),
    )


def _mark(context: Context, state: Published, failures: Failures) -> str:
    """What a publication depends on: the program, the settings, the marks of what is published."""
    program, outlines = _program(), context.settings.boundaries
    return fingerprint(
        program.modules,
        program.versions(),
        pages.digest(),
        {name: schemas.table(name).form for name in sorted(program.schemas)},
        context.settings.model_dump(mode="json", exclude=EXECUTION),
        resources.digest(outlines) if outlines else "",
        {
            str(slice): {stage: entry.mark for stage, entry in entries.items()}
            for slice, entries in state.entries.items()
        },
        {str(slice): word for slice, word in state.states.items()},
        {str(slice): str(error) for slice, error in failures.items()},
    )


def _drawn(context: Context, wanted: list[Picture], folder: Path) -> list[tuple[Picture, str]]:
    """The figures as SVG and PNG in the folder, and each with its SVG for the pages."""

    def each(missing: Sequence[Figure]) -> list[Drawn]:
        if len(missing) <= FEW:
            return [figures.draw(figure) for figure in missing]
        return spread(context.spark, figures.draw, missing, partitions=max(2, len(missing) // 16))

    below = folder / "figures" if len(context.countries) > 1 else folder
    if wanted:
        below.mkdir(exist_ok=True)
    drawn = figures.drawn([picture.figure for picture in wanted], _kept(context, "figures"), each)
    with_svg = []
    for picture, files in zip(wanted, drawn, strict=True):
        for ending, content in zip(figures.ENDINGS, (files.svg, files.png), strict=True):
            (below / f"{picture.stem}{ending}").write_bytes(content)
        svg = files.svg.decode()
        with_svg.append((picture, svg[svg.index("<svg") :]))
    return with_svg


def _kept(context: Context, kind: str) -> Path:
    """Where drawings and pages are kept between runs."""
    return workfolder.here(context.settings.work, "pages") / kind


def _pages(
    context: Context,
    state: Published,
    shown: Tables,
    facts: dict[str, Any],
    drawn: list[tuple[Picture, str]],
    folder: Path,
) -> None:
    """One page a country; a run of several has an overview beside them."""
    by_name: dict[str, pages.Page] = {}
    for country in context.countries:
        slices = [slice for slice in state.entries if slice.country == country]
        if not slices:
            continue
        own = {
            name: frame[frame.country == country].reset_index(drop=True)
            for name, frame in shown.items()
            if "country" in frame.columns
        }
        if len(context.countries) == 1:
            own |= {name: shown[name] for name in over_slices.NAMES if name in shown}
        of_country = {**facts, "slices": {str(slice): facts["slices"][str(slice)] for slice in slices}}
        settings: SliceSettings = context.slices[slices[0]]
        mine = {
            kind: [
                {"svg": svg, "caption": picture.caption}
                for picture, svg in drawn
                if picture.country == country and picture.figure.kind == kind
            ]
            for kind in ("path diagram", "map", "forest")
        }
        above = "report.html" if len(context.countries) > 1 else ""
        mark = pages.mark(_program().modules, own, of_country, settings.model_dump(mode="json"), mine, above)
        drawings = (mine["path diagram"], mine["map"], mine["forest"])
        make = partial(report.render, own, of_country, settings, *drawings, above)
        by_name[_page(context, country)] = pages.Page(mark, make)
    for name, text in pages.current(_kept(context, "countries"), by_name).items():
        (folder / name).write_text(text, encoding="utf-8")


def _program() -> sources.Sources:
    """The sources of this stage."""
    return sources.of_module(__name__ if __name__ != "__main__" else "jobs.stages.publish")


def _page(context: Context, country: str) -> str:
    """The name of a country's page."""
    return f"country_{country}.html" if len(context.countries) > 1 else "report.html"


def _manifest(context: Context, shown: Tables, facts: dict[str, Any], folder: Path) -> None:
    """What the publication was made from and what it holds; nothing in it changes from run to run."""
    settings = context.settings.model_dump(mode="json")
    settings["disclosure"] = safe_ranges.published(context.settings.disclosure)
    manifest = {
        **facts,
        "settings": _without_folders(
            {name: section for name, section in settings.items() if name not in EXECUTION}
        ),
        "withheld": _withheld(shown),
    }
    manifests.write(folder, manifest)


def _withheld(shown: Tables) -> dict[str, int]:
    """The withheld cells of each published table."""
    return {
        name: int(sum((frame[column] == WITHHELD).sum() for column in frame if column.endswith("status")))
        for name, frame in shown.items()
    }


def _without_folders(settings: Any, key: str = "") -> Any:
    """The settings with the names of files in the place of their paths, which are the office's own matter."""
    if isinstance(settings, dict):
        return {
            name: _without_folders(part, key if key == "paths" else name) for name, part in settings.items()
        }
    if isinstance(settings, list):
        return [_without_folders(part, key) for part in settings]
    return Path(settings).name if key in FILES and isinstance(settings, str) else settings


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
