"""What ingest says of its input before and while it reads it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jobs.errors import InputError
from jobs.readers.files import Rows
from jobs.settings.inputs import WaveSettings
from jobs.stages import ingest

FLOWS = "origin_region;origin_sector;destination_region;destination_sector;value"
MAP = "conf/waves/enai_2012_2014.yaml"


def wave(tmp_path, survey: str, flows: str) -> WaveSettings:
    (tmp_path / "survey.csv").write_text(survey)
    (tmp_path / "flows.csv").write_text(flows)
    return WaveSettings(
        wave="w",
        survey={"path": str(tmp_path / "survey.csv"), "map": MAP},
        flows={"layout": "long", "paths": {"flows": str(tmp_path / "flows.csv")}},
    )


def test_headers_alone_tell_of_each_input_what_will_not_fit(tmp_path):
    """A survey without a header: its first row holds a firm's name, which no message may show."""
    given = wave(tmp_path, "Acme Ltd;1;2\nBeta Ltd;1;2\n", f"{FLOWS.replace('value', 'wert')}\nA;1;B;2;3\n")
    survey, flows = ingest.misfits(given)
    assert "survey.csv has no column id_empresa, cod_provincia" in survey and "Acme" not in survey
    assert flows.endswith(
        "flows.csv has no column value; check its header, the separator and the names in the map."
    )


def test_headers_that_fit_say_nothing(tmp_path):
    from jobs.settings import wave_maps

    columns = ";".join(wave_maps.read(MAP).columns)
    assert ingest.misfits(wave(tmp_path, f"{columns}\n", f"{FLOWS}\n")) == []


def test_rows_that_vanish_between_file_and_frame_stop_the_run(spark):
    """The file's own count stands against what came out of the reader, whatever the reader did."""
    frame = spark.createDataFrame(
        [(None, 2, {"a": "1"}, [], "{}")],
        "part string, row_number long, answers map<string,string>, "
        "faults array<struct<rule: string, reason: string>>, record string",
    )
    with pytest.raises(InputError, match=r"s\.csv holds 2 rows, and 1 came out"):
        ingest._Read(Rows(frame, [], 2), "survey", _paths("s.csv"), 0.05)
    assert ingest._Read(Rows(frame, [], 1), "survey", _paths("s.csv"), 0.05).rows == 1


def _paths(name: str) -> dict[str, str]:
    return {"survey": name}


@pytest.fixture(autouse=True)
def no_digests(monkeypatch):
    """The frames of these tests were made without files."""
    monkeypatch.setattr(ingest, "files", SimpleNamespace(**{**vars(ingest.files), "sha256": lambda path: ""}))
