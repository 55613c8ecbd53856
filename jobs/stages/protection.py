"""What publish does before anything leaves: disclosure control, and a look at earlier releases."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pyspark.sql import SparkSession

from jobs.output.kept import Kept
from jobs.publish import commonality, counts, persisting, releases, tables
from jobs.publish.commonality import Shares
from jobs.publish.counts import Counted, Guarded
from jobs.run.context import Context
from jobs.run.fingerprints import fingerprint
from jobs.run.records import Records
from jobs.run.rows import Rows
from jobs.run.sources import Sources
from jobs.settings.slices import Slice
from jobs.spark.frames import collected, local
from jobs.spark.spread import spread
from jobs.transforms.indicators import largest_weights
from jobs.transforms.partner_origin import in_the_sample, partner_origin
from jobs.transforms.persisting import PAIRS, in_both
from jobs.transforms.sketches import sketches

Tables = dict[str, pd.DataFrame]
FEW, MANY = 12, 400  # slices whose counts, and shares, are searched on the driver
Question = TypeVar("Question", Counted, Shares)


def protected(context: Context, rows: Rows, program: Sources, folder: Path) -> tuple[Tables, pd.DataFrame]:
    """The tables of all slices after disclosure control, and its audit for the office.

    What is withheld of each slice is kept in `folder` between runs.
    """
    settings = context.settings
    counted = Answers(context.session, program, folder / "counts", FEW)
    shares = Answers(context.session, program, folder / "shares", MANY)
    return tables.protected(
        _read(context, rows),
        settings.disclosure,
        settings.size_classes,
        lambda asked: [Guarded.read(text) for text in counted.of(_guard, asked)],
        lambda asked: [json.loads(text) for text in shares.of(_choose, asked)],
    )


def held_against_releases(context: Context, rows: Rows, shown: Tables) -> Callable[[], None]:
    """What records this publication as a release, once it is whole.

    Nothing is recorded where the run file names no folder for it. Raises DisclosureStopped where it
    and an earlier release together would tell of few firms.
    """
    settings = context.settings
    if settings.releases is None:
        return lambda: None
    records = Records(Path(settings.releases))
    records.open()
    edges, key = settings.size_classes, records.key
    name = f"sketches-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
    made = rows.made(name, ["survey", "linked"], lambda survey, linked: sketches(survey, linked, edges, key))
    sets = releases.published_sets(made, shown)
    earlier, threshold = records.standing(), settings.disclosure.threshold
    releases.stop(releases.breaches(sets, earlier, threshold))
    if earlier and releases.is_the_same(sets, earlier[-1]):
        return lambda: None
    return lambda: records.add(settings.study, threshold, sets)


def words_on_releases(context: Context) -> str:
    """For the output checker: which earlier releases this publication was held against."""
    folder = context.settings.releases
    if folder is None:
        return "No earlier release was looked at: the run file names no folder of their records (`releases`)."
    numbers = ", ".join(map(str, Records(Path(folder)).numbers()))
    return (
        f"No set of firms differs by few from those of these earlier releases: {numbers or 'there are none'}."
    )


def persisting_firms(context: Context, published: Collection[Slice]) -> Tables:
    """Firms that stand in two waves, where identifiers persist; empty where no country says so."""
    pairs: list[tuple[str, str, str]] = []
    for country in context.countries:
        waves = [
            slice.wave
            for slice, own in context.slices.items()
            if slice in published and slice.country == country
            if own.survey and own.survey.identifiers == "persistent"
        ]
        pairs += [(country, wave, before) for before, wave in pairwise(waves)]
    if not pairs:
        return {}
    named = local(context.spark, pairs, PAIRS)
    both = in_both(context.tables.read("survey", [{"country": country} for country, *_ in pairs]), named)
    every = pd.DataFrame(pairs, columns=persisting.KEYS)
    threshold = context.settings.disclosure.threshold
    return {"persisting_firms": persisting.rounded(collected(both), every, threshold)}


def _guard(counted: Counted) -> str:
    return counts.guard(counted).written()


def _choose(shares: Shares) -> str:
    return json.dumps(commonality.withheld(shares))


@dataclass(frozen=True)
class Answers:
    """What was searched for each country's wave, kept in `folder`; what changed is searched again.

    `few`: so many are searched on the driver, since to start Python on executors takes as long.
    """

    spark: Callable[[], SparkSession]
    program: Sources
    folder: Path
    few: int

    def of(self, search: Callable[[Question], str], asked: Sequence[Question]) -> list[str]:
        """The answer of `search` to each, as text: that of a run before to the same, or a new one."""
        kept = Kept(self.folder)
        program = self.program.modules, self.program.versions()
        marks = [fingerprint(*program, each.content()) for each in asked]
        answers = {mark: kept.get(mark, ".json") for mark in marks}
        missing = {mark: each for mark, each in zip(marks, asked, strict=True) if answers[mark] is None}
        wanted = list(missing.values())
        on_driver = len(wanted) <= self.few
        searched = list(map(search, wanted)) if on_driver else spread(self.spark(), search, wanted)
        for mark, new in zip(missing, searched, strict=True):
            answers[mark] = new.encode()
            kept.put(mark, ".json", new.encode())
        kept.forget_others()
        return [answer.decode() for answer in map(answers.get, marks) if answer is not None]


def _read(context: Context, rows: Rows) -> Tables:
    """The tables that are to be published, of all slices, and what disclosure control asks beside them."""
    diagnosis = any(own.fit.diagnosis for own in context.slices.values())
    bootstrap = any(own.fit.bootstrap for own in context.slices.values())
    wanted = tables.names(diagnosis, bootstrap)
    raw = {name: rows.table(name) for name in [*wanted, "support"] if name != "partner_origin"}
    edges = context.settings.size_classes
    return {
        **raw,
        "partner_origin": rows.made(
            "partner_origin", ["survey"], lambda survey: partner_origin(survey, edges)
        ),
        "in_the_sample": rows.made(
            "in_the_sample", ["survey", "linked"], lambda survey, linked: in_the_sample(survey, linked, edges)
        ),
        "largest_weights": rows.made("largest_weights", ["survey"], largest_weights),
    }
