"""The command `diamant`, and each stage as a job of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jobs import __version__, failures, java
from jobs.anytable import options
from jobs.errors import INTERRUPTED, DiamantError, InputError, SettingsError, scrub
from jobs.progress import Progress

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

Conf = Annotated[str, typer.Option("--conf", help="run file, such as conf/runs/demo.yaml")]
Waves = Annotated[list[str] | None, typer.Option("--wave", help="only this wave; may be repeated")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="key.sub=value laid over the run file; may be repeated")
]


@app.command()
def run(conf: Conf, wave: Waves = None, set: Changes = None) -> None:
    """Run every stage that is not up to date and publish tables, figures and the report."""
    # While one core starts the JVM, another imports what the later stages need: some seconds of a short run.
    threading.Thread(target=_import_stages, daemon=True).start()
    report = _with_context(
        conf, wave, set, lambda context, pipeline: pipeline.run(context, Progress()), publishing=True
    )
    print(f"Report: {Path(report).resolve()}")


@app.command()
def simulate(
    context: typer.Context,
    conf: Annotated[str | None, typer.Option("--conf", help="run file with a section simulate")] = None,
    wave: Waves = None,
    set: Changes = None,
    out: Annotated[str | None, typer.Option("--out", help="folder for studies made by the options")] = None,
    countries: Annotated[str | None, typer.Option(help="names with commas between them [NL]")] = None,
    waves: Annotated[str | None, typer.Option(help="names with commas between them [cis2]")] = None,
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
        _with_context(conf, wave, set, lambda given, pipeline: pipeline.run(given, Progress(), "simulate"))
    elif out is not None and conf is None and not wave and not set:
        for made in _simulated(options, out):
            print(f"Run file: {made}")
    else:
        raise SettingsError("simulate takes --conf with --wave and --set, or --out with the other options.")


@app.command()
def validate(conf: Conf, wave: Waves = None, set: Changes = None) -> None:
    """Read, harmonise and validate the input; nothing is fitted or published."""
    _with_context(conf, wave, set, lambda context, pipeline: pipeline.run(context, Progress(), "validate"))


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
    error: options.Error = None,
    pool: options.Pool = None,
    family: options.Family = None,
    equal: options.Equal = None,
    free: options.Free = None,
    invariance: options.Invariance = None,
    hypotheses: options.Hypotheses = None,
    diagnosis: options.Diagnosis = None,
    bootstrap: options.Bootstrap = None,
    seed: options.Seed = None,
    confidence: options.Confidence = None,
    max_failed: options.MaxFailed = None,
    out: options.Out = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
    thousands: options.Thousands = None,
    encoding: options.Encoding = None,
    na: options.Na = None,
    spark: options.Spark = None,
) -> None:
    """Fit a model: that of a run file (--conf; nothing is published), or one to any table (--data).

    The files of --data are the user's own working files: nothing in them has passed disclosure control.
    """
    given = {name: value for name, value in context.params.items() if value not in (None, [], ())}
    of_a_table = options.of_a_table(given)
    if conf is None:
        print(f"Tables: {_with_table(options.request(given), spark or [])}")
    elif of_a_table:
        raise SettingsError(f"--{of_a_table[0]} goes with --data, not with --conf; leave one of them out.")
    else:
        _with_context(conf, wave, set, lambda context, pipeline: pipeline.run(context, Progress(), "fit"))


@app.command()
def plan(conf: Conf, wave: Waves = None, set: Changes = None) -> None:
    """Show what `run` would do, and why, without writing; look at the headers of the input."""
    steps, misfits = _with_context(
        conf,
        wave,
        set,
        lambda context, pipeline: (
            planned := pipeline.plan(context),
            pipeline.misfits(context, planned),
        ),
        writing=False,
        publishing=True,
    )
    table = Table("stage", "wave", "would run", "because")
    for step in steps:
        table.add_row(
            step.stage, step.wave, "yes" if step.reason else "no", step.reason or "it is up to date"
        )
    Console(soft_wrap=True).print(table)
    if misfits:
        raise InputError("the run would stop: " + " ".join(misfits))


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="show the version")] = False) -> None:
    if version:
        print(f"diamant {__version__}")
        raise typer.Exit()


def main() -> None:
    """Entry of the command `diamant`: every error becomes one line and the exit code of its kind."""
    _guarded(app)


def stage_job(name: str) -> None:
    """Entry of a stage run as a job of its own by spark-submit, with the arguments of `diamant run`."""
    job = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @job.command(name=name, help=f"The stage {name} alone, whether up to date or not.")
    def _job(conf: Conf, wave: Waves = None, set: Changes = None) -> None:
        _with_context(
            conf,
            wave,
            set,
            lambda context, pipeline: pipeline.run_one(context, Progress(), name),
            publishing=name == "publish",
        )

    _guarded(job)


def _import_stages() -> None:
    from jobs import pipeline

    for name in pipeline.ORDER:
        pipeline.stage(name)
    import_module("great_expectations")


def _with_context(
    conf: str,
    waves: list[str] | None,
    changes: list[str] | None,
    work: Callable[[Any, Any], Any],
    *,
    writing: bool = True,
    publishing: bool = False,
) -> Any:
    """Read the settings, look at the folders, start Spark, do the work, stop Spark."""
    from jobs import settings as settings_module

    settings = _with_folders(settings_module.read(conf, changes, waves), conf, writing, publishing)
    with _session(settings.spark, settings.study) as spark:
        from jobs import pipeline
        from jobs.context import Context
        from jobs.tables import Tables

        return work(Context(spark, settings, Tables(spark, f"{settings.work}/tables")), pipeline)


def _with_folders(settings: Any, conf: str, writing: bool, publishing: bool) -> Any:
    """The settings with whole paths, once it is certain that the run can lose no file but its own.

    A publication that a killed run left halfway is put back, whatever becomes of this run.
    """
    from jobs import folders, workfolder
    from jobs.output import manifests, publication, rooms

    settings = folders.checked(settings, conf)
    out, work = Path(settings.out), Path(settings.work)
    if writing:
        rooms.sweep(out)
    if publishing:
        publication.check(out, manifests.PUBLICATION, "out")
    workfolder.check(work, [wave.wave for wave in settings.waves])
    if writing:
        workfolder.claim(work)
    return settings


@contextmanager
def _session(settings: Any, name: str) -> Iterator[Any]:
    """Spark while this holds; files made meanwhile are for the user alone."""
    os.umask(0o077)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java.check()
    from jobs import session

    spark = session.start(settings, name)
    # PySpark's own handler asks the JVM for something while its last answer is still being read.
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield spark
    finally:
        spark.stop()
        signal.signal(signal.SIGINT, before)


def _simulated(options: dict[str, Any], out: str) -> list[Path]:
    """Write studies of any size in a session of their own."""
    from jobs import folders, simulated
    from jobs.settings import SparkSettings

    for name in {"countries", "waves"} & set(options):
        options[name] = options[name].split(",")
    asked = simulated.wanted(options)
    place = folders.located(out, simulated.LABEL)
    simulated.check(asked, place)
    with _session(SparkSettings(small=asked.firms <= simulated.LARGE), "simulate") as spark:
        return simulated.studies(spark, asked, place, Progress().say)


def _with_table(request: Any, changes: list[str]) -> str:
    """Fit a table in a session of its own."""
    from jobs.anytable import job

    job.check(request)
    with _session(options.spark_settings(changes), "fit") as spark:
        return job.run(request, spark, Progress())


def _interrupt(_signal: int = 0, _frame: Any = None) -> None:
    """End at once: a run can be killed at any point, and the JVM ends when this process does."""
    cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # the spinner hides it
    line = f"{cursor}diamant: interrupted; the same command takes it up again.\n"
    os.write(2, line.encode())
    os._exit(INTERRUPTED)


def _guarded(command: Callable[[], Any]) -> None:
    if not sys.warnoptions:  # libraries warn of their own matters between the lines of progress
        warnings.simplefilter("ignore")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        command()
    except DiamantError as error:
        print(f"diamant: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        if refused := failures.explained(error):
            print(f"diamant: {refused}", file=sys.stderr)
            sys.exit(refused.exit_code)
        # Frames only: the message of an exception may quote the data.
        where = traceback.extract_tb(error.__traceback__)[-1]
        own = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if "jobs" in Path(frame.filename).parts
        ]
        place = own[-1] if own else where
        print(
            f"diamant: internal error ({scrub(error)}) in {Path(place.filename).name}, line {place.lineno}; "
            "the tables are as they were before this stage. Please report this line.",
            file=sys.stderr,
        )
        sys.exit(1)
