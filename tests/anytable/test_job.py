"""Any table within the suite's session: against lavaan, wherever it is fitted, and the same bytes again."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.errors import FitsFailed

REFERENCE = Path(__file__).parent.parent / "reference" / "sem"
REGIONAL = "f =~ y1 + y2 + y3\nf ~ x1 + x2 + x3 + w1 + w2"
HOLZINGER = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
DIAGNOSIS = {"residuals", "modification_indices", "reliability", "standardised"}
WAVES = {f"{country} {wave}": 0.4 for country in ("AT", "BE", "DK", "NL") for wave in (2012, 2014, 2016)}
FEWER = {name: path for name, path in WAVES.items() if name[:2] in ("AT", "NL")}


def recorded(name: str) -> pd.DataFrame:
    return pd.read_csv(REFERENCE / f"{name}.csv").set_index(["lhs", "op", "rhs"])


def test_a_table_on_disk_gives_lavaans_estimates_and_cluster_errors(fit):
    found = fit(
        text=REGIONAL, data=REFERENCE / "twolevel.csv", clusters=("cluster",), error="cluster:cluster"
    )
    estimates = found["estimates"].set_index(["lhs", "op", "rhs"])
    wanted = recorded("twolevel_cluster").reindex(estimates.index)
    np.testing.assert_allclose(estimates.est, wanted.est, rtol=1e-4)
    free = estimates.se.notna()
    assert free.sum() == 11
    np.testing.assert_allclose(estimates.se[free], wanted.se[free], rtol=1e-3)
    measures = found["fit_measures"].set_index("measure")["value"]
    assert measures["chisq"] == pytest.approx(28.6588, rel=1e-4)
    assert list(found["estimates"].columns) == [
        *(
            "group",
            "lhs",
            "op",
            "rhs",
            "label",
            "est",
            "se",
            "z",
            "pvalue",
            "ci.lower",
            "ci.upper",
            "std.all",
        ),
        *("error", "df", "clusters", "reliable", "pvalue.bh"),
    ]


def test_the_fit_of_a_model_without_paths_has_no_path_diagram(fit):
    found = fit(text=HOLZINGER, data=REFERENCE / "holzinger_swineford.csv")
    measures = found["fit_measures"].set_index("measure")["value"]
    assert measures[["chisq", "df", "rmsea.ci.upper"]].tolist() == pytest.approx(
        [85.306, 24, 0.114], abs=5e-4
    )
    assert set(fit.bytes) == {"estimates.csv", "fit_measures.csv", "status.csv"}


def by_parameter(table: pd.DataFrame) -> pd.DataFrame:
    """The rows by what they tell of: a factor, or a parameter, whose sides a covariance has in any order."""
    if "factor" in table:
        return table.set_index("factor")
    op = table.get("op", pd.Series("~~", index=table.index))
    sides = [
        " ".join(sorted(row[1:]) if row[0] == "~~" else row[1:])
        for row in zip(op, table.lhs, table.rhs, strict=True)
    ]
    return table.set_index(op + " " + pd.Series(sides, index=table.index))


def test_a_diagnosis_gives_lavaans_figures(fit):
    """Every file beside what lavaan recorded of the same case (tests/reference/sem/diagnosis.R)."""
    found = fit(text=HOLZINGER, data=REFERENCE / "holzinger_swineford.csv", diagnosis=True)
    assert set(found) == {"estimates", "fit_measures", "status", *DIAGNOSIS}
    compared = {
        "residuals": ["residual"],
        "modification_indices": ["mi", "epc", "sepc.all"],
        "reliability": ["omega", "omega.std", "ave"],
        "standardised": ["est.std", "se"],
    }
    for name, figures in compared.items():
        recorded = pd.read_csv(
            REFERENCE / f"diagnosis_{name.partition('_')[0]}.csv", skipinitialspace=True
        ).rename(columns={"omega_std": "omega.std"})
        wanted, made = by_parameter(recorded[recorded.case == "holzinger"]), by_parameter(found[name])
        assert set(made.index) == set(wanted.index) and len(made) > 0
        for figure in figures:
            rtol = 1e-3 if figure == "se" else 1e-4
            np.testing.assert_allclose(
                made[figure].fillna(0), wanted[figure].reindex(made.index), rtol=rtol, atol=1e-6, err_msg=name
            )


def test_few_and_many_groups_are_fitted_alike(fit, firms):
    table = firms(FEWER)
    table.loc[table.index[:115], "country"] = "XX"  # five are left of the first group
    options = {
        "groups": ("country", "wave"),
        "clusters": ("region",),
        "pool": ("country",),
        "diagnosis": True,
    }
    table["region"] += table.country + table.wave  # no cluster is shared
    shown = []
    for few in (20, 0):
        with pytest.raises(FitsFailed, match=r"1 of 7 groups .* AT, 2012: too few cases"):
            fit(table, few=few, error="cluster:region", **options)
        shown.append(fit.bytes)
    together, apart = shown
    assert set(together) - set(apart) == {"differences.csv"}
    assert {name for name in apart if apart[name] != together[name]} == set()
    assert len(apart["estimates.csv"].splitlines()) == 2 + 6 * 9
    assert len(apart["residuals.csv"].splitlines()) == 2 + 6 * 10
    assert {f"{name}.csv" for name in DIAGNOSIS} < set(apart)


def test_rows_in_another_order_and_the_same_run_again_give_the_same_bytes(fit, firms):
    table = firms({"NL 1": 0.5, "BE 1": 0.2, "NL 2": 0.5})
    options = {"groups": ("country", "wave"), "clusters": ("region",), "pool": ("country", "wave")}
    fit(table, **options)
    first = fit.bytes
    fit(table.sample(frac=1, random_state=1), **options)
    assert fit.bytes == first
    fit(table, **options)
    assert fit.bytes == first


def test_the_default_errors_are_those_of_the_first_cluster_column(fit, firms):
    table = firms({"NL": 0.5})
    found = fit(table, clusters=("region",))["estimates"]
    assert set(found.error) == {"bias_reduced:region"}
    assert set(found.clusters) == {15}
    checked = fit(table, clusters=("region",), jackknife=True, error="jackknife:region")["estimates"]
    assert set(checked.error) == {"jackknife:region"} and (checked.se > found.se)[found.se.notna()].all()


def test_pooled_paths_recover_a_common_path_and_see_a_differing_one(fit, firms):
    same = fit(firms(WAVES), groups=("country", "wave"), pool=("country", "wave"), few=20)["pooled"]
    path = same.set_index("rhs").loc["x1"]
    assert (path.groups, path["left.out"], path.df) == (12, 0, 11)
    assert path["ci.lower"] < 0.4 < path["ci.upper"]
    mixed = {name: 1.0 if name.startswith("NL") else 0.0 for name in WAVES}
    pooled = fit(firms(mixed), groups=("country", "wave"), pool=("country", "wave"), few=20)["pooled"]
    pooled = pooled.set_index("rhs")
    # Three of twelve paths are 1, the others 0: the variance between them is 12/11 of 3/12 * 9/12.
    assert pooled.tau2["x1"] == pytest.approx(12 / 11 * 3 / 16, rel=0.25)
    assert pooled["q.pvalue"]["x1"] < 1e-6 < 0.01 < pooled["q.pvalue"]["x2"]


def test_pools_are_the_combinations_of_the_other_group_columns(fit, firms):
    options = {"groups": ("country", "wave"), "pool": ("wave",), "clusters": ("region",)}
    found = fit(firms(FEWER), error="cluster:region", **options)["pooled"]
    assert found.group.tolist() == ["AT", "AT", "NL", "NL"]
    assert set(found.groups) == {3}
    assert found.reliable.all()
    # The waves of a country share its regions: fitted apart, nothing is known of their dependence.
    apart = fit(firms(FEWER), error="cluster:region", few=0, **options)["pooled"]
    assert not apart.reliable.any()
    assert apart.detail.str.contains("clusters of the same name").all()


def test_waves_of_the_same_firms_are_no_new_evidence(fit, firms):
    """Copies of a wave cannot be weighted; with noise of their own they weigh little more than one wave."""
    table = firms({"NL": 0.5})
    copies = pd.concat([table.assign(wave=wave) for wave in ("2012", "2014", "2016")])
    options = {"groups": ("wave",), "pool": ("wave",), "clusters": ("region",), "error": "cluster:region"}
    found = fit(copies, **options)["pooled"]
    assert not found.reliable.any() and found.est.isna().all()
    assert found.detail.str.contains("too few to show").all()
    random = np.random.default_rng(2)
    for item in ("y1", "y2", "y3"):
        copies[item] += random.normal(scale=0.3, size=len(copies))
    found = fit(copies, **options)
    path = found["pooled"].set_index("rhs").loc["x1"]
    single = found["estimates"].query("op == '~' and rhs == 'x1'").se
    assert path.reliable and 0.8 * single.min() < path.se < 1.2 * single.max()


def test_a_fit_without_the_chosen_error_is_none_to_be_trusted(fit, firms):
    table = firms({"NL": 0.5, "BE": 0.2})
    table.loc[table.country == "BE", "region"] = "BE 1"
    with pytest.raises(FitsFailed, match="BE: no error"):
        fit(table, groups=("country",), clusters=("region",), error="cluster:region")
    status = pd.read_csv(BytesIO(fit.bytes["status.csv"]), skiprows=1).set_index("group")
    assert status.status.to_dict() == {"BE": "no error", "NL": "converged"}
    assert "one cluster of region" in status.detail["BE"]
    assert status["cases.used"].tolist() == [120, 120]


def test_failures_up_to_the_allowed_number_are_no_error(fit, firms):
    table = pd.concat([firms({"NL": 0.5}), firms({"BE": 0.5}).head(5)])
    found = fit(table, groups=("country",), max_failed=1)
    assert found["status"].status.tolist() == ["too few cases", "converged"]
    assert set(found["estimates"].group) == {"NL"}
    assert "path_NL.svg" in fit.bytes


def test_false_discovery_is_counted_over_the_family_of_all_groups(fit, firms):
    found = fit(firms({"NL": 0.2, "BE": 0.05, "DK": 0.1}), groups=("country",), family=("f ~ x1",))[
        "estimates"
    ]
    mine = found[(found.op == "~") & (found.rhs == "x1")].sort_values("pvalue")
    assert len(mine) == 3
    third, second = mine.pvalue.iloc[2], min(mine.pvalue.iloc[1] * 3 / 2, mine.pvalue.iloc[2])
    wanted = [min(mine.pvalue.iloc[0] * 3, second), second, third]
    np.testing.assert_allclose(mine["pvalue.bh"], wanted, rtol=1e-8)
    assert found.drop(mine.index)["pvalue.bh"].isna().all()


def test_ordered_items_and_missing_values(fit, firms):
    table = firms({"NL": 0.5}, cases=400)
    for item in ("y1", "y2", "y3"):
        table[item] = pd.cut(table[item], [-np.inf, -0.5, 0.8, np.inf], labels=False)
    found = fit(table, ordered=("y1", "y2", "y3"))["estimates"]
    assert set(found.error) == {"robust"}
    assert set(found.op) >= {"|"}
    holes = firms({"NL": 0.5}, cases=400)
    holes.loc[::4, "y2"] = np.nan
    found = fit(holes, missing="fiml")
    assert set(found["estimates"].error) == {"observed"}
    assert found["status"]["cases.used"].tolist() == [400]
    assert fit(holes)["status"]["cases.missing"].tolist() == [100]


def test_files_are_for_the_user_alone(fit, firms, tmp_path):
    fit(firms({"NL": 0.5}))
    out = tmp_path / "out"
    assert out.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in out.iterdir()} == {0o600}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_a_bootstrap_is_the_same_wherever_it_is_drawn(fit, firms):
    table = firms({"NL": 0.5, "BE": 0.2})
    options = {"groups": ("country",), "clusters": ("region",), "bootstrap": 200, "seed": 5}
    together = fit(table, **options)
    shown = fit.bytes
    fit(table, few=0, **options)
    assert {name for name in fit.bytes if fit.bytes[name] != shown[name]} == set()
    paths = together["estimates"].query("op == '~'")
    assert (paths["ci.boot.lower"] < paths.est).all() and (paths.est < paths["ci.boot.bca.upper"]).all()
    # The bootstrap's error and the cluster-robust one estimate the same.
    np.testing.assert_allclose(paths["se.boot"], paths.se, rtol=0.35)
    assert (
        together["status"].replicates - together["status"]["replicates.failed"] >= paths.replicates.min()
    ).all()
    fit(table, **options | {"seed": 6})
    assert fit.bytes["estimates.csv"] != shown["estimates.csv"]
