"""The sections of a run file but for those of its input: typed, checked, without SQL or code."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo

from jobs.sem.bootstrap import FEWEST_REPLICATES
from jobs.settings import safe_ranges
from jobs.settings.section import FilePath, Name, Section, Text

FAMILIES = ("complementarity", "commonality")  # of cluster indicators
MOST_EMPLOYEES = 10_000_000


class SimulateSettings(Section):
    """The simulated study. Firms and regions of the default are those of the Dutch study."""

    path: FilePath = Field(description="folder the simulated files are written to")
    seed: int = Field(1996, ge=0, le=2**31 - 1)
    firms: int = Field(9000, ge=100, le=100_000_000, description="firms a country and wave in the survey")
    item_nonresponse: float = Field(0.03, ge=0, lt=0.5)
    layout: Literal["long", "biregional"] = "biregional"


class IndicatorSettings(Section):
    """How the cluster indicators are built."""

    direction: Literal["sales", "purchases", "both"] = "sales"
    leave_one_out: bool = True
    complementarity: bool = True
    commonality: bool = True


class SampleSettings(Section):
    """The study's filter: exporting industrial product innovators of 10 to 200 employees."""

    exporting: bool = True
    industrial: bool = True
    product_innovators: bool = True
    employees_min: int | None = Field(10, ge=0, le=MOST_EMPLOYEES)
    employees_max: int | None = Field(200, ge=0, le=MOST_EMPLOYEES)

    @model_validator(mode="after")
    def _bounds_hold_a_firm(self) -> SampleSettings:
        low, high = self.employees_min, self.employees_max
        if low is not None and high is not None and low > high:
            raise ValueError("employees_min is above employees_max, so no firm is in the sample")
        return self


class GroupSettings(Section):
    """The groups of the model: a yes-or-no column of the survey and the names of its two sides."""

    column: Name = "cooperates"
    when_true: Name = "co-operating"
    when_false: Name = "stand-alone"

    @model_validator(mode="after")
    def _sides_have_names(self) -> GroupSettings:
        if self.when_true == self.when_false:
            raise ValueError("when_true and when_false are one name, which would make one group of the two")
        return self


class FitSettings(Section):
    """How the model is fitted."""

    estimator: Literal["ml", "mlr", "dwls"] = "ml"
    missing: Literal["listwise", "fiml", "pairwise"] = "listwise"
    ordered: tuple[Text, ...] = Field((), description="items that are ordered categories, for dwls")
    parameterization: Literal["delta", "theta"] = Field(
        "delta",
        description="of ordered items: responses (delta) or their residuals (theta) have unit variance",
    )
    clusters: tuple[Literal["cell", "region"], ...] = ("cell", "region")
    primary_error: Text = Field(
        "bias_reduced:cell",
        description="error that significance is shown by; where not given, that of the first cluster: "
        "bias_reduced, for dwls cluster; robust without clusters",
    )
    weighted: bool = False
    confidence: float = Field(0.95, gt=0.5, lt=1)
    level: float = Field(0.05, gt=0, lt=0.5, description="level of significance in figures")
    diagnosis: bool = Field(
        False,
        description="publish residuals, modification indices, reliability and standardised estimates too",
    )
    jackknife: bool = Field(
        False,
        description="errors as if each cluster was left out once, to check the bias-reduced ones by",
    )
    working: Literal["independent", "effects"] = Field(
        "independent",
        description="what bias-reduced and jackknife errors take the firms of a cluster for: independent, or "
        "moved by common effects",
    )
    bootstrap: int = Field(
        0,
        ge=0,
        le=100_000,
        description="replicates of a bootstrap of the first cluster column, without one of firms; 0 is none, "
        f"else at least {FEWEST_REPLICATES}",
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of the bootstrap")
    max_failed_groups: int = Field(0, ge=0, le=1000)
    collect_limit: int = Field(
        500_000,
        ge=0,
        le=2**31 - 1,
        description="firms above which Spark sums them and collects none; ml, listwise, no diagnosis only",
    )

    @model_validator(mode="before")
    @classmethod
    def _first_cluster_is_primary(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or "primary_error" in raw:
            return raw
        clusters = raw.get("clusters", cls.model_fields["clusters"].default)
        kind = "cluster" if raw.get("estimator") == "dwls" else "bias_reduced"
        named = isinstance(clusters, (list, tuple)) and len(clusters) > 0
        return {**raw, "primary_error": f"{kind}:{clusters[0]}" if named else "robust"}

    @field_validator("ordered", "clusters")
    @classmethod
    def _stands_once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(given)) < len(given):
            raise ValueError("names something twice; each counts once")
        return given

    @field_validator("bootstrap")
    @classmethod
    def _replicates_are_enough(cls, given: int) -> int:
        if 0 < given < FEWEST_REPLICATES:
            raise ValueError(f"is 0 or at least {FEWEST_REPLICATES} replicates; 1000 is usual")
        return given

    @model_validator(mode="after")
    def _primary_error_is_computed(self) -> FitSettings:
        kind, _, column = self.primary_error.partition(":")
        if column and column not in self.clusters:
            raise ValueError(f"primary_error names {column}, which is not one of the clusters")
        if kind == "bias_reduced" and self.estimator == "dwls":
            raise ValueError("dwls has no bias-reduced errors; take cluster: or robust")
        if self.jackknife and (self.estimator == "dwls" or not self.clusters):
            raise ValueError("jackknife needs clusters and the estimator ml or mlr")
        if kind == "jackknife" and not self.jackknife:
            raise ValueError("primary_error names the jackknife; set jackknife to true")
        return self


class DisclosureSettings(Section):
    """Disclosure rules of published cells; one laxer than its safe range needs a word of its own."""

    weaker: Text | None = Field(
        None,
        description="the office's word for rules laxer than their safe range: each one's name and figure, "
        "and who decided so, when and why",
    )
    threshold: int = Field(10, ge=3, le=1_000_000, description="fewest firms behind a cell; safe from 10 on")
    dominance_firms: int = Field(
        2, ge=1, le=5, description="how many of the largest firms the dominance rule sums; safe from 2 on"
    )
    dominance_share: float = Field(
        0.9, gt=0, lt=1, description="largest share that these firms may hold; safe up to 0.9"
    )
    p_percent: float = Field(
        10,
        gt=0,
        le=100,
        description="least that is left beside the two largest, of the largest; safe from 10 on",
    )
    degrees_of_freedom: int = Field(
        10, ge=1, le=1_000_000, description="fewest cases less parameters behind a model; safe from 10 on"
    )

    @field_validator(*safe_ranges.SAFE)
    @classmethod
    def _is_safe_or_decided(cls, given: float, info: ValidationInfo) -> float:
        safe_ranges.demand(info.field_name or "", given, info.data.get("weaker"))
        return given

    @model_validator(mode="after")
    def _word_has_a_reason(self) -> DisclosureSettings:
        safe_ranges.demand_reason(self)
        return self
