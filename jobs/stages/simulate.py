"""Simulate: a survey and input-output tables with known parameters, as files of a statistical office."""

from __future__ import annotations

from typing import Any

from jobs.errors import SettingsError
from jobs.output import folders
from jobs.readers import files
from jobs.run.context import Batch, Outcome, Results
from jobs.settings import classifications, resources, simulation_parameters
from jobs.settings.sections import SimulateSettings
from jobs.settings.simulation_parameters import PARAMETERS
from jobs.settings.slices import SliceSettings
from jobs.simulate.files import write
from jobs.simulate.firms import Plan
from jobs.spark.tables import Tables

NAME = "simulate"
TABLES: tuple[str, ...] = ()
ROWS: tuple[str, ...] = ()
READS: tuple[str, ...] = ()


def inputs(settings: SliceSettings, tables: Tables) -> list[Any]:
    return [
        settings.simulate,
        *[resources.digest(name) for name in (PARAMETERS, settings.regions, settings.sectors)],
    ]


def run(batch: Batch) -> Results:
    results = Results()
    for slice, settings in batch.slices.items():
        chosen = settings.simulate
        if chosen is None:
            raise SettingsError("the run file has no section simulate; there is nothing to simulate.")
        plan = plan_of(settings, chosen)
        folder = folders.located(chosen.path, "simulate.path")
        paths, rows = write(plan, folder, chosen.layout, "simulate.path")
        written = {path.name: files.sha256(str(path)) for path in paths}
        results.outcomes[slice] = Outcome(rows, rows, detail={"files": written, "seed": plan.seed})
    return results


def plan_of(settings: SliceSettings, chosen: SimulateSettings) -> Plan:
    """A slice as a plan."""
    return Plan(
        country=settings.country,
        wave=settings.wave,
        regions=classifications.read(settings.regions),
        sectors=classifications.read(settings.sectors),
        firms=chosen.firms,
        seed=chosen.seed,
        parameters=simulation_parameters.read(),
        nonresponse=chosen.item_nonresponse,
    )


if __name__ == "__main__":
    from jobs.stages.order import stage_job

    stage_job(NAME)
