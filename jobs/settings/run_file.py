"""A run file as typed, checked settings. Unknown keys are errors; no setting holds SQL or code."""

from __future__ import annotations

from pydantic import Field, field_validator

from jobs.settings.inputs import FlowsInput, SurveyInput, WaveSettings
from jobs.settings.section import FilePath, Name, Section, Text
from jobs.settings.sections import (
    MOST_EMPLOYEES,
    DisclosureSettings,
    FitSettings,
    GroupSettings,
    IndicatorSettings,
    SampleSettings,
    SimulateSettings,
    SparkSettings,
)

__all__ = ["FlowsInput", "Name", "Section", "SurveyInput", "WaveSettings"]

MOST_SIZE_CLASSES = 20


class RunSettings(Section):
    """A run file of conf/runs."""

    study: Name
    title: Text
    country: Name
    regions: FilePath = Field(description="regions, a file of conf/classifications")
    sectors: FilePath = Field(description="sectors, a file of conf/classifications")
    work: FilePath = Field(description="folder of the tables; holds micro data")
    out: FilePath = Field(description="folder of the published files")
    waves: tuple[WaveSettings, ...] = Field(min_length=1)
    simulate: SimulateSettings | None = None
    indicators: IndicatorSettings = IndicatorSettings()
    sample: SampleSettings = SampleSettings()
    size_classes: tuple[int, ...] = Field((10, 50, 250), min_length=1, max_length=MOST_SIZE_CLASSES)
    groups: GroupSettings = GroupSettings()
    model: FilePath | None = Field(None, description="model, a file of conf/models in lavaan syntax")
    fit: FitSettings = FitSettings()
    disclosure: DisclosureSettings = DisclosureSettings()
    spark: SparkSettings = SparkSettings()

    @field_validator("size_classes")
    @classmethod
    def _edges_ascend(cls, given: tuple[int, ...]) -> tuple[int, ...]:
        if not all(1 <= edge <= MOST_EMPLOYEES for edge in given) or sorted(set(given)) != list(given):
            raise ValueError(
                f"are whole numbers from 1 to {MOST_EMPLOYEES} in rising order, such as [10, 50]"
            )
        return given

    @field_validator("waves")
    @classmethod
    def _waves_differ(cls, given: tuple[WaveSettings, ...]) -> tuple[WaveSettings, ...]:
        if len({wave.wave for wave in given}) < len(given):
            raise ValueError("a wave stands there twice; each needs a name of its own")
        return given
