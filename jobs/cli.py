"""The command `diamant`, and each stage as a job of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from jobs import __version__, java
from jobs.anytable import options
from jobs.errors import INTERRUPTED, DiamantError, SettingsError, scrub
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
    report = _with_context(conf, wave, set, lambda context, pipeline: pipeline.run(context, Progress()))
    print(f"Report: {Path(report).resolve()}")


@app.command()
def simulate(conf: Conf, wave: Waves = None, set: Changes = None) -> None:
    """Write the simulated survey and input-output tables that the run file describes."""
    _with_context(conf, wave, set, lambda context, pipeline: pipeline.run(context, Progress(), "simulate"))


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
    bootstrap: options.Bootstrap = None,
    seed: options.Seed = None,
    confidence: options.Confidence = None,
    max_failed: options.MaxFailed = None,
    out: options.Out = None,
    separator: options.Separator = None,
    decimal: options.Decimal = None,
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
    """Show what `run` would do, and why, without writing."""
    steps = _with_context(conf, wave, set, lambda context, pipeline: pipeline.plan(context), writing=False)
    table = Table("stage", "wave", "would run", "because")
    for step in steps:
        table.add_row(
            step.stage, step.wave, "yes" if step.reason else "no", step.reason or "it is up to date"
        )
    Console(soft_wrap=True).print(table)


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
        _with_context(conf, wave, set, lambda context, pipeline: pipeline.run_one(context, Progress(), name))

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
    writing: bool = True,
) -> Any:
    """Read the settings, start Spark, do the work, stop Spark. Files made are for the user alone."""
    from jobs import settings as settings_module

    settings = settings_module.read(conf, changes, waves)
    os.umask(0o077)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java.check()
    from jobs import pipeline, session
    from jobs.context import Context
    from jobs.tables import Tables

    if writing:
        Path(settings.work).mkdir(parents=True, exist_ok=True, mode=0o700)
    spark = session.start(settings.spark, settings.study)
    try:
        return work(Context(spark, settings, Tables(spark, f"{settings.work}/tables")), pipeline)
    finally:
        spark.stop()


def _with_table(request: Any, changes: list[str]) -> str:
    """Fit a table in a session of its own. Files made are for the user alone."""
    from jobs import session
    from jobs.anytable import job

    job.check(request)
    os.umask(0o077)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java.check()
    spark = session.start(options.spark_settings(changes), "fit")
    try:
        return job.run(request, spark, Progress())
    finally:
        spark.stop()


def _guarded(command: Callable[[], Any]) -> None:
    def stop(_signal: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        command()
    except DiamantError as error:
        print(f"diamant: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("diamant: interrupted; the same command takes it up again.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except Exception as error:
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
