"""Drafts of the files that read a described file: pure functions, from what was seen to texts of YAML.

A draft is a first guess by the usual names of columns (conf/describe.yaml); what to look at is said beside.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML

from jobs.describe.columns import FEWEST, Column, matching, usual
from jobs.describe.guess import Guess
from jobs.readers.dialect import Dialect
from jobs.settings import schemas, wave_maps

NOT_SEEN = "no column with one of its usual names was seen"
HINTS = {
    "turnover": "in thousands of the national currency; if not, add a factor",
    "rd_expenditure": "in thousands of the national currency; if not, add a factor",
    "other_expenditure": "in thousands of the national currency; if not, add a factor",
    "innovative_share": "0 to 1; unit: percent divides by 100",
}
NO_PLACE = "    # flows: describe an input-output table with the same --draft, and it is put here"
SECTION = re.compile(r"([A-U])(?:(\d\d)(?:(?:-|_|TO?)(?:\1)?(\d\d))?)?", re.IGNORECASE)  # C, C26, C10T12
DIVISIONS = re.compile(r"(\d\d?)(?:(?:-|_|TO?)(\d\d?))?", re.IGNORECASE)  # 26, 10-12
MOST_ANSWERS = 6  # different codes of a yes-or-no question, those for no answer among them
INDUSTRY = ("10", "33")  # divisions of manufacturing
EFFORTS = {"rd_effort": "rd_expenditure", "other_effort": "other_expenditure"}
EXTRA_REGIO = re.compile(r"[A-Z]{2}Z{1,3}")


def wave_map(known: Guess, columns: Sequence[Column], rules: Mapping[str, Mapping[str, Any]]) -> str:
    """A wave map of these rules (see `rules_of`), and the columns that none of them reads."""
    by_name = {column.name: column for column in columns}
    lines = [
        "# A draft: a guess by the names of columns. Look at each rule; docs/wave-maps.md explains them.",
        f"title: {_flow(known.part.stem)}",
        f"source: {_flow('the file ' + known.part.name)}",
        "population: all_firms  # or innovators_only, where firms that did not innovate are not in the file",
        "rules:",
    ]
    types = {column.name: column.meaning for column in schemas.table("survey").columns}
    for name, rule in rules.items():
        hint = HINTS.get(name, "") if "absent" not in rule else types[name]
        lines.append(f"  {name}: {_flow(rule)}" + (f"  # {hint}" if hint else ""))
    used = {source for rule in rules.values() for source in _sources(rule)}
    lines += ["# Columns that no rule reads:"]
    lines += [f"#   {name} ({column.kind})" for name, column in by_name.items() if name and name not in used]
    return "\n".join(lines) + "\n"


def rules_of(columns: Sequence[Column]) -> dict[str, dict[str, Any]]:
    """A rule for each canonical column of the survey."""
    names_of, by_name = usual()["survey"], {column.name: column for column in columns}
    rules: dict[str, dict[str, Any]] = {}
    for column in schemas.table("survey").columns:
        if column.name in wave_maps.DERIVED:
            continue
        hits = [by_name[name] for name in matching(list(by_name), names_of.get(column.name, ()))]
        hits = [hit for hit in hits if hit.kind != "blank"]
        rules[column.name] = _rule(column.name, column.type, hits) if hits else {"absent": NOT_SEEN}
    innovates = [name for name in ("product_innovator", "process_innovator") if "absent" not in rules[name]]
    if innovates:
        rules["innovator"] = {"either": innovates}
    return rules


def _rule(name: str, kind_of_value: str, hits: Sequence[Column]) -> dict[str, Any]:
    """A rule for a canonical column that the columns `hits` may be read for."""
    names: Any = [hit.name for hit in hits]
    first = names[0]
    if name == "region":
        return {"code": first, "of": "regions"}
    if name == "sector":
        longest = max((len(re.sub(r"\D", "", value)) for value in hits[0].values), default=0)
        return {"code": first, "of": "sectors"} | ({"digits": 2} if longest > 2 or hits[0].is_varied else {})
    if kind_of_value == "string":
        return {"text": first}
    if kind_of_value == "boolean":
        return _yes_or_no(name, hits)
    if name.startswith("source_") or name == "competitive_contribution":
        order = sorted((code for code, _ in hits[0].codes), key=lambda code: (len(code), code))
        return {"scale": names if len(names) > 1 else first, "order": order}
    if name == "innovative_share":
        return {"number": names} | ({"unit": "percent"} if any(_above_one(hit) for hit in hits) else {})
    if name in ("rd_expenditure", "other_expenditure"):
        return {"number": names if len(names) > 1 else first}
    return {"number": names[-1]}  # of several years the last


def _yes_or_no(name: str, hits: Sequence[Column]) -> dict[str, Any]:
    names: Any = [hit.name for hit in hits]
    names = names if len(names) > 1 else names[0]
    if any(hit.kind == "number" or (hit.is_numeric and len(hit.values) > MOST_ANSWERS) for hit in hits):
        return {"greater": names}
    words = usual()["answers"]
    values = {value for hit in hits for value, _ in hit.codes}  # those that few rows share are not told
    if values <= {"0", "1"}:
        codes: dict[str, Any] = {}
    elif values <= {"1", "2"}:
        codes = {"yes": ["1"], "no": ["2"]}
    else:
        yes = sorted(value for value in values if value.lower() in words["yes"])
        no = sorted(value for value in values if value.lower() in words["no"])
        codes = {"yes": yes or ["1"], "no": no or ["0"]}
        codes |= {"missing": rest} if (rest := sorted(values - {*yes, *no, "0", "1"})[:5]) else {}
    return {"ticked" if name.startswith("partners_") else "yes_no": names, **codes}


def _above_one(column: Column) -> bool:
    return any(
        re.fullmatch(r"\d+([.,]\d+)?", value) and float(value.replace(",", ".")) > 1
        for value in column.values
    )


def regions(codes: Iterable[str]) -> str:
    """A classification of regions of these codes; those of extra-regio apart."""
    every = sorted(set(codes))
    extra = [code for code in every if EXTRA_REGIO.fullmatch(code)]
    lines = [
        "# A draft: the codes that the file has. Give them names.",
        "version: draft",
        "source: the described file",
    ]
    lines += [
        "items:",
        *(f"  - {{code: {_flow(code)}, name: {_flow(code)}}}" for code in every if code not in extra),
    ]
    return "\n".join(lines + ([f"extra_regio: [{', '.join(map(_flow, extra))}]"] if extra else [])) + "\n"


def sectors(labels: Iterable[str]) -> str:
    """A classification of sectors of these labels, with the divisions of NACE that they stand for."""
    lines = [
        "# A draft: the labels that the file has, and the divisions of NACE Rev. 2 that they seem to be.",
        "# Industry is manufacturing. Give them names.",
        *("version: draft", "source: the described file", "items:"),
    ]
    for label in dict.fromkeys(labels):
        divisions = divisions_of(label)
        industrial = bool(divisions) and INDUSTRY[0] <= divisions[0] and divisions[-1] <= INDUSTRY[1]
        parts = [f"code: {_flow(label)}", f"name: {_flow(label)}"]
        parts += ["industrial: true"] if industrial else []
        parts += (
            [f"divisions: [{', '.join(map(_flow, divisions))}]"] if divisions and divisions != [label] else []
        )
        lines.append(f"  - {{{', '.join(parts)}}}")
    return "\n".join(lines) + "\n"


def divisions_of(label: str) -> list[str]:
    """The divisions of NACE that a label stands for, none where it does not look like one."""
    section, plain = SECTION.fullmatch(label), DIVISIONS.fullmatch(label)
    if section and section[2] is None:
        first, last = usual()["sections"][section[1].upper()]
    elif hit := section or plain:
        first, last = hit.groups()[-2:]
    else:
        return []
    return [f"{number:02}" for number in range(int(first), int(last or first) + 1)]


def divisions_in(column: Column) -> list[str]:
    """The divisions in a column of activities, by the leading digits, that enough firms have."""
    counts: Counter[str] = Counter()
    for value, count in column.values.items():
        if hit := re.match(r"[A-Za-z]?\s*(\d+)(?:[.,]\d)?", value):
            whole = hit.group(1).zfill(2) if re.search(r"\d[.,]\d", value) else hit.group(1)
            counts[whole[:2]] += count
    return sorted(division for division, count in counts.items() if count >= FEWEST)


def model(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """A model of the concepts that the wave has, in the manner of the Dutch study."""
    has = {name for name, rule in rules.items() if "absent" not in rule}
    lines = ["# A draft: the concepts that the wave has, in the manner of the Dutch study."]
    results = [name for name in ("innovative_share", "competitive_contribution") if name in has]
    efforts = [effort for effort, column in EFFORTS.items() if column in has]
    sources = [name for name in rules if name.startswith("source_") and name in has]
    if len(results) > 1:
        lines.append(f"results =~ {' + '.join(results)}")
    causes = []
    for factor, items in (("effort", efforts), ("information", sources)):
        if len(items) > 1 and len(results) > 1:
            lines.append(f"{factor} =~ {' + '.join(items)}")
            causes.append(factor)
        else:
            causes += items
    causes += ["complementarity_within", "commonality_within"]
    outcome = "results" if len(results) > 1 else (results or ["innovative_share"])[0]
    return "\n".join([*lines, f"{outcome} ~ {' + '.join(causes)}"]) + "\n"


def run_file(known: Guess, folder: str, country: str, rules: Mapping[str, Mapping[str, Any]]) -> str:
    """A run file of one wave that reads the survey."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", known.part.stem).strip("-") or "study"
    survey = {"path": known.path, "map": f"{folder}/map.yaml", **marks(known)}
    sample = {
        key: False
        for key, column in (("exporting", "exports"), ("product_innovators", "product_innovator"))
        if "absent" in rules[column]
    }
    lines = [
        "# A draft. What is not here has its default; docs/settings.md lists all settings.",
        *(f"study: {name}", f"title: {_flow(known.part.stem)}", f"country: {country}"),
        *(f"regions: {folder}/regions.yaml", f"sectors: {folder}/sectors.yaml"),
        *(f"work: {folder}/work", f"out: {folder}/published"),
        *("waves:", f"  - wave: {name}", "    survey:"),
        *(f"      {key}: {_flow(value)}" for key, value in survey.items()),
        NO_PLACE,
        *([f"sample: {_flow(sample)}"] if sample else []),
        f"model: {folder}/model.lav",
    ]
    return "\n".join(lines) + "\n"


def flows(known: Guess, layout: Mapping[str, Any], labels: Mapping[str, list[str]]) -> list[str]:
    """The section `flows` of a run file, as lines below a wave."""
    settings = {**layout, "paths": {"flows": known.path}, **marks(known), **labels}
    return ["    flows:", *(f"      {key}: {_flow(value)}" for key, value in settings.items())]


def with_flows(run: str, section: Sequence[str]) -> str | None:
    """A drafted run file with the section in its place; None where the file has no place for it."""
    return run.replace(NO_PLACE, "\n".join(section)) if NO_PLACE in run else None


def marks(known: Guess) -> dict[str, Any]:
    """The settings that say how the file is written, those that differ from the defaults."""
    plain, own = Dialect(), known.dialect
    settings: dict[str, Any] = {} if known.form == "csv" else {"format": known.form}
    if known.form == "csv" and own.separator != plain.separator:
        settings["separator"] = "tab" if own.separator == "\t" else own.separator
    for key in ("encoding", "sheet", "skip", "until"):
        if getattr(own, key) != getattr(plain, key):
            settings[key] = getattr(own, key)
    return settings | ({"decimal": known.decimal} if known.decimal != "." and known.is_records else {})


def _sources(rule: Mapping[str, Any]) -> list[str]:
    for kind in wave_maps.KINDS:
        if kind in rule and kind not in wave_maps.OVER_SURVEY:
            return [rule[kind]] if isinstance(rule[kind], str) else list(rule[kind])
    return []


def _flow(value: Any) -> str:
    """Data on one line of YAML."""
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width, yaml.sort_base_mapping_type_on_output = True, 10_000, False
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n").strip()
