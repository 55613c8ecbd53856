"""Paths pooled over slices: by hand, in limits where the answer is known, by coverage of a known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from jobs.sem.groups.pooled_slices import between, pool_slices

PATH = {"group": "g", "lhs": "y", "op": "~", "rhs": "x"}


def slices(rows) -> pd.DataFrame:
    """Rows country, wave, estimate, error."""
    frame = pd.DataFrame(rows, columns=["country", "wave", "est", "se"])
    return frame.assign(**PATH, df=np.nan, reliable=True)


def regions(rows) -> pd.DataFrame:
    """Rows country, wave, region, value."""
    return pd.DataFrame(rows, columns=["country", "wave", "cluster", "value"]).assign(**PATH)


NONE = regions([])


def test_four_countries_by_hand():
    """Equal errors and no variance between: the mean, and the t-interval of four countries' means."""
    y = [1.0, 1.1, 0.9, 1.2]
    (row,) = pool_slices(
        slices([(c, "w", v, 1.0) for c, v in zip("ABCD", y, strict=True)]), NONE
    ).itertuples()
    assert row.tau2 == 0 and row.est == pytest.approx(np.mean(y))
    assert row.se == pytest.approx(np.std(y, ddof=1) / 2) and row.df == pytest.approx(3)
    low, high = stats.t.interval(0.95, 3, np.mean(y), np.std(y, ddof=1) / 2)
    assert (row.ci_lower, row.ci_upper) == (pytest.approx(low), pytest.approx(high))
    assert (row.slices, row.countries, row.left_out, row.pool) == (4, 4, 0, "all")


def test_between_by_hand():
    """Weights 1, Q = 2 around the mean 2: (2 - 2) / 2 is 0; with 1, 3, 8: Q = 26, tau squared 12."""
    assert between(np.array([1.0, 2.0, 3.0]), np.ones(3)) == (0.0, pytest.approx(2.0))
    tau2, q = between(np.array([1.0, 3.0, 8.0]), np.ones(3))
    assert (tau2, q) == (pytest.approx(12.0), pytest.approx(26.0))


def test_waves_of_one_country_that_are_the_same_firms_tell_no_more_than_one():
    """Two waves with the same parts of their regions: the error of the mean is that of one wave."""
    parts = [("A", wave, region, 0.1) for wave in ("u", "v") for region in "1234"]
    given = slices([("A", "u", 1.0, 0.2), ("A", "v", 1.0, 0.2)])
    (row,) = pool_slices(given, regions(parts)).itertuples()
    assert row.se == pytest.approx(0.2) and row.df == pytest.approx(3), "four regions"
    apart = [(c, w, f"{w}{region}", v) for c, w, region, v in parts]
    (row,) = pool_slices(given, regions(apart)).itertuples()
    assert row.se == pytest.approx(0.2 / np.sqrt(2)), "no region in common: independent"
    (row,) = pool_slices(given, NONE).itertuples()
    assert row.se == pytest.approx(0.2 / np.sqrt(2))


def test_what_stays_apart_has_a_mean_of_its_own():
    given = slices([(c, w, float(p + q), 1.0) for p, c in enumerate("ABCDE") for q, w in enumerate("uv")])
    by_country = pool_slices(given, NONE, over=("wave",))
    assert dict(zip(by_country.pool, by_country.est, strict=True)) == {
        c: pytest.approx(p + 0.5) for p, c in enumerate("ABCDE")
    }
    by_wave = pool_slices(given, NONE, over=("country",))
    assert list(by_wave.pool) == ["u", "v"] and list(by_wave.countries) == [5, 5]


def test_unreliable_slices_are_left_out_and_counted():
    given = slices([(c, "w", 1.0 + (c in "AB") / 5, 1.0) for c in "ABCD"] + [("E", "w", 99.0, 1.0)])
    given.loc[4, "reliable"] = False
    (row,) = pool_slices(given, NONE).itertuples()
    assert (row.est, row.slices, row.left_out) == (pytest.approx(1.1), 4, 1)
    (row,) = pool_slices(given.assign(reliable=[True] + [False] * 4), NONE).itertuples()
    assert np.isnan(row.est) and "fewer than two" in row.detail and not row.reliable


def test_the_order_of_rows_shows_in_nothing():
    random = np.random.default_rng(3)
    given = slices([(c, w, random.normal(), 1 + random.random()) for c in "ABCDEF" for w in "uvw"])
    parts = regions([(c, w, r, random.normal()) for c in "ABCDEF" for w in "uvw" for r in "1234"])
    for over in (("country", "wave"), ("wave",)):
        first = pool_slices(given, parts, over)
        second = pool_slices(given.sample(frac=1, random_state=1), parts.sample(frac=1, random_state=2), over)
        pd.testing.assert_frame_equal(first, second, check_exact=True)


# Of twelve regions, some larger than all others together: the errors have 2.5 degrees of freedom then.
UNEQUAL = np.array([3, 1.5, 1, 0.8, 0.7, 0.6, 0.5, 0.5, 0.4, 0.4, 0.3, 0.3])


@pytest.mark.parametrize("sizes", [np.ones(12), UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize(("countries", "waves"), [(6, 4), (12, 3), (3, 4), (1, 6)])
def test_intervals_cover_the_truth(countries, waves, sizes):
    """Countries differ, and what a region adds to an estimate stays the same over the waves.

    Of three countries that differ less is known than the interval says; they are marked.
    """
    random, covered, draws, marked = np.random.default_rng(11), 0, 400, 0
    for _ in range(draws):
        rows, parts = [], []
        for country in range(countries):
            own = 0.5 + (0.1 * random.normal() if countries > 1 else 0.0)
            lasting = random.normal(size=12)
            for wave in range(waves):
                region = 0.02 * sizes * (0.8 * lasting + 0.6 * random.normal(size=12))
                rows.append((f"C{country}", f"w{wave}", own + region.sum(), np.sqrt((region**2).sum())))
                parts += [(f"C{country}", f"w{wave}", str(r), value) for r, value in enumerate(region)]
        (row,) = pool_slices(slices(rows), regions(parts)).itertuples()
        covered += row.ci_lower <= 0.5 <= row.ci_upper
        marked += not row.reliable
    least = 0.88 if countries == 3 else 0.92
    assert least <= covered / draws <= 0.995, covered / draws
    assert (marked > 0.5 * draws) == (countries == 3), marked
