"""Real input: Finland's regional input-output tables of 2014, Ecuador's innovation survey of 2012-14.

The files are not part of the project; these tests say that they are skipped where they are absent.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from study_runs import REPOSITORY, Run, context

from jobs.errors import SettingsError, ValidationStopped
from jobs.run import execute as pipeline
from jobs.run.progress import Progress
from jobs.settings import reading as settings

ORIGINS = ["domestic only", "foreign only", "both", "any domestic", "any foreign"]


def finnish(shared, *changes: str) -> list[str]:
    tables = shared / "alta2014"
    paths = {"own": tables / "use_dom2014.csv", "rest": tables / "use_reg2014.csv"}
    return [*(f"waves.0.flows.paths.{role}={path}" for role, path in paths.items()), *changes]


def ecuadorian(shared, *changes: str) -> list[str]:
    return [f"waves.0.survey.path={shared / 'enai' / 'enai_2012_2014.csv'}", *changes]


def run(spark, name: str, folder: Path, changes: list[str], until: str = "publish") -> Run:
    """A run file of conf/runs with its folders below `folder`; raises what would end the command."""
    said = io.StringIO()
    given = context(
        spark, f"conf/runs/{name}.yaml", f"work={folder / 'work'}", f"out={folder / 'published'}", *changes
    )
    pipeline.run(given, Progress(Console(file=said, width=500)), until)
    return Run(folder, 0, said.getvalue())


@pytest.fixture(scope="module")
def finland(spark, shared, tmp_path_factory) -> Run:
    return run(spark, "finland", tmp_path_factory.mktemp("finland"), finnish(shared))


@pytest.fixture(scope="module")
def ecuador(spark, shared, tmp_path_factory) -> Run:
    return run(spark, "ecuador", tmp_path_factory.mktemp("ecuador"), ecuadorian(shared, "fit.diagnosis=true"))


def table(done: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(done.folder / "published" / f"{name}.csv")


def test_finlands_complementarity_is_that_of_the_tables(finland):
    regions = table(finland, "cluster_indicators").query("sector == '_all'").set_index("region")
    assert len(regions) == 19
    general = regions.complementarity_general
    expected = {"Uusimaa": 0.882, "Pirkanmaa": 0.722, "Lappi": 0.608, "Kymenlaakso": 0.477}
    assert general[list(expected)].round(3).to_dict() == expected
    assert general.idxmin() == "Kymenlaakso" and general.idxmax() == "Uusimaa"


def test_finlands_trade_balances_for_all_products(finland):
    manifest = json.loads(finland.published["manifest.json"])
    results = {
        rule["rule"]: rule for rule in manifest["slices"]["FI alta2014"]["validate"]["detail"]["results"]
    }
    assert results["trade_balances"]["status"] == results["no_totals"]["status"] == "passed"
    assert len(table(finland, "cluster_indicators").sector.unique()) == 30 + 1


def test_totals_that_were_left_in_are_refused_by_name(spark, shared, tmp_path):
    """The total of the industries, taken off the drop list and, as its label asks, into the sectors."""
    total = "0 Toimialat yhteensä"
    sectors = tmp_path / "sectors.yaml"
    known = (REPOSITORY / "conf/classifications/sectors_alta30.yaml").read_text(encoding="utf-8")
    sectors.write_text(known + f'  - {{code: "{total}", name: "total"}}\n', encoding="utf-8")
    listed = settings.read(str(REPOSITORY / "conf/runs/finland.yaml")).waves[0].flows.drop
    others = ", ".join(f'"{label}"' for label in listed if label != total)
    assert len(listed) > 10
    changes = finnish(shared, f"sectors={sectors}", f"waves.0.flows.drop=[{others}]")
    with pytest.raises(ValidationStopped, match=f"drop list: .*{total}"):
        run(spark, "finland", tmp_path, changes, until="validate")


def test_ecuadors_table_1_is_that_of_the_file(ecuador, shared):
    """Counts and shares by hand from the file's own columns, with pandas."""
    firms = pd.read_csv(shared / "enai" / "enai_2012_2014.csv", dtype=str)
    partners = "abcdefghij"
    counted = firms[[f"iii_1_{kind}" for kind in "abcd"]].eq("1").any(axis=1)
    counted &= firms[[f"viii_2_{partner}" for partner in partners]].eq("1").any(axis=1)
    home = firms[[f"viii_3_{partner}_1" for partner in partners]].notna().any(axis=1)
    away = [f"viii_3_{partner}_{place}" for partner in partners for place in range(2, 8)]
    away = firms[away].notna().any(axis=1)
    weight = pd.to_numeric(firms.fexp)
    members = dict(zip(ORIGINS, [home & ~away, away & ~home, home & away, home, away], strict=True))
    published = table(ecuador, "partner_origin").query("size_class == 'all'").set_index("origin")
    for origin, member in members.items():
        assert published.firms[origin] == (counted & member).sum()
        share = weight[counted & member].sum() / weight[counted & (home | away)].sum()
        assert published.share[origin] == pytest.approx(share, abs=5e-4)  # published in tenths of a percent


def test_ecuadors_groups_are_fitted_and_contradictions_are_told(ecuador):
    status = table(ecuador, "fit_status")
    assert status.status.tolist() == ["converged", "converged"]
    assert "70 firms: the file's summary of co-operation" in ecuador.said
    indicators = table(ecuador, "cluster_indicators")
    assert indicators.empty


def test_ecuadors_diagnosis_adds_up(ecuador):
    """Omega of standardised items and the variance extracted, by hand from the published loadings.

    All are published with three decimals.
    """
    estimates, reliability = table(ecuador, "estimates"), table(ecuador, "reliability")
    assert len(reliability) > 0 and set(reliability.group) == set(estimates.group)
    chosen = estimates[(estimates.error == "expected") & (estimates.op == "=~")]
    for row in reliability.itertuples():
        loadings = chosen[(chosen.group == row.group) & (chosen.lhs == row.factor)].std_all
        omega = loadings.sum() ** 2 / (loadings.sum() ** 2 + (1 - loadings**2).sum())
        assert row.omega_std == pytest.approx(omega, abs=0.0011), "no errors are correlated"
        assert row.ave == pytest.approx((loadings**2).mean(), abs=0.0011)
    assert set(table(ecuador, "standardised").error) == set(estimates.error)


def test_commonality_of_a_file_of_innovators_is_refused(spark, shared, tmp_path):
    with pytest.raises(SettingsError, match="commonality of wave enai2014 is undefined"):
        run(spark, "ecuador", tmp_path, ecuadorian(shared, "indicators.commonality=true"), until="indicators")
