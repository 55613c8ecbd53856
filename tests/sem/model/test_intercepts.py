"""Intercepts, and their derivatives against differences of the intercepts themselves."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.sem.model.intercepts import intercept_slopes, intercepts
from jobs.sem.model.structure import structure_of


def test_by_hand():
    """y = 2 + 3 x, and m = 1 + 2 y."""
    structure = structure_of("y ~ x\nm ~ y")
    by_name = {"y": 3.0, "m": 2.0}
    x = np.array([by_name.get(entry.lhs, 1.0) if entry.op == "~" else 1.0 for entry in structure.parameters])
    means = {"x": 4.0, "y": 14.0, "m": 29.0}
    mean = np.array([means[name] for name in structure.observed])
    free = np.zeros(structure.q)
    for entry, value in zip(structure.parameters, x, strict=True):
        if entry.free is not None:
            free[entry.free] = value
    values, implied = intercepts(structure, free, mean)
    own = dict(zip(structure.observed, values, strict=True))
    assert (own["y"], own["m"]) == (2, 1) and list(implied) == list(mean)


@pytest.mark.parametrize(
    "model",
    [
        "f =~ a + b + c\ng =~ d + e + h\ng ~ f + x\nf ~ x + z",
        "y ~ x\nm ~ y + x\ny ~~ m",
        "y1 ~ y2 + x\ny2 ~ y1 + z",
        "f =~ k*a + k*b + c\ny ~ k*f + x\na ~~ b",
        "h =~ f + g\nf =~ a + b\ng =~ c + d\nd ~ x\nh ~ x",
    ],
)
def test_slopes(model):
    structure = structure_of(model)
    random = np.random.default_rng(3)
    q = structure.q
    point = random.uniform(0.2, 0.8, q + structure.p)

    def at(point: np.ndarray) -> np.ndarray:
        return intercepts(structure, point[:q], point[q:])[0]

    steps = 1e-6 * np.eye(len(point))
    by_hand = np.array([(at(point + step) - at(point - step)) / 2e-6 for step in steps]).T
    np.testing.assert_allclose(intercept_slopes(structure, point[:q], point[q:]), by_hand, atol=1e-8)
