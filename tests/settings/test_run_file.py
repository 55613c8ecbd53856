"""Run files: typed, unknown keys refused, changes laid over, no code in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.run.fingerprints import fingerprint
from jobs.settings import reading as settings
from jobs.settings import resources

# Settings that would be accepted and mean nothing, or harm.
RANGES = [
    ("waves.0.survey.separator=','", "waves.0.survey: separator is the mark of decimals"),
    ("waves.0.flows.separator=','", "waves.0.flows: separator is the mark of decimals"),
    ("waves.0.survey.separator=;;", "waves.0.survey.separator"),
    ("waves.0.survey.separator=''", "waves.0.survey.separator"),
    ("waves.0.survey.separator='\\'", "waves.0.survey.separator: is no separator"),
    ("waves.0.survey.separator='\"'", "waves.0.survey.separator: is no separator"),
    ('waves.0.flows.separator="\\n"', "waves.0.flows.separator: is no separator"),
    ("waves.0.survey.separator=a", "waves.0.survey.separator: is no separator"),
    ("waves.0.survey.separator='7'", "waves.0.survey.separator: is no separator"),
    ("waves.0.survey.thousands=','", "waves.0.survey: thousands and decimal are one mark"),
    ("waves.0.flows={layout: long, paths: {flows: f}, thousands: .}", "waves.0.flows: thousands and decimal"),
    ("waves.0.survey.thousands=';'", "waves.0.survey.thousands"),
    ("waves.0.survey.encoding=klingon", "waves.0.survey.encoding: 'klingon' is no encoding"),
    ("waves.0.survey.encoding=utf-7", "waves.0.survey.encoding"),
    ("waves.0.flows.encoding=undefined", "waves.0.flows.encoding"),
    ("waves.0.flows.encoding=''", "waves.0.flows.encoding"),
    ("waves.0.survey.max_quarantined=1.5", "waves.0.survey.max_quarantined"),
    ("waves=[{wave: w}]", "waves.0: has neither survey nor flows"),
    ("waves=[]", "waves"),
    ("waves=cis2", "waves: should be a list"),
    ("waves.0.wave=a/b", "waves.0.wave: is no name"),
    ("country=N L", "country: is no name"),
    ("study=2014", "study: input should be a valid string; write it in quotes"),
    ("title=2020-01-01", "title: input should be a valid string; write it in quotes"),
    ("sample={employees_min: 11, employees_max: 10}", "sample: employees_min is above employees_max"),
    ("sample.employees_min=1e23", "sample.employees_min"),
    ("sample.employees_max=-1", "sample.employees_max"),
    ("size_classes=[]", "size_classes"),
    ("size_classes=[50, 10]", "size_classes: are whole numbers from 1"),
    ("size_classes=[10, 10]", "size_classes: are whole numbers from 1"),
    ("size_classes=[0, 10]", "size_classes: are whole numbers from 1"),
    ("size_classes=[10, 1e15]", "size_classes: are whole numbers from 1"),
    ("groups.when_true=stand-alone", "groups: when_true and when_false are one name"),
    ("fit.clusters=[cell, cell]", "fit.clusters: names something twice"),
    ("fit.ordered=[a, a]", "fit.ordered: names something twice"),
    ("fit.confidence=95", "fit.confidence"),
    ("fit.max_failed_groups=-1", "fit.max_failed_groups"),
    ("fit.collect_limit=1e30", "fit.collect_limit"),
    ("disclosure.threshold=3", "disclosure.threshold"),
    ("disclosure.threshold=9", "disclosure.threshold"),
    ("disclosure.dominance_share=1.0", "disclosure.dominance_share"),
    ("disclosure.dominance_share=0.91", "disclosure.dominance_share"),
    ("disclosure.p_percent=0.1", "disclosure.p_percent"),
    ("disclosure.degrees_of_freedom=9", "disclosure.degrees_of_freedom"),
    ("disclosure.dominance_firms=1", "disclosure.dominance_firms: is laxer than its safe range (at least 2)"),
    ("disclosure.dominance_firms=6", "disclosure.dominance_firms"),
    ("simulate.firms=1e12", "simulate.firms"),
    ("simulate.seed=-1", "simulate.seed"),
    ("simulate.seed=99999999999", "simulate.seed"),
    ("spark.master=banana", "spark.master: is no master"),
    ("spark.master=local[0]", "spark.master: is no master"),
    ("spark.driver_memory=banana", "spark.driver_memory: is no memory"),
    ("spark.driver_memory='2'", "spark.driver_memory: is no memory"),
    ("spark.driver_memory=1m", "spark.driver_memory: is no memory"),
    ("spark.shuffle_partitions=0", "spark.shuffle_partitions"),
    ("spark.options={heap: 8g}", "spark.options: heap is no option of Spark"),
    ("spark.options.spark.driver.memory=8g", "spark.options: spark.driver.memory has a key of its own"),
    ("spark.options.spark.sql.ansi.enabled='false'", "spark.options: spark.sql.ansi.enabled is fixed"),
    ("spark.options.spark.sql.session.timeZone=CET", "spark.options: spark.sql.session.timeZone is fixed"),
    ("spark.options.spark.sql.extensions=x", "spark.options: spark.sql.extensions is fixed"),
    ("spark.options.spark.sql.files.ignoreCorruptFiles='true'", "ignoreCorruptFiles is fixed"),
    (
        "spark.options.spark.ui.enabled=[false]",
        "spark.options.spark.ui.enabled: input should be a valid string",
    ),
    ("spark.jars=''", "spark.jars"),
    ("indicators=sales", "indicators: should be a section"),
    ("indicators=null", "indicators: should be a section"),
]
RUNS = sorted(Path(resources.root(), "conf", "runs").glob("*.yaml"))
DEMO = "conf/runs/demo.yaml"


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_every_run_file_is_valid(run):
    assert settings.read(str(run)).waves


def test_a_change_is_laid_over_the_file():
    changed = settings.read(DEMO, ["indicators.direction=both", "waves.0.survey.decimal=.", "fit.level=0.1"])
    assert changed.indicators.direction == "both"
    assert changed.waves[0].survey.decimal == "."
    assert changed.fit.level == 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("indicators.directoin=both", "indicators.directoin: is not a setting"),
        ("indicators.direction=sideways", "indicators.direction"),
        ("fit.level=2", "fit.level"),
        ("study=../../etc", "study"),
        ("waves.7.wave=x", "7 is not a part"),
        ("no equals sign", "write key=value"),
        ("study.name=x", "study holds a value"),
        ("fit.level=[1", "not YAML"),
        *RANGES,
    ],
)
def test_a_wrong_change_names_its_key(change, words):
    with pytest.raises(SettingsError, match=re.escape(words)) as refused:
        settings.read(DEMO, [change])
    assert refused.value.exit_code == 2 and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("waves.0.survey.separator=tab", "\t"),
        ("waves.0.survey.separator='\\t'", "\t"),
        ("waves.0.survey.separator='|'", "|"),
        ("waves.0.survey.separator=' '", " "),
    ],
)
def test_a_tab_has_words(change, value):
    assert settings.read(DEMO, [change]).waves[0].survey.separator == value


@pytest.mark.parametrize(
    "change",
    [
        "waves.0.survey.encoding=latin-1",
        "waves.0.survey.encoding=utf-8-sig",
        "waves.0.survey.thousands=.",
        "sample.employees_min=null",
        "sample={employees_min: 20, employees_max: 20}",
        "size_classes=[1]",
        "groups={column: exports, when_true: abroad, when_false: home}",
        "fit.primary_error=robust",
        "fit={missing: fiml, clusters: [], primary_error: observed}",
        "fit={estimator: dwls, missing: pairwise, ordered: [source_fairs]}",
        "disclosure={threshold: 20, dominance_share: 0.8, p_percent: 15, degrees_of_freedom: 30}",
        "disclosure.dominance_firms=5",
        "disclosure={threshold: 5, weaker: 'threshold 5: decision of the office of 2026-03-01'}",
        "spark.master=local[*]",
        "spark.master=spark://a:7077,b:7077",
        "spark.driver_memory=512m",
        "spark.options={spark.executor.memory: 4g}",
        "title='Öffnung: 50 % & <mehr>'",
        "simulate.seed=0",
        "waves.0.flows.drop=['', Total]",
    ],
)
def test_what_is_meant_is_taken(change):
    assert settings.read(DEMO, [change])


@pytest.mark.parametrize(
    ("given", "text"), [("false", "false"), ("1000", "1000"), ("0.6", "0.6"), ("4g", "4g")]
)
def test_an_option_of_spark_may_be_a_number_or_true(given, text):
    changed = settings.read(DEMO, [f"spark.options.spark.some.key={given}"])
    assert changed.spark.options == {"spark.some.key": text}


def test_every_text_and_path_says_something():
    """The kind whole: no key of a run file takes a blank, a null byte or a text of megabytes."""
    for key in ("title", "regions", "work", "out", "model", "waves.0.survey.path", "simulate.path", "study"):
        for text in ("''", "' '", '"a\\0b"', "x" * 3000):
            with pytest.raises(SettingsError, match=re.escape(f": {key}: ")):
                settings.read(DEMO, [f"{key}={text}"])


def test_a_number_is_not_true_or_false_and_not_infinite():
    numbers = (
        "fit.level",
        "fit.confidence",
        "disclosure.threshold",
        "simulate.firms",
        "sample.employees_min",
    )
    for key in (*numbers, "size_classes", "spark.shuffle_partitions", "waves.0.survey.max_quarantined"):
        for value in ("true", ".nan", ".inf", "-.inf", "1e23", "-1", "text"):
            written = f"[{value}]" if key == "size_classes" else value
            with pytest.raises(SettingsError, match=re.escape(f": {key}")):
                settings.read(DEMO, [f"{key}={written}"])


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ([], "bias_reduced:cell"),
        (["fit.clusters=[region]"], "bias_reduced:region"),
        (["fit.estimator=dwls", "fit.ordered=[source_fairs]"], "cluster:cell"),
        (["fit.clusters=[]"], "robust"),
        (["fit.primary_error=expected"], "expected"),
    ],
)
def test_the_primary_error_follows_the_estimator_and_its_clusters(changes, error):
    assert settings.read(DEMO, changes).fit.primary_error == error


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["fit.clusters=[region]", "fit.primary_error=cluster:cell"], "names cell, which is not one"),
        (["fit.estimator=dwls", "fit.primary_error=bias_reduced:cell"], "dwls has no bias-reduced errors"),
        (["fit.primary_error=jackknife:cell"], "names the jackknife; set jackknife to true"),
        (["fit.clusters=[]", "fit.jackknife=true"], "jackknife needs clusters and the estimator ml or mlr"),
        (["fit.estimator=dwls", "fit.jackknife=true"], "jackknife needs clusters and the estimator ml"),
    ],
)
def test_a_primary_error_that_is_not_computed_is_refused(changes, words):
    with pytest.raises(SettingsError, match=words):
        settings.read(DEMO, changes)


def test_an_unknown_wave_is_refused_with_the_known_ones():
    with pytest.raises(SettingsError, match="no wave cis9; it has cis2"):
        settings.read(DEMO, waves=["cis9"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: a\nstudy: b\n", "line"),
        ("study: !!python/object/apply:os.system ['true']\n", "run.yaml"),
        ("- a list\n", "holds no settings"),
        ("study: [\n", "line"),
    ],
)
def test_what_is_no_plain_settings_file_is_refused(tmp_path, text, words):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=words):
        settings.read(str(file))


def test_a_missing_file_says_where_it_was_looked_for():
    with pytest.raises(SettingsError, match=r"nowhere\.yaml does not exist here or in the package"):
        settings.read("conf/runs/nowhere.yaml")


def test_a_fingerprint_follows_the_settings_and_nothing_else():
    one, same = settings.read(DEMO), settings.read(DEMO)
    other = settings.read(DEMO, ["indicators.direction=both"])
    assert fingerprint(one.indicators) == fingerprint(same.indicators)
    assert fingerprint(one.indicators) != fingerprint(other.indicators)
