"""Wave maps: how a questionnaire's columns and codes become the canonical survey. Data, no code.

Each canonical column has one rule; its kind is the key that names the source column or columns:

- `text: column or [columns]`    the answer as it stands, or several put together
- `number: column or [columns]`  a number, or the sum of several less those of `minus`, times `factor`
- `size_class: column`           the number at which the class of the code begins, by `classes`
- `yes_no: column or [columns]`  true where any has a code of `yes`, false where all answered have one of `no`
- `ticked: [columns]`            true where any has a code of `yes`, false where none has, blank ones too
- `greater: column or [columns]` true where any holds a number above `than`, false where all answered do not
- `scale: column or [columns]`   the place of the code in `order`, from 0; of several columns the highest
- `code: column or [columns]`    a code of the run's `regions` or `sectors`, or the beginning of one
- `either: [canonical columns]`  true where any of them is
- `absent: reason`               the wave has no such question
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from jobs.codes import BLANKS
from jobs.errors import SettingsError
from jobs.settings import resources, schemas, sheets
from jobs.settings.section import Section
from jobs.settings.wording import fault, shown

DERIVED = {"country", "wave", "part", "row_number", "industrial"}  # the stage itself knows these

EXTENDS = "extends"  # names the wave map that this one is laid over
MOST_EXTENDED = 10  # maps in a line
LISTS = ("yes", "no", "missing", "order", "classes")  # keys of codes, which may name a workbook that has them

# Each kind of rule and the keys that mean something for it, besides `why`.
KEYS = {
    "text": {"missing", "join"},
    "number": {"minus", "unit", "factor", "round", "missing", "as_written", "asked_of", "on_unknown"},
    "size_class": {"classes", "missing", "asked_of", "on_unknown"},
    "yes_no": {"yes", "no", "missing", "asked_of", "on_unknown"},
    "ticked": {"yes", "no", "missing", "asked_of", "on_unknown"},
    "greater": {"than", "missing", "asked_of", "on_unknown"},
    "scale": {"order", "missing", "asked_of", "on_unknown"},
    "code": {"of", "digits", "width", "join", "missing", "on_unknown"},
    "either": {"asked_of"},
    "absent": set(),
}
KINDS = tuple(KEYS)
OVER_SURVEY = ("either", "absent")  # these read no column of the questionnaire

# The kinds that fit a column of the survey by its type; `absent` fits each.
CODED = {"region": "regions", "sector": "sectors"}
BY_TYPE = {"boolean": ("yes_no", "ticked", "greater", "either"), "string": ("text",)}
OF_NUMBERS = ("number", "scale")
OF_WHOLE_NUMBERS = (*OF_NUMBERS, "size_class")
JOIN = {"text": "-", "code": ""}  # what stands between the answers that are put together


def _word(given: object) -> str:
    """A code or a column's name as text; a whole number, as YAML reads bare digits, is its digits."""
    if isinstance(given, (list, tuple, dict, set)):
        raise ValueError("holds several values where one belongs")
    if isinstance(given, bool) or not isinstance(given, (str, int)):
        raise ValueError("holds a true, a false, a date, a fraction or nothing, as YAML reads it; quote it")
    text = str(given).strip(BLANKS)
    if not text:
        raise ValueError("is blank; write what belongs there")
    return text


def _words(given: object) -> object:
    """One value as a list of one; a list without entries or with an entry twice is refused."""
    if not isinstance(given, (list, tuple)):
        given = (given,)
    entries = [_word(entry) for entry in given]
    if not entries:
        raise ValueError("is an empty list; name what belongs in it or leave the key out")
    if twice := [entry for entry, count in Counter(entries).items() if count > 1]:
        raise ValueError(f"holds {twice[0]} twice; each stands there once")
    return tuple(entries)


Word = Annotated[str, BeforeValidator(_word)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Rule(Section):
    """How one canonical column comes from the questionnaire."""

    text: Words | None = None
    number: Words | None = None
    size_class: Word | None = None
    yes_no: Words | None = None
    ticked: Words | None = None
    greater: Words | None = None
    scale: Words | None = None
    code: Words | None = None
    either: Words | None = None
    absent: Word | None = None
    factor: float = Field(1.0, gt=0, allow_inf_nan=False)
    minus: Words | None = Field(None, description="columns that are taken from the number")
    unit: Literal["percent", "share"] | None = Field(
        None, description="a part of a whole: percent counts to 100 and is divided by it, share to 1"
    )
    than: float = Field(0.0, allow_inf_nan=False)
    classes: dict[Word, int] = Field({}, description="code of a size class to the number it begins with")
    digits: int | None = Field(None, ge=1, description="as many leading digits of a code count")
    width: int | None = Field(
        None, ge=1, description="digits that a code without a point has; zeros lost in front are put back"
    )
    join: Annotated[str | None, Field(max_length=3)] = None
    round: bool = Field(False, description="fractions of a whole-number column are rounded, half up")
    yes: Words = ("1",)
    no: Words = ("0",)
    missing: Words = Field((), description="codes that stand for no answer")
    order: Words = ()
    of: Literal["regions", "sectors"] | None = None
    as_written: bool = Field(False, description="the numbers are as they look, however odd")
    asked_of: Word | None = Field(None, description="canonical yes-or-no column; null for firms without it")
    on_unknown: Literal["quarantine", "missing", "no"] = "quarantine"
    sure: Literal["read", "likely", "unsure"] | None = Field(
        None,
        description="how sure the names of the columns are: read in a published source, likely from other "
        "waves, or unsure",
    )
    why: str | None = Field(None, description="a choice the map makes, for its reader")

    @model_validator(mode="before")
    @classmethod
    def _has_values(cls, given: Any) -> Any:
        if not isinstance(given, (dict, Rule)):
            raise ValueError("is no rule; write a kind and its column, as {text: column}")
        for key, value in given.items() if isinstance(given, dict) else ():
            if value is None:
                raise ValueError(f"{key} has no value; give one, or leave the key out")
        return given

    @field_validator("factor", mode="before")
    @classmethod
    def _factor_is_a_number(cls, given: object) -> object:
        if isinstance(given, bool):
            raise ValueError("is no number")
        return given.replace(",", ".") if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_kind(self) -> Rule:
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"needs exactly one of {', '.join(KINDS)}")
        (kind,) = kinds
        idle = self.model_fields_set - KEYS[kind] - {kind, "why", "sure"}
        if idle:
            raise ValueError(f"{min(idle)} means nothing in a rule of kind {kind}; leave it out")
        if kind == "scale" and len(self.order) < 2:
            raise ValueError("a scale needs its codes in order, lowest first")
        if kind == "code" and not self.of:
            raise ValueError("a code needs 'of: regions' or 'of: sectors'")
        if kind == "size_class" and not self.classes:
            raise ValueError("a size class needs 'classes', such as {1: 10, 2: 50}")
        if self.unit and self.factor != 1.0:
            raise ValueError("unit says what the factor is; leave one of them out")
        if self.join is not None and len(self.sources) == 1:
            raise ValueError("join means nothing for a single column; leave it out")
        if self.width and not self.digits:
            raise ValueError("width means nothing without digits; leave it out")
        if self.on_unknown == "no" and kind not in ("yes_no", "ticked"):
            raise ValueError("on_unknown: no means nothing but for yes_no and ticked")
        self._codes_mean_one_thing()
        return self

    def _codes_mean_one_thing(self) -> None:
        answers = {"scale": ("order",), "yes_no": ("yes", "no"), "ticked": ("yes", "no")}
        answers |= {"size_class": ("classes",)}
        meant: dict[str, str] = {}
        for key in (*answers.get(self.kind, ()), "missing"):
            for entry in getattr(self, key):
                if entry in meant:
                    raise ValueError(
                        f"the code {entry} stands in both {meant[entry]} and {key} "
                        "(yes is '1' and no is '0' where they are not given); it can mean one thing only"
                    )
                meant[entry] = key

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the questionnaire the rule reads."""
        if self.kind in OVER_SURVEY:
            return ()
        named = getattr(self, self.kind)
        return (named,) if isinstance(named, str) else (*named, *(self.minus or ()))

    @property
    def between(self) -> str:
        """What stands between the answers of several columns that are put together."""
        return JOIN[self.kind] if self.join is None else self.join

    @property
    def leans_on(self) -> tuple[str, ...]:
        """Canonical columns that have to be known before this one."""
        return tuple(dict.fromkeys([*(self.either or ()), *([self.asked_of] if self.asked_of else [])]))


class Contradiction(Section):
    """A second question on the same matter; firms whose two answers differ are counted, not changed."""

    column: Word
    against: Rule
    words: Word


class WaveMap(Section):
    """A wave's questionnaire."""

    title: Word
    source: Word
    population: Literal["all_firms", "innovators_only"]
    rules: dict[str, Rule]
    contradictions: tuple[Contradiction, ...] = ()
    filter: dict[Word, Words] = Field(
        {}, description="column to its codes: rows with others are left out, as those of another year"
    )
    breaks: tuple[Word, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All columns of the questionnaire the map uses, in the order of the canonical columns."""
        rules = [*self.rules.values(), *(check.against for check in self.contradictions)]
        return tuple(dict.fromkeys([*(source for rule in rules for source in rule.sources), *self.filter]))

    @cached_property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The canonical columns in groups, each after those it leans on. Raises CycleError for a circle."""
        sorter = TopologicalSorter({name: rule.leans_on for name, rule in self.rules.items()})
        sorter.prepare()
        levels = []
        while names := sorter.get_ready():
            levels.append(names)
            sorter.done(*names)
        return tuple(levels)


def read(name: str) -> WaveMap:
    """The wave map `name`.

    Raises SettingsError, naming the rule and the key, where a column has no rule or a rule is wrong.
    """
    return _read(name, digest(name))


def digest(name: str) -> str:
    """The sha256 of a wave map, of those that it extends and of code lists, part of a stage's fingerprint."""
    maps = _line(name)
    lists = [book for file in maps for book in (_head(file, resources.digest(file)) or {}).get("lists", [])]
    return " ".join(resources.digest(file) for file in [*maps, *lists])


def _line(name: str) -> list[str]:
    """The files of a wave map: itself, the one that it extends, and so on. Raises SettingsError."""
    files = [name]
    while (head := _head(files[-1], resources.digest(files[-1]))) and EXTENDS in head:
        base = head[EXTENDS]
        if not isinstance(base, str) or base in files or len(files) == MOST_EXTENDED:
            raise SettingsError(
                f"{files[-1]}: {EXTENDS} has to name another wave map; see docs/wave-maps.md."
            )
        files.append(base)
    if len(files) > 1 and head is None:
        raise SettingsError(f"{files[-1]} is no wave map, and {files[-2]} extends it; see docs/wave-maps.md.")
    return files


@lru_cache(maxsize=1024)
def _head(name: str, _digest: str) -> dict[str, Any] | None:
    """The map that a file extends, if it does, and its code `lists` in workbooks; None if it is no mapping.

    A map is asked for once a slice, and its text is read once for its content.
    """
    raw = resources.read_yaml(name)
    if not isinstance(raw, dict):
        return None
    lists = [rule[key] for rule, key in _listed(raw)]
    return {**{key: raw[key] for key in (EXTENDS,) if key in raw}, "lists": lists}


def _listed(content: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """The rules of a map whose codes stand in a workbook, and under which key."""
    rules = content.get("rules")
    return [
        (rule, key)
        for rule in (rules.values() if isinstance(rules, dict) else ())
        for key in LISTS
        if isinstance(rule, dict) and isinstance(rule.get(key), str) and sheets.is_workbook(rule[key])
    ]


def _laid_over(name: str) -> Any:
    """The content of a wave map over that of the map which it extends, rules one by one; see `_line`."""
    content = resources.read_yaml(name)
    if not isinstance(content, dict):
        return content
    for rule, key in _listed(content):
        rule[key] = sheets.numbers(rule[key]) if key == "classes" else sheets.codes(rule[key])
    if EXTENDS not in content:
        return content
    base = _laid_over(content.pop(EXTENDS))
    rules = {**(base.get("rules") or {}), **(content.get("rules") or {})}
    return {**base, **content, "rules": rules}


@lru_cache(maxsize=1024)
def _read(name: str, _digest: str) -> WaveMap:
    try:
        wave_map = WaveMap.model_validate(_laid_over(name))
    except ValidationError as error:
        raise SettingsError(f"{name}: {fault(error)}; see docs/wave-maps.md.") from None
    for where, problem in _problems(wave_map):
        raise SettingsError(f"{name}: {where}: {problem}; see docs/wave-maps.md.")
    return wave_map


def _problems(wave_map: WaveMap) -> Iterator[tuple[str, str]]:
    """What is wrong in how the rules stand to the survey and to each other: the place and the words."""
    rules = wave_map.rules
    types = {column.name: column.type for column in schemas.table("survey").columns}
    for column in sorted(set(types) - DERIVED - set(rules)):
        yield "rules", f"{column} has no rule; give one, or 'absent' with the reason"
    for column in sorted(set(rules) - (set(types) - DERIVED)):
        yield "rules", f"{column} is no column of the survey (schemas/survey.yaml)"
    for column, rule in rules.items():
        if problem := _unfit(column, types[column], rule):
            yield f"rules.{column}", problem
        for named in rule.leans_on:
            key = "asked_of" if named == rule.asked_of else "either"
            if problem := _not_to_lean_on(named, rules, types):
                yield f"rules.{column}.{key}", problem
            elif key == "asked_of" and rules[named].kind == "absent":
                yield f"rules.{column}.asked_of", f"{named} is absent, so nobody would have an answer"
    try:
        wave_map.levels  # noqa: B018 (its error is what matters)
    except CycleError as error:
        circle = error.args[1]
        yield f"rules.{circle[0]}", f"either and asked_of go in a circle: {' needs '.join(reversed(circle))}"
    for place, check in enumerate(wave_map.contradictions):
        yield from _wrong_contradiction(f"contradictions.{place}", check, rules, types)


def _unfit(column: str, kind_of_value: str, rule: Rule) -> str | None:
    """Why a rule cannot give a column of that type; None where it can."""
    if rule.kind == "absent":
        return None
    if column in CODED:
        of = CODED[column]
        fits = rule.kind == "code" and rule.of == of
        return None if fits else f"{column} needs a rule 'code' with 'of: {of}'"
    kinds = BY_TYPE.get(kind_of_value, OF_WHOLE_NUMBERS if kind_of_value == "int" else OF_NUMBERS)
    if rule.kind not in kinds:
        return f"a rule '{rule.kind}' gives no {kind_of_value}, which {column} is; take {' or '.join(kinds)}"
    if rule.round and kind_of_value != "int":
        return f"round means nothing for {column}, which holds fractions; leave it out"
    return None


def _not_to_lean_on(named: str, rules: dict[str, Rule], types: dict[str, str]) -> str | None:
    if named not in rules:
        return f"{shown(named)} is no column of the survey with a rule"
    if types[named] != "boolean":
        return f"{shown(named)} is no yes-or-no column of the survey"
    return None


def _wrong_contradiction(
    place: str, check: Contradiction, rules: dict[str, Rule], types: dict[str, str]
) -> Iterator[tuple[str, str]]:
    if check.column not in rules:
        yield f"{place}.column", f"{shown(check.column)} is no column of the survey with a rule"
        return
    if check.against.kind in (*OVER_SURVEY, "code"):
        yield f"{place}.against", f"'{check.against.kind}' is no second question; name a column of the file"
    elif problem := _unfit(check.column, types[check.column], check.against):
        yield f"{place}.against", problem
    # The second answer is only compared, so keys on what happens to it have nothing to act on.
    for key in sorted(check.against.model_fields_set & {"asked_of", "on_unknown", "as_written", "round"}):
        yield f"{place}.against", f"{key} means nothing in a second question; leave it out"
