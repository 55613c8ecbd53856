"""Bias-reduced cluster-robust errors against the textbook's n_g x n_g formulas, worked out here.

Bell and McCaffrey (2002): cov = B (sum_g X_g' A_g e_g e_g' A_g X_g) B with A_g = (I - X_g B X_g')^(-1/2); the
degrees of freedom of c'b are tr(L)^2 / tr(L^2) with L = P'P and P the n x G matrix of columns
(I - H)_g' A_g X_g B c.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, stats

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.model.structure import ModelError, structure_of
from jobs.sem.routes.full_information import FullInformation
from jobs.sem.routes.maximum_likelihood import MaximumLikelihood
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors.cluster_effects import between
from jobs.sem.standard_errors.cluster_information import expected_information
from jobs.sem.standard_errors.small_sample import bias_reduced

SIZES = [3, 20, 5, 8, 14, 2, 30, 6, 9, 11]
MODEL = "y ~ x + z"
FACTORS = "f =~ a + b + c\nf ~ x + z\ny ~ f + z"


def survey(seed: int = 1) -> pd.DataFrame:
    """Ten regions of unequal size: z is the region's, x the firm's, and a factor f has three items."""
    draw = np.random.default_rng(seed)
    region = np.repeat(np.arange(10), SIZES)
    n = len(region)
    x, z = draw.normal(size=n), draw.normal(size=10)[region]
    f = 0.5 * x + 0.3 * z + draw.normal(size=n)
    frame = pd.DataFrame({"x": x, "z": z, "region": [f"r{code}" for code in region]})
    for item, loading in zip("abc", (1.0, 0.8, 1.2), strict=True):
        frame[item] = loading * f + draw.normal(size=n)
    frame["y"] = 1 + 0.5 * f + 0.2 * z + draw.normal(size=n) + 0.4 * draw.normal(size=10)[region]
    frame["w"] = draw.choice([1.0, 2.0, 4.0], n)
    frame["group"] = draw.choice(["one", "two"], n)
    return frame


def inverse_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = linalg.eigh(matrix)
    kept = values > 1e-9
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T


def textbook(x: np.ndarray, y: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariance of least squares by CR2, and what each coefficient's degrees follow from (k x n x G)."""
    bread = np.linalg.inv(x.T @ x)
    left = np.eye(len(y)) - x @ bread @ x.T
    residuals = left @ y
    columns = []
    for code in np.unique(codes):
        part = codes == code
        adjusted = inverse_root(left[np.ix_(part, part)]) @ x[part] @ bread  # n_g x k
        columns.append((left[:, part] @ adjusted, residuals[part] @ adjusted))
    meat = np.array([score for _, score in columns])
    return meat.T @ meat, np.array([column for column, _ in columns]).transpose(2, 1, 0), meat


def satterthwaite(columns: np.ndarray) -> float:
    products = columns.T @ columns
    return np.trace(products) ** 2 / np.trace(products @ products)


def design(frame: pd.DataFrame) -> np.ndarray:
    return np.column_stack([np.ones(len(frame)), frame.x, frame.z])


def found(report, error: str = "bias_reduced:region") -> pd.DataFrame:
    rows = report.estimates[report.estimates.error == error]
    return rows.set_index(rows.lhs + rows.op + rows.rhs)


def stacked(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Two groups as one system by the textbook: contrasts' columns (k x n x G) and scores (G x k).

    The model has a residual variance a group, so the working model's errors are a group's own.
    """
    first = (frame.group == "one").to_numpy()[:, None]
    x = np.hstack([design(frame) * first, design(frame) * ~first])
    y = frame.y.to_numpy()
    _, columns, scores = textbook(x, y, frame.region.to_numpy())
    residuals = y - x @ np.linalg.lstsq(x, y)[0]
    size = np.sqrt(
        np.where(first[:, 0], np.mean(residuals[first[:, 0]] ** 2), np.mean(residuals[~first[:, 0]] ** 2))
    )
    return columns * size[:, None], scores


def by_region(codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.array([rows[codes == code].sum(axis=0) for code in np.unique(codes)])


def test_a_path_model_has_the_textbooks_errors_and_degrees():
    frame = survey()
    covariance, columns, _ = textbook(design(frame), frame.y.to_numpy(), frame.region.to_numpy())
    paths = found(fit_groups(MODEL, frame, None, Method(clusters=("region",)))).loc[["y~x", "y~z"]]
    np.testing.assert_allclose(paths.se.astype(float), np.sqrt(np.diag(covariance))[1:], rtol=1e-8)
    degrees = [satterthwaite(one) for one in columns[1:]]
    np.testing.assert_allclose(paths.df.astype(float), degrees, rtol=1e-8)
    assert (paths.clusters == 10).all()
    law = stats.t(np.array(degrees))
    np.testing.assert_allclose(
        paths.pvalue.astype(float), 2 * law.sf(np.abs(paths.est / paths.se).astype(float))
    )
    np.testing.assert_allclose((paths.ci_upper - paths.est) / paths.se, law.ppf(0.975))
    assert max(degrees) < 10 and paths.reliable.all(), "few degrees make wide intervals, not wrong ones"


def test_intercepts_have_them_too():
    frame = survey()
    covariance, columns, _ = textbook(design(frame), frame.y.to_numpy(), frame.region.to_numpy())
    report = fit_groups(MODEL, frame, None, Method(missing="fiml", clusters=("region",)))
    rows = found(report).loc[["y~1", "y~x", "y~z"]]
    np.testing.assert_allclose(rows.se.astype(float), np.sqrt(np.diag(covariance)), rtol=1e-5)
    np.testing.assert_allclose(rows.df.astype(float), [satterthwaite(one) for one in columns], rtol=1e-5)


def test_the_difference_of_groups_is_the_contrast_of_the_stacked_equations():
    frame = survey().sort_values("group", kind="stable").reset_index(drop=True)
    columns, meat = stacked(frame)
    report = fit_groups(MODEL, frame, "group", Method(clusters=("region",)))
    tests = report.differences[report.differences.error == "bias_reduced:region"].set_index("rhs")
    for place, name in ((1, "x"), (2, "z")):
        variance = ((meat[:, place] - meat[:, place + 3]) ** 2).sum()
        df = satterthwaite(columns[place] - columns[place + 3])
        row = tests.loc[name]
        np.testing.assert_allclose([row.se, row.df], [np.sqrt(variance), df], rtol=1e-7)
        assert row.pvalue == pytest.approx(stats.f.sf(row.difference**2 / variance, 1, df))


def test_regions_of_one_group_only_count():
    frame = survey()
    frame = frame[~((frame.group == "two") & frame.region.isin(["r0", "r1"]))].reset_index(drop=True)
    columns, meat = stacked(frame)
    report = fit_groups(MODEL, frame, "group", Method(clusters=("region",)))
    row = report.differences.set_index(["error", "rhs"]).loc[("bias_reduced:region", "z")]
    wanted = [np.sqrt(((meat[:, 2] - meat[:, 5]) ** 2).sum()), satterthwaite(columns[2] - columns[5])]
    np.testing.assert_allclose([row.se, row.df], wanted, rtol=1e-7)


def test_weighted_errors_have_no_bias_under_the_working_model():
    """The expectation of the weighted error over independent cases is the variance, X being what it is.

    Influences are linear in the outcomes, so unit outcomes give the whole quadratic form: its trace is the
    expectation, and its square's trace the degrees of freedom.
    """
    frame = survey()
    x, w, codes = design(frame), frame.w.to_numpy(), frame.region.to_numpy()
    bread = np.linalg.inv((x * w[:, None]).T @ x)
    left = np.eye(len(x)) - x @ bread @ (x * w[:, None]).T
    squares = x[:, :, None] * x[:, None, :]
    information = by_region(codes, squares * w[:, None, None])
    variance = by_region(codes, squares * (w**2)[:, None, None])
    results = [
        bias_reduced(by_region(codes, x * (w * unit)[:, None]), information, bread, variance)
        for unit in left.T
    ]
    maps = np.array([one.influence for one in results]).transpose(2, 0, 1)  # k x n x G
    truth = np.diag(bread @ variance.sum(axis=0) @ bread)
    np.testing.assert_allclose((maps**2).sum(axis=(1, 2)), truth, rtol=1e-9)
    np.testing.assert_allclose(results[0].degrees, [satterthwaite(one) for one in maps], rtol=1e-8)


def test_weights_of_one_are_no_weights():
    frame = survey()
    codes, rows = frame.region.to_numpy(), design(frame)
    scores = by_region(codes, rows * np.random.default_rng(3).normal(size=(len(rows), 1)))
    information = by_region(codes, rows[:, :, None] * rows[:, None, :])
    bread = np.linalg.inv(information.sum(axis=0))
    plain = bias_reduced(scores, information, bread)
    weighted = bias_reduced(scores, information, bread, information)
    np.testing.assert_allclose(weighted.covariance, plain.covariance, rtol=1e-9)
    np.testing.assert_allclose(weighted.degrees, plain.degrees, rtol=1e-9)


@pytest.mark.parametrize("weights", [None, "w"])
def test_the_jackknife_is_what_estimates_move_by_when_a_region_is_left_out(weights):
    frame = survey()
    settings = Method(clusters=("region",), weights=weights, jackknife=True)
    report = fit_groups(MODEL, frame, None, settings)
    rows = report.estimates.query("error == 'jackknife:region' and op == '~'").set_index("rhs")

    def paths(part):
        estimates = fit_groups(MODEL, part, None, Method(weights=weights)).estimates
        return estimates.query("error == 'expected' and op == '~'").set_index("rhs").est

    whole = paths(frame)
    moved = [paths(frame[frame.region != region]) - whole for region in frame.region.unique()]
    wanted = np.sqrt(sum(move**2 for move in moved))
    np.testing.assert_allclose(rows.se, wanted[rows.index], rtol=1e-6)
    reduced = report.estimates.query("error == 'bias_reduced:region' and op == '~'").set_index("rhs")
    assert (rows.se > reduced.se).all() and (rows.df <= reduced.df).all()


def test_the_jackknife_needs_clusters_and_likelihood():
    for settings in (Method(jackknife=True), Method(estimator="dwls", ordered=("y",), jackknife=True)):
        with pytest.raises(ModelError, match="the jackknife needs clusters and the estimator ml or mlr"):
            fit_groups(MODEL, survey(), None, settings)


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_the_scale_of_weights_and_the_order_of_rows_do_not_matter(missing):
    frame = survey()
    frame.loc[frame.index[::7], "b"] = np.nan
    settings = Method(missing=missing, clusters=("region",), weights="w")
    one = found(fit_groups(FACTORS, frame, None, settings))
    shuffled = frame.assign(w=frame.w * 17).sample(frac=1, random_state=2)
    other = found(fit_groups(FACTORS, shuffled, None, settings))
    unweighted = found(fit_groups(FACTORS, frame, None, Method(missing=missing, clusters=("region",))))
    free = one.index[one.se.notna()]
    for column in ("se", "df"):
        np.testing.assert_allclose(
            one[column][free].astype(float), other[column][free].astype(float), rtol=1e-5
        )
        assert not np.allclose(
            one[column][free].astype(float), unweighted[column][free].astype(float), rtol=1e-2
        )


@pytest.mark.parametrize("missing", ["listwise", "fiml"])
def test_units_do_not_matter(missing):
    frame, settings = survey(), Method(missing=missing, clusters=("region",), weights="w")
    one = found(fit_groups(FACTORS, frame, None, settings))
    units = {"b": 1e6, "z": 1e-5, "y": 1e4}
    other = found(
        fit_groups(FACTORS, frame.assign(**{v: frame[v] * u for v, u in units.items()}), None, settings)
    )
    free = one.index[one.se.notna()]
    for column in ("z", "df"):
        np.testing.assert_allclose(
            one[column][free].astype(float), other[column][free].astype(float), rtol=1e-5, atol=1e-8
        )


def test_full_information_on_complete_cases_is_maximum_likelihood():
    frame = survey()
    ml = found(fit_groups(FACTORS, frame, None, Method(clusters=("region",))))
    fiml = found(fit_groups(FACTORS, frame, None, Method(missing="fiml", clusters=("region",))))
    free = ml.index[ml.se.notna()]
    for column in ("se", "df"):
        np.testing.assert_allclose(
            ml[column][free].astype(float), fiml[column][free].astype(float), rtol=1e-4
        )


@pytest.mark.parametrize("route", [MaximumLikelihood, FullInformation])
def test_information_is_the_curvature_of_the_expected_likelihood(route):
    """Numerical second derivatives, for one cluster, of a likelihood written out here for two equations."""
    frame = survey()[["x", "z", "a", "y", "region", "w"]]
    missing = "fiml" if route is FullInformation else "listwise"
    if missing == "fiml":
        frame.loc[frame.index[::5], "a"] = np.nan
        frame.loc[frame.index[1::6], "y"] = np.nan
    structure = structure_of("a ~ x\ny ~ a + z")
    way = route(structure, frame, Method(missing=missing, clusters=("region",), weights="w"))
    estimate = way.fit()
    sample = way.sample
    place = {name: structure.observed.index(name) for name in structure.observed}
    outcomes = [name for name in structure.observed if name in ("a", "y")]
    free = {(p.lhs, p.op, p.rhs): p.free for p in structure.parameters}
    x = sample.deviations[:, structure.exogenous]
    used = frame[frame[["a", "y"]].notna().any(axis=1)]
    seen = used[outcomes].notna().to_numpy()

    def moments(eta):
        path_a, path_y = eta[free["a", "~", "x"]], eta[free["y", "~", "a"]]
        mean_a = path_a * sample.deviations[:, place["x"]]
        mean_y = path_y * mean_a + eta[free["y", "~", "z"]] * sample.deviations[:, place["z"]]
        mean = {"a": mean_a, "y": mean_y}
        va, vy = eta[free["a", "~~", "a"]], eta[free["y", "~~", "y"]]
        cov = {
            ("a", "a"): va,
            ("a", "y"): path_y * va,
            ("y", "a"): path_y * va,
            ("y", "y"): path_y**2 * va + vy,
        }
        omega = np.array([[cov[one, other] for other in outcomes] for one in outcomes])
        return np.column_stack([mean[name] for name in outcomes]) + eta[structure.q :], omega

    at = np.concatenate([estimate.x, np.zeros(2)])
    mean0, omega0 = moments(at)
    cases = np.flatnonzero(sample.clusters["region"] == 4)

    def expected(eta):
        mean, omega = moments(eta)
        total = 0.0
        for case in cases:
            part = np.flatnonzero(seen[case])
            gap = (mean - mean0)[case, part]
            inside = np.ix_(part, part)
            spread = omega0[inside] + np.outer(gap, gap)
            loss = np.linalg.slogdet(omega[inside])[1] + np.trace(np.linalg.solve(omega[inside], spread))
            total += sample.weights[case] * loss / 2
        return total

    k, step = len(at), 1e-4
    numeric = np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            e, f = step * np.eye(k)[i], step * np.eye(k)[j]
            corners = (
                expected(at + e + f) - expected(at + e - f) - expected(at - e + f) + expected(at - e - f)
            )
            numeric[i, j] = corners / (4 * step**2)
    ours = expected_information(estimate, x, seen, sample.weights, sample.clusters["region"])[4]
    np.testing.assert_allclose(ours, numeric, rtol=1e-4, atol=1e-4 * np.abs(numeric).max())


def test_what_one_region_decides_alone_has_no_error():
    frame = survey().assign(capital=lambda one: (one.region == "r3").astype(float))
    report = fit_groups("y ~ x + capital", frame, None, Method(clusters=("region",), diagnosis=True))
    rows = found(report)
    assert rows.se.isna().tolist() == (rows.rhs == "capital").tolist()
    lost = rows.loc["y~capital"]
    assert pd.isna(lost.pvalue) and pd.isna(lost.ci_lower) and not lost.reliable
    standard = report.standardised.query("error == 'bias_reduced:region' and rhs == 'capital' and op == '~'")
    assert standard.se.isna().all()


def test_standardised_values_have_the_degrees_of_their_own_contrast():
    frame = survey()
    way = MaximumLikelihood(structure_of(MODEL), frame, Method(clusters=("region",)))
    way.fit()
    one = way.inference().small_sample["bias_reduced:region"]
    mix = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 0.5]])
    covariance, columns, _ = textbook(design(frame), frame.y.to_numpy(), frame.region.to_numpy())
    free = {p.rhs: p.free for p in way.structure.parameters if p.op == "~"}
    weights = np.zeros((1, way.structure.q))
    weights[0, free["x"]], weights[0, free["z"]] = mix[0, 0], mix[0, 1]
    contrast = one.contrasts(weights)
    c = np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(contrast.covariance[0, 0], c @ covariance @ c, rtol=1e-8)
    np.testing.assert_allclose(
        contrast.degrees[0], satterthwaite(np.tensordot(c, columns, axes=1)), rtol=1e-8
    )


def test_the_test_of_a_regional_predictor_keeps_its_size():
    """12 regions with effects of their own and no true path: 5 % of tests should reject."""
    draw = np.random.default_rng(12)
    codes = np.repeat(np.arange(12), 25)
    x = np.column_stack([np.ones(len(codes)), np.linspace(-1, 1, 12)[codes]])
    information = by_region(codes, x[:, :, None] * x[:, None, :])
    bread = np.linalg.inv(information.sum(axis=0))
    rejected, draws = np.zeros(2), 500
    for _ in range(draws):
        y = draw.normal(size=len(codes)) + 0.5 * draw.normal(size=12)[codes]
        estimate = bread @ x.T @ y
        scores = (x * (y - x @ estimate)[:, None]).reshape(12, 25, 2).sum(axis=1)
        reduced = bias_reduced(scores, information, bread)
        plain = bread @ scores.T @ scores @ bread * 12 / 11
        t = estimate[1] / np.sqrt([reduced.covariance[1, 1], plain[1, 1]])
        rejected += 2 * stats.t.sf(np.abs(t), [reduced.degrees[1], 11]) < 0.05
    reduced_size, plain_size = rejected / draws
    assert 0.03 < reduced_size < 0.07
    assert plain_size > reduced_size + 0.015


def with_effects(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X (n x 3), what is left of n variables (n x n), the residuals, and Phi (n x n), by moments."""
    x, y = design(frame), frame.y.to_numpy()
    left = np.eye(len(y)) - x @ np.linalg.inv(x.T @ x) @ x.T
    residuals = left @ y
    same = (frame.region.to_numpy()[:, None] == frame.region.to_numpy()) & ~np.eye(len(y), dtype=bool)
    variance, shared = np.mean(residuals**2), np.outer(residuals, residuals)[same].mean()
    assert 0.05 < shared / variance < 0.9
    return x, left, residuals, variance * np.eye(len(y)) + shared * same


def test_effects_of_clusters_are_unbiased_where_they_are_true():
    """Worked out case by case: errors have no bias under Phi, and degrees are tr(Omega)^2 / tr(Omega^2)."""
    frame = survey()
    frame["y"] += np.repeat(np.random.default_rng(8).normal(size=10), SIZES)
    x, left, residuals, phi = with_effects(frame)
    variance, codes = phi[0, 0], frame.region.to_numpy()
    parts = [codes == code for code in np.unique(codes)]
    information = np.array([x[part].T @ x[part] for part in parts]) / variance
    spread = np.array([x[part].T @ phi[np.ix_(part, part)] @ x[part] for part in parts]) / variance**2
    outer = np.linalg.inv(information.sum(axis=0))

    def errors(scores):
        return bias_reduced(scores, information, outer, spread)

    wanted = errors(by_region(codes, x * residuals[:, None]) / variance)
    unit = np.array([errors(np.tile(row, (len(parts), 1))).influence for row in np.eye(3)])  # 3 x G x 3
    for place in range(3):
        columns = [left[:, part] @ x[part] @ unit[:, g, place] for g, part in enumerate(parts)]
        omega = np.array(columns) @ phi @ np.array(columns).T / variance**2
        true = (outer @ x.T @ phi @ x @ outer)[place, place] / variance**2
        assert np.trace(omega) == pytest.approx(true, rel=1e-8)
        degrees = np.trace(omega) ** 2 / np.trace(omega @ omega)
        assert wanted.degrees[place] == pytest.approx(degrees, rel=1e-8)
    settings = Method(missing="fiml", clusters=("region",), working="effects")
    rows = found(fit_groups(MODEL, frame, None, settings)).loc[["y~1", "y~x", "y~z"]]
    np.testing.assert_allclose(rows.se.astype(float), np.sqrt(np.diag(wanted.covariance)), rtol=1e-5)
    np.testing.assert_allclose(rows.df.astype(float), wanted.degrees, rtol=1e-5)
    complete = found(fit_groups(MODEL, frame, None, Method(clusters=("region",), working="effects")))
    paths = ["y~x", "y~z"]
    np.testing.assert_allclose(complete.se[paths].astype(float), rows.se[paths].astype(float), rtol=1e-5)


def test_effects_of_clusters_are_found_by_moments():
    """Half of the variance of three items is the regions', which many regions tell; nothing is, of none."""
    draw = np.random.default_rng(3)
    region = np.repeat(np.arange(2000), 4)
    common, own = draw.normal(size=(2000, 3))[region], draw.normal(size=(8000, 3))
    for share in (0.5, 0.0):
        items = np.sqrt(share) * common + np.sqrt(1 - share) * own + draw.normal(size=(8000, 1))
        frame = pd.DataFrame(items, columns=["a", "b", "c"]).assign(region=region)
        way = MaximumLikelihood(structure_of("f =~ a + b + c"), frame, Method(clusters=("region",)))
        estimate, sample = way.fit(), way.sample
        shared = between(estimate, sample.deviations, sample.weights, sample.clusters["region"])
        np.testing.assert_allclose(shared, share * np.eye(3), atol=0.1)
        assert np.linalg.eigvalsh(estimate.sigma - shared)[0] > 0
        assert np.linalg.eigvalsh(shared)[0] > -1e-9


def test_effects_of_clusters_are_refused_where_they_are_not_reckoned():
    frame = survey()
    for settings in (Method(working="effects"), Method(working="both", clusters=("region",))):
        with pytest.raises(ModelError, match="working model"):
            fit_groups(MODEL, frame, None, settings)
    with pytest.raises(ModelError, match="groups fitted one by one"):
        fit_multigroup(MODEL, frame, "group", Method(working="effects", clusters=("region",)))
