"""F's derivatives against differences of F itself, and against Sigma's derivatives written out."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.sem.ml.discrepancy import Discrepancy, Point, curvature
from jobs.sem.model.structure import structure_of

MODELS = {
    "factors": "f =~ x1 + x2 + x3\ng =~ x4 + x5 + x6\nx1 ~~ x4",
    "second order": "h =~ f + g\nf =~ x1 + x2\ng =~ x3 + x4\nh ~ z\nx4 ~ z",
    "paths": "y1 ~ z1 + z2\ny2 ~ y1 + z1\ny3 ~ y2",
    "cycle": "y1 ~ y2 + z1\ny2 ~ y1 + z2",
    "equal labels": "f =~ a*x1 + a*x2 + a*x3\nf ~ b*z + b*w\ng ~ f + z\nx1 ~~ v*x1\nx2 ~~ v*x2",
    "equal across matrices": "f =~ x1 + a*x2 + x3\nf ~ a*z\nx1 ~~ a*x3",
}


@pytest.fixture(params=MODELS)
def point(request) -> tuple[Discrepancy, Point]:
    """A place near the start, on a covariance matrix of variables that differ in size."""
    structure = structure_of(MODELS[request.param])
    random = np.random.default_rng(7)
    sizes = 10.0 ** random.uniform(-2, 2, structure.p)
    cases = random.normal(size=(40, structure.p)) * sizes
    covariance = cases.T @ cases / 40
    structure = structure.with_exogenous(covariance)
    surface = Discrepancy(structure, covariance, structure.scales(np.sqrt(np.diag(covariance))))
    return surface, surface.at(structure.start(covariance) + random.uniform(-0.15, 0.15, structure.q))


def differences(function, z: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Fourth-order central differences by each element of z."""
    rows = []
    for move in step * np.eye(len(z)):
        near = function(z + move) - function(z - move)
        far = function(z + 2 * move) - function(z - 2 * move)
        rows.append((8 * near - far) / (12 * step))
    return np.array(rows)


def test_value_is_the_formula(point):
    surface, here = point
    sigma = surface.structure.sigma(here.z * surface.scale) * surface.unit * surface.unit.T
    sample = surface.correlations
    by_hand = np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, sample))
    by_hand -= np.linalg.slogdet(sample)[1] + len(sample)
    assert here.value == pytest.approx(by_hand, rel=1e-10)


def test_gradient(point):
    surface, here = point
    by_hand = differences(lambda z: surface.at(z).value, here.z)
    np.testing.assert_allclose(here.gradient, by_hand, atol=1e-8 * (1 + here.steepest))


def test_hessian(point):
    surface, here = point
    by_hand = differences(lambda z: surface.at(z).gradient, here.z) / 2
    np.testing.assert_allclose(here.hessian(), by_hand, atol=1e-8 * np.abs(by_hand).max())


def test_information_is_the_traces(point):
    """tr(Sigma^-1 D_i Sigma^-1 D_j) / 2, the derivatives of Sigma by differences."""
    surface, here = point
    unit = surface.unit * surface.unit.T

    def sigma(z: np.ndarray) -> np.ndarray:
        return surface.structure.sigma(z * surface.scale) * unit

    turned = np.linalg.solve(sigma(here.z), differences(sigma, here.z))
    by_hand = np.einsum("iab,jba->ij", turned, turned) / 2
    np.testing.assert_allclose(here.information(), by_hand, atol=1e-8 * np.abs(by_hand).max())


def test_derivatives_of_sigma(point):
    surface, here = point
    structure, x = surface.structure, here.z * surface.scale
    _, found = structure.sigma_and_derivatives(x)
    by_hand = differences(lambda z: structure.sigma(z * surface.scale), here.z)
    size = np.outer(1 / surface.unit, 1 / surface.unit)
    np.testing.assert_allclose(found * surface.scale[:, None, None] / size, by_hand / size, atol=1e-8)


def test_outside_the_admissible_is_said():
    structure = structure_of("f =~ x1 + x2 + x3")
    surface = Discrepancy(structure, np.eye(3), np.ones(structure.q))
    with pytest.raises(np.linalg.LinAlgError):
        surface.at(-np.ones(structure.q))


def test_groups_share_a_text_and_not_their_exogenous_moments():
    """What one group loads must not reach another's Sigma."""
    one, other = structure_of("y ~ x"), structure_of("y ~ x")
    one = one.with_exogenous(np.diag([1.0, 4.0]))
    other = other.with_exogenous(np.diag([1.0, 9.0]))
    x = np.array([1.0, 0.5])
    assert (one.sigma(x)[1, 1], other.sigma(x)[1, 1]) == (4.0, 9.0)


def test_curvature_of_sigma(point):
    """Second derivatives of tr(G Sigma) for a symmetric G, by differences of its first."""
    surface, here = point
    structure, x = surface.structure, here.z * surface.scale
    random = np.random.default_rng(8).normal(size=(structure.p, structure.p))
    by_sigma = (random + random.T) * surface.unit * surface.unit.T

    def slope(z: np.ndarray) -> np.ndarray:
        _, derivatives = structure.sigma_and_derivatives(z * surface.scale)
        return np.tensordot(derivatives, by_sigma, axes=2) * surface.scale

    by_hand = differences(slope, here.z)
    natural = curvature(structure, x, by_sigma) * np.outer(surface.scale, surface.scale)
    np.testing.assert_allclose(natural, by_hand, atol=1e-8 * (1 + np.abs(by_hand).max()))
