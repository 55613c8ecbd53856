"""What an information says of the parameters it is on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.estimate import DEPENDENT, unit_diagonal
from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method


def test_a_weak_marker_identifies_its_factor():
    """The marker is a fiftieth of the next item; the same model with another marker fits alike."""
    rng = np.random.default_rng(11)
    factor = rng.normal(size=(4000, 1))
    items = factor * [0.02, 1.0, 0.8, 1.2, 0.9] + rng.normal(size=(4000, 5)) * 0.5
    frame = pd.DataFrame(items, columns=["a", "b", "c", "d", "e"])
    frame["a"] *= 100.0
    weak, strong = (
        fit_groups(f"f =~ {' + '.join(order)}", frame, None, Method()) for order in ("abcde", "bacde")
    )
    assert weak.status.status[0] == strong.status.status[0] == "converged"
    chisq = [report.fit_measures.set_index("measure").value["chisq"] for report in (weak, strong)]
    np.testing.assert_allclose(*chisq, rtol=1e-6)


def test_parameters_of_unlike_information_are_told_from_parameters_that_move_together():
    unlike = np.diag([1e6, 1.0, 1e-5])
    assert np.linalg.eigvalsh(unit_diagonal(unlike))[0] > DEPENDENT
    together = unlike + np.array([[0, 1e3, 0], [1e3, 0, 0], [0, 0, 0]])  # a correlation of one
    assert np.linalg.eigvalsh(unit_diagonal(together))[0] < DEPENDENT
    nothing = np.diag([1e6, 1.0, 1e-17])
    assert np.linalg.eigvalsh(unit_diagonal(nothing))[0] < DEPENDENT
