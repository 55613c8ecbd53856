"""Studies of any size: made-up regions and sectors, and run files that run as they are."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from jobs import cli
from jobs.errors import SettingsError
from jobs.run import execute as pipeline
from jobs.run.context import Context
from jobs.run.progress import Progress
from jobs.settings import reading as settings
from jobs.simulate import files, flows, named, run_files
from jobs.simulate import studies as simulated
from jobs.spark.tables import Tables
from jobs.stages.order import STAGES

SMALL = {"countries": ["AA", "BB"], "waves": ["w1"], "regions": 3, "sectors": 4, "firms": 400, "seed": 3}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"regions": 0}, "--regions: .*greater than or equal to 1"),
        ({"firms": 3}, "--firms: "),
        ({"seed": 2**63}, "--seed: "),
        ({"countries": ["A/B"]}, "--countries: "),
        ({"waves": ["a", "a"]}, "--waves: a name stands there twice"),
        ({"layout": "wide"}, "--layout: "),
        ({"waves": []}, "--waves: "),
        ({"countries": "AA,"}, "--countries: "),
    ],
)
def test_an_option_that_is_wrong_is_named(change, words):
    with pytest.raises(SettingsError, match=words):
        simulated.wanted({**SMALL, **change})


@pytest.mark.parametrize(
    "arguments",
    [[], ["--seed", "3"], ["--conf", "x.yaml", "--seed", "3"], ["--out", "x", "--wave", "w"]],
    ids=" ".join,
)
def test_a_run_file_or_a_folder_not_both(arguments):
    done = CliRunner().invoke(cli.app, ["simulate", *arguments])
    assert isinstance(done.exception, SettingsError)
    assert re.search("takes --conf .*, or --out", str(done.exception))


def csv(path):
    return pd.read_csv(path, sep=";", decimal=",", encoding="latin-1")


@pytest.fixture(scope="module")
def europe(tmp_path_factory):
    """Two countries with two waves each, their run file, and what was said meanwhile."""
    said: list[str] = []
    out = tmp_path_factory.mktemp("europe")
    made = simulated.studies(simulated.wanted({**SMALL, "waves": ["w1", "w2"]}), out, said.append)
    return made, said


def test_every_country_gets_its_files(europe):
    made, said = europe
    surveys = {(c, w): csv(made.parent / c / f"survey_{w}.csv") for c in ("AA", "BB") for w in ("w1", "w2")}
    for (country, _), survey in surveys.items():
        whole = survey[survey.firm.str.startswith("F")]
        assert len(whole) == 400 and whole.firm.is_unique and len(survey) == 412
        assert set(whole.province) == {f"{country}{number:03d}" for number in (1, 2, 3)}
    ways = [tuple(survey.emp96) for survey in surveys.values()]
    assert len(set(ways)) == 4, "each country and wave has firms of its own"
    flows = csv(made.parent / "BB" / "flows_w2.csv")
    assert len(flows) == 3 * 3 * 4 * 4 and set(flows.origin_region) == {"BB001", "BB002", "BB003", "REST"}
    assert said == ["2 of 4 slices: 824 firms up to AA w2", "4 of 4 slices: 1,648 firms up to BB w2"]


def test_several_countries_have_one_run_file(europe):
    made, _ = europe
    out = made.parent
    text = {"separator": ";", "encoding": "ISO-8859-1", "decimal": ","}
    assert made == out / "europe.yaml" and not list(out.glob("??.yaml"))
    assert YAML(typ="safe").load(made) == {
        "study": "simulated-europe",
        "title": "A simulated study of 2 countries",
        "work": f"{out}/work",
        "out": f"{out}/published",
        "defaults": {
            "regions": f"{out}/{{country}}/regions.yaml",
            "sectors": f"{out}/sectors.yaml",
            "survey": {
                "path": f"{out}/{{country}}/survey_{{wave}}.csv",
                "map": "conf/waves/cis2_simulated.yaml",
                **text,
            },
            "flows": {
                "layout": "biregional",
                "paths": {"flows": f"{out}/{{country}}/flows_{{wave}}.csv"},
                **text,
            },
            "model": "conf/models/cluster_within.lav",
            "fit": {"max_failed_groups": 2},
        },
        "waves": {"w1": {}, "w2": {}},
        "countries": {"AA": {}, "BB": {}},
        "pool": {"over": ["country", "wave"], "one_model": True},
        "spark": {"driver_memory": "3g", "shuffle_partitions": 8},
    }
    for country in ("AA", "BB"):
        assert (out / country / "regions.yaml").is_file() and (out / country / "truth.csv").is_file()


def test_waves_stand_in_the_order_of_time_and_the_netherlands_keep_their_regions(tmp_path):
    waves = tuple(named.waves("12"))
    regions = {"NL": simulated.DUTCH[0], "SE": f"{tmp_path}/SE/regions.yaml"}
    content = run_files.of_countries(regions, waves, tmp_path, simulated.DUTCH[1], "biregional")
    made = YAML(typ="safe").load(simulated._dump(content, tmp_path / "europe.yaml", in_order=True))
    assert list(made["waves"]) == list(waves)
    assert made["countries"] == {"NL": {"regions": "conf/classifications/regions_nl.yaml"}, "SE": {}}
    assert made["defaults"]["sectors"] == "conf/classifications/sectors_sbi93_19.yaml"


def test_a_country_alone_has_the_same_files_and_a_run_file_that_runs(spark, tmp_path, europe):
    """Whatever is simulated beside it: a slice's values are its own."""
    together = europe[0].parent
    made = simulated.studies(simulated.wanted({**SMALL, "countries": ["BB"]}), tmp_path)
    assert made == tmp_path / "BB.yaml"
    for name in ("survey_w1.csv", "flows_w1.csv", "truth.csv", "regions.yaml"):
        assert (tmp_path / "BB" / name).read_bytes() == (together / "BB" / name).read_bytes()
    assert (tmp_path / "BB" / "sectors.yaml").read_bytes() == (together / "sectors.yaml").read_bytes()

    run = settings.read(str(made))
    context = Context(lambda: spark, run, Tables(lambda: spark, f"{run.work}/tables"), STAGES)
    pipeline.run(context, Progress(), "indicators")
    cells = context.tables.read("cluster_indicators", [{"country": "BB", "wave": "w1"}]).toPandas()
    assert sorted(cells[cells.sector == "_all"].region) == ["BB001", "BB002", "BB003"]
    assert cells.complementarity_within.between(0, 1).all()


def test_a_large_slice_is_a_folder_of_parts_with_the_same_rows(tmp_path, monkeypatch, europe):
    monkeypatch.setattr(files, "LARGE", 300)
    monkeypatch.setattr(flows, "BLOCK", 3 * 4 * 5)  # five sellers at a time
    request = {**SMALL, "countries": ["AA"], "layout": "long"}
    simulated.studies(simulated.wanted(request), tmp_path / "large")
    monkeypatch.undo()
    simulated.studies(simulated.wanted(request), tmp_path / "whole")
    for name, count in (("survey_w1.csv", 2), ("flows_w1.csv", 3)):
        parts = sorted((tmp_path / "large" / "AA" / name).iterdir())
        assert [part.name for part in parts] == [f"part-{number:05d}.csv" for number in range(count)]
        lines = [part.read_bytes().splitlines() for part in parts]
        whole = (tmp_path / "whole" / "AA" / name).read_bytes().splitlines()
        assert {own[0] for own in lines} == {whole[0]}
        assert sorted(line for own in lines for line in own[1:]) == sorted(whole[1:])
    survey = (tmp_path / "whole" / "AA" / "survey_w1.csv").read_bytes()
    assert survey == (europe[0].parent / "AA" / "survey_w1.csv").read_bytes()


@pytest.mark.parametrize("countries", ["AA", "AA,BB"])
def test_the_same_request_gives_the_same_files_again(tmp_path, countries):
    request = simulated.wanted({**SMALL, "countries": countries, "firms": 100})
    before = {}
    for _ in range(2):
        simulated.studies(request, tmp_path)
        now = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
        assert now == (before or now)
        before = now


def test_a_whole_number_is_a_count_and_all_else_names():
    assert named.countries("3") == ["AT", "BE", "BG"]
    assert len(set(named.countries("27"))) == 27 and named.countries("27")[-1] == "SK"
    assert named.countries("29")[26:] == ["SK", "C28", "C29"]
    assert named.waves("12")[:5] == ["cis2", "cis3", "cis4", "cis2006", "cis2008"]
    assert named.waves("13")[11:] == ["cis2022", "w13"]
    assert named.countries("NL") == ["NL"] and named.waves("2012,2014") == ["2012", "2014"]


@pytest.mark.parametrize("count", ["0", "-3", "1000", "9" * 5000])
def test_a_count_out_of_range_is_named(count):
    with pytest.raises(SettingsError, match="--waves: a whole number says how many, from 1 to 999"):
        simulated.wanted({"waves": count})


def test_what_would_lie_in_the_way_of_several_countries_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="--countries: work and published"):
        simulated.wanted({"countries": "NL,work"})
    two = simulated.wanted({"countries": "2"})
    with pytest.raises(SettingsError, match="--out: braces"):
        simulated.check(two, tmp_path / "{country}")
    (tmp_path / "europe.yaml").write_text("mine")
    with pytest.raises(SettingsError, match=r"europe\.yaml, which diamant did not write"):
        simulated.check(two, tmp_path)
