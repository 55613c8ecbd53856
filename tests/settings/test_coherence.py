"""Parts of a run file that do not go together, and files of conf/ that it names: refused when it is read."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from jobs.errors import SettingsError
from jobs.settings import reading as settings

DEMO = "conf/runs/demo.yaml"
FLOWS = {"layout": "long", "paths": "{flows: f.csv}"}
PAIR = "{own: a.csv, rest: b.csv}"


def flows(**given: str) -> str:
    """A change that replaces the demo's tables."""
    keys = {**FLOWS, **given}
    return "waves.cis2.flows={" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (flows(layout="wide", paths=PAIR), "flows.paths: flows is missing; the layout wide needs it"),
        (flows(paths="{}"), "flows.paths: flows is missing"),
        (flows(paths="{flows: a.csv, own: b.csv}"), "flows.paths: own is no file of this layout"),
        (flows(layout="biregional", paths="{own: a.csv}"), "flows.paths: rest is missing"),
        (flows(layout="biregional", paths="{own: a.csv, rest: a.csv}"), "own and rest are one file"),
        (flows(layout="biregional", paths="{flow: a.csv}"), "flows.paths: own is missing"),
        (flows(columns="{orign_region: von}"), "flows.columns: orign_region is no column of this layout"),
        (flows(columns="{region: von}"), "flows.columns: region is no column"),
        (flows(layout="biregional", paths=PAIR, columns="{origin_region: r}"), "origin_region is no column"),
        (
            flows(layout="wide", columns="{value: v}"),
            "value is no column of this layout; it has region, sector, both",
        ),
        (flows(layout="wide", columns="{region: r}"), "label columns are region and sector, or both in one"),
        (
            flows(layout="wide", columns="{both: r}", labels="[both]"),
            "columns names the label columns, and labels tells their places",
        ),
        (flows(layout="wide", header="[sector]"), "header holds region and sector once each"),
        (flows(columns="{origin_region: r, destination_region: r}"), "two columns have the header r"),
        (flows(columns="{origin_region: value}"), "two columns have the header value"),
        (flows(exports="OUT"), "flows.exports: is for a biregional pair"),
        (flows(drop="[Total, X]", final="[X]"), "flows.drop: X is the label of final too"),
        (flows(drop="[REST]"), "flows.drop: REST is the label of rest too"),
        (flows(final="[R]", rest="R"), "flows.final: R is the label of rest too"),
        (flows(layout="biregional", paths=PAIR, exports="O", drop="[O]"), "O is the label of exports too"),
        (flows(drop="[15-16]"), "flows.drop: 15-16 is the code of a sector"),
        (flows(final="['17']"), "flows.final: 17 is the code of a sector"),
        (flows(drop="[NL11]"), "flows.drop: NL11 is the code of a region"),
        (flows(rest="NL11"), "flows.rest: NL11 is the code of a region"),
        (
            "groups.column=employees",
            "groups.column: employees is no yes-or-no column of the survey (industrial",
        ),
        ("groups.column=banana", "groups.column: banana is no yes-or-no column"),
        ("fit.primary_error=banana", "fit.primary_error: with these settings it is expected or robust or"),
        ("fit.primary_error=observed", "fit.primary_error: with these settings it is expected or robust or"),
        (
            "fit={missing: fiml, primary_error: expected}",
            "fit.primary_error: with these settings it is observed",
        ),
        ("fit={clusters: [], primary_error: cluster}", "fit.primary_error: with these settings it is"),
        ("fit.primary_error='robust '", "fit.primary_error"),
        ("fit={estimator: dwls}", "fit: the estimator dwls needs ordered items"),
        ("fit.ordered=[source_fairs]", "fit: ordered items need the estimator dwls"),
        ("fit.missing=pairwise", "fit: pairwise deletion is for ordered items"),
        ("fit={estimator: dwls, missing: fiml, ordered: [source_fairs]}", "fit: ordered items have no full-"),
        ("fit={estimator: dwls, ordered: [source_fair]}", "the ordered item source_fair is not in the model"),
        ("fit={estimator: dwls, ordered: [commonality_within]}", "commonality_within is a predictor only"),
        ("indicators.complementarity=false", "line 5: complementarity_within is not made, since indicators."),
        ("indicators.commonality=false", "line 5: commonality_within is not made, since indicators.comm"),
        (
            "waves.cis2.flows=null",
            "complementarity_within is not made, since no wave with a survey has flows",
        ),
        ("regions=conf/nowhere.yaml", "conf/nowhere.yaml does not exist"),
        ("sectors=conf/runs/demo.yaml", "conf/runs/demo.yaml: "),
        ("waves.cis2.survey.map=conf/nowhere.yaml", "conf/nowhere.yaml does not exist"),
        ("waves.cis2.survey.map=conf/runs/demo.yaml", "conf/runs/demo.yaml: "),
        ("model=conf/nowhere.lav", "conf/nowhere.lav does not exist"),
        ("model=conf", "conf is no file"),
    ],
)
def test_what_does_not_go_together_is_refused(change, words):
    with pytest.raises(SettingsError, match=re.escape(words)) as refused:
        settings.read(DEMO, [change])
    assert refused.value.exit_code == 2 and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        flows(),
        flows(columns="{value: wert}", drop="['', Total]", final="[Households]"),
        flows(layout="biregional", paths=PAIR, columns="{region: REG, value: v}", exports="OUT"),
        flows(layout="biregional"),
        flows(layout="wide"),
        "fit={estimator: mlr, clusters: []}",
        "fit={estimator: dwls, missing: pairwise, ordered: [source_fairs, source_clients]}",
        "model=null",
    ],
)
def test_what_goes_together_is_read(change):
    assert settings.read(DEMO, [change])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["nuts={matrices: FOLDER, version: '2016'}"], None),
        (["nuts={matrices: FOLDER/none, version: '2016'}"], "holds no matrices"),
        (
            ["nuts={matrices: FOLDER, version: '1999'}"],
            "nuts.version: the matrices know no NUTS 1999, but 2016",
        ),
        (
            ["nuts={matrices: FOLDER, version: '2021'}"],
            "conf/classifications/regions_nl.yaml: NL12 is no region of NUTS 2021, level 2",
        ),
        (["nuts={matrices: FOLDER, version: '2016', level: 1}"], "is no region of NUTS 2016, level 1"),
        (["waves.cis2.survey.nuts='2016'"], "nuts: 2016 of a file means nothing without the section nuts"),
        (
            ["nuts={matrices: FOLDER, version: '2016'}", "waves.cis2.flows.nuts='1999'"],
            "nuts: the matrices know no NUTS 1999, which a file has, but 2016, 2021",
        ),
        (["waves.cis2.survey.correspondence=FOLDER/good.txt"], None),
        (["waves.cis2.survey.correspondence=FOLDER/bad.txt"], "99 is no code of the run's sectors"),
        (["waves.cis2.survey.correspondence=FOLDER/none.txt"], "does not exist"),
    ],
)
def test_other_regions_and_sectors_are_looked_at_before_anything_is_read(tmp_path, changes, words):
    numbers = [11, 12, 13, 21, 22, 23, 31, 32, 33, 34, 41, 42]
    rows = [f"NL{number},NL{number if number != 12 else 35},1" for number in numbers]
    (tmp_path / "2016_v2021.csv").write_text("\n".join(["code_v2016,code_v2021,pop21", *rows]))
    (tmp_path / "good.txt").write_text("nace;sector\n15;15-16\n99;\n")
    (tmp_path / "bad.txt").write_text("nace;sector\n15;99\n")
    given = [change.replace("FOLDER", str(tmp_path)) for change in changes]
    if words is None:
        assert settings.read(DEMO, given)
        return
    with pytest.raises(SettingsError, match=re.escape(words)):
        settings.read(DEMO, given)


def test_one_model_of_all_slices_needs_moments_by_region():
    assert settings.read(DEMO, ["pool={one_model: true}"])
    for fit in ("{missing: fiml}", "{estimator: mlr}", "{clusters: [cell]}"):
        with pytest.raises(SettingsError, match=r"pool\.one_model needs estimator ml, .* of NL cis2 has not"):
            settings.read(DEMO, ["pool={one_model: true}", f"fit={fit}"])


def test_boundaries_that_are_not_there_are_told_before_the_run():
    with pytest.raises(SettingsError, match=r"boundaries: nuts\.geojson is no file here"):
        settings.read(DEMO, ["boundaries=nuts.geojson"])


def test_a_wave_without_tables_is_no_hindrance_where_another_has_them():
    other = "{wave: cis3, survey: {path: s.csv, map: conf/waves/cis2_simulated.yaml}}"
    tables = "{layout: long, paths: {flows: f.csv}}"
    both = other.replace("cis3", "cis2").removesuffix("}") + f", flows: {tables}}}"
    assert settings.read(DEMO, [f"waves=[{both}, {other}]"])
    with pytest.raises(SettingsError, match="no wave with a survey has flows"):
        settings.read(DEMO, [f"waves=[{both}, {other}]"], waves=["cis3"])


def test_commonality_of_a_file_of_innovators_is_refused():
    with pytest.raises(SettingsError, match="commonality of wave enai2014 is undefined"):
        settings.read("conf/runs/ecuador.yaml", ["indicators.commonality=true"])


MANY = " + ".join(f"x{number}" for number in range(2000))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "results =~ rd_effort\n# turnover\nresults ~ turnover",
            ", line 3: turnover is no column of the linked",
        ),
        ("rd_effort ~ region", ", line 1: region is a label of the linked firms"),
        ("\nrd_effort ~ other_effort\ny ~~ ~ x", ", line 3: the model text cannot be read"),
        ("", "has no formula"),
        ("# nothing\n", "has no formula"),
        ("rd_effort ~~ other_effort", "has no formula"),
        ("rd_effort ~ a*other_effort\nd := a*b", "d is defined by b, which is no label"),
        ("rd_effort ~ a*other_effort\na := a", "a is defined by := and is the label of a parameter"),
        ("rd_effort ~ other_effort\nrd_effort ~ 0*1", "sets intercepts"),
        ("rd_effort ~ c(a, b)*other_effort", ", line 1: c(a, b) has 2 entries for 1 groups"),
        (f"rd_effort ~ {MANY}", "the model has 2001 variables, and at most 300 are read"),
        ("(" * 100_000, ", line 1: the model text cannot be read"),
        ("rd_effort ~ a*other_effort\nd := " + "(" * 5000 + "a" + ")" * 5000, ", line 2: the expression"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "is no text in UTF-8 (line 1)"),
        (b"rd_effort ~ other_effort\n# caf\xe9", "is no text in UTF-8 (line 2)"),
        (b"rd_effort ~ other\0effort", "is no text in UTF-8 (line 1)"),
        ("rd_effort ~ other_effort\n" * 10_000, "has more than 200000 bytes"),
        ("source_fairs ~ weight", None),
        ("rd_effort ~ other_effort\r\nother_effort ~ 1e16*employees\r\n", None),
        ("\ufeffinformation =~ source_fairs + source_clients + source_suppliers", None),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_model_is_read_and_its_names_looked_up(tmp_path, text, words):
    file = tmp_path / "model.lav"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = time.monotonic()
    if words is None:
        assert settings.read(DEMO, [f"model={file}"])
    else:
        with pytest.raises(SettingsError, match=re.escape(f"model.lav{words}" if words[0] == "," else words)):
            settings.read(DEMO, [f"model={file}"])
    assert time.monotonic() - started < 5


def test_weights_cannot_be_a_variable_too(tmp_path):
    (tmp_path / "model.lav").write_text("source_fairs ~ weight")
    with pytest.raises(SettingsError, match="line 1: weight is the weight of the cases too"):
        settings.read(DEMO, [f"model={tmp_path / 'model.lav'}", "fit.weighted=true"])


def test_a_variable_that_no_questionnaire_has_is_refused(tmp_path):
    """Ecuador's map says of every column that the wave lacks that it is absent."""
    (tmp_path / "model.lav").write_text("source_clients ~ source_fairs + rd_effort\n")
    with pytest.raises(SettingsError, match="line 1: source_fairs is absent in the map of every wave"):
        settings.read("conf/runs/ecuador.yaml", [f"model={tmp_path / 'model.lav'}"])


def test_the_statistics_are_not_imported_for_the_commands_help():
    """They take more than a second; reading a run file needs them, `diamant --help` does not."""
    program = "import sys, jobs.cli, jobs.settings.run_file; print('scipy.optimize' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("classes", "change", "words"),
    [
        ({"1": 10, "2": 50, "3": 250}, "sample.employees_max=249", None),
        ({"1": 10, "2": 50, "3": 250}, "sample.employees_max=null", None),
        (
            {"1": 10, "2": 50, "3": 250},
            "sample.employees_max=200",
            "employees_max: the size classes of wave",
        ),
        ({"1": 10, "2": 50, "3": 250}, "sample.employees_min=20", "sample.employees_min: the size classes"),
        (
            {"1": 10, "2": 50},
            "sample.employees_max=null",
            "size_classes.2: the size classes of",
        ),
        ({"1": 20, "2": 50, "3": 250}, "sample.employees_max=249", None),
    ],
)
def test_no_bound_cuts_a_size_class(tmp_path, classes, change, words):
    pairs = ", ".join(f'"{code}": {begin}' for code, begin in classes.items())
    rule = f"  employees: {{size_class: emp96, classes: {{{pairs}}}}}\n"
    (tmp_path / "own.yaml").write_text(f"extends: conf/waves/cis2_simulated.yaml\nrules:\n{rule}")
    changes = [f"waves.cis2.survey.map={tmp_path / 'own.yaml'}", change]
    if change.startswith("sample.employees_min"):
        changes.append("sample.employees_max=null")
    if words is None:
        assert settings.read(DEMO, changes)
        return
    with pytest.raises(SettingsError, match=re.escape(words)):
        settings.read(DEMO, changes)
