"""`diamant simulate --out`: studies of any size, with a run file that is ready to be run.

For trials and benchmarks. The firms follow the parameters of the Dutch study (conf/simulation.yaml),
whatever the country is called; regions and sectors beyond the Dutch ones have made-up codes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from ruamel.yaml import YAML

from jobs.errors import SettingsError
from jobs.output import owned, rooms
from jobs.settings import classifications, simulation_parameters
from jobs.settings.section import Name, Section
from jobs.settings.wording import fault
from jobs.simulate import named, run_files
from jobs.simulate.files import names as file_names
from jobs.simulate.files import write
from jobs.simulate.firms import Plan

DUTCH = ("conf/classifications/regions_nl.yaml", "conf/classifications/sectors_sbi93_19.yaml")
SOURCE = "simulated"
LABEL = "--out"
FOLDERS = ("work", "published")  # of a run of several countries, beside theirs


class Wanted(Section):
    """What to simulate; every country has the same regions, sectors and waves in number."""

    countries: tuple[Name, ...] = Field(("NL",), min_length=1)
    waves: tuple[Name, ...] = Field(("cis2",), min_length=1)
    regions: int = Field(12, ge=1, le=999, description="regions a country")
    sectors: int = Field(19, ge=1, le=999, description="industrial sectors")
    firms: int = Field(9000, ge=100, description="firms a country and wave")
    seed: int = Field(1996, ge=-(2**63), lt=2**63)
    item_nonresponse: float = Field(0.03, ge=0, lt=0.5)
    layout: Literal["long", "biregional"] = "biregional"

    @property
    def slices(self) -> int:
        """Number of slices: waves of countries."""
        return len(self.countries) * len(self.waves)


def wanted(given: dict[str, Any]) -> Wanted:
    """The options of the command as a request. Raises SettingsError naming the option that is wrong.

    Countries and waves are lists of names, or a text as the command has it: names with commas between them,
    or a whole number, which says how many.
    """
    given = dict(given)
    for option, listed in (("countries", named.countries), ("waves", named.waves)):
        if isinstance(given.get(option), str):
            given[option] = listed(given[option])
    try:
        checked = Wanted.model_validate(given)
    except ValidationError as error:
        where, _, what = fault(error).partition(": ")
        raise SettingsError(f"--{where.partition('.')[0]}: {what}.") from None
    for option, names in (("countries", checked.countries), ("waves", checked.waves)):
        if len(set(names)) < len(names):
            raise SettingsError(f"--{option}: a name stands there twice; each needs one of its own.")
    if len(checked.countries) > 1 and set(FOLDERS) & set(checked.countries):
        raise SettingsError("--countries: work and published are the run's folders; take another name.")
    return checked


def check(wanted: Wanted, out: Path) -> None:
    """Raise SettingsError where a file stands in the way that `studies` did not write."""
    several = len(wanted.countries) > 1
    if several and set("{}") & set(str(out.resolve())):
        raise SettingsError(f"{LABEL}: braces stand for country and wave; name a folder without them.")
    names = [run_files.EUROPE, "sectors.yaml"] if several else [f"{wanted.countries[0]}.yaml"]
    owned.check(out, names, LABEL)
    for country in wanted.countries:
        folder = out / country
        if os.path.lexists(folder) and not folder.is_dir():
            raise SettingsError(f"{LABEL} {out} holds {country}, which is no folder; name another folder.")
        files = [name for wave in wanted.waves for name in file_names(wave)]
        owned.check(folder, [*files, "regions.yaml", *([] if several else ["sectors.yaml"])], LABEL)


def studies(wanted: Wanted, out: Path, say: Callable[[str], None] = lambda line: None) -> Path:
    """Write `out`/<country>/ with surveys, tables, truth and regions of each country, and one run file.

    The run file is `out`/<country>.yaml of a single country, whose folder has the sectors too, else
    `out`/europe.yaml. `say` is told how many slices are done, after each country, and after each wave of a
    single one. The same request gives the same files. Raises SettingsError where a file of another stands in
    the way.
    """
    check(wanted, out)
    folders = {country: (out / country).resolve() for country in wanted.countries}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    regions = {country: _regions(wanted, country, folder) for country, folder in folders.items()}
    several = len(folders) > 1
    sectors = _sectors(wanted, out.resolve() if several else folders[wanted.countries[0]])
    parameters = simulation_parameters.read()
    for done, (country, wave) in enumerate(product(wanted.countries, wanted.waves), start=1):
        plan = Plan(
            country=country,
            wave=wave,
            regions=classifications.read(regions[country]),
            sectors=classifications.read(sectors),
            firms=wanted.firms,
            seed=wanted.seed,
            parameters=parameters,
            nonresponse=wanted.item_nonresponse,
        )
        _, firms = write(plan, folders[country], wanted.layout, LABEL)
        if wave == wanted.waves[-1] or not several:
            say(f"{done:,} of {wanted.slices:,} slices: {done * firms:,} firms up to {country} {wave}")
    if several:
        return _dump(
            run_files.of_countries(regions, wanted.waves, out.resolve(), sectors, wanted.layout),
            out / run_files.EUROPE,
            in_order=True,
        )
    ((country, folder),) = folders.items()
    content = run_files.of_country(country, wanted.waves, folder, (regions[country], sectors), wanted.layout)
    return _dump(content, out / f"{country}.yaml")


def _regions(wanted: Wanted, country: str, folder: Path) -> str:
    """The file of the Dutch regions for as many regions of NL; else one of made-up regions."""
    if country == "NL" and wanted.regions == len(classifications.read(DUTCH[0]).items):
        return DUTCH[0]
    items = [
        {"code": f"{country}{number:03d}", "name": f"Region {number}"}
        for number in range(1, wanted.regions + 1)
    ]
    return str(_dump({"version": SOURCE, "source": SOURCE, "items": items}, folder / "regions.yaml"))


def _sectors(wanted: Wanted, folder: Path) -> str:
    """The file of the Dutch sectors where they are as many as asked for; else one of made-up sectors."""
    dutch = classifications.read(DUTCH[1])
    if wanted.sectors == len(dutch.industrial):
        return DUTCH[1]
    items: list[dict[str, Any]] = [
        {"code": f"{number:03d}", "name": f"Sector {number}", "industrial": True}
        for number in range(1, wanted.sectors + 1)
    ]
    items += [item.model_dump() for item in dutch.items if not item.industrial]
    return str(_dump({"version": SOURCE, "source": SOURCE, "items": items}, folder / "sectors.yaml"))


def _dump(content: dict[str, Any], path: Path, in_order: bool = False) -> Path:
    """Write a YAML file whole or not at all, its keys sorted or in their order."""
    yaml: Any = YAML(typ="safe", pure=True)
    if in_order:
        yaml.sort_base_mapping_type_on_output = False
        yaml.width = 4096
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT / path.name
        draft.parent.mkdir()
        with draft.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)
        owned.put(draft, path, LABEL)
    return path
