"""Settings of a wave's input: its survey, and its input-output tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jobs.codes import BLANKS
from jobs.settings.encodings import python_name
from jobs.settings.section import FilePath, Name, Section, Text

LABELS = ("origin_region", "origin_sector", "destination_region", "destination_sector")
SIDES = ("origin", "destination")  # columns of a long table that hold a region and its sector in one label
PAIR = ("region", "product", "industry", "value")  # columns of a biregional pair of files
NO_INPUT = "has neither survey nor flows, so there is nothing to read; give one of them"
YEAR = "{year}"  # in names of files and in where: the year of the chosen table
TAB = {"\\t", "tab"}  # ways to write it where it cannot be typed
NO_SEPARATORS = '"\\\n\r\0'  # quotes, what stands before a quote, line breaks


def _tab(given: Any) -> Any:
    return "\t" if isinstance(given, str) and given.lower() in TAB else given


def _separates(mark: str) -> str:
    if mark in NO_SEPARATORS or mark.isalnum():
        raise ValueError(
            "is no separator; take ; , | tab or another mark that stands in no name, number or quote"
        )
    return mark


def _is_known(encoding: str) -> str:
    try:
        python_name(encoding)
    except LookupError as error:
        raise ValueError(str(error)) from None
    return encoding


def _words(given: Any) -> Any:
    """One text as a list of one; a bare number of YAML is its digits."""
    entries = given if isinstance(given, (list, tuple)) else [given]
    plain = [str(entry) if type(entry) is int else entry for entry in entries]
    return tuple(entry.strip(BLANKS) if isinstance(entry, str) else entry for entry in plain)


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Held = Literal["region", "sector", "both", "other"]
Separator = Annotated[
    str, Field(min_length=1, max_length=1), BeforeValidator(_tab), AfterValidator(_separates)
]
Encoding = Annotated[Text, AfterValidator(_is_known)]
Thousands = Literal[".", ",", " ", "'"]  # a blank stands for every kind of blank


def chosen_year(year: int, years: Sequence[int], match: str) -> int:
    """The one of `years` whose table goes with a wave of `year`. Raises ValueError where there is none."""
    allowed = {
        "same": [entry for entry in years if entry == year],
        "nearest_earlier": [entry for entry in years if entry <= year],
    }.get(match, list(years))
    if not allowed:
        raise ValueError(
            f"none of the years ({', '.join(map(str, sorted(years)))}) goes with {year} by the rule {match}; "
            "add a table, or take another rule"
        )
    return min(allowed, key=lambda entry: (abs(entry - year), entry))


def _with_year(value: Any, year: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_year(part, year) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_year(part, year) for part in value]
    return value.replace(YEAR, year) if isinstance(value, str) else value


def _check_marks(given: TableSettings) -> None:
    """No mark of separated text has two meanings."""
    if given.thousands == given.decimal:
        raise ValueError("thousands and decimal are one mark; a number could be read in two ways")
    if given.separator in (given.decimal, given.thousands):
        raise ValueError("separator is the mark of decimals or thousands; numbers would be cut in two")


class TableSettings(Section):
    """How a file holds its table: the marks of text, the sheet of a workbook, and what stands around it."""

    format: str = "csv"
    separator: Separator = Field(";", description="one character; `tab` for a tab")
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = Field(
        None, description="mark between groups of three digits: . , ' or a blank; none where not given"
    )
    sheet: Text | None = Field(None, description="sheet of a workbook; the first where not given")
    skip: int = Field(0, ge=0, description="rows above the header, such as titles")
    until: Text | None = Field(
        None, description="the first row that begins so ends the table, as a footnote; `blank`: a blank row"
    )

    @model_validator(mode="after")
    def _marks_and_places(self) -> TableSettings:
        if self.format == "csv":
            _check_marks(self)
        if self.sheet is not None and self.format != "excel":
            raise ValueError("sheet means nothing but for format excel; leave it out")
        if (self.skip or self.until) and self.format not in ("csv", "excel"):
            raise ValueError(f"skip and until mean nothing for format {self.format}; leave them out")
        return self


class ForeignCodes(Section):
    """What the regions and sectors of a file are, where they are not those of the run."""

    nuts: Text | None = Field(
        None, description="version of NUTS of the file's regions; found by their codes where not given"
    )
    correspondence: FilePath | None = Field(
        None, description="file of what the file's sectors are in the run's (see docs/harmonisation.md)"
    )
    correspondence_weight: Text | None = Field(
        None, description="column of its weights; the only one where not given"
    )


class SurveyInput(TableSettings, ForeignCodes):
    """A survey file and the wave map that reads it."""

    path: FilePath
    map: FilePath = Field(description="wave map, a file of conf/waves")
    format: Literal["csv", "excel", "parquet", "stata", "spss", "sas"] = "csv"
    identifiers: Literal["wave", "persistent"] = Field(
        "wave",
        description="`persistent`: a firm has the same firm_id in each wave of its country that says so",
    )
    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="largest share of rows that may be set aside"
    )
    largest: float = Field(
        1.0,
        gt=0.5,
        le=1,
        description="share of a code that its sector has at least; other firms have no sector",
    )


class FlowsInput(TableSettings, ForeignCodes):
    """Input-output tables of a wave and how they are laid out."""

    format: Literal["csv", "excel", "parquet"] = "csv"
    layout: Literal["long", "biregional", "wide"]
    paths: dict[Name, FilePath] = Field(
        description="{flows: FILE}, or for a biregional pair {own: FILE, rest: FILE}"
    )
    columns: dict[Name, Text] = Field(
        {},
        description="role of a column to its header in the file; wide: label columns by what a header row "
        "calls them, {region: NAME, sector: NAME} or {both: NAME}",
    )
    header: tuple[Held, ...] = Field(
        ("region", "sector"), min_length=1, description="wide: what each header row holds of the buyer"
    )
    labels: tuple[Held, ...] = Field(
        ("region", "sector"),
        min_length=1,
        description="wide: what each label column holds of the seller; `[sector]`, as in header, where each "
        "file of a folder is the matrix of the region by which it is named",
    )
    join: Text = Field("_", description="mark between region and sector where one label holds both")
    where: dict[Text, Words] = Field(
        {}, description="long: column to its values; cells with others are left out, such as other years"
    )
    zero: Words = Field((), description="texts that stand for zero; `blank` for an empty cell")
    tolerance: float = Field(
        0.0, ge=0, description="values down to minus this are errors of rounding, and count as zero"
    )
    drop: tuple[str, ...] = Field(
        (),
        description="labels that are left out: value added, taxes; `totals` for totals, the country as a "
        "whole, its parts above the run's regions, and extra-regio",
    )
    final: tuple[Text, ...] = Field(
        (), description="labels of final demand, kept for the balance of trade only"
    )
    rest: Text = Field("REST", description="marker of the rest of the country among the regions")
    exports: Text | None = Field(
        None,
        description="biregional pair, and one matrix a region: the label of deliveries to the rest of the "
        "country",
    )
    year: int | None = Field(None, ge=1900, le=2200, description="year of the wave, to choose a table by")
    years: tuple[int, ...] = Field(
        (), description="years of which there are tables; `{year}` in paths and where is the chosen one"
    )
    match: Literal["nearest_earlier", "nearest", "same"] = Field(
        "nearest_earlier",
        description="which year is taken: the last up to the wave's, the nearest (the earlier of two), or "
        "the wave's own",
    )
    absent: Literal["stop", "zero"] = Field(
        "stop", description="cells that the table lacks: they stop the run, or count as zero and are told"
    )
    max_quarantined: float = Field(0.0, ge=0, le=1)

    @property
    def writing(self) -> str:
        """How the table is written, but for its files' names: tables of one writing are read together."""
        roles = {"paths": sorted(self.paths)}
        others = {"paths", "max_quarantined", "absent", "year", "years", "match", *ForeignCodes.model_fields}
        return str({**self.model_dump(exclude=others), **roles})

    @property
    def table_year(self) -> int | None:
        """The year of the table that is taken; None where the run file names no years."""
        return chosen_year(self.year, self.years, self.match) if self.years and self.year else None

    @property
    def is_by_region(self) -> bool:
        """Whether each file of a wide table is the matrix of the region by which it is named."""
        return self.layout == "wide" and not {"region", "both"} & {*self.header, *self.labels}

    @model_validator(mode="before")
    @classmethod
    def _of_the_chosen_year(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or YEAR not in str([raw.get("paths"), raw.get("where")]):
            return raw
        year, years = raw.get("year"), raw.get("years")
        if type(year) is not int or not isinstance(years, (list, tuple)) or not years:
            raise ValueError(f"{YEAR} in paths or where needs the keys year and years")
        if any(type(entry) is not int for entry in years):
            raise ValueError("years are whole numbers, such as [2000, 2005, 2010]")
        chosen = str(chosen_year(year, years, raw.get("match", "nearest_earlier")))
        return {**raw, **{key: _with_year(raw[key], chosen) for key in ("paths", "where") if key in raw}}

    @model_validator(mode="after")
    def _labels_are_whole(self) -> FlowsInput:
        for key, held in (("header", self.header), ("labels", self.labels)):
            named = sorted(entry for entry in held if entry != "other")
            if named not in (["both"], ["region", "sector"]) and not (
                self.is_by_region and named == ["sector"]
            ):
                raise ValueError(
                    f"{key} holds region and sector once each, or both in one; or both hold sector "
                    "alone, where each file is named by its region"
                )
        if self.layout == "wide" and self.columns and "labels" in self.model_fields_set:
            raise ValueError("columns names the label columns, and labels tells their places; leave one out")
        if self.format == "parquet" and self.layout == "wide":
            raise ValueError("a matrix has no columns with names, as Parquet needs; take csv or excel")
        if self.where and self.layout == "wide":
            raise ValueError("where means nothing for the layout wide, whose columns have no names")
        return self


class WaveSettings(Section):
    """One wave: its survey, and the input-output tables of a year near it."""

    wave: Name
    survey: SurveyInput | None = None
    flows: FlowsInput | None = None

    @model_validator(mode="after")
    def _has_input(self) -> WaveSettings:
        if self.survey is None and self.flows is None:
            raise ValueError(NO_INPUT)
        return self
