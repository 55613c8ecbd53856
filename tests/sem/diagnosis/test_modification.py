"""Modification indices beside lavaan's modindices() (tests/reference/sem/diagnosis.R)."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from jobs.sem.diagnosis.modification import _derivatives, candidates, modification_indices
from jobs.sem.diagnosis.saturated import complete
from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method
from jobs.sem.routes.routes import route


def by_arrow(table: pd.DataFrame) -> pd.DataFrame:
    """Indexed by the arrow; a covariance reads the same from both ends."""
    keys = [
        " ".join((op, *(sorted((lhs, rhs)) if op == "~~" else (lhs, rhs))))
        for lhs, op, rhs in zip(table.lhs, table.op, table.rhs, strict=True)
    ]
    return table.assign(arrow=keys).set_index("arrow")


EXOGENOUS = {
    "twolevel": {"x1", "x2", "x3", "w1", "w2"},
    "path": {"x1", "x2", "x3", "w1"},
    "survey": {"size", "comp", "comm"},
    "study": {"size", "comp", "comm"},
    "mixed": {"size", "comp", "comm"},
}


def both(diagnosed, lavaan, case: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our table and lavaan's, which also lets arrows point at exogenous variables."""
    found = by_arrow(diagnosed(case).modification_indices)
    wanted = lavaan("modification", case)
    given = EXOGENOUS.get(case, set())
    wanted = by_arrow(wanted[~(wanted.lhs.isin(given) | (wanted.op == "~~") & wanted.rhs.isin(given))])
    assert set(found.index) == set(wanted.index)
    assert list(found.mi) == sorted(found.mi, reverse=True)
    return found.loc[wanted.index], wanted


@pytest.mark.parametrize(
    "case", ["holzinger", "uncorrelated", "weighted", "democracy", "twolevel", "path", "fiml", "survey"]
)
def test_agrees_with_lavaan(diagnosed, lavaan, case):
    found, wanted = both(diagnosed, lavaan, case)
    # On the scale of the score's own error: lavaan's search stops some 3e-4 of it short of the optimum.
    np.testing.assert_allclose(np.sqrt(found.mi), np.sqrt(wanted.mi), rtol=1e-4, atol=3e-4)
    error = np.abs(wanted.epc) / np.sqrt(wanted.mi)
    assert (np.abs(found.epc - wanted.epc) < 1e-4 * np.abs(wanted.epc) + 5e-4 * error).all()
    ratio = wanted["sepc.all"] / wanted.epc
    np.testing.assert_allclose(found.sepc_all / found.epc, ratio, rtol=1e-4)


@pytest.mark.parametrize("case", ["study", "mixed"])
def test_ordered_items_agree_with_lavaan(diagnosed, lavaan, case):
    """lavaan steps (n - 1) / n of the way, and has n - 1 in the exogenous variances, n being 1134."""
    found, wanted = both(diagnosed, lavaan, case)
    n = diagnosed(case).fit_measures.set_index("measure").value["nobs"]
    np.testing.assert_allclose(np.sqrt(found.mi * (n - 1) / n), np.sqrt(wanted.mi), rtol=1e-3, atol=3e-4)
    error = np.abs(wanted.epc) / np.sqrt(wanted.mi)
    gap = np.abs(found.epc * (n - 1) / n - wanted.epc)
    assert (gap < 1e-4 * np.abs(wanted.epc) + 5e-4 * error).all()
    np.testing.assert_allclose(found.sepc_all / found.epc, wanted["sepc.all"] / wanted.epc, rtol=5e-4)


def test_published_figures(diagnosed):
    """Holzinger and Swineford: the four largest of lavaan's manual."""
    top = diagnosed("holzinger").modification_indices.head(4)
    assert [f"{row.lhs} {row.op} {row.rhs}" for row in top.itertuples()] == [
        *("visual =~ x9", "x7 ~~ x8", "visual =~ x7", "x8 ~~ x9"),
    ]
    assert list(top.mi) == pytest.approx([36.411, 34.145, 18.631, 14.946], abs=5e-4)


@pytest.mark.parametrize(
    ("case", "error", "arrows"),
    [
        ("study", "robust", ["info ~ comp", "result ~ size"]),
        ("mlr", "robust", ["visual =~ x4", "speed =~ x5"]),
        ("clustered", "cluster:cluster", ["y1 ~~ y2", "y1 ~~ y3"]),
    ],
)
def test_the_robust_index_is_a_test_of_the_parameter(diagnosed, case_of, case, error, arrows):
    """A score test and a Wald test of the same small parameter agree to first order."""
    model, frame, settings = case_of(case)
    found = by_arrow(diagnosed(case).modification_indices)
    for arrow in arrows:
        lhs, op, rhs = arrow.split()
        freed = fit_groups(f"{model}\n{arrow}", frame, None, replace(settings, diagnosis=False))
        row = by_arrow(freed.estimates[freed.estimates.error == error]).loc[f"{op} {lhs} {rhs}"]
        assert np.sqrt(found.mi_robust[f"{op} {lhs} {rhs}"]) == pytest.approx(abs(row.z), abs=0.1)


def test_the_robust_index_counts_clusters(case_of):
    """By hand: every case doubled within its cluster is the single cases again, times (G - 1) / G."""
    model, frame, settings = case_of("holzinger")
    frame = frame.assign(pupil=range(len(frame)))
    single = by_arrow(fit_groups(model, frame, None, settings).modification_indices)
    twice = replace(settings, clusters=("pupil",))
    doubled = by_arrow(fit_groups(model, pd.concat([frame, frame]), None, twice).modification_indices)
    doubled = doubled.loc[single.index]
    np.testing.assert_allclose(doubled.mi, 2 * single.mi, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(doubled.mi_robust, single.mi_robust * 300 / 301, rtol=1e-5, atol=1e-6)


def test_a_regional_predictor_without_effect_is_rejected_as_often_as_it_should():
    """30 regions of 20 firms, a regional error: at 5 % the plain index rejects far more often."""
    random = np.random.default_rng(7)
    region = np.repeat(np.arange(30), 20)
    found = []
    for _ in range(150):
        x, w = random.normal(size=600), random.normal(size=30)[region]
        y = 0.5 * x + random.normal(size=600) + 0.6 * random.normal(size=30)[region]
        frame = pd.DataFrame({"x": x, "w": w, "y": y, "region": region})
        way = route(structure_of("y ~ x + 0*w"), frame, Method(clusters=("region",)))
        table = modification_indices(complete(way.fit(), way.sample), way.sample.clusters["region"])
        found.append(by_arrow(table).loc["~ y w", ["mi", "mi_robust"]])
    rejected = (pd.DataFrame(found).astype(float) > 3.841).mean()
    assert rejected.mi > 0.3 and 0.01 <= rejected.mi_robust <= 0.1


def test_what_is_tried():
    """By hand: a covariance fixed at zero, and an indicator (y6) that is itself an outcome."""
    structure = structure_of("f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\nf ~~ 0*g\ny6 ~ x")
    found = {" ".join(arrow) for arrow in candidates(structure)}
    crossed = {"f =~ y4", "f =~ y5", "g =~ y1", "g =~ y2", "g =~ y3"}
    scales = {"f =~ y1", "g =~ y4"}  # fixed at one; no index of theirs comes out
    items = ["y1", "y2", "y3", "y4", "y5", "y6"]
    assert found == crossed | scales | {"f ~~ g"} | {f"{a} ~~ {b}" for a, b in combinations(items, 2)}


def test_units_of_the_data_do_not_matter(case_of):
    model, frame, settings = case_of("holzinger")
    plain = by_arrow(fit_groups(model, frame, None, settings).modification_indices)
    frame = frame.assign(x2=lambda one: one.x2 * 1e4, x7=lambda one: one.x7 * 1e-3)
    scaled = by_arrow(fit_groups(model, frame, None, settings).modification_indices).loc[plain.index]
    np.testing.assert_allclose(scaled.mi, plain.mi, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(scaled.sepc_all, plain.sepc_all, rtol=1e-5, atol=1e-7)


def test_a_saturated_model_has_no_candidate_left(case_of):
    _, frame, settings = case_of("path")
    found = fit_groups("y1 ~ x1 + x2", frame, None, settings).modification_indices
    assert found is not None and found.empty


@pytest.mark.parametrize(
    "model",
    [
        "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\nh =~ y7 + y8\nk =~ f + g + h",
        "f =~ y1 + y2 + y3\ng =~ y4 + y5 + y6\ng ~ f + x\ny6 ~ x\nx2 ~ g",
    ],
)
def test_an_index_is_built_on_the_derivatives_of_sigma(model):
    """The freed model's own derivative at zero: factors of factors, an indicator that is an outcome."""
    structure = structure_of(model)
    place = [structure.observed[at] for at in structure.exogenous]
    structure = structure.with_exogenous(2.0 * np.eye(structure.p))
    x = structure.start() + np.linspace(-0.2, 0.3, structure.q)
    arrows = [arrow for arrow in candidates(structure) if arrow[0] != arrow[2]]
    arrows = [
        arrow for arrow in arrows if not any(arrow == (p.lhs, p.op, p.rhs) for p in structure.parameters)
    ]
    assert len(arrows) > 15 and not any(name in place for arrow in arrows for name in arrow[:1])
    found = _derivatives(structure, x, arrows)
    values = {(p.lhs, p.op, p.rhs): x[p.free] for p in structure.parameters if p.free is not None}
    for arrow, derivative in zip(arrows, found, strict=True):
        freed = structure_of(f"{model}\n{' '.join(arrow)}")
        freed = freed.with_exogenous(2.0 * np.eye(freed.p))
        at = np.zeros(freed.q)
        number = None
        for one in freed.parameters:
            key = (one.lhs, one.op, one.rhs)
            if one.free is not None and key in values:
                at[one.free] = values[key]
            elif one.free is not None:
                number = one.free
        order = [freed.observed.index(name) for name in structure.observed]
        sigma, every = freed.sigma_and_derivatives(at)
        np.testing.assert_allclose(sigma[np.ix_(order, order)], structure.sigma(x), atol=1e-12)
        np.testing.assert_allclose(
            every[number][np.ix_(order, order)], derivative, atol=1e-12, err_msg=str(arrow)
        )
