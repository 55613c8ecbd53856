"""How a table is written in its file, and what stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a run file's sections take longer to load than a small table
    from jobs.settings.inputs import TableSettings

UNTIL_BLANK = "blank"  # the value of `until` that ends a table at a blank row


@dataclass(frozen=True)
class Dialect:
    """How a table is written: text by the mark between fields and the encoding, a workbook by its sheet.

    `skip` rows stand above the header. The table ends at the first row below it that begins with `until`;
    UNTIL_BLANK ends it at the first blank row.
    """

    separator: str = ";"
    encoding: str = "utf-8"
    skip: int = 0
    until: str | None = None
    is_workbook: bool = False
    sheet: str | None = None

    @classmethod
    def of(cls, settings: TableSettings) -> Dialect:
        """The dialect that the settings of an input describe."""
        return cls(
            settings.separator,
            settings.encoding,
            settings.skip,
            settings.until,
            settings.format == "excel",
            settings.sheet,
        )

    def ends_at(self, first: str) -> bool:
        """Whether a row below the header that begins with `first`, "" where it is blank, ends the table."""
        if not self.until:
            return False
        return not first if self.until == UNTIL_BLANK else first.startswith(self.until)
