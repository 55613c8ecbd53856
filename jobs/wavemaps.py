"""Wave maps: how a questionnaire's columns and codes become the canonical survey. Data, no code.

Each canonical column has one rule; its kind is the key that names the source column or columns:

- `text: column`                 the answer as it stands
- `number: column or [columns]`  a number, or the sum of several, times `factor`
- `yes_no: column or [columns]`  true where any has a code of `yes`, false where all answered have one of `no`
- `ticked: [columns]`            true where any box is ticked, false where none is
- `scale: column`                the place of the code in `order`, lowest first, counted from 0
- `code: column`                 a code of the run's `regions` or `sectors`
- `either: [canonical columns]`  true where any of them is
- `absent: reason`               the wave has no such question
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from jobs import resources, schemas
from jobs.errors import SettingsError
from jobs.settings import Section

DERIVED = {"country", "wave", "part", "row_number", "industrial"}  # the stage itself knows these
KINDS = ("text", "number", "yes_no", "ticked", "scale", "code", "either", "absent")


class Rule(Section):
    """How one canonical column comes from the questionnaire."""

    text: str | None = None
    number: tuple[str, ...] | None = None
    yes_no: tuple[str, ...] | None = None
    ticked: tuple[str, ...] | None = None
    scale: str | None = None
    code: str | None = None
    either: tuple[str, ...] | None = None
    absent: str | None = None
    factor: float = 1.0
    yes: tuple[str, ...] = ("1",)
    no: tuple[str, ...] = ("0",)
    order: tuple[str, ...] = ()
    of: Literal["regions", "sectors"] | None = None
    asked_of: str | None = Field(None, description="canonical yes-or-no column; null for firms without it")
    on_unknown: Literal["quarantine", "missing"] = "quarantine"
    why: str | None = Field(None, description="a choice the map makes, for its reader")

    @field_validator("number", "yes_no", mode="before")
    @classmethod
    def _one_or_many(cls, given: object) -> object:
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_kind(self) -> Rule:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}")
        if self.scale and len(self.order) < 2:
            raise ValueError("a scale needs its codes in order, lowest first")
        if self.code and not self.of:
            raise ValueError("a code needs 'of: regions' or 'of: sectors'")
        return self

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the questionnaire the rule reads."""
        if self.kind in ("either", "absent"):
            return ()
        named = getattr(self, self.kind)
        return (named,) if isinstance(named, str) else tuple(named)


class Contradiction(Section):
    """A second question on the same matter; firms whose two answers differ are counted, not changed."""

    column: str
    against: Rule
    words: str


class WaveMap(Section):
    """A wave's questionnaire."""

    title: str
    source: str
    population: Literal["all_firms", "innovators_only"]
    rules: dict[str, Rule]
    contradictions: tuple[Contradiction, ...] = ()
    breaks: tuple[str, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns of the questionnaire the map uses, in the order of the canonical columns."""
        rules = [*self.rules.values(), *(check.against for check in self.contradictions)]
        return tuple(dict.fromkeys(source for rule in rules for source in rule.sources))


def read(name: str) -> WaveMap:
    """The wave map `name`. Raises SettingsError where a canonical column has no rule or a rule is wrong."""
    try:
        wave_map = WaveMap.model_validate(resources.read_yaml(name))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{name}: {where}: {first['msg'].lower()}; see docs/wave-maps.md.") from None
    canonical = set(schemas.table("survey").names) - DERIVED
    missing, unknown = sorted(canonical - set(wave_map.rules)), sorted(set(wave_map.rules) - canonical)
    if missing:
        raise SettingsError(
            f"{name}: rules: {missing[0]} has no rule; give one, or 'absent' with the reason."
        )
    if unknown:
        raise SettingsError(
            f"{name}: rules: {unknown[0]} is no column of the survey; see schemas/survey.yaml."
        )
    for column, rule in wave_map.rules.items():
        for named in [*(rule.either or ()), *([rule.asked_of] if rule.asked_of else [])]:
            if named not in wave_map.rules:
                raise SettingsError(f"{name}: rules.{column}: {named} is no column of the survey.")
    return wave_map
