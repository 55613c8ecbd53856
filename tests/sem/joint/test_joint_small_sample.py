"""Bias-reduced errors of several groups at once, beside the textbook's formulas on the groups stacked.

With normal regressions the groups' cases over their residual deviations are one regression by least squares,
for which Bell and McCaffrey (2002) have cov = B (sum_g X_g' A_g e_g e_g' A_g X_g) B with A_g = (I - X_g B
X_g')^(-1/2); the degrees of c'b are tr(L)^2 / tr(L^2), L = P'P, P of columns (I - H)_g' A_g X_g B c.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import MultigroupFit, fit_multigroup
from jobs.sem.joint.hypotheses import wald_test
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors.small_sample import bias_reduced

REGIONS = Method(clusters=("region",), jackknife=True)
ERROR = "bias_reduced:region"


def survey() -> pd.DataFrame:
    """Two groups in nine regions of unequal size; z is the region's. Region 8 is in the first group alone."""
    random = np.random.default_rng(4)
    region = np.repeat(np.arange(9), [30, 6, 8, 14, 5, 20, 9, 11, 7])
    n = len(region)
    side = np.where((random.random(n) < 0.6) | (region == 8), "a", "b")
    x, z = random.normal(size=n), random.normal(size=9)[region]
    shared = 0.5 * random.normal(size=9)[region]
    y = 1 + 0.5 * x + 0.2 * z + shared + random.normal(size=n) * np.where(side == "a", 1.0, 2.0)
    return pd.DataFrame({"side": side, "region": region, "x": x, "z": z, "y": y})


def fitted(model: str, frame: pd.DataFrame, **options) -> MultigroupFit:
    fit = fit_multigroup(model, frame, "side", REGIONS, **options)
    assert fit.status == "converged"
    return fit


def stacked(frame: pd.DataFrame, fit: MultigroupFit, together: bool) -> tuple[np.ndarray, np.ndarray]:
    """Design and outcome over the residual deviations: intercepts, slopes of x, slopes of z."""
    rows = fit.estimates().query("error == @ERROR and op == '~~' and lhs == 'y'")
    deviation = frame.side.map(dict(zip(rows.group, np.sqrt(rows.est), strict=True))).to_numpy()
    first, other = (frame.side == "a").to_numpy(), (frame.side == "b").to_numpy()
    slopes = [frame.x] if together else [frame.x * first, frame.x * other]
    design = np.column_stack([first, other, *slopes, frame.z * first, frame.z * other])
    return design / deviation[:, None], frame.y.to_numpy() / deviation


def textbook(
    x: np.ndarray, y: np.ndarray, codes: np.ndarray, root=linalg.sqrtm
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, their covariance by CR2, and P of each (k x n x G); without the `root` by CR3."""
    bread = np.linalg.inv(x.T @ x)
    left = np.eye(len(y)) - x @ bread @ x.T
    columns, scores = [], []
    for code in np.unique(codes):
        part = codes == code
        adjusted = linalg.inv(root(left[np.ix_(part, part)])).real @ x[part] @ bread
        columns.append(left[:, part] @ adjusted)
        scores.append((left @ y)[part] @ adjusted)
    return bread @ x.T @ y, np.array(scores).T @ np.array(scores), np.array(columns).transpose(2, 1, 0)


def satterthwaite(columns: np.ndarray) -> float:
    """tr(L)^2 / tr(L^2) of P (n x G)."""
    gram = columns.T @ columns
    return np.trace(gram) ** 2 / (gram**2).sum()


@pytest.mark.parametrize("together", [True, False])
def test_paths_of_groups_that_share_clusters(together):
    frame = survey()
    fit = fitted("y ~ c(b, b)*x + z" if together else "y ~ x + z", frame)
    slopes, covariance, columns = textbook(*stacked(frame, fit, together), frame.region.to_numpy())
    table = fit.estimates().query("error == @ERROR and op == '~'").sort_values(["rhs", "group"])
    places = [2, 2, 3, 4] if together else [2, 3, 4, 5]
    assert list(table.est) == pytest.approx(slopes[places], rel=1e-6)
    # A slope that groups share moves with their variances in the observed information, not in least squares.
    near = 1e-2 if together else 1e-6
    assert list(table.se) == pytest.approx(np.sqrt(np.diag(covariance))[places], rel=near)
    wanted = [satterthwaite(columns[place]) for place in places]
    assert list(table.df) == pytest.approx(wanted, rel=near)
    assert max(wanted) < 6  # of nine regions
    pvalues = 2 * stats.t.sf(np.abs(table.est / table.se), table.df)
    assert list(table.pvalue) == pytest.approx(pvalues, rel=1e-6)
    assert table.reliable.all(), "few degrees make wide intervals, not wrong ones"
    plain = fit.estimates().query("error == 'cluster:region' and op == '~'")
    assert not plain.reliable.any(), "with G - 1 degrees they are too narrow"


def test_the_jackknife_of_groups_that_share_clusters():
    frame = survey()
    fit = fitted("y ~ x + z", frame)
    whole = textbook(*stacked(frame, fit, False), frame.region.to_numpy(), root=lambda matrix: matrix)
    table = fit.estimates().query("error == 'jackknife:region' and op == '~'").sort_values(["rhs", "group"])
    assert list(table.se) == pytest.approx(np.sqrt(np.diag(whole[1]))[2:6], rel=1e-6)
    assert list(table.df) == pytest.approx([satterthwaite(columns) for columns in whole[2][2:6]], rel=1e-6)
    share = frame.region.value_counts() / len(frame)
    assert fit.measures["clusters_effective"] == pytest.approx(1 / (share**2).sum())
    assert fit.measures["largest_cluster"] == pytest.approx(share.max())


def test_a_hypothesis_on_one_parameter_has_the_degrees_of_its_contrast():
    frame = survey()
    fit = fitted("y ~ c(b1, b2)*x + z", frame)
    slopes, covariance, columns = textbook(*stacked(frame, fit, False), frame.region.to_numpy())
    contrast = np.array([0, 0, 1.0, -1.0, 0, 0])
    found = wald_test(fit, ["b1 == b2"], ERROR)
    statistic = (contrast @ slopes) ** 2 / (contrast @ covariance @ contrast)
    df = satterthwaite(np.tensordot(contrast, columns, axes=1))
    assert found.statistic == pytest.approx(statistic, rel=1e-6)
    assert (found.df, found.df_error) == (1, pytest.approx(df, rel=1e-6))
    assert found.pvalue == pytest.approx(stats.f.sf(statistic, 1, df), rel=1e-6)


def test_means_of_independent_cases_are_hotellings_t_squared():
    """Each case a cluster, three means: the Wald statistic is T-squared, of F with 3 and n - 3 degrees."""
    random = np.random.default_rng(0)
    values = random.normal(size=(12, 3)) @ random.normal(size=(3, 3)) + 0.5
    deviations = values - values.mean(axis=0)
    spread = deviations.T @ deviations / 12
    precision = np.linalg.inv(spread)
    found = bias_reduced(deviations @ precision, np.repeat(precision[None], 12, axis=0), spread / 12)
    np.testing.assert_allclose(found.covariance, np.cov(values.T) / 12, rtol=1e-10)
    assert found.wishart_degrees == pytest.approx(11, rel=1e-10)


def test_a_group_alone_and_beside_another_has_the_same_errors():
    """Nothing equal and no cluster shared: the joint errors are those of `fit_groups`, also of a factor."""
    random = np.random.default_rng(6)
    side = np.repeat(["a", "b"], 150)
    region = np.char.add(side, random.integers(0, 12, 300).astype(str))
    x, weight = random.normal(size=300), random.choice([1.0, 2.0], 300)
    f = 0.5 * x + random.normal(size=300)
    items = {name: f + random.normal(size=300) for name in ("y1", "y2", "y3")}
    frame = pd.DataFrame({"side": side, "region": region, "w": weight, "x": x, **items})
    frame.loc[::7, "y2"] = np.nan
    settings = Method(clusters=("region",), weights="w", missing="fiml")
    names = ["group", "lhs", "op", "rhs"]
    tables = [
        table[(table.error == ERROR) & table.se.notna()].set_index(names).sort_index()
        for table in (
            fit_multigroup("f =~ y1 + y2 + y3\nf ~ x", frame, "side", settings).estimates(),
            fit_groups("f =~ y1 + y2 + y3\nf ~ x", frame, "side", settings).estimates,
        )
    ]
    joint, alone = tables
    assert list(joint.index) == list(alone.index) and len(joint) == 2 * 10
    np.testing.assert_allclose(joint.est, alone.est, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(joint.se, alone.se, rtol=1e-4)
    np.testing.assert_allclose(joint.df, alone.df, rtol=1e-4)


def test_a_group_within_one_cluster_has_no_errors_by_cluster():
    frame = survey().assign(region=lambda table: np.where(table.side == "a", table.region, 99))
    fit = fitted("y ~ x + z", frame)
    assert set(fit.estimates().error) == {"expected", "observed", "robust"}
