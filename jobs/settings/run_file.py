"""A run file as typed, checked settings. Unknown keys are errors; no setting holds SQL or code."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, PrivateAttr, field_validator

from jobs.settings.inputs import FlowsInput, SurveyInput, WaveSettings
from jobs.settings.nuts import NutsSettings
from jobs.settings.section import FilePath, Name, Section, Text
from jobs.settings.sections import (
    MOST_EMPLOYEES,
    DisclosureSettings,
    FitSettings,
    GroupSettings,
    IndicatorSettings,
    SampleSettings,
    SimulateSettings,
)
from jobs.settings.session import SparkSettings
from jobs.settings.slices import Slice, SliceSettings

__all__ = ["FlowsInput", "Name", "Section", "SurveyInput", "WaveSettings"]

MOST_SIZE_CLASSES = 20


class PoolSettings(Section):
    """Paths pooled over slices: one mean of each path with its uncertainty."""

    over: tuple[Literal["country", "wave"], ...] = Field(
        ("country", "wave"), min_length=1, description="what the mean is taken over; the other stays apart"
    )
    one_model: bool = Field(
        False,
        description="fit one model of all slices of a pool too: equal loadings and paths, free intercepts, "
        "and test that they are equal; estimator ml with missing listwise only",
    )


class RunFile(Section):
    """What every run file says, whether of one country or of several."""

    study: Name
    title: Text
    work: FilePath = Field(description="folder of the tables; holds micro data")
    out: FilePath = Field(description="folder of the published files")
    releases: FilePath | None = Field(
        None,
        description="folder of the records of releases that a publication is held against",
    )
    boundaries: FilePath | None = Field(
        None, description="GeoJSON of the regions' boundaries, for maps, as Eurostat's GISCO gives it"
    )
    size_classes: tuple[int, ...] = Field((10, 50, 250), min_length=1, max_length=MOST_SIZE_CLASSES)
    pool: PoolSettings | None = Field(None, description="pool the paths of all slices")
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

    @property
    def slices(self) -> dict[Slice, SliceSettings]:
        """The settings of each slice, countries in their order and waves in theirs."""
        raise NotImplementedError


class RunSettings(RunFile):
    """A run file of one country."""

    country: Name
    regions: FilePath = Field(description="regions, a file of conf/classifications")
    sectors: FilePath = Field(description="sectors, a file of conf/classifications")
    nuts: NutsSettings | None = Field(None, description="regions of NUTS in several versions")
    waves: tuple[WaveSettings, ...] = Field(min_length=1)
    simulate: SimulateSettings | None = None
    indicators: IndicatorSettings = IndicatorSettings()
    sample: SampleSettings = SampleSettings()
    groups: GroupSettings = GroupSettings()
    model: FilePath | None = Field(None, description="model, a file of conf/models in lavaan syntax")
    fit: FitSettings = FitSettings()

    @field_validator("waves")
    @classmethod
    def _waves_differ(cls, given: tuple[WaveSettings, ...]) -> tuple[WaveSettings, ...]:
        if len({wave.wave for wave in given}) < len(given):
            raise ValueError("a wave stands there twice; each needs a name of its own")
        return given

    @property
    def slices(self) -> dict[Slice, SliceSettings]:
        shared = {name: getattr(self, name) for name in OF_A_SLICE}
        each = (SliceSettings.model_construct(**shared, **vars(wave)) for wave in self.waves)
        return {settings.slice: settings for settings in each}


class CountriesSettings(RunFile):
    """A run file of several countries: settings of slices laid over each other (see settings.layers).

    `defaults` is what all slices share; `waves` and `countries` say what is special of a wave, a country,
    and, in `waves` of a country, of that one slice; null there takes the slice out.
    """

    defaults: dict[str, Any] = Field({}, description="settings that all slices share")
    waves: dict[Name, dict[str, Any] | None] = Field(
        min_length=1, description="waves in the order of time, and what is special of each"
    )
    countries: dict[Name, dict[str, Any] | None] = Field(
        min_length=1, description="countries, and what is special of each; `waves` below one: of a slice"
    )

    _slices: dict[Slice, SliceSettings] = PrivateAttr(default_factory=dict)

    @property
    def slices(self) -> dict[Slice, SliceSettings]:
        return self._slices

    def with_slices(self, slices: dict[Slice, SliceSettings]) -> CountriesSettings:
        """The same file with these slices, resolved."""
        other = self.model_copy()
        other._slices = slices
        return other


# The settings that a run file of one country gives to each of its slices.
OF_A_SLICE = tuple(name for name in RunSettings.model_fields if name in SliceSettings.model_fields)
