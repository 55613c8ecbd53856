"""`conf/simulation.yaml` as checked numbers: who is in the simulated survey, and how answers are drawn."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from jobs.errors import SettingsError
from jobs.settings import resources
from jobs.settings.section import Section
from jobs.settings.wording import fault

PARAMETERS = "conf/simulation.yaml"

Number = Annotated[float, Field(ge=-1000, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=1000)]
Spread = Annotated[float, Field(ge=0, le=1000)]  # a standard deviation
Count = Annotated[int, Field(ge=0, le=100_000_000)]
BySize = tuple[Share, Share, Share]  # small, medium, large firms


class Quotas(Section):
    domestic_only: Count
    foreign_only: Count
    both: Count
    stand_alone: Count
    process_only: Count


class SizeShares(Section):
    domestic_only: BySize
    foreign_only: BySize
    both: BySize
    stand_alone: BySize
    process_only: BySize
    others: BySize

    @model_validator(mode="after")
    def _add_up(self) -> SizeShares:
        for name in type(self).model_fields:
            if abs(sum(getattr(self, name)) - 1) > 1e-9:
                raise ValueError(f"{name}: the three shares do not add up to 1")
        return self


class Exporting(Section):
    innovators: Share
    others: Share


class Survey(Section):
    firms: Annotated[int, Field(ge=100, le=100_000_000)]
    quotas: Quotas
    size_shares: SizeShares
    weights: tuple[Positive, Positive, Positive]
    below_ten: Share
    industrial: Share
    exporting: Exporting
    tilt: Share
    broken_rows: Annotated[int, Field(ge=0, le=1000)]

    @model_validator(mode="after")
    def _quotas_fit(self) -> Survey:
        if sum(self.quotas.model_dump().values()) > self.firms:
            raise ValueError("the quotas are more firms than there are")
        return self


class TurnoverShares(Section):
    any_domestic: Share
    foreign_only: Share
    both: Share


class Factors(Section):
    effort_sd: Spread
    information_sd: Spread
    correlation: Annotated[float, Field(gt=-1, lt=1)]


class Intercepts(Section):
    innovative_share: Number
    competitive_contribution: Number
    rd_effort: Number
    other_effort: Number
    sources: Number


class Results(Section):
    innovative_share: Number
    competitive_contribution: Number


class Effort(Section):
    rd_effort: Number
    other_effort: Number


class Information(Section):
    source_suppliers: Number
    source_clients: Number
    source_competitors: Number
    source_universities: Number
    source_fairs: Number


class Loadings(Section):
    results: Results
    effort: Effort
    information: Information


class Residuals(Section):
    innovative_share: Spread
    rd_effort: Spread
    other_effort: Spread
    results: Spread
    cell: Spread


class Paths(Section):
    effort: Number
    information: Number
    complementarity_within: Number
    commonality_within: Number


class Groups(Section):
    co_operating: Paths = Field(alias="co-operating")
    stand_alone: Paths = Field(alias="stand-alone")


class Model(Section):
    factors: Factors
    intercepts: Intercepts
    loadings: Loadings
    residual_sd: Residuals
    paths: Groups


class Parameters(Section):
    """The whole file."""

    survey: Survey
    turnover_shares: TurnoverShares
    region_weights: tuple[Positive, ...]
    model: Model


def read(name: str = PARAMETERS) -> dict[str, Any]:
    """The parameters by the keys of the file. Raises SettingsError naming the key that is wrong."""
    raw = resources.read_yaml(name)
    try:
        Parameters.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{name}: {fault(error)}; mend the file.") from None
    return raw
