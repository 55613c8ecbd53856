"""`diamant waves`: which concepts each wave has, from its wave map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from rich.table import Table

from jobs.settings import resources, schemas, wave_maps
from jobs.settings.wave_maps import OVER_SURVEY, WaveMap

FOLDER = "conf/waves"
MARKS = {"read": "", "likely": " ?", "unsure": " ??"}


def known() -> list[str]:
    """The wave maps that come with the program, by their names."""
    names = sorted(file.name for file in (resources.root() / "conf" / "waves").iterdir())
    return [f"{FOLDER}/{name}" for name in names if name.endswith(".yaml")]


def table(maps: Mapping[str, WaveMap]) -> Table:
    """Concept x wave: the kind of rule that measures or derives it, or absent, and how sure that is."""
    shown = Table(title="? likely, ?? unsure, - absent")
    shown.add_column("concept", no_wrap=True)
    for name in maps:
        shown.add_column(PurePath(name).stem)
    for column in schemas.table("survey").columns:
        if column.name not in wave_maps.DERIVED:
            shown.add_row(column.name, *[_cell(wave_map, column.name) for wave_map in maps.values()])
    return shown


def reasons(maps: Mapping[str, WaveMap]) -> Iterator[str]:
    """Why concepts are absent, and the breaks of each wave, a line each."""
    for name, wave_map in maps.items():
        for column, rule in wave_map.rules.items():
            if rule.absent:
                yield f"{PurePath(name).stem}: {column} is absent: {rule.absent}"
        for words in wave_map.breaks:
            yield f"{PurePath(name).stem}: break: {words}"


def _cell(wave_map: WaveMap, column: str) -> str:
    rule = wave_map.rules[column]
    if rule.kind == "absent":
        return "-"
    return f"{'derived' if rule.kind in OVER_SURVEY else rule.kind}{MARKS.get(rule.sure or '', '')}"
