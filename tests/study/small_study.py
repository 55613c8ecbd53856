"""A small study as an office delivers it: sixty firms in three regions and three sectors, every value known.

`firms` and `deliveries` hold the truth. `answers` and the tables below turn it into the cells of files, and
`csv` into text, so that a case can change values, the way they are written, or the bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REGIONS = ("HU11", "HU12", "HU21")
SECTORS = {"10-12": ("10", "11", "12"), "13-15": ("13", "14", "15"), "28": ("28",)}
SOURCES = ("suppliers", "clients", "competitors", "universities", "fairs")
SCALE = ["0", "1", "2", "3"]
BOXES = ("cdom1", "cdom2", "cfor1", "cfor2")  # ticked where a partner is at home or abroad
KINDS = {"text", "number", "yes_no", "ticked", "scale", "code", "either", "absent", "size_class", "greater"}
FRACTIONS = ("turn", "mkt", "frm", "rd", "oth", "w", "value")  # columns that carry the file's decimal mark

Truth = dict[str, dict[str, Any]]  # a firm to its canonical values
Cell = tuple[str, str, str, str]  # delivering region and sector, buying region and sector; "" where unknown
Row = dict[str, str]


def firms(count: int = 60, seed: int = 9) -> Truth:
    """The canonical survey: a firm's identifier to its values; None is no answer."""
    draw = random.Random(seed)
    return {f"F{number:03}": _firm(draw, number) for number in range(1, count + 1)}


def _firm(draw: random.Random, number: int) -> dict[str, Any]:
    sector = draw.choice(list(SECTORS))
    employees = draw.randint(12, 240)
    product, process = draw.random() < 0.7, draw.random() < 0.4
    cooperates = draw.random() < 0.5 if product or process else None
    domestic = draw.random() < 0.7 if cooperates else None
    innovates = product or process
    return {
        "region": REGIONS[number % len(REGIONS)],
        "sector": sector,
        "industrial": True,
        "employees": employees,
        "turnover": round(employees * draw.uniform(40, 160), 2),
        "exports": draw.random() < 0.6,
        "product_innovator": product,
        "process_innovator": process,
        "innovator": innovates,
        "innovative_share": (draw.randint(1, 40) + draw.randint(0, 40)) / 100 if product else None,
        "competitive_contribution": float(draw.randint(0, 3)) if product else None,
        "rd_expenditure": round(draw.uniform(1, 400), 1) if innovates else None,
        "other_expenditure": round(draw.uniform(1, 90), 2) if innovates else None,
        **{f"source_{name}": float(draw.randint(0, 3)) if innovates else None for name in SOURCES},
        "cooperates": cooperates,
        "partners_domestic": domestic,
        "partners_foreign": (not domestic or draw.random() < 0.4) if cooperates else None,
        "weight": round(draw.uniform(1, 9), 2),
    }


def answers(known: Truth) -> list[Row]:
    """Questionnaires as they are typed: decimal points, codes, blank cells where there is no answer."""
    draw = random.Random(1)
    return [_questionnaire(draw, firm, values) for firm, values in known.items()]


def _questionnaire(draw: random.Random, firm: str, values: dict[str, Any]) -> Row:
    share = values["innovative_share"]
    market = draw.randint(0, round(100 * share)) if share is not None else None
    boxes = {box: draw.random() < 0.5 for box in BOXES}
    ticks = {
        box: _tick(values[partners], first=box.endswith("1"), drawn=boxes[box])
        for partners, pair in (("partners_domestic", BOXES[:2]), ("partners_foreign", BOXES[2:]))
        for box in pair
    }
    return {
        "firm": firm,
        "region": values["region"],
        "nace": draw.choice(SECTORS[values["sector"]]),
        "emp": str(values["employees"]),
        "turn": str(values["turnover"]),
        "export": _code(values["exports"]),
        "inpdt": _code(values["product_innovator"]),
        "inpcs": _code(values["process_innovator"]),
        "mkt": "" if market is None else str(market),
        "frm": "" if market is None else str(round(100 * share) - market),
        "contrib": _code(values["competitive_contribution"]),
        "rd": "" if values["rd_expenditure"] is None else str(values["rd_expenditure"]),
        "oth": "" if values["other_expenditure"] is None else str(values["other_expenditure"]),
        **{f"s{place}": _code(values[f"source_{name}"]) for place, name in enumerate(SOURCES, start=1)},
        "coop": _code(values["cooperates"]),
        **ticks,
        "w": str(values["weight"]),
        "name": f"Kovács {firm[1:]} Kft",
    }


def _code(value: float | bool | None) -> str:
    return "" if value is None else str(int(value))


def _tick(partners: bool | None, first: bool, drawn: bool) -> str:
    """A box; the first one of a pair is ticked wherever the firm has such a partner."""
    return _code(bool(partners) and (first or drawn))


def questions() -> dict[str, dict[str, Any]]:
    """The rules of the wave map that reads `answers`."""
    return {
        "firm_id": {"text": "firm"},
        "region": {"code": "region", "of": "regions"},
        "sector": {"code": "nace", "of": "sectors"},
        "employees": {"number": "emp"},
        "turnover": {"number": "turn"},
        "exports": {"yes_no": "export"},
        "product_innovator": {"yes_no": "inpdt"},
        "process_innovator": {"yes_no": "inpcs"},
        "innovator": {"either": ["product_innovator", "process_innovator"]},
        "innovative_share": {"number": ["mkt", "frm"], "factor": 0.01},
        "competitive_contribution": {"scale": "contrib", "order": SCALE},
        "rd_expenditure": {"number": "rd"},
        "other_expenditure": {"number": "oth"},
        **{
            f"source_{name}": {"scale": f"s{place}", "order": SCALE}
            for place, name in enumerate(SOURCES, start=1)
        },
        "cooperates": {"yes_no": "coop"},
        "partners_domestic": {"ticked": list(BOXES[:2]), "asked_of": "cooperates"},
        "partners_foreign": {"ticked": list(BOXES[2:]), "asked_of": "cooperates"},
        "weight": {"number": "w"},
    }


def deliveries(seed: int = 9) -> dict[Cell, float]:
    """The interregional table: each cell of regions x sectors both ways to its value."""
    draw = random.Random(seed)
    return {
        (origin, sells, buyer, buys): round(draw.uniform(1, 9) * (3 if origin == buyer else 1), 2)
        for origin in REGIONS
        for sells in SECTORS
        for buyer in REGIONS
        for buys in SECTORS
    }


def biregional(table: dict[Cell, float], rest: str = "REST") -> dict[Cell, float]:
    """The table as each region sees it: its own deliveries, those from the rest of the country and to it."""
    seen: dict[Cell, float] = {}
    for (origin, sells, buyer, buys), value in table.items():
        if origin == buyer:
            seen[origin, sells, buyer, buys] = value
            continue
        for cell in ((origin, sells, rest, ""), (rest, sells, buyer, buys)):
            seen[cell] = round(seen.get(cell, 0.0) + value, 2)
    return seen


def long(table: dict[Cell, float]) -> list[Row]:
    """One row a cell."""
    names = ("origin_region", "origin_sector", "destination_region", "destination_sector")
    return [{**dict(zip(names, cell, strict=True)), "value": str(value)} for cell, value in table.items()]


def wide(table: dict[Cell, float]) -> list[list[str]]:
    """A matrix: two header rows with the buyers, two label columns with the deliverers."""
    places = [(region, sector) for region in REGIONS for sector in SECTORS]
    heads = [["", "", *(place[kind] for place in places)] for kind in (0, 1)]
    rows = [[*origin, *(str(table[origin + buyer]) for buyer in places)] for origin in places]
    return [*heads, *rows]


def csv(
    rows: Iterable[Row | list[str]],
    separator: str = ";",
    decimal: str = ".",
    end: str = "\n",
    quoted: bool = False,
    columns: Iterable[str] | None = None,
    fractions: tuple[str, ...] = FRACTIONS,
) -> str:
    """Rows as separated text: with a header where they are rows by name, as they stand otherwise.

    `decimal` is put into the columns `fractions` only.
    """
    rows = list(rows)
    lines: list[list[str]] = []
    for row in rows:
        if isinstance(row, dict):
            names = list(columns or row)
            lines = lines or [names]
            lines.append([_marked(row[name], decimal if name in fractions else ".") for name in names])
        else:
            lines.append([_marked(cell, decimal) for cell in row])
    return "".join(separator.join(_field(cell, separator, quoted) for cell in line) + end for line in lines)


def _marked(text: str, decimal: str) -> str:
    return text.replace(".", decimal)


def _field(text: str, separator: str, quoted: bool) -> str:
    needed = quoted or any(mark in text for mark in (separator, '"', "\n", "\r"))
    return '"' + text.replace('"', '""') + '"' if needed else text


def write_settings(
    folder: Path,
    run: dict[str, Any],
    rules: dict[str, dict[str, Any]] | None = None,
    codes: dict[str, str] | None = None,
    of_map: dict[str, Any] | None = None,
) -> Path:
    """The run file `run.yaml` with its wave map and classifications below `folder`.

    `run`: keys of the run file, such as `waves`. `rules`: by canonical column, keys laid over its rule; a
    kind of its own replaces the rule. `of_map`: other keys of the map. `codes`: other codes for regions,
    sectors or divisions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    other = codes or {}
    regions = [{"code": other.get(code, code), "name": code} for code in REGIONS]
    sectors = [
        {
            "code": other.get(code, code),
            "name": code,
            "industrial": True,
            "divisions": [other.get(division, division) for division in divisions],
        }
        for code, divisions in SECTORS.items()
    ]
    head = {"version": "1", "source": "small study"}
    _write(folder / "regions.yaml", {**head, "items": regions})
    _write(folder / "sectors.yaml", {**head, "items": sectors})
    wave_map = {"title": "small", "source": "small study", "population": "all_firms"}
    own_rules = laid_over(questions(), rules or {})
    _write(folder / "map.yaml", {**wave_map, "rules": own_rules, **(of_map or {})})
    settings = {
        "study": "small",
        "title": "A small study",
        "country": "HU",
        "regions": str(folder / "regions.yaml"),
        "sectors": str(folder / "sectors.yaml"),
        "work": str(folder / "work"),
        "out": str(folder / "published"),
        **run,
    }
    _write(folder / "run.yaml", settings)
    return folder / "run.yaml"


def laid_over(known: dict[str, dict[str, Any]], changed: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Rules with keys changed; one with a kind of its own replaces the former rule."""
    return {
        **known,
        **{
            column: keys if KINDS & set(keys) else {**known.get(column, {}), **keys}
            for column, keys in changed.items()
        },
    }


def _write(file: Path, content: Any) -> None:
    """JSON is YAML too, and shows each text in quotes."""
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
