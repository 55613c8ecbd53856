"""A run file as typed, checked settings. Unknown keys are errors; no setting holds SQL or code."""

from __future__ import annotations

from pydantic import Field, ValidationError, field_validator

from jobs.errors import SettingsError
from jobs.settings import resources
from jobs.settings.changes import lay_over
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
from jobs.settings.wording import fault

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


def read(path: str, changes: list[str] | None = None, waves: list[str] | None = None) -> RunSettings:
    """The run file at `path` with `key.sub=value` changes laid over it, cut to the named waves.

    Raises SettingsError naming the key that is wrong.
    """
    from jobs.settings import coherence  # it reads models, and the statistics take a second to import

    raw = resources.read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError(f"{path} holds no settings; start from a file of conf/runs.")
    for change in changes or []:
        lay_over(raw, change)
    try:
        settings = RunSettings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{path}: {fault(error)}; mend it or see docs/settings.md.") from None
    names = [wave.wave for wave in settings.waves]
    if waves:
        unknown = sorted(set(waves) - set(names))
        if unknown:
            raise SettingsError(f"{path} has no wave {unknown[0]}; it has {', '.join(names)}.")
        settings = settings.model_copy(
            update={"waves": tuple(wave for wave in settings.waves if wave.wave in waves)}
        )
    coherence.check(settings, path)
    return settings
