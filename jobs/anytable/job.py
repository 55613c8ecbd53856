"""The steps of `diamant fit --data` in their order."""

from __future__ import annotations

from dataclasses import replace

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.anytable import output, results, source
from jobs.anytable.request import Request
from jobs.errors import FitsFailed, InputError
from jobs.fits import groups as fits
from jobs.fits import joint
from jobs.fits.groups import GROUP
from jobs.run.progress import Progress
from jobs.spark.frames import quoted
from jobs.spark.tables import collected


def check(request: Request) -> None:
    """What can be known before Spark starts. Raises SettingsError, InputError."""
    output.check(request)
    source.form_of(request.data)


def run(request: Request, spark: SparkSession, progress: Progress, few: int = fits.FEW) -> str:
    """Read, fit, write; the folder that was written. `few`: most groups that are fitted on the driver.

    Raises SettingsError, InputError; FitsFailed once all is written, where more groups failed than allowed.
    """
    out = output.check(request)
    rows = source.read(spark, request)
    table = rows.frame.persist(StorageLevel.MEMORY_AND_DISK)
    try:
        total, notes = source.check(table, request, rows.count)
        cases = source.cases(table, request)
        groups = _groups(cases, request)
        progress.say(f"{total:,} cases in {len(groups.keys):,} groups read")
        for note in notes:
            progress.say(note)
        found = _found(cases, groups, request, progress, few)
    finally:
        table.unpersist()
    tables = results.tables(found, groups, request)
    output.write(tables, request, out)
    failed, count = results.failed(tables["status"]), len(groups.keys)
    lost = count if request.joint and len(failed) else len(failed)
    progress.say(f"{count - lost:,} groups fitted, {lost:,} without a trustworthy fit")
    progress.say("These are working files: nothing in them has passed disclosure control.")
    if lost > request.max_failed:
        raise FitsFailed(
            f"{lost} of {count} groups have no trustworthy fit: {results.words(failed)} "
            f"All else is in {request.out}; mend the model or the groups, or raise --max-failed."
        )
    return str(out)


def _found(
    cases: DataFrame, groups: results.Groups, request: Request, progress: Progress, few: int
) -> fits.Fits:
    """All groups at once where that is asked, else one by one."""
    if request.together:
        joint.check(list(groups.keys.group), request)
    if request.joint:
        return joint.fit(cases, request)
    asked = fits.Asked(request.text, request.settings, request.bootstrap, request.seed)
    with progress.counted("bootstrap") as told:
        found = fits.fit(cases, asked, len(groups.keys), few, told)
    return replace(found, invariance=joint.invariance(cases, request)) if request.invariance else found


def _groups(cases: DataFrame, request: Request) -> results.Groups:
    """The groups by name, and the pools whose groups share clusters. Raises InputError."""
    columns = [F.col(quoted(column)) for column in request.groups]
    keys = collected(cases.select(F.col(GROUP).alias("group"), *columns).distinct())
    keys = keys.sort_values(list(keys.columns), kind="stable").reset_index(drop=True)
    if keys.group.duplicated().any():
        raise InputError(
            f"{request.data}: two combinations of {', '.join(request.groups)} give a group the same name; "
            "take commas out of their values."
        )
    column = request.chosen_error.partition(":")[2]
    return results.Groups(keys, _sharing(cases, request, column) if column and request.pool else frozenset())


def _sharing(cases: DataFrame, request: Request, column: str) -> frozenset[str]:
    kept = [name for name in request.groups if name not in request.pool]
    pool = F.concat_ws(source.JOIN, *[F.col(quoted(name)) for name in kept]) if kept else F.lit("all")
    counts = cases.groupBy(pool.alias("pool"), quoted(column)).agg(F.countDistinct(GROUP).alias("groups"))
    shared = counts.where(F.col("groups") > 1).select("pool").distinct()
    return frozenset(row["pool"] for row in shared.collect())
