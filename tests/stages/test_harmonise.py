"""The stage on answers in a table: what becomes of them, and what stops it."""

from __future__ import annotations

import pytest
from carried import carried_out
from ruamel.yaml import YAML

from jobs.errors import ValidationStopped
from jobs.run.context import Context
from jobs.settings import resources, schemas
from jobs.settings.run_file import RunSettings
from jobs.spark.frames import local
from jobs.stages import harmonise
from jobs.stages.order import STAGES

SLICE = {"country": "NL", "wave": "w"}
REGIONS, SECTORS = "conf/classifications/regions_nl.yaml", "conf/classifications/sectors_sbi93_19.yaml"


class Study:
    """Runs the stage over firms (their cells), by the demo's map with some of its rules changed."""

    def __init__(self, spark, tables, folder):
        self.spark, self.tables, self.map = spark, tables, folder / "map.yaml"

    def run(self, firms: list[dict[str, str]], rules: dict | None = None, pairs=(), **survey):
        raw = resources.read_yaml("conf/waves/cis2_simulated.yaml")
        raw = {**raw, "rules": {**raw["rules"], **(rules or {})}, "contradictions": list(pairs), "breaks": []}
        with self.map.open("w") as stream:
            YAML(typ="safe", pure=True).dump(raw, stream)
        survey = {"path": "survey.csv", "map": str(self.map), **survey}
        conf = RunSettings.model_validate(
            {
                **{"study": "s", "title": "t", "country": "NL", "regions": REGIONS, "sectors": SECTORS},
                **{"work": "work", "out": "out", "waves": [{"wave": "w", "survey": survey}]},
            }
        )
        usual = {"province": "NL11", "sbi": "15", "emp96": "20", "weight": "1"}
        rows = [
            (*SLICE.values(), f"part-{place % 2}.csv", place, {**usual, "firm": f"F{place}", **cells})
            for place, cells in enumerate(firms, 2)
        ]
        answers = local(self.spark, rows, schemas.table("answers").struct)
        self.tables.replace("answers", answers, [SLICE], {})
        return carried_out(Context(lambda: self.spark, conf, self.tables, STAGES), harmonise)

    def rows(self):
        return self.tables.read("harmonised", [SLICE]).sort("row_number").collect()

    def aside(self):
        return self.tables.read("quarantine", [{**SLICE, "stage": "harmonise"}]).sort("row_number").collect()


@pytest.fixture
def study(spark, tables, tmp_path) -> Study:
    return Study(spark, tables, tmp_path)


IN_THOUSANDS = [{"turn96": f"{n}.{n}25", "rdexp": f"{n}"} for n in range(1, 10)]
OF_NINES = [{"turn96": "999999999" if n < 3 else f"{n * 100}"} for n in range(1, 60)]


def test_rows_at_fault_are_set_aside_with_their_part_and_the_others_are_kept(study):
    firms = [{}, {"emp96": "320.6"}, {"co_grp_nl": "NA", "coop": "1"}, {"export": "1.0"}]
    outcome = study.run(firms, max_quarantined=0.5)
    assert (outcome.rows_in, outcome.rows_out, outcome.rows_set_aside) == (4, 2, 2)
    assert [(row["part"], row["row_number"], row["reason"]) for row in study.aside()] == [
        ("part-1.csv", 3, "emp96 is no whole number"),
        ("part-0.csv", 4, "co_grp_nl has a code the map does not declare"),
    ]
    assert [row["exports"] for row in study.rows()] == [None, True]


def test_thousands_are_told_before_they_are_believed(study):
    with pytest.raises(ValidationStopped) as stopped:
        study.run(IN_THOUSANDS)
    assert str(stopped.value) == (
        "survey.csv: column turn96: every number with a mark has exactly three digits behind it, as "
        "thousands have; give survey.thousands and survey.decimal in the run file if they are thousands, "
        "or, if the numbers are meant so, write as_written: true in the rule turnover of "
        f"{study.map}."
    )
    assert stopped.value.exit_code == 4


@pytest.mark.parametrize(
    ("rules", "survey", "first"),
    [
        ({}, {"decimal": ",", "thousands": "."}, 1125),
        ({"turnover": {"number": "turn96", "as_written": True}}, {}, 1.125),
    ],
)
def test_thousands_are_read_as_the_run_file_or_the_map_says(study, rules, survey, first):
    study.run(IN_THOUSANDS, rules, **survey)
    assert float(study.rows()[0]["turnover"]) == first


def test_codes_of_nines_are_told_before_they_are_believed(study):
    with pytest.raises(
        ValidationStopped, match="column turn96: the largest number is written in nines only"
    ) as stopped:
        study.run(OF_NINES)
    assert "declare that code under missing" in str(stopped.value) and "999999999" not in str(stopped.value)
    study.run(OF_NINES, {"turnover": {"number": "turn96", "missing": ["999999999"]}})
    assert [row["turnover"] is None for row in study.rows()][:4] == [True, True, False, False]


@pytest.mark.parametrize("form", ["parquet", "stata", "spss", "sas"])
def test_numbers_of_a_typed_file_have_a_point_beside_the_declared_mark(study, form):
    outcome = study.run([{"turn96": "12.5"}, {"turn96": "12,5"}], format=form, decimal=",")
    assert outcome.rows_set_aside == 0
    assert [float(row["turnover"]) for row in study.rows()] == [12.5, 12.5]


def test_numbers_of_a_text_file_have_the_declared_mark_only(study):
    outcome = study.run([{"turn96": "12.5"}, {"turn96": "12,5"}], decimal=",", max_quarantined=1)
    assert outcome.rows_set_aside == 1


def test_second_questions_that_differ_are_counted(study):
    pair = {"column": "cooperates", "against": {"yes_no": "inpdt"}, "words": "two answers"}
    firms = [{"coop": "1", "inpdt": "0"}, {"coop": "0.0", "inpdt": "1"}, {"coop": "1", "inpdt": "1,0"}, {}]
    assert study.run(firms, pairs=[pair]).notes == ("2 firms: two answers",)
