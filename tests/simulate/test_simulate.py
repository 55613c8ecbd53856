"""The simulated study: exact counts, bounded draws that know no blocks, true parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs.settings import classifications, resources, wave_maps
from jobs.simulate.answers import ASKED, answered, answers, in_sample, shifts, totals, truth
from jobs.simulate.draws import Draws
from jobs.simulate.firms import KINDS, Plan, _apportion, firms
from jobs.simulate.questionnaires import broken, questionnaires


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(
        country="NL",
        wave="w",
        regions=classifications.read("conf/classifications/regions_nl.yaml"),
        sectors=classifications.read("conf/classifications/sectors_sbi93_19.yaml"),
        firms=3000,
        seed=1,
        parameters=resources.read_yaml("conf/simulation.yaml"),
        nonresponse=0.0,
    )


@pytest.fixture(scope="module")
def population(plan):
    """Firms with fixed indicators instead of those of the tables: they enter the answers as numbers."""
    drawn = firms(plan, 0, plan.firms)
    shares = Draws(drawn["number"], plan.seed)
    return {
        **drawn,
        "complementarity_within": shares.uniform("complementarity"),
        "commonality_within": shares.uniform("commonality"),
    }


@pytest.fixture(scope="module")
def given(population, plan):
    """Firms with their answers as they are given."""
    told = answers(population, plan)
    return answered(told, plan, shifts(totals(told, plan), plan.parameters["turnover_shares"]))


@pytest.fixture(scope="module")
def filled(given, plan):
    """The questionnaires, and the kind of each firm."""
    return questionnaires(given, plan).to_pandas().assign(kind=[KINDS[kind] for kind in given["kind"]])


def test_counts_of_firms_are_the_studys_third(population):
    """1008, 237, 601, 1700 and 500 of 9000 firms, so a third of each of 3000; the others did not innovate."""
    counts = dict(zip(KINDS, np.bincount(population["kind"]).tolist(), strict=True))
    assert counts == {
        **{"domestic_only": 336, "foreign_only": 79, "both": 200},
        **{"stand_alone": 567, "process_only": 167, "others": 1651},
    }


def test_sizes_are_exact_shares_and_weights_follow_them(population):
    weights = population["weight"][population["kind"] == KINDS.index("domestic_only")]
    assert pd.Series(weights).value_counts().to_dict() == {4.0: 202, 2.0: 100, 1.0: 34}  # 60, 30, 10 %


def test_firms_have_a_region_and_a_sector_of_the_classifications(population, plan):
    assert set(population["region"]) == set(range(12))
    industrial = np.array([item.industrial for item in plan.sectors.items])
    assert (industrial[population["sector"]] == population["industrial"]).all()
    assert 0 < population["industrial"].mean() < 1


def test_without_a_sector_of_the_kind_a_firm_is_left_out(plan, population):
    """As where a study has industrial sectors only: the firms of the others are nowhere."""
    items = tuple(item for item in plan.sectors.items if item.industrial)
    industry = replace(plan, sectors=classifications.Classification(version="t", source="t", items=items))
    left = firms(industry, 0, plan.firms)
    assert (left["number"] == population["number"][population["industrial"]]).all()


def test_another_seed_gives_other_firms(plan, population):
    other = firms(replace(plan, seed=2), 0, plan.firms)
    assert (other["kind"] == population["kind"]).all() and (other["turnover"] != population["turnover"]).any()


def test_no_answer_is_outside_its_scale(given):
    for name in ASKED:
        top = {"innovative_share": 1.0, "rd_effort": np.inf, "other_effort": np.inf}.get(name, 3.0)
        low, high = np.nanmin(given[name]), np.nanmax(given[name])
        assert 0 <= low < high <= top, name


def test_only_innovators_are_asked(given):
    assert np.isnan(given["rd_effort"][~given["innovator"]]).all()
    assert not np.isnan(given["rd_effort"][given["innovator"]]).any()
    assert np.isnan(given["innovative_share"][~given["product_innovator"]]).all()


def test_so_many_as_the_nonresponse_says_do_not_answer(given, plan):
    some = answered(given, replace(plan, nonresponse=0.2), np.zeros(3))
    for name in ASKED:
        asked = ~np.isnan(given[name])
        share = np.isnan(some[name][asked]).mean()
        assert abs(share - 0.2) < 4 * (0.16 / asked.sum()) ** 0.5, name


def test_results_follow_the_true_paths(given, plan):
    """Ordinary least squares of the factor on its true predictors: within four errors of the truth."""
    names = ["effort", "information", "complementarity_within", "commonality_within"]
    sample = pd.DataFrame(given)[in_sample(given) & ~given["cooperates"]]
    x = np.column_stack([np.ones(len(sample)), sample[names]])
    inverse = np.linalg.inv(x.T @ x)
    found = inverse @ x.T @ sample.results
    left = sample.results - x @ found
    error = np.sqrt(np.diag(inverse) * (left @ left) / (len(x) - len(found)))
    true = [plan.parameters["model"]["paths"]["stand-alone"][name] for name in names]
    assert (np.abs(found[1:] - true) < 4 * error[1:]).all()


def test_ratios_of_table_1_are_met_exactly(given, plan):
    mass = given["weight"] * given["turnover"]
    new = mass * given["innovative_share"]
    found = {kind: (new[own].sum(), mass[own].sum()) for kind, own in kinds(given)}
    targets = plan.parameters["turnover_shares"]
    for kind in ("foreign_only", "both"):
        assert found[kind][0] / found[kind][1] == pytest.approx(targets[kind], abs=1e-6)
    home = [found[kind] for kind in ("domestic_only", "both")]
    any_domestic = sum(new for new, _ in home) / sum(whole for _, whole in home)
    assert any_domestic == pytest.approx(targets["any_domestic"], abs=1e-6)


def kinds(given):
    """The co-operating kinds, and which firms are of each."""
    return [(KINDS[kind], given["kind"] == kind) for kind in range(3)]


def test_nobody_moves_where_all_are_in_the_sample():
    """Turnover of 10 and none of it outside the sample; and of 10, 5 outside: 1 is missing of 3."""
    targets = {"any_domestic": 0.3, "foreign_only": 0.3, "both": 0.3}
    parts = np.array([[10, 5, 2], [10, 0, 2], [0, 0, 0]], object) * 10**12
    assert shifts(parts, targets).tolist() == [pytest.approx(0.2), 0, 0]


def test_the_questionnaire_has_the_columns_of_its_wave_map(given, filled, plan):
    wanted = wave_maps.read("conf/waves/cis2_simulated.yaml").columns
    assert set(wanted) <= set(filled.columns)
    assert filled.turn96.str.fullmatch(r"[0-9]+,[0-9]{3}").all()
    assert set(filled.sbi) == {d for item in plan.sectors.items for d in item.divisions}
    spoilt, numbers = broken(questionnaires(given, plan), given["number"], plan)
    assert numbers.tolist() == list(range(3000, 3000 + plan.parameters["survey"]["broken_rows"]))
    assert not set(spoilt["firm"].to_pylist()) & set(filled.firm), "they are firms of their own"
    before = questionnaires(given, plan).slice(3000 - len(numbers))
    changed = spoilt.to_pandas() != before.to_pandas().reset_index(drop=True)
    kept = (spoilt.to_pandas().isna() & before.to_pandas().reset_index(drop=True).isna()) | ~changed
    assert ((~kept).drop(columns="firm").sum(axis=1) == 1).all(), "one answer of each is spoilt"


def test_partners_are_ticked_where_they_are(filled):
    at_home = filled.filter(regex="^co_.*_nl$").notna().any(axis=1)
    abroad = filled.filter(regex="^co_.*_(eu|us|ot)$").notna().any(axis=1)
    assert (at_home == filled.kind.isin(["domestic_only", "both"])).all()
    assert (abroad == filled.kind.isin(["foreign_only", "both"])).all()


def test_truth_is_what_the_parameters_say(plan):
    table = {row[:4]: row[4] for row in truth(plan.parameters)}
    assert table["stand-alone", "results", "~", "commonality_within"] == 0.15
    assert table["co-operating", "results", "~", "commonality_within"] == 0.0
    assert table["co-operating", "effort", "=~", "rd_effort"] == 1.0


def test_slots_are_shared_out_by_largest_remainder():
    """7 slots to 1 : 1 : 2 are 1.75, 1.75, 3.5: whole parts 1, 1, 3, and the two left go to the first two."""
    assert _apportion([1.0, 1.0, 2.0], 7) == [2, 2, 3]
