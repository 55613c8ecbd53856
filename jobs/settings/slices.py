"""A slice is one country's one wave; its settings say all that its result depends on."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field, model_validator

from jobs.settings.inputs import NO_INPUT, FlowsInput, SurveyInput
from jobs.settings.nuts import NutsSettings
from jobs.settings.section import FilePath, Name, Section
from jobs.settings.sections import (
    FitSettings,
    GroupSettings,
    IndicatorSettings,
    SampleSettings,
    SimulateSettings,
)


class Slice(NamedTuple):
    """A country's wave, such as NL cis2."""

    country: str
    wave: str

    def __str__(self) -> str:
        return f"{self.country} {self.wave}"

    @property
    def keys(self) -> dict[str, str]:
        """The columns of a table that tell its slice."""
        return self._asdict()


class SliceSettings(Section):
    """What a slice is made from and how; nothing of the run around it."""

    country: Name
    wave: Name
    regions: FilePath = Field(description="regions, a file of conf/classifications")
    sectors: FilePath = Field(description="sectors, a file of conf/classifications")
    nuts: NutsSettings | None = Field(None, description="regions of NUTS in several versions")
    survey: SurveyInput | None = None
    flows: FlowsInput | None = None
    simulate: SimulateSettings | None = None
    indicators: IndicatorSettings = IndicatorSettings()
    sample: SampleSettings = SampleSettings()
    groups: GroupSettings = GroupSettings()
    model: FilePath | None = Field(None, description="model, a file of conf/models in lavaan syntax")
    fit: FitSettings = FitSettings()

    @model_validator(mode="after")
    def _has_input(self) -> SliceSettings:
        if self.survey is None and self.flows is None:
            raise ValueError(NO_INPUT)
        return self

    @property
    def slice(self) -> Slice:
        return Slice(self.country, self.wave)

    @property
    def inputs(self) -> dict[str, str]:
        """The slice's files by their role: survey, and the roles of the flows."""
        survey = {"survey": self.survey.path} if self.survey else {}
        return {**survey, **(self.flows.paths if self.flows else {})}
