"""A run file as typed, checked settings. Unknown keys are errors; no setting holds SQL or code."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from jobs import resources
from jobs.errors import SettingsError

# Names that end up in paths.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]

Thousands = Literal[".", ",", " ", "'"]  # a blank stands for every kind of blank


class Section(BaseModel):
    """A part of the settings: fixed once read, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SparkSettings(Section):
    """How Spark runs. Under spark-submit its own master and memory win."""

    master: str = "local[2]"
    driver_memory: str = "2g"
    shuffle_partitions: int = Field(4, ge=1)
    small: bool = Field(
        False, description="input of some thousand rows: options of conf/spark/small.yaml, twice as fast then"
    )
    jars: str | None = Field(None, description="folder with Delta's JARs, for machines without a network")
    log_level: Literal["OFF", "FATAL", "ERROR", "WARN", "INFO"] = "OFF"
    options: dict[str, str] = {}


class SurveyInput(Section):
    """A survey file and the wave map that reads it."""

    path: str
    map: str = Field(description="wave map, a file of conf/waves")
    format: Literal["csv", "parquet", "stata", "spss", "sas"] = "csv"
    separator: str = Field(";", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = Field(
        None, description="mark between groups of three digits: . , ' or a blank; none where not given"
    )
    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="largest share of rows that may be set aside"
    )


class FlowsInput(Section):
    """Input-output tables of a wave and how they are laid out."""

    layout: Literal["long", "biregional", "wide"]
    paths: dict[Name, str] = Field(
        description="{flows: FILE}, or for a biregional pair {own: FILE, rest: FILE}"
    )
    columns: dict[Name, str] = Field({}, description="role of a column to its header in the file")
    drop: tuple[str, ...] = Field((), description="labels that are no sectors: totals, final demand")
    final: tuple[str, ...] = Field(
        (), description="labels of final demand, kept for the balance of trade only"
    )
    rest: str = Field("REST", description="marker of the rest of the country among the regions")
    exports: str | None = Field(
        None, description="biregional pair: the label of deliveries to the rest of the country"
    )
    separator: str = Field(";", min_length=1, max_length=1)
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = Field(
        None, description="mark between groups of three digits, as for the survey"
    )
    absent: Literal["stop", "zero"] = Field(
        "stop", description="cells that the table lacks: they stop the run, or count as zero and are told"
    )
    max_quarantined: float = Field(0.0, ge=0, le=1)


class WaveSettings(Section):
    """One wave: its survey, and the input-output tables of a year near it."""

    wave: Name
    survey: SurveyInput | None = None
    flows: FlowsInput | None = None


class SimulateSettings(Section):
    """The simulated study. Firms and regions of the default are those of the Dutch study."""

    path: str = Field(description="folder the simulated files are written to")
    seed: int = 1996
    firms: int = Field(9000, ge=100, description="firms a country and wave in the survey")
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
    employees_min: int | None = 10
    employees_max: int | None = 200


class GroupSettings(Section):
    """The groups of the model: a yes-or-no column of the survey and the names of its two sides."""

    column: Name = "cooperates"
    when_true: Name = "co-operating"
    when_false: Name = "stand-alone"


class FitSettings(Section):
    """How the model is fitted."""

    estimator: Literal["ml", "mlr", "dwls"] = "ml"
    missing: Literal["listwise", "fiml", "pairwise"] = "listwise"
    ordered: tuple[str, ...] = Field((), description="items that are ordered categories, for dwls")
    clusters: tuple[Literal["cell", "region"], ...] = ("cell", "region")
    primary_error: str = Field(
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
    max_failed_groups: int = Field(0, ge=0)
    collect_limit: int = Field(
        500_000,
        ge=0,
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

    @model_validator(mode="after")
    def _primary_error_is_computed(self) -> FitSettings:
        kind, _, column = self.primary_error.partition(":")
        if column and column not in self.clusters:
            raise ValueError(f"primary_error names {column}, which is not one of the clusters")
        if kind == "bias_reduced" and self.estimator == "dwls":
            raise ValueError("dwls has no bias-reduced errors; take cluster: or robust")
        return self


class DisclosureSettings(Section):
    """Primary disclosure rules of published cells."""

    threshold: int = Field(10, ge=3, description="fewest firms behind a cell")
    dominance_firms: int = Field(2, ge=1)
    dominance_share: float = Field(0.9, gt=0, le=1)
    p_percent: float = Field(10, ge=0, le=100)
    degrees_of_freedom: int = Field(10, ge=1, description="fewest cases less parameters behind a model")


class RunSettings(Section):
    """A run file of conf/runs."""

    study: Name
    title: str
    country: Name
    regions: str = Field(description="regions, a file of conf/classifications")
    sectors: str = Field(description="sectors, a file of conf/classifications")
    work: str = Field(description="folder of the tables; holds micro data")
    out: str = Field(description="folder of the published files")
    waves: tuple[WaveSettings, ...] = Field(min_length=1)
    simulate: SimulateSettings | None = None
    indicators: IndicatorSettings = IndicatorSettings()
    sample: SampleSettings = SampleSettings()
    size_classes: tuple[int, ...] = (10, 50, 250)
    groups: GroupSettings = GroupSettings()
    model: str | None = Field(None, description="model, a file of conf/models in lavaan syntax")
    fit: FitSettings = FitSettings()
    disclosure: DisclosureSettings = DisclosureSettings()
    spark: SparkSettings = SparkSettings()


def read(path: str, changes: list[str] | None = None, waves: list[str] | None = None) -> RunSettings:
    """The run file at `path` with `key.sub=value` changes laid over it, cut to the named waves.

    Raises SettingsError naming the key that is wrong.
    """
    raw = resources.read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError(f"{path} holds no settings; start from a file of conf/runs.")
    for change in changes or []:
        _lay_over(raw, change)
    try:
        settings = RunSettings.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        message = "is not a setting" if first["type"] == "extra_forbidden" else first["msg"].lower()
        raise SettingsError(f"{path}: {where}: {message}; mend it or see docs/settings.md.") from None
    names = [wave.wave for wave in settings.waves]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: waves: a wave stands there twice; each needs a name of its own.")
    if waves:
        unknown = sorted(set(waves) - set(names))
        if unknown:
            raise SettingsError(f"{path} has no wave {unknown[0]}; it has {', '.join(names)}.")
        settings = settings.model_copy(
            update={"waves": tuple(wave for wave in settings.waves if wave.wave in waves)}
        )
    return settings


def _lay_over(raw: dict[str, Any], change: str) -> None:
    """Put one `key.sub=value` into the raw settings; the value is read as YAML."""
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)=(.*)", change, re.DOTALL)
    if not match:
        raise SettingsError(f"--set {change}: write key=value, with dots between the parts of the key.")
    *parents, last = match.group(1).split(".")
    place: Any = raw
    for part in [*parents]:
        key: Any = int(part) if isinstance(place, list) else part
        try:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
        except (IndexError, TypeError, AttributeError):
            raise SettingsError(f"--set {change}: {part} is not a part of the run file.") from None
        if place is None or not isinstance(place, (dict, list)):
            raise SettingsError(f"--set {change}: {part} holds a value, not settings.")
    value = resources.yaml_value(match.group(2))
    if isinstance(place, list):
        if not last.isdigit() or int(last) >= len(place):
            raise SettingsError(f"--set {change}: {last} is not a part of the run file.")
        place[int(last)] = value
    else:
        place[last] = value


def fingerprint(*parts: Any) -> str:
    """sha256 over settings sections, digests and names: what a stage's result depends on."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else part for part in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode()).hexdigest()
