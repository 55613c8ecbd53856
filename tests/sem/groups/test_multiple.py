"""False discovery rates: R's p.adjust, the example of the paper, and who belongs to a family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.multiple import benjamini_hochberg, family
from jobs.sem.model.structure import ModelError

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
PARAMETERS = pd.DataFrame(
    [("f", "=~", "y1", None), ("f", "~", "x1", "a"), ("y1", "~", "x1", None), ("y1", "~~", "y2", None)],
    columns=["lhs", "op", "rhs", "label"],
)


def test_against_figures_recorded_from_r():
    recorded = pd.read_csv(REFERENCE / "multiple_bh.csv")
    found = benjamini_hochberg(recorded.pvalue, np.ones(len(recorded), dtype=bool))
    np.testing.assert_allclose(found, recorded.bh, rtol=1e-12)


def test_the_papers_example():
    """Benjamini and Hochberg (1995), section 3.2: four of fifteen hypotheses are rejected at 0.05."""
    pvalues = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    pvalues = pd.Series([*pvalues, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0])
    found = benjamini_hochberg(pvalues, np.ones(15, dtype=bool))
    assert (found <= 0.05).sum() == 4
    assert found[3] == pytest.approx(0.0095 * 15 / 4)


def test_what_is_outside_the_family_or_has_no_p_value_counts_for_nothing():
    pvalues = pd.Series([0.01, 0.03, np.nan, 0.9], index=[5, 6, 7, 8])
    found = benjamini_hochberg(pvalues, np.array([True, True, True, False]))
    assert found[[5, 6]].tolist() == pytest.approx([0.02, 0.03])
    assert found[[7, 8]].isna().all()
    assert benjamini_hochberg(pvalues, np.zeros(4, dtype=bool)).isna().all()


@pytest.mark.parametrize(
    ("members", "chosen"),
    [
        (["~"], [1, 2]),
        (["~", "=~"], [0, 1, 2]),
        (["f ~ x1"], [1]),
        (["y1~x1"], [2]),
        (["a"], [1]),
        (["y2 ~~ y1"], [3]),
        (["~1"], []),
    ],
)
def test_members_of_a_family(members, chosen):
    assert np.flatnonzero(family(PARAMETERS, members)).tolist() == chosen


def test_a_member_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="the family names f ~ x9"):
        family(PARAMETERS, ["~", "f ~ x9"])
