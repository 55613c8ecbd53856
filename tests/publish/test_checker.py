"""The note to the output checker: what it says is what the tables hold."""

from __future__ import annotations

import pandas as pd
from published import tables

from jobs.publish import checker
from jobs.publish.linked import BESIDE
from jobs.publish.rules import FEW
from jobs.publish.safeguards import AUDIT
from jobs.settings.sections import DisclosureSettings

ROWS = [
    ("NL", "w", "firms", "all / foreign only", FEW, 10.0, 12.0),
    ("NL", "w", "firms", "all / both", BESIDE, None, None),
]
AUDITED = pd.DataFrame(ROWS, columns=AUDIT)


def test_the_note_counts_what_is_withheld_and_why():
    text = checker.note(tables(), AUDITED, DisclosureSettings(), ["an earlier release was withdrawn"])
    assert "| partner_origin | firms | 1 | 1 | 50.0 % |" in text
    assert f"| firms | {FEW} | 1 |" in text and f"| firms | {BESIDE} | 1 |" in text
    assert "1 of 1 promises" in text
    assert "| p_percent | 10 |" in text and "- an earlier release was withdrawn" in text


def test_its_files_are_for_the_office_alone(tmp_path):
    checker.write(tmp_path / "checker", tables(), AUDITED, DisclosureSettings())
    files = sorted(file.name for file in (tmp_path / "checker").iterdir())
    assert files == [checker.NOTE, checker.FIGURES]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "checker").iterdir())
    listed = pd.read_csv(tmp_path / "checker" / checker.FIGURES)
    assert listed.cell.tolist() == ["all / foreign only", "all / both"]
