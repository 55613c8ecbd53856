"""A structure is built once for a model's text, shared by all fits, and cannot be changed by any of them."""

from __future__ import annotations

import numpy as np
import pytest

from jobs.sem.ml import fit as ml
from jobs.sem.model.structure import Structure, structure_of
from jobs.sem.model.syntax import read

PATHS = "y ~ x1 + x2"
FIRST = np.array([[2.0, 0.5, 0.3], [0.5, 1.0, 0.2], [0.3, 0.2, 1.0]])
SECOND = np.array([[3.0, 0.2, 0.9], [0.2, 2.0, 0.1], [0.9, 0.1, 4.0]])


def test_a_text_gives_one_structure():
    assert structure_of(PATHS) is structure_of(PATHS)


def test_nothing_of_it_can_be_changed():
    structure = structure_of(PATHS)
    with pytest.raises(AttributeError, match="q of a Structure cannot be changed"):
        structure.q = 5
    with pytest.raises(AttributeError, match="observed of a Structure cannot be changed"):
        del structure.observed
    for array in (structure.flat, structure.weight, structure.elements.row):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_two_fits_of_one_structure_do_not_disturb_each_other():
    shared, alone = structure_of(PATHS), Structure(read(PATHS).groups[0])
    first = ml.fit(shared, FIRST)
    ml.fit(shared, SECOND)
    again = ml.fit(alone, FIRST)
    np.testing.assert_array_equal(first.x, again.x)
    np.testing.assert_array_equal(first.structure.sigma(first.x), again.structure.sigma(again.x))
    np.testing.assert_allclose(first.structure.sigma(first.x), FIRST, rtol=1e-9)  # the model is saturated


def test_the_exogenous_block_is_the_samples_and_the_structure_stays_as_it_was():
    structure = structure_of(PATHS)
    before = structure.flat.copy()
    fixed = structure.with_exogenous(FIRST)
    places = [structure.observed.index(name) for name in ("x1", "x2")]
    sigma = fixed.sigma(fixed.start())
    np.testing.assert_array_equal(sigma[np.ix_(places, places)], FIRST[np.ix_(places, places)])
    np.testing.assert_array_equal(structure.flat, before)
