"""The survey drawn in blocks: the indicators of the pipeline, and the same firms whatever the blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from jobs.settings import classifications, resources
from jobs.settings.classifications import Classification, Item
from jobs.simulate import flows
from jobs.simulate.firms import Plan, firms
from jobs.simulate.survey import cells, respondents, survey, with_indicators
from jobs.transforms import indicators
from jobs.transforms.flow_sums import sums


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Regions whose places are not the order of their codes; a region and a sector that few firms are in."""
    codes = ("NL3", "NL1", "NL2")
    parameters = resources.read_yaml("conf/simulation.yaml")
    return Plan(
        country="NL",
        wave="w",
        regions=Classification(
            version="t", source="t", items=tuple(Item(code=code, name=code) for code in codes)
        ),
        sectors=classifications.read("conf/classifications/sectors_sbi93_19.yaml"),
        firms=900,
        seed=1,
        parameters={**parameters, "region_weights": [0.02, 1.0]},
    )


@pytest.fixture(scope="module")
def linked(plan):
    """All firms in one block with their indicators, in the codes of the survey."""
    drawn = firms(plan, 0, plan.firms)
    shares = flows.Deliveries(plan).complementarity()
    frame = pd.DataFrame(with_indicators(drawn, shares, cells(drawn, plan), plan))
    frame["region"] = np.array(plan.region_codes)[frame.region]
    frame["sector"] = np.array(plan.sector_codes)[frame.sector]
    return frame


def test_commonality_is_the_pipelines_with_the_firm_left_out(spark, linked):
    columns = ["number", "region", "sector", "industrial", "innovator", "weight"]
    survey = spark.createDataFrame(linked[columns].assign(country="NL", wave="w"))
    shares = indicators.commonality(survey).drop("country", "wave")
    known = (
        survey.join(shares, ["region", "sector"], "left")
        .select("number", indicators.left_out("commonality_within").alias("known"))
        .toPandas()
        .set_index("number")
        .known.sort_index()
    )
    own = linked.commonality_within.to_numpy()
    assert np.array_equal(own, known.to_numpy(float), equal_nan=True)
    assert np.isnan(own[linked.industrial]).any(), "somebody is alone in a cell"
    assert len(np.unique(own[~np.isnan(own)])) > 20


def test_complementarity_is_the_pipelines(spark, plan, linked):
    sides, blocks = flows.table(plan, "long")
    (table,) = blocks
    numbers = np.array([(plan.regions.numbers[r], plan.sectors.numbers[s]) for r, s in sides])
    ends = np.hstack([numbers[table.seller], numbers[table.buyer]])
    names = ["origin_region", "origin_sector", "destination_region", "destination_sector"]
    cast = [F.col(name).cast("smallint").alias(name) for name in names]
    frame = spark.createDataFrame(pd.DataFrame(ends, columns=names).assign(value=table.units / 1000))
    numbered = frame.select(
        F.lit("NL").alias("country"), F.lit("w").alias("wave"), *cast, F.col("value").cast("decimal(24,9)")
    )
    shares = indicators.complementarity(
        indicators.sums_of(sums(numbered), "sales"), "sales", [(None, plan.regions, plan.sectors)]
    )
    known = shares.toPandas().set_index(["region", "sector"]).complementarity_within
    industrial = linked[linked.industrial]
    own = industrial.set_index(["region", "sector"]).complementarity_within
    assert (own == known.loc[own.index].astype(float)).all() and own.nunique() > 20
    assert linked.complementarity_within[~linked.industrial].isna().all()


@pytest.mark.parametrize("block", [1, 250, 899])
def test_the_same_answers_whatever_the_blocks(plan, block):
    few = replace(plan, firms=100) if block == 1 else plan
    (whole,) = respondents(few, few.firms)
    parts = list(respondents(few, block))
    assert len(parts) == -(-few.firms // block)
    for name, column in whole.items():
        together = np.concatenate([part[name] for part in parts])
        assert np.array_equal(together, column, equal_nan=column.dtype.kind == "f"), name


def test_spoilt_rows_are_copies_of_the_last_firms_whatever_the_blocks(plan):
    """Twelve rows over two blocks, of five firms and seven."""
    ((whole, numbers),) = survey(plan, plan.firms)
    parts = list(survey(plan, 895))
    rows = pd.concat([part.to_pandas().assign(number=number) for part, number in parts])
    known = whole.to_pandas().assign(number=numbers)
    assert len(known) == 912 and [len(part) for part, _ in parts] == [895 + 7, 5 + 5]
    pd.testing.assert_frame_equal(rows.sort_values("number", ignore_index=True), known)
