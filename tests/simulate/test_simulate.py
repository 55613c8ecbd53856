"""The simulated study: exact counts, bounded draws that know no partitions, true parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import functions as F

from jobs.settings import classifications, resources, wave_maps
from jobs.simulate.answers import answers, broken, in_sample, questionnaire, truth
from jobs.simulate.draws import Draws
from jobs.simulate.files import with_indicators
from jobs.simulate.firms import Plan, _apportion, firms
from jobs.simulate.flows import biregional, deliveries

KEYS = ["origin_region", "origin_sector", "destination_region", "destination_sector"]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        countries=("NL",),
        waves=("w",),
        regions={"NL": classifications.read("conf/classifications/regions_nl.yaml")},
        sectors=classifications.read("conf/classifications/sectors_sbi93_19.yaml"),
        firms=3000,
        seed=1,
        parameters=resources.read_yaml("conf/simulation.yaml"),
        nonresponse=0.0,
    )


@pytest.fixture(scope="module")
def population(spark, plan):
    """Firms with fixed indicators instead of those of the tables: they enter the answers as numbers."""
    shares = Draws(plan.seed, "number")
    return (
        firms(spark, plan)
        .withColumn("complementarity_within", shares.uniform("complementarity"))
        .withColumn("commonality_within", shares.uniform("commonality"))
        .persist()
    )


@pytest.fixture(scope="module")
def answered(population, plan):
    return answers(population, plan).persist()


def test_counts_of_firms_are_the_studys_third(population):
    """1008, 237, 601, 1700 and 500 of 9000 firms, so a third of each of 3000; the others did not innovate."""
    counts = {row["kind"]: row["count"] for row in population.groupBy("kind").count().collect()}
    assert counts == {
        **{"domestic_only": 336, "foreign_only": 79, "both": 200},
        **{"stand_alone": 567, "process_only": 167, "others": 1651},
    }


def test_sizes_are_exact_shares_and_weights_follow_them(population):
    rows = population.where("kind = 'domestic_only'").groupBy("weight").count().collect()
    assert {row["weight"]: row["count"] for row in rows} == {4.0: 202, 2.0: 100, 1.0: 34}  # 60, 30, 10 %


def test_firms_have_a_region_and_a_sector_of_the_classifications(population, plan):
    found = population.select("region", "sector", "industrial").distinct().collect()
    assert {row["region"] for row in found} <= set(plan.regions["NL"].numbers)
    assert all((row["sector"] in plan.sectors.industrial) == row["industrial"] for row in found)


def test_the_same_firms_whatever_the_partitions(spark, plan, population, monkeypatch):
    in_two = type(spark).range
    with monkeypatch.context() as patched:
        patched.setattr(type(spark), "range", lambda self, end: in_two(self, 0, end, 1, 5))
        again = firms(spark, plan)
    assert population.select(again.columns).exceptAll(again).isEmpty()
    other = firms(spark, replace(plan, seed=2))
    assert not population.select(other.columns).exceptAll(other).isEmpty()


def test_no_answer_is_outside_its_scale(answered):
    scales = {
        "innovative_share": 1.0,
        "competitive_contribution": 3.0,
        "source_suppliers": 3.0,
        "source_clients": 3.0,
        "source_competitors": 3.0,
        "source_universities": 3.0,
        "source_fairs": 3.0,
    }
    ends = answered.agg(*[f(name).alias(f"{name}_{f.__name__}") for name in scales for f in (F.min, F.max)])
    found = ends.first()
    for name, top in scales.items():
        assert 0 <= found[f"{name}_min"] < found[f"{name}_max"] <= top
    lowest = answered.agg(F.min("rd_effort"), F.min("other_effort")).first()
    assert min(lowest) >= 0, "expenditure is never negative"


def test_only_innovators_are_asked(answered):
    assert answered.where("not innovator and rd_effort is not null").isEmpty()
    assert answered.where("not product_innovator and innovative_share is not null").isEmpty()


def test_results_follow_the_true_paths(answered, plan):
    """Ordinary least squares of the factor on its true predictors: within four errors of the truth."""
    names = ["effort", "information", "complementarity_within", "commonality_within"]
    sample = answered.where(in_sample() & ~F.col("cooperates")).select("results", *names).toPandas()
    x = np.column_stack([np.ones(len(sample)), sample[names]])
    inverse = np.linalg.inv(x.T @ x)
    found = inverse @ x.T @ sample.results
    left = sample.results - x @ found
    error = np.sqrt(np.diag(inverse) * (left @ left) / (len(x) - len(found)))
    true = [plan.parameters["model"]["paths"]["stand-alone"][name] for name in names]
    assert (np.abs(found[1:] - true) < 4 * error[1:]).all()


def test_ratios_of_table_1_are_met_exactly(answered, plan):
    mass = F.col("weight") * F.col("turnover").cast("double")
    by = answered.where("cooperates").groupBy("kind")
    rows = by.agg(F.sum(mass).alias("all"), F.sum(mass * F.col("innovative_share")).alias("new")).collect()
    found = {row["kind"]: (row["new"], row["all"]) for row in rows}
    targets = plan.parameters["turnover_shares"]
    for kind in ("foreign_only", "both"):
        assert found[kind][0] / found[kind][1] == pytest.approx(targets[kind], abs=1e-6)
    home = [found[kind] for kind in ("domestic_only", "both")]
    any_domestic = sum(new for new, _ in home) / sum(whole for _, whole in home)
    assert any_domestic == pytest.approx(targets["any_domestic"], abs=1e-6)


def test_the_questionnaire_has_the_columns_of_its_wave_map(answered, plan):
    filled = questionnaire(answered, plan)
    wanted = wave_maps.read("conf/waves/cis2_simulated.yaml").columns
    assert set(wanted) <= set(filled.columns)
    row = filled.where("turn96 is not null").first()
    assert "," in row["turn96"] and "." not in row["turn96"]
    spoilt = broken(filled, plan)
    assert spoilt.count() == plan.parameters["survey"]["broken_rows"]
    assert spoilt.join(filled, "firm", "left_semi").isEmpty(), "they are firms of their own"


def test_partners_are_ticked_where_they_are(answered, plan):
    filled = questionnaire(answered, plan).join(answered.select("number", "kind"), "number")
    home, away = (
        [c for c in filled.columns if c.startswith("co_") and c.endswith(end)] for end in ("_nl", "_eu")
    )
    assert filled.where("kind = 'foreign_only'").where(F.coalesce(*home).isNotNull()).isEmpty()
    assert filled.where("kind = 'domestic_only'").where(F.coalesce(*home).isNull()).isEmpty()
    assert filled.where("kind = 'domestic_only'").where(F.coalesce(*away).isNotNull()).isEmpty()


def test_truth_is_what_the_parameters_say(plan):
    table = {row[:4]: row[4] for row in truth(plan.parameters)}
    assert table["stand-alone", "results", "~", "commonality_within"] == 0.15
    assert table["co-operating", "results", "~", "commonality_within"] == 0.0
    assert table["co-operating", "effort", "=~", "rd_effort"] == 1.0


def test_the_biregional_table_is_the_full_one_with_the_others_summed(spark, plan):
    three = classifications.Classification(version="t", source="t", items=plan.regions["NL"].items[:3])
    small = replace(
        plan,
        regions={"NL": three},
        sectors=classifications.Classification(version="t", source="t", items=plan.sectors.items[:2]),
    )
    full = deliveries(spark, small).toPandas().set_index(KEYS).value.astype(float)
    assert len(full) == (3 * 2) ** 2 and (full > 0).all()
    folded = biregional(deliveries(spark, small)).toPandas().set_index(KEYS).value.astype(float)
    (one, two, three), sector = (item.code for item in three.items), small.sectors.items[0].code
    assert folded[one, sector, one, sector] == full[one, sector, one, sector]
    sold = full[one, sector, two, sector] + full[one, sector, three, sector]
    assert folded[one, sector, "REST", sector] == pytest.approx(sold, abs=1e-9)
    bought = full[two, sector, one, sector] + full[three, sector, one, sector]
    assert folded["REST", sector, one, sector] == pytest.approx(bought, abs=1e-9)


def test_tables_to_be_joined_are_made_ready_first(spark, plan):
    """Spark lets a join wait for a table for some minutes only: sums of firms or deliveries come first."""
    given = []

    def ready(frame):
        given.append((set(frame.columns), frame.count()))
        return frame

    sectors = classifications.Classification(version="t", source="t", items=plan.sectors.items[:4])
    small = replace(plan, sectors=sectors, waves=("w", "x"), firms=200)
    drawn = firms(spark, small)
    answers(with_indicators(drawn, deliveries(spark, small), small, ready), small, ready)
    (common, cells), (shares, sums), (shifts, slices) = given
    assert "commonality_within_numerator" in common and cells <= 2 * 12 * 4 + 2 * 12
    assert "complementarity_within" in shares and sums == 2 * 12 * 4 + 2 * 12  # cells, regions as a whole
    assert "shift_both" in shifts and slices == 2


def test_slots_are_shared_out_by_largest_remainder():
    """7 slots to 1 : 1 : 2 are 1.75, 1.75, 3.5: whole parts 1, 1, 3, and the two left go to the first two."""
    assert _apportion([1.0, 1.0, 2.0], 7) == [0, 0, 1, 1, 2, 2, 2]


def test_draws_are_uniform_and_their_own_by_purpose(spark):
    draws = Draws(1, "id")
    frame = spark.range(4000).select(
        draws.uniform("a").alias("a"),
        draws.uniform("b").alias("b"),
        draws.bounded("c").alias("c"),
        draws.rounded(F.lit(1.25), "d").alias("d"),
    )
    found = frame.toPandas()
    assert found.a.between(0, 1, inclusive="left").all()
    assert abs(found.a.mean() - 0.5) < 4 * (1 / 12 / 4000) ** 0.5
    assert abs(found.a.corr(found.b)) < 4 / 4000**0.5
    assert found.c.abs().max() <= 3**0.5 and abs(found.c.std() - 1) < 0.05
    assert set(found.d) == {1, 2} and abs(found.d.mean() - 1.25) < 4 * (0.1875 / 4000) ** 0.5
