"""Options that do not fit are refused before Spark starts; the command line, end to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from jobs import cli
from jobs.anytable import output
from jobs.anytable.request import Request
from jobs.errors import InputError, SettingsError
from jobs.output import manifests

DIAMANT = Path(sys.executable).parent / "diamant"
MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2\n"


@pytest.fixture
def request_for(tmp_path):
    """A checked request with MODEL or another `text`."""

    def make(text: str = MODEL, **options) -> Request:
        model = tmp_path / "model.lav"
        model.write_text(text, encoding="utf-8")
        return Request(data="t.csv", model=str(model), out="out", **options).checked()

    return make


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"text": ""}, "model.lav: the model text has no formula"),
        ({"text": "f =~ y1 + y2 + y3\nf ~ x1\ny1 ~~ ~ y2\n"}, "model.lav, line 3: the model text cannot be"),
        (
            {"text": "y1 ~ c(a, b)*x1\ny2 = x1\n", "groups": ("w",)},
            "model.lav, line 2: the model text cannot",
        ),
        ({"text": f"y1 ~ c({'a, ' * 60}b)*x1"}, "model.lav, line 1: c.. has 61 entries"),
        (
            {"text": "f =~ y1 + " + " + ".join(f"x{n}" for n in range(2000))},
            "2002 variables, and at most 300",
        ),
        ({"text": "y1 ~ a*x1\nd := " + "(" * 5000}, "model.lav, line 2: the expression"),
        ({"text": "(" * 100_000}, "model.lav, line 1: the model text cannot be read"),
        ({"text": "f =~ y1\0"}, "--model .*model.lav is no text in UTF-8"),
        ({"estimator": "wls"}, "the estimator is ml, mlr or dwls, not wls"),
        ({"missing": "mean"}, "missing is listwise, fiml or pairwise, not mean"),
        ({"ordered": ("y9",)}, "the ordered item y9 is not in the model"),
        ({"ordered": ("y1",), "estimator": "ml"}, "ordered items need the estimator dwls"),
        ({"error": "observed"}, "--error observed: with these options it is expected or robust"),
        ({"error": "cluster:cell"}, "--error cluster:cell: with these options it is"),
        ({"pool": ("wave",)}, "--pool wave: name it in --group too"),
        ({"groups": ("a", "a")}, "--group names a column twice"),
        ({"clusters": ("x1",)}, "x1 is a label .* and a number"),
        ({"groups": ("w",), "weights": "w"}, "w is a label .* and a number"),
        ({"family": ("f ~ x3",)}, "the family names f ~ x3, which is no operator and no parameter"),
        ({"separator": "::"}, "--separator is one character"),
        ({"separator": ",", "decimal": ","}, "and not the decimal mark"),
        ({"decimal": "'"}, "--decimal is . or ,"),
        ({"encoding": "latin-99"}, "--encoding: .latin-99. is no encoding of tables"),
        ({"confidence": 95.0}, "--confidence lies between 0.5 and 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(request_for, options, words):
    with pytest.raises(SettingsError, match=words):
        request_for(**options)


def test_a_model_file_that_is_not_there():
    with pytest.raises(SettingsError, match="cannot be read; check the path"):
        Request(data="t.csv", model="none.lav", out="out").checked()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({}, "expected"),
        ({"missing": "fiml"}, "observed"),
        ({"estimator": "mlr"}, "robust"),
        ({"weights": "w"}, "robust"),
        ({"ordered": ("y1",)}, "robust"),
        ({"clusters": ("region", "sector")}, "bias_reduced:region"),
        ({"clusters": ("region", "sector"), "error": "cluster:sector"}, "cluster:sector"),
        ({"clusters": ("region",), "ordered": ("y1",)}, "cluster:region"),
    ],
)
def test_the_default_kind_of_error(request_for, options, error):
    assert request_for(**options).chosen_error == error


@pytest.mark.parametrize(
    ("data", "decimal", "separator", "wanted"),
    [
        ("a.csv", ".", "", ","),
        ("a.csv", ",", "", ";"),
        ("a.tsv.gz", ".", "", "\t"),
        ("a.csv", ".", "tab", "\t"),
        ("a.tsv", ".", "|", "|"),
    ],
)
def test_the_default_separator(data, decimal, separator, wanted):
    given = Request(data=data, model="m", out="o", decimal=decimal, separator=separator)
    assert given.field_separator == wanted


def test_a_folder_with_other_files_is_not_replaced(tmp_path):
    def given(out):
        return Request(data=str(tmp_path / "t.csv"), model=str(tmp_path / "m.lav"), out=str(out))

    out = tmp_path / "out"
    assert output.check(given(out)) == out
    out.mkdir()
    assert output.check(given(out)) == out, "an empty folder"
    (out / "estimates.csv").write_text("the user's own, by chance of the same name")
    with pytest.raises(SettingsError, match=r"holds estimates\.csv and is no folder of fitted models"):
        output.check(given(out))
    manifests.write(out, {"fit": "m.lav"})
    assert output.check(given(out)) == out, "written by an earlier fit"
    (out / "path_NL.svg").touch()
    with pytest.raises(SettingsError, match=r"holds path_NL\.svg, which diamant did not write"):
        output.check(given(out))
    with pytest.raises(SettingsError, match="is a file"):
        output.check(given(out / "path_NL.svg"))


@pytest.mark.parametrize("option", ["data", "model"])
def test_the_folder_is_apart_from_what_is_read(tmp_path, option):
    paths = {
        "data": tmp_path / "data" / "t.csv",
        "model": tmp_path / "models" / "m.lav",
        "out": tmp_path / "out",
    }
    paths["out"] = paths[option].parent
    request = Request(**{name: str(path) for name, path in paths.items()})
    with pytest.raises(SettingsError, match=f"--out holds --{option}"):
        output.check(request)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "either --conf|needs --conf"),
        (["--data", "t.csv"], "--model is missing"),
        (["--data", "t.csv", "--model", "m.lav"], "--out is missing"),
        (["--data", "t.csv", "--conf", "c.yaml"], "--data goes with --data, not with --conf|leave one"),
        (["--data", "t.csv", "--wave", "cis2"], "--wave goes with --conf"),
        (["--conf", "c.yaml", "--max-failed", "3"], "--max-failed goes with --data"),
    ],
)
def test_options_of_a_study_and_of_a_table_are_not_mixed(arguments, words):
    done = CliRunner().invoke(cli.app, ["fit", *arguments])
    assert isinstance(done.exception, SettingsError)
    with pytest.raises(SettingsError, match=words):
        raise done.exception


def test_a_missing_table_or_a_taken_folder_is_said_before_spark_starts(request_for, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    started: list[str] = []
    monkeypatch.setattr("jobs.spark.session.start", lambda *_: started.append("spark"))
    with pytest.raises(InputError, match=r"--data t\.csv does not exist"):
        cli._with_table(request_for(), [])
    (tmp_path / "out").touch()
    with pytest.raises(SettingsError, match="--out out is a file"):
        cli._with_table(request_for(), [])
    assert not started


def test_settings_of_the_session():
    from jobs.anytable.options import spark_settings

    assert spark_settings(["master=local[1]", "shuffle_partitions=8"]).shuffle_partitions == 8
    with pytest.raises(SettingsError, match="--spark heap"):
        spark_settings(["heap=8g"])


def test_the_command_fits_a_table_and_says_what_failed(firms, tmp_path):
    table = pd.concat([firms({"NL": 0.5}), firms({"BE": 0.5}).head(5)])
    table.to_csv(tmp_path / "firms.csv", index=False)
    (tmp_path / "model.lav").write_text(MODEL, encoding="utf-8")
    command = [DIAMANT, "fit", "--data", "firms.csv", "--model", "model.lav", "--group", "country"]
    done = subprocess.run(
        [*command, "--out", "out"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 7
    lines = done.stderr.splitlines()
    assert lines[0] == "125 cases in 2 groups read"
    assert lines[-1].startswith("diamant: 1 of 2 groups have no trustworthy fit: BE: too few cases")
    assert "Traceback" not in done.stderr
    status = pd.read_csv(tmp_path / "out" / "status.csv", skiprows=1)
    assert status.status.tolist() == ["too few cases", "converged"]
