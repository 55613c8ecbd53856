"""The search for many covariance matrices at once."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.sem.ml.batch import InverseHessians
from jobs.sem.model.structure import structure_of


def test_inverse_hessians_are_those_of_bfgs():
    """Beside the update written out for one matrix: (I - r s y') H (I - r y s') + r s s' (Broyden 1970).

    The second matrix has one step whose curvature is negative, which changes nothing, and skips the last.
    """
    random = np.random.default_rng(1)
    root = random.normal(size=(2, 4, 4))
    first = root @ root.transpose(0, 2, 1)
    moves, turns = random.normal(size=(2, 3, 2, 4))
    turns *= np.sign((moves * turns).sum(axis=2))[:, :, None]
    turns[1, 1] *= -1
    changed = InverseHessians(first, 2)
    expected = first.copy()
    for step, rows in enumerate(([0, 1], [0, 1], [0])):
        changed.update(moves[step, rows], turns[step, rows], np.array(rows))
        for row in rows:
            s, y = moves[step, row], turns[step, row]
            if s @ y > 0:
                share = 1 / (s @ y)
                half = np.eye(4) - share * np.outer(s, y)
                expected[row] = half @ expected[row] @ half.T + share * np.outer(s, s)
    vectors = random.normal(size=(2, 4))
    products = changed.times(vectors, np.array([0, 1]))
    np.testing.assert_allclose(products, np.einsum("rab,rb->ra", expected, vectors), rtol=1e-9)


def test_one_first_matrix_serves_all():
    shared = InverseHessians(np.diag([1.0, 2.0]), 3)
    vectors = np.array([[1.0, 1.0], [0.0, 3.0]])
    np.testing.assert_array_equal(shared.times(vectors, np.array([2, 0])), [[1, 2], [0, 6]])


def test_stacked_matrices_are_those_of_each():
    structure = structure_of("f =~ a + b + c\ng =~ d + e + h\ng ~ f + x\nf ~ x\na ~~ b")
    x = np.random.default_rng(2).normal(size=(3, structure.q))
    blocks = np.array([[[1.0]], [[2.0]], [[0.5]]])
    stacked = structure.stacked(x, blocks)
    for row, block in enumerate(blocks):
        covariance = np.eye(structure.p)
        covariance[np.ix_(structure.exogenous, structure.exogenous)] = block
        own = structure.with_exogenous(covariance).matrices(x[row])
        for together, alone in zip(stacked, own, strict=True):
            np.testing.assert_array_equal(together[row], alone)


@pytest.mark.parametrize("model", ["a ~ x", "f =~ a + b + c"])
def test_of_no_replicate_there_are_no_matrices(model):
    structure = structure_of(model)
    e = len(structure.exogenous)
    stacked = structure.stacked(np.zeros((0, structure.q)), np.zeros((0, e, e)))
    assert [matrix.shape for matrix in stacked] == [(0, *shape) for shape in structure.shapes]
