"""Fits of one structure to many covariance matrices together: those of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import structure_of

MODEL = "f =~ y1 + y2 + y3\nf ~ x1 + x2\n"


def covariance(seed: int, paths: tuple[float, float], units: float = 1.0) -> np.ndarray:
    """Of 400 cases drawn from MODEL with loadings 1, 0.8, 0.6 and residual variances of 1."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(400, 2))
    factor = x @ paths + draws.normal(size=400)
    y = factor[:, None] * [1.0, 0.8, 0.6] + draws.normal(size=(400, 3))
    return np.cov(np.column_stack([y, x]) * units, rowvar=False, bias=True)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(covariance(9, (0.4, -0.2), units=1000.0), id="in other units"),
        pytest.param(covariance(9, (-3.0, 2.0)), id="with paths of other signs"),
        pytest.param(np.eye(5) + 0.9 * (np.eye(5)[::-1] - np.eye(5)) * 0.5, id="without a factor"),
    ],
)
def test_each_is_the_fit_of_its_own(odd):
    structure = structure_of(MODEL)
    covariances = [covariance(seed, (0.5, 0.3)) for seed in range(5)]
    covariances.insert(3, odd)
    together = ml.fit_alike(structure, covariances)
    for matrix, estimate in zip(covariances, together, strict=True):
        alone = ml.fit(structure, matrix)
        assert estimate.sound == alone.sound
        assert estimate.x / estimate.scale == pytest.approx(alone.x / alone.scale, abs=1e-6)
        assert estimate.objective == pytest.approx(alone.objective, abs=1e-10)


def test_where_the_first_has_no_sound_solution_each_is_fitted_alone():
    structure = structure_of(MODEL)
    covariances = [np.eye(5), covariance(1, (0.5, 0.3))]
    first, second = ml.fit_alike(structure, covariances)
    assert not first.sound and second.sound
    assert second.objective == ml.fit(structure, covariances[1]).objective
