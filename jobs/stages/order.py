"""The stages in their order, each imported when it is needed; and a stage as a job of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

from jobs.run.arguments import Changes, Conf, Countries, Waves
from jobs.run.guard import guarded

ORDER = ("simulate", "ingest", "harmonise", "validate", "indicators", "link", "fit", "publish")


class Stages(Mapping[str, Any]):
    """The modules of the stages by name, in the order of a run. Some bring heavy libraries."""

    def __getitem__(self, name: str) -> Any:
        if name not in ORDER:
            raise KeyError(name)
        return import_module(f"jobs.stages.{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(ORDER)

    def __len__(self) -> int:
        return len(ORDER)


STAGES = Stages()


def stage_job(name: str) -> None:
    """Entry of a stage that spark-submit runs as a job of its own, with the arguments of `diamant run`."""
    job = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @job.command(name=name, help=f"The stage {name} alone, whether up to date or not.")
    def _job(conf: Conf, wave: Waves = None, country: Countries = None, set: Changes = None) -> None:
        from jobs.run import execute, opening
        from jobs.run.progress import Progress

        chosen = opening.Chosen(conf, wave, country, set)
        with opening.opened(chosen, STAGES, publishing=name == "publish") as context:
            execute.run_one(context, Progress(), name)

    guarded(job)
