"""The documentation is true to the code: links, commands, tables and examples."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML
from typer.testing import CliRunner

from jobs import cli
from jobs.checks import rules
from jobs.describe import job as description
from jobs.describe import regions, waves
from jobs.run import opening
from jobs.settings import inputs, resources, run_file, schemas, sections, wave_maps
from jobs.settings import reading as settings
from jobs.tools import reference

ROOT = Path(str(resources.root()))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_promise_names_a_test_that_there_is():
    """28 promises in their order, each with tests by file and name."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 29))
    for number, tests in rows:
        named = re.findall(r"`([\w/.]+)::(\w+)`", tests)
        assert named, number
        for file, name in named:
            assert f"def {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), (number, name)


@pages
def test_every_link_leads_to_a_file_and_a_heading(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def commands(page: Path) -> list[list[str]]:
    """The arguments of each `diamant` command of a page."""
    found = []
    for _, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"\s*(\.venv/bin/)?diamant ", line):
                found.append(shlex.split(line, comments=True)[1:])
    return found


COMMANDS = [(page.name, words) for page in PAGES for words in commands(page)]


def test_there_are_commands_to_try():
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[" ".join(words) for _, words in COMMANDS])
def test_every_command_of_the_docs_parses(page, words, monkeypatch, tmp_path):
    """Up to the reading of its run file; a command in wrong words ends with code 2 before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "firms.csv").write_text("country,wave,region,w,y1,y2,y3,x1,x2\n")
    (tmp_path / "model.lav").write_text("f =~ y1 + y2 + y3\nf ~ x1 + x2\n")
    asked = []

    def opened(chosen, *more, **given):
        asked.append(chosen.conf)
        raise RuntimeError("the run file was asked for")

    monkeypatch.setattr(opening, "opened", opened)
    monkeypatch.setattr(opening, "settings_of", opened)
    monkeypatch.setattr(cli, "_with_table", lambda *given: asked.append("a table") or "")
    monkeypatch.setattr(description, "describe", lambda file, _: asked.append(file) or sys.exit())
    monkeypatch.setattr(waves, "table", lambda maps: asked.append("maps") or "")
    monkeypatch.setattr(regions, "classification", lambda of_nuts, _: asked.append(of_nuts.version) or "")
    monkeypatch.setattr(cli, "_simulated", lambda *given: asked.append("a study") or [])
    done = CliRunner().invoke(cli.app, words)
    assert asked, done.output
    changes = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    if Path(str(asked[0])).parts[:1] == ("conf",):
        settings.read(str(asked[0]), changes)


@pytest.mark.parametrize("name", reference.PAGES)
def test_generated_tables_are_current(name):
    """`python -m jobs.tools.reference` writes them anew."""
    page = (ROOT / name).read_text(encoding="utf-8")
    assert page == reference.filled(page)


def sections_within(model: type[BaseModel]) -> set[str]:
    """The names of a section and of all sections within it."""
    text = str({name: field.annotation for name, field in model.model_fields.items()})
    others = [section for section in reference.SECTIONS.values() if section is not model]
    named = [section for section in others if re.search(rf"\b{section.__name__}\b", text)]
    return {model.__name__, *(name for section in named for name in sections_within(section))}


def every_section() -> set[str]:
    return sections_within(run_file.RunSettings) | sections_within(run_file.CountriesSettings)


def test_every_section_and_every_table_has_its_place():
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- settings (\w+) -->", page)) == every_section()
    page = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"<!-- table (\w+) -->", page)) == sorted(schemas.names())


def test_every_key_is_explained_in_its_table_or_in_words():
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    by_hand = reference.BLOCK.sub("", page)
    for name in every_section():
        for key, field in reference.SECTIONS[name].model_fields.items():
            assert field.description or f"`{key}`" in by_hand, f"{name}.{key}"


def yaml_blocks(name: str) -> list[dict]:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return [YAML(typ="safe", pure=True).load(block) for kind, block in BLOCK.findall(text) if kind == "yaml"]


def test_the_rules_of_the_wave_map_page_are_rules_and_all_kinds_are_there():
    kinds = set()
    for block in yaml_blocks("wave-maps.md"):
        if "contradictions" in block:
            [wave_maps.Contradiction.model_validate(entry) for entry in block["contradictions"]]
            continue
        if "extends" in block:
            assert wave_maps.read(block["extends"])
            block = block["rules"]
        if "filter" in block:
            assert not {"rules", *block} & set(schemas.table("survey").names)
            continue
        for column, rule in block.items():
            assert column in schemas.table("survey").names
            kinds.add(wave_maps.Rule.model_validate(rule).kind)
    assert kinds == set(wave_maps.KINDS)


def test_the_examples_of_the_formats_page_are_settings():
    for block in yaml_blocks("formats.md"):
        inputs.WaveSettings.model_validate({"wave": "w", **block})


def test_the_defaults_the_confidentiality_page_tells_are_the_codes():
    text = (ROOT / "docs/confidentiality.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([\w %]+): [^|]*\| ([^|]+?) \|", text, re.MULTILINE))
    default = sections.DisclosureSettings()
    assert rows == {
        "threshold": f"{default.threshold}",
        "dominance": f"{default.dominance_firms} firms, {default.dominance_share:.0%}".replace("%", " %"),
        "p %": f"{default.p_percent:.0f} %",
        "degrees of freedom": f"{default.degrees_of_freedom}",
    }


def test_micro_data_are_named_where_they_lie():
    text = (ROOT / "docs/confidentiality.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `<work>/tables` \|.*$", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {name for name in schemas.names() if schemas.table(name).micro}


def test_the_filter_of_the_methods_page_is_the_default_one():
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    sample = sections.SampleSettings()
    assert f"at least {sample.employees_min} employees; at most {sample.employees_max} employees" in text
    assert all([sample.exporting, sample.industrial, sample.product_innovators])
    assert sections.IndicatorSettings().leave_one_out and "on by default" in text
    assert sections.IndicatorSettings().direction == "sales" and "`sales` (the default)" in text


def test_the_kinds_of_row_rule_have_examples_in_the_suites():
    used = {check for one in rules.read("survey").row_rules for check in rules.CHECKS if getattr(one, check)}
    assert used == set(rules.CHECKS)
