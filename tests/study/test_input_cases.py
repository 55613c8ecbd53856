"""Surveys as offices deliver them: each comes out with the right values, or stops in words that help.

The cases follow public reports of people who receive such files. Each is drawn as what differs from the
small study (small_study.py); a case without `stops` has to bring every value of every firm.
"""

from __future__ import annotations

from functools import partial

import pytest
from small_runs import Case, changed, check, put, renamed, replaced, rewritten, unknown, without
from small_study import BOXES, csv, firms

from jobs.errors import ValidationStopped

CODES = ("export", "inpdt", "inpcs", "contrib", "s1", "s2", "s3", "s4", "s5", "coop", *BOXES)
QUOTED = partial(csv, quoted=True)
COMMAS = partial(csv, decimal=",")
COMMAS_BUT_TURNOVER = partial(csv, decimal=",", fractions=("rd", "oth", "w"))
COMMAS_BUT_WEIGHTS = partial(csv, decimal=",", fractions=("turn", "rd", "oth"))


def boxes(**keys) -> dict[str, dict]:
    """Keys of both rules on tick boxes."""
    return {"partners_domestic": keys, "partners_foreign": keys}


def grouped(mark: str, decimal: str, places: int = 2):
    """Numbers with a mark between thousands: 6849.73 as 6.849,73."""
    marks = {ord(","): mark, ord("."): decimal}
    return lambda text: f"{float(text):,.{places}f}".translate(marks)


UNDECLARED_BOX = (
    r"58 of 60 rows aside.* cdom1 has a code the map does not declare \(41 rows, the first is 2\)"
)
TICKS = [
    Case(
        f"a box that is not ticked holds {text!r}, which the map does not declare",
        cells=replaced(BOXES, {"0": text}),
        stops=UNDECLARED_BOX,
        error=ValidationStopped,
    )
    for text in ("NA", "No", "-9", ".", "2", "#NULL!")
]
TICKS += [
    Case(
        f"a box that is not ticked holds {text!r}, which the map declares",
        cells=replaced(BOXES, {"0": text}),
        rules=boxes(no=[text]),
    )
    for text in ("NA", "-9", ".", "2")
]
TICKS += [
    Case("a box that is not ticked is blank", cells=replaced(BOXES, {"0": ""})),
    Case("a box that is not ticked holds a blank in quotes", replaced(BOXES, {"0": " "}), written=QUOTED),
    Case("a box that is not ticked holds a no-break blank", replaced(BOXES, {"0": "\u00a0"})),
    Case("boxes are doubles", replaced(BOXES, {"0": "0.0", "1": "1.0"})),
    Case(
        "boxes are doubles with a comma",
        replaced(BOXES, {"0": "0,0", "1": "1,0"}),
        written=COMMAS,
        settings={"decimal": ","},
    ),
    Case(
        "a tick is x, and a box without it is blank",
        replaced(BOXES, {"0": "", "1": "x"}),
        rules=boxes(yes=["x"]),
    ),
    Case(
        "a tick is X, which the map does not declare",
        replaced(BOXES, {"1": "X"}),
        stops="cdom[12] has a code the map does not declare|cfor[12] has a code the map does not declare",
        error=ValidationStopped,
    ),
    Case(
        "an unknown code is no answer where the map says so",
        put("cdom1", "8", first=10),
        rules={"partners_domestic": {"on_unknown": "missing"}},
        known=unknown("partners_domestic", "F010"),
    ),
    Case(
        "an unknown code in a box beside a tick changes nothing where the map says so",
        put("cdom1", "8"),
        rules={"partners_domestic": {"on_unknown": "missing"}},
    ),
    Case(
        "a missing code in a box leaves open whether there was a partner",
        replaced(("cdom1", "cdom2"), {"0": "9", "1": "9"}),
        rules={"partners_domestic": {"missing": ["9"]}},
        known=unknown("partners_domestic", *firms()),
    ),
    Case(
        "exports by their amount are no ticks",
        replaced(("export",), {"0": "0,0", "1": "1234,5"}),
        written=COMMAS,
        settings={"decimal": ","},
        rules={"exports": {"ticked": ["export"], "no": ["0"]}},
        stops="export has a code the map does not declare",
        error=ValidationStopped,
    ),
]

LEADING = {"HU11": "05", "HU12": "06", "HU21": "07"}
SHORT = {"05": "5", "06": "6", "07": "7"}


def in_regions(codes: dict[str, str]):
    """Firms live in regions of other codes."""
    return changed("region", lambda region: codes[region])


CODED = [
    Case("codes are doubles", rewritten(CODES, lambda code: f"{code}.0")),
    Case(
        "codes are doubles with a comma",
        rewritten(CODES, lambda code: f"{code},0"),
        written=COMMAS,
        settings={"decimal": ","},
    ),
    Case("codes are decimals of two places", rewritten(CODES, lambda code: f"{code}.00")),
    Case("codes end in a point", rewritten(CODES, lambda code: f"{code}.")),
    Case("codes carry leading zeros", rewritten(CODES, lambda code: f"0{code}")),
    Case("codes carry a plus sign", rewritten(CODES, lambda code: f"+{code}")),
    Case("divisions are doubles", rewritten(("nace",), lambda code: f"{code}.0")),
    Case(
        "regions 05, 06, 07 lost their zeros",
        rewritten(("region",), lambda code: SHORT[LEADING[code]]),
        codes=LEADING,
        known=in_regions(LEADING),
    ),
    Case(
        "regions 5, 6, 7 got zeros",
        rewritten(("region",), lambda code: LEADING[code]),
        codes={code: SHORT[LEADING[code]] for code in LEADING},
        known=in_regions({code: SHORT[LEADING[code]] for code in LEADING}),
    ),
    Case("codes are padded in quotes", rewritten(("region", "nace", *CODES), "{}  ".format), written=QUOTED),
    Case("codes are padded with no-break blanks", rewritten(("region", "export"), "\u00a0{}\u00a0".format)),
    Case("codes stand without quotes in the map", rules={"source_clients": {"order": [0, 1, 2, 3]}}),
    Case(
        "yes and no are words",
        replaced(("export",), {"0": "Nem", "1": "Igen"}),
        rules={"exports": {"yes": ["Igen"], "no": ["Nem"]}},
    ),
    Case(
        "a word of another case is another code",
        replaced(("export",), {"0": "Nem", "1": "igen"}),
        rules={"exports": {"yes": ["Igen"], "no": ["Nem"]}},
        stops=r"export has a code the map does not declare \(\d+ rows, the first is \d+\)",
        error=ValidationStopped,
    ),
    Case(
        "regions in small letters",
        rewritten(("region",), str.lower),
        stops="region is no code of the regions",
        error=ValidationStopped,
    ),
    Case(
        "regions in small letters, and all rows may be set aside",
        rewritten(("region",), str.lower),
        settings={"max_quarantined": 1},
        until="validate",
        stops="no row of the survey is left",
        error=ValidationStopped,
    ),
    Case(
        "classes of NACE where the sectors list divisions",
        rewritten(("nace",), "{}.51".format),
        stops="nace is no code of the sectors",
        error=ValidationStopped,
    ),
    Case(
        "NACE with its section",
        rewritten(("nace",), "C{}".format),
        stops="nace is no code of the sectors",
        error=ValidationStopped,
    ),
    Case(
        "the region is blank for one firm in ten",
        put("region", *[""] * 6),
        stops=r"6 of 60 rows aside.* region is blank.* the first is 5",
        error=ValidationStopped,
    ),
    Case(
        "identifiers are doubles",
        rewritten(("firm",), lambda firm: f"123456789{firm[2:]}.0"),
        known=renamed("123456789{}"),
    ),
    Case(
        "identifiers have an exponent",
        rewritten(("firm",), lambda firm: f"1.23456789{firm[2:]}E10"),
        known=renamed("123456789{}"),
    ),
    Case(
        "identifiers keep their leading zeros",
        rewritten(("firm",), lambda firm: f"00{firm[2:]}"),
        known=renamed("00{}"),
    ),
    Case(
        "identifiers with an E are no exponents",
        rewritten(("firm",), lambda firm: f"10E{firm[2:]}"),
        known=renamed("10E{}"),
    ),
    Case(
        "-9 in a scale, and the map says that unknown codes are no answer",
        put("s2", "-9", "-9"),
        rules={"source_clients": {"on_unknown": "missing"}},
        known=unknown("source_clients", "F004", "F010"),
        until="validate",
    ),
    Case(
        "-9.0 in a scale, and the map says that -9 is no answer",
        put("s2", "-9.0", "-9"),
        rules={"source_clients": {"missing": ["-9"]}},
        known=unknown("source_clients", "F004", "F010"),
    ),
    Case(
        "99 in a question of yes and no is no answer",
        put("export", "99", "99.0"),
        rules={"exports": {"missing": ["99"]}},
        known=unknown("exports", "F004", "F010"),
    ),
]

NUMBERS = [
    Case("decimal commas", settings={"decimal": ","}, written=COMMAS),
    Case(
        "decimal commas where the run file says points",
        written=COMMAS,
        stops="60 of 60 rows aside.* turn is no number",
        error=ValidationStopped,
    ),
    Case(
        "weights with a point in one row and commas in the others",
        lambda rows: (rewritten(("w",), lambda text: text.replace(".", ","))(rows), put("w", "2.5")(rows)),
        settings={"decimal": ","},
        written=COMMAS_BUT_WEIGHTS,
        known=without("F004"),
        notes=r"w is no number",
    ),
    Case(
        "999999999 as turnover",
        put("turn", "999999999", "999999999"),
        stops=r"survey\.csv.* turn.* (missing|as_written).*",
        error=ValidationStopped,
    ),
    Case(
        "999999999 as turnover is no answer where the map says so",
        put("turn", "999999999", "999999999.0"),
        rules={"turnover": {"missing": ["999999999"]}},
        known=unknown("turnover", "F004", "F010"),
    ),
    Case(
        "9999 as employees",
        put("emp", "9999", "9999"),
        stops=r"emp.* (missing|as_written)",
        error=ValidationStopped,
    ),
    Case(
        "9999 employees are meant",
        put("emp", "9999"),
        rules={"employees": {"as_written": True}},
        known=lambda truth: truth["F004"].update(employees=9999),
    ),
    Case(
        "-9 in one part of a sum",
        put("frm", "-9", "-9", "-9", "-9"),
        stops="4 of 60 rows aside.* frm is negative",
        error=ValidationStopped,
    ),
    Case(
        "-9 in one part of a sum is no answer where the map says so",
        put("frm", "-9", "-9.0"),
        rules={"innovative_share": {"missing": ["-9"]}},
        known=unknown("innovative_share", "F004", "F010"),
    ),
    Case(
        "-9 as a number is no answer where the map says so, however it is written",
        put("turn", "-9", "-9,0", "-9,000", "-09"),
        settings={"decimal": ","},
        written=COMMAS,
        rules={"turnover": {"missing": ["-9"]}},
        known=unknown("turnover", "F004", "F010", "F016", "F022"),
    ),
    Case(
        "-9 as turnover of some firms",
        put("turn", "-9", "-9", "-9", "-9"),
        until="validate",
        stops="turnover is negative",
        error=ValidationStopped,
    ),
    Case(
        "12.345 is 12345, and nothing says so",
        rewritten(("turn",), grouped(".", ",", places=0)),
        stops=r"survey\.csv.* turn.* (thousands|as_written)",
        error=ValidationStopped,
    ),
    Case(
        "12.345 is 12345, and the decimal mark is a comma",
        rewritten(("turn",), grouped(".", ",", places=0)),
        settings={"decimal": ","},
        written=COMMAS_BUT_TURNOVER,
        stops="turn is no number",
        error=ValidationStopped,
    ),
    Case(
        "the share is in per cent and the map has no factor",
        rules={"innovative_share": {"factor": 1}},
        until="validate",
        stops="the share of innovative products in turnover is not between 0 and 100 %",
        error=ValidationStopped,
    ),
    Case(
        "12% in a share",
        rewritten(("mkt", "frm"), "{}%".format),
        stops="(mkt|frm|mkt, frm) is no number",
        error=ValidationStopped,
    ),
    Case(
        "employees in classes",
        rewritten(("emp",), lambda text: "10-49"),
        stops="60 of 60 rows aside.* emp is no number",
        error=ValidationStopped,
    ),
    Case("employees are doubles", rewritten(("emp",), "{}.0".format)),
    Case(
        "320.6 employees",
        put("emp", "320.6"),
        known=without("F004"),
        notes="emp is no whole number",
    ),
    Case(
        "320.6 employees may be rounded",
        put("emp", "320.6", "320.5"),
        rules={"employees": {"round": True}},
        known=lambda truth: (truth["F004"].update(employees=321), truth["F010"].update(employees=321)),
    ),
    Case(
        "what is no number at all",
        put("turn", "NaN", "Infinity", "1e400", "0x10"),
        stops="4 of 60 rows aside.* turn is no number",
        error=ValidationStopped,
    ),
]
NUMBERS += [
    Case(
        f"thousands are marked by {name}, and the run file says so",
        rewritten(("turn",), grouped(mark, decimal)),
        settings={"decimal": decimal, "thousands": declared},
        written=COMMAS_BUT_TURNOVER if decimal == "," else csv,
    )
    for name, mark, decimal, declared in (
        ("points", ".", ",", "."),
        ("commas", ",", ".", ","),
        ("blanks", " ", ",", " "),
        ("no-break blanks", "\u00a0", ",", " "),
        ("narrow no-break blanks", "\u202f", ".", " "),
        ("apostrophes", "'", ".", "'"),
    )
]
NUMBERS += [
    Case(
        f"thousands are marked by {name}, and nothing says so",
        rewritten(("turn",), grouped(mark, ".", places=0)),
        stops="turn is no number",
        error=ValidationStopped,
    )
    for name, mark in (("commas", ","), ("no-break blanks", "\u00a0"), ("apostrophes", "'"))
]


@pytest.mark.parametrize("case", [*TICKS, *CODED, *NUMBERS], ids=str)
def test_answers_mean_what_the_map_says(spark, tmp_path, case):
    check(case, spark, tmp_path)
