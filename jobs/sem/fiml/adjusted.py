"""The adjusted test of fit of `ml.adjusted` where values are missing or means are in the model.

What a case has of the residual moments is its influence on the unrestricted ones, by their observed
information, which holds where values are missing at random, and its share in how far these are from the
model's. The metric is the expected information at the model, as with complete cases: that at the
unrestricted moments follows few clusters too closely. Moments of exogenous variables are given: all their
directions are the model's.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Array
from jobs.sem.fiml import likelihood as fiml
from jobs.sem.fiml.likelihood import Patterns
from jobs.sem.vech import vech_index

Moments = tuple[Array, Array]  # mean (p) and covariance (p x p), in the units of the data they go with


def moment_parts(free: Moments, implied: Moments, data: Array, sample: Patterns) -> tuple[Array, Array]:
    """Each case's part in the residual moments (n x m) in their metric, and the root of that (m x m).

    A part is that of a unit of weight. `free` and `implied` are the unrestricted moments and the model's. A
    change of the moments times the transposed root is in the same metric.
    """
    bread = fiml.information(*free, sample, observed=True)
    root = linalg.cholesky(fiml.information(*implied, sample, observed=False), lower=True)
    scores = fiml.case_scores(*free, data, sample)
    rows, columns = vech_index(len(free[0]))
    gap = np.append(free[0] - implied[0], (free[1] - implied[1])[rows, columns])
    return scores @ linalg.solve(bread, root, assume_a="pos") + gap @ root / sample.total, root


def given(p: int, exogenous: list[int]) -> Array:
    """Changes of (mu, vech Sigma) by the moments of the exogenous variables (m x k)."""
    rows, columns = vech_index(p)
    own = np.isin(np.arange(p), exogenous)
    return np.eye(p + len(rows))[:, np.append(own, own[rows] & own[columns])]
