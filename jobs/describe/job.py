"""The steps of `diamant describe`: look at a file, tell what it is, and write drafts of what reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.describe import draft, tables
from jobs.describe.columns import MOST_ROWS, Column, columns, is_headed
from jobs.describe.guess import Guess, guess, rows
from jobs.errors import InputError, SettingsError
from jobs.readers import matrices, records
from jobs.readers.dialect import Dialect
from jobs.settings.inputs import LABELS, SIDES, FlowsInput

FILES = ("map.yaml", "regions.yaml", "sectors.yaml", "model.lav", "run.yaml")
COUNTRY = "XX"  # of a draft whose regions tell none


@dataclass(frozen=True)
class Described:
    """What a file is: how it is written, its columns (none of a matrix), its layout if it has flows.

    `labels`: settings of flows that follow from its labels; `regions`, `sectors`: those on both sides.
    """

    guess: Guess
    columns: list[Column]
    layout: Mapping[str, Any] | None
    labels: Mapping[str, list[str]]
    regions: list[str]
    sectors: list[str]
    remarks: list[str]


def describe(path: str, given: Dialect) -> Described:
    """What the file is. Raises InputError where it cannot be read."""
    known = guess(path, given)
    remarks = list(known.remarks)
    layout = tables.wide(known) if known.is_records else None
    sides = _sides_of_matrix(known, layout) if layout else ([], [])
    if layout and tables.is_square(*sides):
        return Described(known, [], layout, *_labels(*sides, remarks), remarks)
    names = records.header(path, known.part, known.dialect) if known.is_records else known.heads[0]
    if not is_headed(names):
        raise InputError(
            f"{path} has no header that differs from its rows; give the number of rows above it by --skip, "
            "or add one."
        )
    looked, bare = columns(names, rows(known), known.decimal)
    if bare:
        remarks.append(
            f"the last {bare} rows hold one cell each; if they are footnotes, set until to how they begin"
        )
    if looked and looked[0].rows == MOST_ROWS:
        remarks.append(f"the first {MOST_ROWS:,} rows were looked at")
    layout = tables.long(looked)
    sides = _sides_of_long(looked, layout) if layout else ([], [])
    if layout is None or not tables.is_square(*sides):
        return Described(known, looked, None, {}, [], [], remarks)
    return Described(known, looked, layout, *_labels(*sides, remarks), remarks)


def write(described: Described, folder: str) -> list[str]:
    """Write drafts into a folder; the names of the files. Raises SettingsError where some are there."""
    place = Path(folder).expanduser()
    place.mkdir(parents=True, exist_ok=True)
    written = (
        _of_table(described, place, folder) if described.layout else _of_survey(described, place, folder)
    )
    for name, text in written.items():
        (place / name).write_text(text, encoding="utf-8")
    return [f"{folder}/{name}" for name in written]


def _of_survey(described: Described, place: Path, folder: str) -> dict[str, str]:
    there = [name for name in FILES if (place / name).exists()]
    if there:
        raise SettingsError(f"{folder} holds {there[0]} already; name another folder, or move it away.")
    by_name = {column.name: column for column in described.columns}
    rules = draft.rules_of(described.columns)
    codes = (
        [value for value, _ in by_name[rules["region"]["code"]].codes] if "code" in rules["region"] else []
    )
    countries = Counter(code[:2] for code in codes if code[:2].isalpha())
    country = countries.most_common(1)[0][0] if countries else COUNTRY
    divisions = draft.divisions_in(by_name[rules["sector"]["code"]]) if "code" in rules["sector"] else []
    return {
        "map.yaml": draft.wave_map(described.guess, described.columns, rules),
        "regions.yaml": draft.regions(codes or [COUNTRY]),
        "sectors.yaml": draft.sectors(divisions or ["10"]),
        "model.lav": draft.model(rules),
        "run.yaml": draft.run_file(described.guess, folder, country, rules),
    }


def _of_table(described: Described, place: Path, folder: str) -> dict[str, str]:
    section = draft.flows(described.guess, described.layout or {}, described.labels)
    run = place / "run.yaml"
    whole = draft.with_flows(run.read_text(encoding="utf-8"), section) if run.is_file() else None
    if whole is None:
        if (place / "flows.yaml").exists():
            raise SettingsError(f"{folder} holds flows.yaml already; name another folder, or move it away.")
        return {"flows.yaml": "\n".join(line.removeprefix("    ") for line in section) + "\n"}
    # The table's own labels are the classes that a run can have; the survey's codes are divisions of these.
    return {
        "run.yaml": whole,
        "sectors.yaml": draft.sectors(described.sectors),
        "regions.yaml": draft.regions(described.regions),
    }


Sides = tuple[list[tuple[str, str]], list[tuple[str, str]]]  # region and sector of sellers and of buyers


def _sides_of_matrix(known: Guess, layout: Mapping[str, Any]) -> Sides:
    settings = FlowsInput.model_validate({**layout, "paths": {"flows": known.path}, **draft.marks(known)})
    return matrices.labels(settings, known.path, known.part)


def _sides_of_long(looked: list[Column], layout: Mapping[str, Any]) -> Sides:
    roles = {role: role for role in LABELS} | layout.get("columns", {})
    by_name = {column.name: column for column in looked}
    sides = []
    for side in SIDES:
        if side in roles:
            labels = by_name[roles[side]].values
            sides.append([matrices.both(label, layout.get("join", "_")) for label in labels])
        else:
            regions, sectors = (by_name[roles[f"{side}_{kind}"]].values for kind in ("region", "sector"))
            sides.append([(region, "") for region in regions] + [("", sector) for sector in sectors])
    return sides[0], sides[1]


def _labels(
    sellers: list[tuple[str, str]], buyers: list[tuple[str, str]], remarks: list[str]
) -> tuple[dict[str, list[str]], list[str], list[str]]:
    """Settings for the labels that are no sectors or no regions, the regions, and the sectors."""
    sold = [dict.fromkeys(pair[place] for pair in sellers if pair[place]) for place in (0, 1)]
    bought = [dict.fromkeys(pair[place] for pair in buyers if pair[place]) for place in (0, 1)]
    regions = [region for region in sold[0] if region in bought[0]]
    countries = Counter(region[:2] for region in regions)
    if len(countries) > 1:
        home = countries.most_common(1)[0][0]
        abroad = [region for region in regions if not region.startswith(home)]
        regions = [region for region in regions if region.startswith(home)]
        remarks.append(
            f"regions of {len(countries)} countries; those of {home} are taken, the others are left out"
        )
    else:
        abroad = []
    both = [sector for sector in sold[1] if sector in bought[1]]
    sectors = [sector for sector in both if draft.divisions_of(sector)] or both
    sums = [sector for sector in both if sector not in sectors]
    only_sold = [label for label in sold[1] if label not in bought[1]]
    only_bought = [label for label in bought[1] if label not in sold[1]]
    odd = [region for region in [*sold[0], *bought[0]] if region not in regions and region not in abroad]
    settings = {
        "drop": ["totals", *dict.fromkeys([*sums, *only_sold, *abroad, *odd])],
        "final": only_bought,
    }
    return {key: labels for key, labels in settings.items() if labels}, regions, sectors
