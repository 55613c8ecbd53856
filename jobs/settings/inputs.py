"""Settings of a wave's input: its survey, and its input-output tables."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from jobs.settings.encodings import python_name
from jobs.settings.section import FilePath, Name, Section, Text

LABELS = ("origin_region", "origin_sector", "destination_region", "destination_sector")
PAIR = ("region", "product", "industry", "value")  # columns of a biregional pair of files
NO_INPUT = "has neither survey nor flows, so there is nothing to read; give one of them"
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


Separator = Annotated[
    str, Field(min_length=1, max_length=1), BeforeValidator(_tab), AfterValidator(_separates)
]
Encoding = Annotated[Text, AfterValidator(_is_known)]
Thousands = Literal[".", ",", " ", "'"]  # a blank stands for every kind of blank


def _check_marks(given: SurveyInput | FlowsInput) -> None:
    """No mark of separated text has two meanings."""
    if given.thousands == given.decimal:
        raise ValueError("thousands and decimal are one mark; a number could be read in two ways")
    if given.separator in (given.decimal, given.thousands):
        raise ValueError("separator is the mark of decimals or thousands; numbers would be cut in two")


class SurveyInput(Section):
    """A survey file and the wave map that reads it."""

    path: FilePath
    map: FilePath = Field(description="wave map, a file of conf/waves")
    format: Literal["csv", "parquet", "stata", "spss", "sas"] = "csv"
    separator: Separator = Field(";", description="one character; `tab` for a tab")
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = Field(
        None, description="mark between groups of three digits: . , ' or a blank; none where not given"
    )
    max_quarantined: float = Field(
        0.05, ge=0, le=1, description="largest share of rows that may be set aside"
    )

    @model_validator(mode="after")
    def _marks_differ(self) -> SurveyInput:
        if self.format == "csv":
            _check_marks(self)
        return self


class FlowsInput(Section):
    """Input-output tables of a wave and how they are laid out."""

    layout: Literal["long", "biregional", "wide"]
    paths: dict[Name, FilePath] = Field(
        description="{flows: FILE}, or for a biregional pair {own: FILE, rest: FILE}"
    )
    columns: dict[Name, Text] = Field({}, description="role of a column to its header in the file")
    drop: tuple[str, ...] = Field((), description="labels that are no sectors: totals, value added")
    final: tuple[Text, ...] = Field(
        (), description="labels of final demand, kept for the balance of trade only"
    )
    rest: Text = Field("REST", description="marker of the rest of the country among the regions")
    exports: Text | None = Field(
        None, description="biregional pair: the label of deliveries to the rest of the country"
    )
    separator: Separator = Field(";", description="one character; `tab` for a tab")
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = Field(
        None, description="mark between groups of three digits, as for the survey"
    )
    absent: Literal["stop", "zero"] = Field(
        "stop", description="cells that the table lacks: they stop the run, or count as zero and are told"
    )
    max_quarantined: float = Field(0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _marks_differ(self) -> FlowsInput:
        _check_marks(self)
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
