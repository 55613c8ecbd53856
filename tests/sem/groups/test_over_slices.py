"""One model over slices: lavaan's estimates and chi-squares, errors of the joint fit, tests that hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.cases.sums import Sums
from jobs.sem.groups.equal_parameters import SliceSums
from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.over_slices import TOO_FEW, fit_over_slices
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2 + x3 + w1 + w2"
BY_REGION = Method(clusters=("region",))


def slices(cases: pd.DataFrame, model: str) -> list[SliceSums]:
    """The sums of each country and wave, as the stage fit leaves them."""
    out = []
    for (country, wave), rows in cases.groupby(["country", "wave"]):
        sums = fit_groups(model, rows.assign(group="all"), "group", BY_REGION).moments
        first, second = (np.stack(sums[name].to_list()) for name in ("first", "second"))
        out.append(SliceSums(country, wave, list(sums.cluster), Sums(sums.weight.to_numpy(), first, second)))
    return out


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    """The cases of over_slices.R: four waves of a country, whose clusters are regions of all waves."""
    frame = pd.read_csv(REFERENCE / "twolevel.csv")
    frame["wave"] = [f"w{number % 4}" for number in range(1, len(frame) + 1)]
    return frame.assign(country="NL", region=[f"r{cluster % 40}" for cluster in frame.cluster])


def test_estimates_and_chi_squares_are_lavaans(cases):
    paths, tests = fit_over_slices(MODEL, slices(cases, MODEL))
    wanted = pd.read_csv(REFERENCE / "over_slices_paths.csv")
    assert list(paths.rhs) == list(wanted.rhs)
    assert paths.est.to_numpy() == pytest.approx(wanted.est.to_numpy(), abs=1e-5)
    differences = pd.read_csv(REFERENCE / "over_slices_tests.csv")
    assert list(tests.equal) == ["loadings", "paths"]
    assert tests.chisq.to_numpy() == pytest.approx(differences.chisq.to_numpy(), rel=1e-5)
    assert list(tests.chisq_df) == list(differences.df)


def test_errors_are_those_of_the_joint_fit_by_clusters_that_waves_share(cases):
    paths, _ = fit_over_slices(MODEL, slices(cases, MODEL))
    joint = fit_multigroup(MODEL, cases, "wave", BY_REGION, ("loadings", "regressions")).estimates()
    joint = joint[(joint.op == "~") & (joint.error == "cluster:region") & (joint.group == "w0")]
    assert paths.se.to_numpy() == pytest.approx(joint.se.to_numpy(), rel=1e-6)
    assert set(paths.df) == {39.0} and paths.reliable.all()


def test_the_order_of_slices_shows_in_nothing_and_countries_have_their_own_regions(cases):
    given = slices(cases, MODEL)
    first, second = fit_over_slices(MODEL, given), fit_over_slices(MODEL, given[::-1])
    for a, b in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(a, b)
    apart = slices(cases.assign(country=cases.wave), MODEL)
    paths, tests = fit_over_slices(MODEL, apart)
    assert set(paths.df) == {4 * 40.0 - 4}
    assert (tests.f_df <= tests.chisq_df).all()


def test_where_there_is_no_estimate_a_sentence_says_why(cases):
    paths, tests = fit_over_slices(MODEL, slices(cases, MODEL)[:1])
    assert set(paths.detail) == {TOO_FEW} and paths.est.isna().all() and not paths.reliable.any()
    assert tests.empty
    few = cases.assign(region=[f"r{place % 5}" for place in range(len(cases))])
    paths, _ = fit_over_slices(MODEL, slices(few, MODEL))
    assert set(paths.df) == {4.0} and not paths.reliable.any()


def survey(seed: int) -> pd.DataFrame:
    """Three countries, two waves, 30 regions each: firms of a region resemble each other, in all waves.

    The paths are 0.4 everywhere.
    """
    random = np.random.default_rng(seed)
    frames = []
    for country in "ABC":
        of_predictor, of_outcome = random.normal(size=(2, 30)) * 0.6
        for wave in "uv":
            region = random.integers(0, 30, 400)
            x = of_predictor[region] + 0.3 * random.normal(size=400)
            y = 0.4 * x + of_outcome[region] + random.normal(size=400)
            z = 0.4 * y + random.normal(size=400)
            frames.append(pd.DataFrame({"x": x, "y": y, "z": z, "region": region.astype(str)}))
            frames[-1] = frames[-1].assign(country=country, wave=wave)
    return pd.concat(frames, ignore_index=True)


def test_paths_cover_the_truth_and_the_test_keeps_its_level_where_firms_of_a_region_resemble_each_other():
    model = "y ~ x\nz ~ y"
    covered, naive, corrected = [], [], []
    for seed in range(40):
        paths, tests = fit_over_slices(model, slices(survey(seed), model))
        covered.append(((paths.ci_lower < 0.4) & (paths.ci_upper > 0.4)).tolist())
        assert list(tests.equal) == ["paths"], "there are no loadings"
        naive.append(stats.chi2.sf(tests.chisq.item(), tests.chisq_df.item()) < 0.05)
        corrected.append(tests.pvalue.item() < 0.05)
    # Of 40 intervals of 95 %, fewer than 34 cover with a chance of 1 in 100; of 40 tests of 5 %, more than 6.
    assert np.sum(covered, axis=0).min() >= 34
    assert np.sum(corrected) <= 6 and np.sum(naive) >= 20


def test_paths_that_differ_are_found():
    model = "y ~ x\nz ~ y"
    frame = survey(1)
    frame["z"] = frame.z.where(frame.country != "B", frame.z + 0.3 * frame.y)
    _, tests = fit_over_slices(model, slices(frame, model))
    assert tests.pvalue.item() < 0.01
