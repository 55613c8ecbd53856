"""Simulate: a survey and input-output tables with known parameters, as files of a statistical office."""

from __future__ import annotations

from typing import Any

from jobs.errors import SettingsError
from jobs.output import folders
from jobs.readers import files
from jobs.run.context import Context, Outcome
from jobs.settings import classifications, resources, simulation_parameters
from jobs.settings.inputs import WaveSettings
from jobs.settings.sections import SimulateSettings
from jobs.settings.simulation_parameters import PARAMETERS
from jobs.simulate.files import write
from jobs.simulate.firms import Plan

NAME = "simulate"
TABLES: tuple[str, ...] = ()
READS: tuple[str, ...] = ()


def inputs(context: Context, wave: WaveSettings) -> list[Any]:
    settings = context.settings
    return [
        settings.simulate,
        *[resources.digest(name) for name in (PARAMETERS, settings.regions, settings.sectors)],
    ]


def run(context: Context, wave: WaveSettings, fingerprint: str) -> Outcome:
    settings = context.settings
    chosen = settings.simulate
    if chosen is None:
        raise SettingsError("the run file has no section simulate; there is nothing to simulate.")
    plan = plan_of(context, chosen, wave)
    folder = folders.located(chosen.path, "simulate.path")
    folders_of = {context.settings.country: folder}
    paths, rows = write(context.spark, plan, folders_of, chosen.layout, "simulate.path")
    return Outcome(
        rows,
        rows,
        detail={"files": {path.name: files.sha256(str(path)) for path in paths}, "seed": plan.seed},
    )


def plan_of(context: Context, chosen: SimulateSettings, wave: WaveSettings) -> Plan:
    """The run's country and one wave as a plan."""
    return Plan(
        countries=(context.settings.country,),
        waves=(wave.wave,),
        regions={context.settings.country: classifications.read(context.settings.regions)},
        sectors=classifications.read(context.settings.sectors),
        firms=chosen.firms,
        seed=chosen.seed,
        parameters=simulation_parameters.read(),
        nonresponse=chosen.item_nonresponse,
    )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
