"""The command `diamant`, and each stage as a job of its own."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from jobs import __version__
from jobs.anytable import options
from jobs.errors import InputError, SettingsError
from jobs.places.place import located
from jobs.run import opening
from jobs.run.arguments import Changes, Conf, Countries, Lineage, Log, Waves
from jobs.run.guard import guarded
from jobs.run.json_lines import JsonLines
from jobs.run.progress import Progress
from jobs.stages.order import STAGES

# Libraries of linear algebra read these when they load. The matrices are small: threads wait for each other.
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PAGE = 140  # characters of a line of tables that go to a file

app = typer.Typer(
    name="diamant",
    help="Do regional clusters make firms innovative? "
    "Surveys and input-output tables, linked and modelled on Spark.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 internal, 2 settings or set-up, 3 input, 4 validation, "
    "5 held by another run, 6 disclosure control, 7 too many groups failed, 130 interrupted.",
)


@app.command()
def run(
    conf: Conf,
    wave: Waves = None,
    country: Countries = None,
    set: Changes = None,
    log: Log = "text",
    lineage: Lineage = None,
) -> None:
    """Run every stage that is not up to date and publish tables, figures and the report."""
    chosen = opening.Chosen(conf, wave, country, set)
    progress = JsonLines() if log == "json" else Progress()
    with opening.opened(chosen, STAGES, publishing=True) as context:
        from jobs.run import execute
        from jobs.run import lineage as events

        if lineage is None:
            execute.run(context, progress)
        else:
            told = events.Lineage(progress, context, events.checked(lineage))
            with told.run():
                execute.run(context, told)
        report = located(context.settings.out) / "report.html"
    print(f"Report: {report}", file=sys.stderr if log == "json" else None)


@app.command()
def simulate(
    context: typer.Context,
    conf: Annotated[str | None, typer.Option("--conf", help="run file with a section simulate")] = None,
    wave: Waves = None,
    set: Changes = None,
    out: Annotated[str | None, typer.Option("--out", help="folder for studies made by the options")] = None,
    countries: Annotated[str | None, typer.Option(help="how many, or names with commas [NL]")] = None,
    waves: Annotated[str | None, typer.Option(help="how many, or names with commas [cis2]")] = None,
    regions: Annotated[int | None, typer.Option(help="regions a country [12]")] = None,
    sectors: Annotated[int | None, typer.Option(help="industrial sectors [19]")] = None,
    firms: Annotated[int | None, typer.Option(help="firms a country and wave [9000]")] = None,
    seed: Annotated[int | None, typer.Option(help="the same seed gives the same files [1996]")] = None,
    layout: Annotated[str | None, typer.Option(help="of the tables: biregional or long [biregional]")] = None,
) -> None:
    """Write simulated surveys and tables: those of a run file (--conf), or studies of any size (--out)."""
    options = {
        name: value
        for name, value in context.params.items()
        if value is not None and name not in ("conf", "wave", "set", "out")
    }
    if conf is not None and out is None and not options:
        _run_until("simulate", opening.Chosen(conf, wave, None, set))
    elif out is not None and conf is None and not wave and not set:
        print(f"Run file: {_simulated(options, out)}")
    else:
        raise SettingsError("simulate takes --conf with --wave and --set, or --out with the other options.")


@app.command()
def validate(conf: Conf, wave: Waves = None, country: Countries = None, set: Changes = None) -> None:
    """Read, harmonise and validate the input; nothing is fitted or published."""
    _run_until("validate", opening.Chosen(conf, wave, country, set))


@app.command()
def fit(
    context: typer.Context,
    conf: Annotated[str | None, typer.Option("--conf", help="run file: fit its study's model")] = None,
    wave: Waves = None,
    set: Changes = None,
    data: options.Data = None,
    model: options.Model = None,
    groups: options.Groups = None,
    clusters: options.Clusters = None,
    weights: options.Weights = None,
    estimator: options.Estimator = None,
    missing: options.Missing = None,
    ordered: options.Ordered = None,
    parameterization: options.Parameterization = None,
    error: options.Error = None,
    pool: options.Pool = None,
    family: options.Family = None,
    equal: options.Equal = None,
    free: options.Free = None,
    invariance: options.Invariance = None,
    hypotheses: options.Hypotheses = None,
    diagnosis: options.Diagnosis = None,
    jackknife: options.Jackknife = None,
    working: options.Working = None,
    bootstrap: options.Bootstrap = None,
    seed: options.Seed = None,
    confidence: options.Confidence = None,
    max_failed: options.MaxFailed = None,
    publish: options.Publish = None,
    out: options.Out = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    encoding: options.Encoding = None,
    sheet: options.Sheet = None,
    skip: options.Skip = None,
    until: options.Until = None,
    na: options.Na = None,
    spark: options.Spark = None,
) -> None:
    """Fit a model: that of a run file (--conf; nothing is published), or one to any table (--data).

    The files of --data are the user's own working files, unless --publish sends them through disclosure
    control.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    of_a_table = options.of_a_table(given)
    if conf is None:
        print(f"Tables: {_with_table(options.request(given), spark or [])}")
    elif of_a_table:
        raise SettingsError(f"--{of_a_table[0]} goes with --data, not with --conf; leave one of them out.")
    else:
        _run_until("fit", opening.Chosen(conf, wave, None, set))


@app.command()
def describe(
    file: Annotated[str, typer.Argument(help="survey or input-output table, of any format that is read")],
    draft: Annotated[
        str | None,
        typer.Option(
            "--draft", help="folder to write a wave map, classifications, a model and a run file to"
        ),
    ] = None,
    sheet: options.Sheet = None,
    skip: options.Skip = None,
    until: options.Until = None,
    separator: Annotated[str | None, typer.Option("--separator", help="if it is guessed wrongly")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="if it is guessed wrongly")] = None,
) -> None:
    """Tell what a file is, and write drafts of the files that read it: the first thing to do with new data.

    No value is shown that fewer than ten rows share.
    """
    from jobs.describe import job, output
    from jobs.readers.dialect import Dialect

    given = {"sheet": sheet, "skip": skip, "until": until, "separator": separator, "encoding": encoding}
    known = Dialect(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    described = job.describe(file, known)
    output.show(described, _console())
    if draft is not None:
        print("Drafts: " + ", ".join(job.write(described, draft)))


@app.command()
def waves(
    maps: Annotated[
        list[str] | None, typer.Argument(help="wave maps; those of conf/waves where none is named")
    ] = None,
) -> None:
    """Show which concepts each wave has: measured, derived or absent, and how sure the columns' names are."""
    from jobs.describe import waves as overview
    from jobs.settings import wave_maps

    chosen = {name: wave_maps.read(name) for name in maps or overview.known()}
    shown = _console()
    shown.print(overview.table(chosen))
    for line in overview.reasons(chosen):
        shown.print(line, markup=False)


@app.command()
def regions(
    matrices: Annotated[str, typer.Argument(help="folder of conversion matrices, as the JRC gives them")],
    country: Annotated[str, typer.Option("--country", help="two letters, such as NL")],
    version: Annotated[str, typer.Option("--nuts", help="version of NUTS, such as 2016")],
    level: Annotated[int, typer.Option("--level", min=0, max=3)] = 2,
) -> None:
    """Print a country's regions in a version of NUTS as a file of regions; names are left to be filled in."""
    from jobs.describe import regions as of_nuts
    from jobs.settings.nuts import NutsSettings

    settings = NutsSettings(matrices=matrices, version=version, level=level)
    print(of_nuts.classification(settings, country), end="")


@app.command()
def plan(
    conf: Conf,
    wave: Waves = None,
    country: Countries = None,
    set: Changes = None,
    show: Annotated[
        str | None,
        typer.Option("--show", help="a slice, such as DE/cis3: its settings, and where each is from"),
    ] = None,
) -> None:
    """Show what `run` would do, and why, without writing; look at the headers of the input."""
    chosen = opening.Chosen(conf, wave, country, set)
    if show is not None:
        for line in opening.settings_of(chosen, show):
            print(line)
        return
    with opening.opened(chosen, STAGES, writing=False, publishing=True) as context:
        from jobs.run import plan as plans

        ledger, _ = plans.opened(context)
        steps = plans.plan(context, ledger)
        misfits = plans.misfits(context, ledger)
    from rich.table import Table

    table = Table("stage", "slice", "would run", "because")
    for step in plans.summed(steps):
        table.add_row(
            step.stage, step.slice, "yes" if step.reason else "no", step.reason or "it is up to date"
        )
    Console(soft_wrap=True).print(table)
    if misfits:
        raise InputError("the run would stop: " + " ".join(misfits))


@app.command()
def releases(
    conf: Conf,
    set: Changes = None,
    withdraw: Annotated[
        int | None, typer.Option("--withdraw", help="number of a release to compare no more")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="why it is withdrawn; kept in its record")] = "",
) -> None:
    """List the releases that a publication is held against; take one out that never left, or by decision."""
    records = opening.records(opening.Chosen(conf, None, None, set))
    if withdraw is not None:
        records.withdraw(withdraw, reason)
    from rich.table import Table

    table = Table("release", "study", "slices", "sets", "threshold", "withdrawn")
    for words in records.all():
        shown = (words["number"], words["study"], len(words["slices"]), words["sets"], words["threshold"])
        table.add_row(*map(str, shown), words["withdrawn"])
    Console(soft_wrap=True).print(table)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="show the version")] = False) -> None:
    if version:
        print(f"diamant {__version__}")
        raise typer.Exit()


def main() -> None:
    """Entry of the command `diamant`: every error becomes one line and the exit code of its kind."""
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    # Libraries that load make many objects that stay; to look through them for garbage as often as Python
    # does, and at its end, takes a fifth of a small fit.
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)
    guarded(app)


def _console() -> Console:
    """Where tables are printed: as wide as the terminal, or as a page."""
    console = Console()
    return console if console.is_terminal else Console(width=PAGE)


def _run_until(stage: str, chosen: opening.Chosen) -> None:
    """Run what is not up to date, up to and with a stage; nothing is published."""
    with opening.opened(chosen, STAGES) as context:
        from jobs.run import execute

        execute.run(context, Progress(), stage)


def _simulated(options: dict[str, Any], out: str) -> Path:
    """Write studies of any size."""
    from jobs.output import folders
    from jobs.simulate import studies as simulated

    wanted = simulated.wanted(options)
    place = folders.located(out, simulated.LABEL)
    simulated.check(wanted, place)
    os.umask(0o077)
    return simulated.studies(wanted, place, Progress().say)


def _with_table(request: Any, changes: list[str]) -> str:
    """Fit a table: in this process where it is small, else in a session of its own."""
    from jobs.anytable import job
    from jobs.output import rooms
    from jobs.spark import alone

    out = job.check(request)
    os.umask(0o077)
    rooms.sweep(out.parent / alone.TARGET)  # what a killed fit left on Spark's disk
    if not changes and (table := job.in_process(request)):
        return job.run(request, table, Progress())
    with opening.session(options.spark_settings(changes), "fit", out) as spark:
        from jobs.anytable.on_spark import SparkTable

        return job.run(request, SparkTable(spark, request), Progress())
