"""Simulated waves of several countries, written as offices would have written them over twenty-six years.

`write` takes the files of `diamant simulate --out` and writes the same study again, each wave with a
questionnaire of its own (names, codes, gaps), in one of three versions of NUTS and one of two classifications
of activities:

    regions     up to cis2008    other codes, one for one
                2010 to 2014     the run's own
                from cis2016     each region in two parts, with a letter behind its code
    activities  up to cis2006    letters and numbers, two codes a sector
    gaps        from cis2018     no questions on partners
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from jobs.settings import resources

MAP = "conf/waves/cis2_simulated.yaml"
OLD, NEW = ("cis2", "cis3", "cis4", "cis2006", "cis2008"), ("cis2016", "cis2018", "cis2020", "cis2022")
OLD_SECTORS = OLD[:-1]
GAPS = NEW[1:]
OWN = "cis2012"  # a wave with the codes of the run
YES_NO = ("export", "inpdt", "inpcs", "coop")
SCALES = ("contrib", "s_supp", "s_cli", "s_comp", "s_uni", "s_fair")
ANSWERS = ({"1": "1", "0": "0"}, {"1": "J", "0": "N"}, {"1": "1", "0": "2"})  # yes and no, by questionnaire
STEPS = (("0", "1", "2", "3"), ("1", "2", "3", "4"), ("4", "3", "2", "1"))  # none to high
UNKNOWN = "NL99"  # the simulation's code of no region, which stays as it is
ENCODING = "ISO-8859-1"


def write(
    source: Path, target: Path, countries: tuple[str, ...], waves: tuple[str, ...], own_codes: bool = True
) -> Path:
    """The run file of the translated study in `target`; `source` has the plain one, with europe.yaml.

    Without `own_codes` questionnaires differ and regions and sectors do not, to measure what they cost.
    """
    run = resources.read_yaml(str(source / "europe.yaml"))
    sectors = [item for item in resources.read_yaml(str(source / "sectors.yaml"))["items"]]
    old_sectors = _old_sectors(sectors)
    matrices = target / "matrices"
    matrices.mkdir(parents=True)
    regions = {
        country: [
            item["code"] for item in resources.read_yaml(str(source / country / "regions.yaml"))["items"]
        ]
        for country in countries
    }
    codes = [code for of_country in regions.values() for code in of_country]
    _matrix(matrices, "2010", "2016", [(_old(code), code, 100) for code in codes])
    _matrix(matrices, "2016", "2021", [(code, part, 50) for code in codes for part in _parts(code)])
    nace = target / "nace.csv"
    rows = [f"{code};{sector};1" for sector, of_sector in old_sectors.items() for code in of_sector]
    nace.write_text("\n".join(["nace;sector;firms", *rows]) + "\n")
    for place, wave in enumerate(waves):
        _write_map(target / f"{wave}.yaml", wave, place % 3)
        for country in countries:
            (target / country).mkdir(exist_ok=True)
            for kind in ("survey", "flows"):
                name = f"{country}/{kind}_{wave}.csv"
                codes_of = wave if own_codes else OWN
                _translate(source / name, target / name, kind, (wave, codes_of), place % 3, old_sectors)
    run["defaults"]["survey"] |= {"path": f"{target}/{{country}}/survey_{{wave}}.csv"}
    run["defaults"]["survey"]["map"] = f"{target}/{{wave}}.yaml"
    run["defaults"]["flows"]["paths"] = {"flows": f"{target}/{{country}}/flows_{{wave}}.csv"}
    correspondence = {"correspondence": str(nace)}
    if own_codes:
        run["defaults"]["nuts"] = {"matrices": str(matrices), "version": "2016", "level": 3}
    for wave in waves if own_codes else ():
        if wave in OLD_SECTORS:
            run["waves"][wave] = {"survey": correspondence, "flows": correspondence}
    run |= {"work": str(target / "work"), "out": str(target / "published")}
    path = target / "europe.yaml"
    path.write_text(json.dumps(run, indent=1))  # JSON is YAML
    return path


def _old(code: str) -> str:
    """AA001 as AAA01."""
    return f"{code[:2]}A{code[3:]}"


def _parts(code: str) -> tuple[str, str]:
    """AA001 as AA01X and AA01Y."""
    return f"{code[:2]}{code[3:]}X", f"{code[:2]}{code[3:]}Y"


def _old_sectors(sectors: list[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """The old codes of each sector: two of an industrial one, one for each division of another."""
    old = {}
    for place, item in enumerate(sectors):
        pair = (f"D{10 + 2 * place}", f"D{11 + 2 * place}")
        old[item["code"]] = pair if item["industrial"] else tuple(f"K{code}" for code in item["divisions"])
    return old


def _matrix(folder: Path, source: str, target: str, rows: list[tuple[str, str, int]]) -> None:
    lines = [f"code_v{source},code_v{target},pop21", *(f"{a},{b},{people}" for a, b, people in rows)]
    (folder / f"{source}_v{target}.csv").write_text("\n".join(lines) + "\n")


def _name(column: str, wave: str) -> str:
    return f"{column.upper()}_{wave[3:]}"


def _write_map(path: Path, wave: str, style: int) -> None:
    """The map of a wave's questionnaire: other names, codes and scales; what it does not ask is absent."""
    base = resources.read_yaml(MAP)
    rules = {}
    for column, rule in base["rules"].items():
        changed = {key: _renamed(value, key, wave) for key, value in rule.items()}
        if "yes_no" in rule or "ticked" in rule:
            changed |= {"yes": [ANSWERS[style]["1"]], "no": [ANSWERS[style]["0"]]}
        if "scale" in rule:
            changed["order"] = list(STEPS[style])
        if wave in GAPS and column.startswith("partners"):
            changed = {"absent": "partners are not asked for"}
        rules[column] = changed
    path.write_text(json.dumps({**base, "rules": rules, "title": wave}))


def _renamed(value: Any, key: str, wave: str) -> Any:
    if key not in ("text", "code", "yes_no", "number", "scale", "ticked"):
        return value
    return [_name(entry, wave) for entry in value] if isinstance(value, list) else _name(value, wave)


def _translate(
    source: Path,
    target: Path,
    kind: str,
    waves: tuple[str, str],
    style: int,
    old_sectors: dict[str, tuple[str, ...]],
) -> None:
    """A file of a wave; `waves` are the one whose names and the one whose codes it has."""
    _, codes_of = waves
    with source.open(encoding=ENCODING, newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter=";"))
    if kind == "survey":
        translated = [_answers(row, place, waves, style, old_sectors) for place, row in enumerate(rows)]
    else:
        translated = [cell for row in rows for cell in _cells(row, codes_of, old_sectors)]
    with target.open("w", encoding=ENCODING, newline="") as stream:
        writer = csv.DictWriter(stream, list(translated[0]), delimiter=";", lineterminator="\n")
        writer.writeheader()
        writer.writerows(translated)


def _answers(
    row: dict[str, str],
    place: int,
    waves: tuple[str, str],
    style: int,
    old_sectors: dict[str, tuple[str, ...]],
) -> dict[str, str]:
    """A firm's questionnaire in the wave's own names and codes; texts that are no code stay as they are."""
    wave, codes_of = waves
    out = dict(row)
    for column, text in row.items():
        if column in YES_NO or column.startswith("co_"):
            out[column] = ANSWERS[style].get(text, text)
        elif column in SCALES and text in STEPS[0]:
            out[column] = STEPS[style][int(text)]
    if row["province"] != UNKNOWN:
        regions = _regions(row["province"], codes_of)
        out["province"] = regions[place % len(regions)]
    if codes_of in OLD_SECTORS:
        codes = {code: old for sector, old in old_sectors.items() for code in (sector, *_divisions(old))}
        old = codes.get(row["sbi"], (row["sbi"],))
        out["sbi"] = f"K{row['sbi']}" if f"K{row['sbi']}" in old else old[place % len(old)]
    gone = wave in GAPS
    return {_name(name, wave): text for name, text in out.items() if not (gone and name.startswith("co_"))}


def _divisions(old: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code[1:] for code in old if code.startswith("K"))


def _regions(code: str, wave: str) -> tuple[str, ...]:
    return (_old(code),) if wave in OLD else _parts(code) if wave in NEW else (code,)


def _cells(row: dict[str, str], wave: str, old_sectors: dict[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """A delivery in the cells that the wave's regions and sectors make of it, which add up to it."""
    sides = []
    for side in ("origin", "destination"):
        sector = row[f"{side}_sector"]
        sectors = old_sectors.get(sector, (sector,)) if wave in OLD_SECTORS else (sector,)
        sides.append([(a, b) for a in _regions(row[f"{side}_region"], wave) for b in sectors])
    pairs = [(*origin, *destination) for origin in sides[0] for destination in sides[1]]
    whole = round(1000 * float(row["value"].replace(",", ".")))
    values = [whole // len(pairs)] * len(pairs)
    values[0] += whole - sum(values)
    names = ("origin_region", "origin_sector", "destination_region", "destination_sector")
    return [
        {**dict(zip(names, pair, strict=True)), "value": f"{value / 1000:.3f}".replace(".", ",")}
        for pair, value in zip(pairs, values, strict=True)
    ]
