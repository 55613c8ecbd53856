"""`diamant simulate --out`: studies of any size, each country with a run file that is ready to be run.

For trials and benchmarks. The firms follow the parameters of the Dutch study (conf/simulation.yaml),
whatever the country is called; regions and sectors beyond the Dutch ones have made-up codes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pyspark.sql import SparkSession
from ruamel.yaml import YAML

from jobs.errors import SettingsError
from jobs.output import owned, rooms
from jobs.settings import classifications, simulation_parameters
from jobs.settings.section import Name, Section
from jobs.settings.wording import fault
from jobs.simulate.files import ENCODING, LARGE, write
from jobs.simulate.files import names as file_names
from jobs.simulate.firms import Plan

DUTCH = ("conf/classifications/regions_nl.yaml", "conf/classifications/sectors_sbi93_19.yaml")
SOURCE = "simulated"
LABEL = "--out"


class Wanted(Section):
    """What to simulate; every country has the same regions, sectors and waves in number."""

    countries: tuple[Name, ...] = ("NL",)
    waves: tuple[Name, ...] = ("cis2",)
    regions: int = Field(12, ge=1, le=999, description="regions a country")
    sectors: int = Field(19, ge=1, le=999, description="industrial sectors")
    firms: int = Field(9000, ge=100, description="firms a country and wave")
    seed: int = 1996
    item_nonresponse: float = Field(0.03, ge=0, lt=0.5)
    layout: Literal["long", "biregional"] = "biregional"


@dataclass(frozen=True)
class _Place:
    """Where a country's files lie."""

    folder: Path
    regions: str
    sectors: str


def wanted(given: dict[str, Any]) -> Wanted:
    """The options of the command as a request. Raises SettingsError naming the option that is wrong."""
    try:
        checked = Wanted.model_validate(given)
    except ValidationError as error:
        where, _, what = fault(error).partition(": ")
        raise SettingsError(f"--{where.partition('.')[0]}: {what}.") from None
    for option, names in (("countries", checked.countries), ("waves", checked.waves)):
        if len(set(names)) < len(names):
            raise SettingsError(f"--{option}: a name stands there twice; each needs one of its own.")
    return checked


def check(wanted: Wanted, out: Path) -> None:
    """Raise SettingsError where a file stands in the way that `studies` did not write."""
    owned.check(out, [f"{country}.yaml" for country in wanted.countries], LABEL)
    for country in wanted.countries:
        folder = out / country
        if os.path.lexists(folder) and not folder.is_dir():
            raise SettingsError(f"{LABEL} {out} holds {country}, which is no folder; name another folder.")
        for wave in wanted.waves:
            owned.check(folder, (*file_names(wave), "regions.yaml", "sectors.yaml"), LABEL)


def studies(
    spark: SparkSession, wanted: Wanted, out: Path, say: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Write `out`/<country>/ with surveys, tables, truth and classifications, and `out`/<country>.yaml.

    The run files, in the order of the countries. The same request gives the same files. Raises SettingsError
    where a file of another stands in the way.
    """
    check(wanted, out)
    run_files = []
    for country in wanted.countries:
        place = _classifications(wanted, country, out)
        for wave in wanted.waves:
            plan = Plan(
                countries=(country,),
                waves=(wave,),
                regions=classifications.read(place.regions),
                sectors=classifications.read(place.sectors),
                firms=wanted.firms,
                seed=wanted.seed,
                parameters=simulation_parameters.read(),
                nonresponse=wanted.item_nonresponse,
            )
            _, rows = write(spark, plan, place.folder, wanted.layout, LABEL)
            say(f"{country} {wave}: {rows:,} firms")
        run_files.append(out / f"{country}.yaml")
        _dump(_run_file(wanted, country, place), run_files[-1])
    return run_files


def _classifications(wanted: Wanted, country: str, out: Path) -> _Place:
    """The Dutch regions and sectors where they are as many as asked for; else files of made-up ones."""
    folder = (out / country).resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    regions, sectors = (classifications.read(name) for name in DUTCH)
    names = list(DUTCH)
    if country != "NL" or wanted.regions != len(regions.items):
        places = [
            {"code": f"{country}{number:03d}", "name": f"Region {number}"}
            for number in range(1, wanted.regions + 1)
        ]
        names[0] = str(folder / "regions.yaml")
        _dump({"version": SOURCE, "source": SOURCE, "items": places}, Path(names[0]))
    if wanted.sectors != len(sectors.industrial):
        items: list[dict[str, Any]] = [
            {"code": f"{number:03d}", "name": f"Sector {number}", "industrial": True}
            for number in range(1, wanted.sectors + 1)
        ]
        items += [item.model_dump() for item in sectors.items if not item.industrial]
        names[1] = str(folder / "sectors.yaml")
        _dump({"version": SOURCE, "source": SOURCE, "items": items}, Path(names[1]))
    return _Place(folder, *names)


def _run_file(wanted: Wanted, country: str, place: _Place) -> dict[str, Any]:
    text = {"separator": ";", "encoding": ENCODING, "decimal": ","}

    def wave(name: str) -> dict[str, Any]:
        survey, flows = (str(place.folder / f"{kind}_{name}.csv") for kind in ("survey", "flows"))
        return {
            "wave": name,
            "survey": {"path": survey, "map": "conf/waves/cis2_simulated.yaml", **text},
            "flows": {"layout": wanted.layout, "paths": {"flows": flows}, **text},
        }

    return {
        "study": f"simulated-{country}",
        "title": f"A simulated study of {country}",
        "country": country,
        "regions": place.regions,
        "sectors": place.sectors,
        "work": str(place.folder / "work"),
        "out": str(place.folder / "published"),
        "waves": [wave(name) for name in wanted.waves],
        "model": "conf/models/cluster_within.lav",
        "spark": {"small": wanted.firms <= LARGE},
    }


def _dump(content: dict[str, Any], path: Path) -> None:
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT / path.name
        draft.parent.mkdir()
        with draft.open("w", encoding="utf-8") as stream:
            YAML(typ="safe", pure=True).dump(content, stream)
        owned.put(draft, path, LABEL)
