"""What ingest says of its input before and while it reads it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jobs.errors import InputError, ValidationStopped
from jobs.readers import text
from jobs.readers.dialect import Dialect
from jobs.run.context import Context
from jobs.settings import reading, wave_maps
from jobs.settings.slices import Slice, SliceSettings
from jobs.spark.tables import Tables
from jobs.stages import ingest
from jobs.stages.order import STAGES

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))

from small_study import answers, csv, deliveries, firms, long, write_settings

FLOWS = "origin_region;origin_sector;destination_region;destination_sector;value"
MAP = "conf/waves/enai_2012_2014.yaml"


def slice_of(tmp_path, survey: str, flows: str) -> SliceSettings:
    (tmp_path / "survey.csv").write_text(survey)
    (tmp_path / "flows.csv").write_text(flows)
    return SliceSettings(
        country="NL",
        wave="w",
        regions="regions.yaml",
        sectors="sectors.yaml",
        survey={"path": str(tmp_path / "survey.csv"), "map": MAP},
        flows={"layout": "long", "paths": {"flows": str(tmp_path / "flows.csv")}},
    )


def test_headers_alone_tell_of_each_input_what_will_not_fit(tmp_path):
    """A survey without a header: its first row holds a firm's name, which no message may show."""
    given = slice_of(
        tmp_path, "Acme Ltd;1;2\nBeta Ltd;1;2\n", f"{FLOWS.replace('value', 'wert')}\nA;1;B;2;3\n"
    )
    survey, flows = ingest.misfits(given)
    assert "survey.csv has no column id_empresa, cod_provincia" in survey and "Acme" not in survey
    assert flows.endswith(
        "flows.csv has no column value (it has 5); check its header, the separator and the names in the map."
    )


def test_headers_that_fit_say_nothing(tmp_path):
    from jobs.settings import wave_maps

    columns = ";".join(wave_maps.read(MAP).columns)
    assert ingest.misfits(slice_of(tmp_path, f"{columns}\n", f"{FLOWS}\n")) == []


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    """Six slices as files of several shapes, and their run file: columns in another order, a folder of parts,
    a name that is no plain address, text over several lines, a broken file, an undeclared region."""
    folder = tmp_path_factory.mktemp("delivered")
    rows = {
        **{("AT", "a"): answers(firms(40, 1)), ("AT", "b"): answers(firms(40, 2))},
        **{("BE", "a"): answers(firms(40, 3)), ("BE", "b"): answers(firms(40, 4))},
        **{("CY", "a"): answers(firms(40, 5)), ("CY", "b"): answers(firms(40, 6))},
    }
    for (country, wave), of_slice in rows.items():
        (folder / country).mkdir(exist_ok=True)
        (folder / country / f"{wave}.csv").write_text(csv(of_slice))
        (folder / country / f"flows_{wave}.csv").write_text(csv(long(deliveries())))
    (folder / "AT" / "b.csv").write_text(csv(rows["AT", "b"], columns=list(rows["AT", "b"][0])[::-1]))
    (folder / "BE" / "a.csv").unlink()
    (folder / "BE" / "a.csv").mkdir()
    for name, part in (("p 1%20[x].csv", rows["BE", "a"][:15]), ("q.csv", rows["BE", "a"][15:])):
        (folder / "BE" / "a.csv" / name).write_text(csv(part))
    broken = [
        {**row, "name": "two\nlines"} if place == 3 else row for place, row in enumerate(rows["BE", "b"])
    ]
    (folder / "BE" / "b.csv").write_text(csv(broken))
    (folder / "CY" / "a.csv").write_text(csv(rows["CY", "a"]) + '"open')
    cells = csv(long(deliveries()))
    (folder / "CY" / "flows_b.csv").write_text(cells + "HU11;28;HU99;28;1\n")
    write_settings(folder, {})
    content = {
        **{"study": "s", "title": "t", "work": str(folder / "work"), "out": str(folder / "out")},
        "defaults": {
            **{name: str(folder / f"{name}.yaml") for name in ("regions", "sectors")},
            "survey": {"path": f"{folder}/{{country}}/{{wave}}.csv", "map": str(folder / "map.yaml")},
            "flows": {"layout": "long", "paths": {"flows": f"{folder}/{{country}}/flows_{{wave}}.csv"}},
        },
        **{"waves": {"a": {}, "b": {}}, "countries": {"AT": {}, "BE": {}, "CY": {}}},
    }
    (folder / "europe.yaml").write_text(json.dumps(content))
    return folder, rows


def test_files_of_all_slices_are_read_together_and_each_row_knows_its_own(spark, delivered, tmp_path):
    folder, rows = delivered
    chosen = reading.read(str(folder / "europe.yaml"))
    context = Context(lambda: spark, chosen, Tables(lambda: spark, str(tmp_path / "tables")), STAGES)
    results = ingest.run(context.batch(context.slices))
    assert {str(slice): type(error) for slice, error in results.failures.items()} == {
        "CY a": InputError,
        "CY b": ValidationStopped,
    }
    assert "CY/a.csv, row" in str(results.failures[Slice("CY", "a")])
    assert "destination region 'HU99' is in neither" in str(results.failures[Slice("CY", "b")])
    came = {}
    for row in results.frames["answers"].collect():
        came.setdefault((row["country"], row["wave"]), []).append(row)
    for slice, of_slice in rows.items():
        if slice in (("CY", "a"), ("CY", "b")):
            continue
        by_firm = {row["answers"]["firm"]: row for row in came[slice]}
        assert sorted(by_firm) == sorted(row["firm"] for row in of_slice)
        first_lines = range(2, 42)
        if slice == ("BE", "a"):
            first_lines = [*range(2, 17), *range(2, 27)]
            assert {row["part"] for row in came[slice]} == {"p 1%20[x].csv", "q.csv"}
        if slice == ("BE", "b"):  # the fourth firm takes two lines
            first_lines = [*range(2, 6), *range(7, 43)]
        numbers = [by_firm[row["firm"]]["row_number"] for row in of_slice]
        assert numbers == list(first_lines), f"{slice}: the number is the line in the file"
    assert results.outcomes[Slice("AT", "a")].rows_in == 40 + len(deliveries())
    cells = results.frames["flows"].groupBy("country", "wave").count().collect()
    assert {tuple(row)[:2]: row["count"] for row in cells if row["country"] != "CY"} == dict.fromkeys(
        [slice for slice in rows if slice[0] != "CY"], len(deliveries())
    )
    spark.catalog.clearCache()


def test_files_alike_are_one_scan_whatever_their_number(spark, delivered, tmp_path):
    """The plan of a reader grows with the shapes of files, not with their number."""
    folder, _ = delivered
    chosen = reading.read(str(folder / "europe.yaml"), None, ["a"], ["AT"])
    (settings,) = chosen.slices.values()
    wanted = list(wave_maps.read(settings.survey.map).columns)
    scans = text.scanned(settings.survey.path, Dialect(";", "utf-8"), wanted)

    def read_in(count: int) -> list[str]:
        """What the plan for so many files reads."""
        many = {Slice("AT", f"w{number}"): scans for number in range(count)}
        leaves = text.read(spark, many, wanted)._jdf.queryExecution().analyzed().collectLeaves()
        return [leaves.apply(place).nodeName() for place in range(leaves.size())]

    assert read_in(20) == read_in(2) and read_in(20).count("LogicalRelation") == 1
