"""The adjusted test of fit of `ml.scaling` where values are missing or means are in the model.

What a case has of the unrestricted moments is its influence on them, by their observed information, which
holds where values are missing at random. The metric is the expected information at the model, as with
complete cases: that at the unrestricted moments follows few clusters too closely. Moments of exogenous
variables are given: all their directions are the model's.
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
    """Each case's part in the moments (n x m) in their metric, and the root of that (m x m).

    `free` and `implied` are the unrestricted moments and the model's. A change of the moments times the
    transposed root is in the same metric.
    """
    bread = fiml.information(*free, sample, observed=True)
    root = linalg.cholesky(fiml.information(*implied, sample, observed=False), lower=True)
    scores = fiml.case_scores(*free, data, sample)
    return scores @ linalg.solve(bread, root, assume_a="pos"), root


def given(p: int, exogenous: list[int]) -> Array:
    """Changes of (mu, vech Sigma) by the moments of the exogenous variables (m x k)."""
    rows, columns = vech_index(p)
    own = np.isin(np.arange(p), exogenous)
    return np.eye(p + len(rows))[:, np.append(own, own[rows] & own[columns])]
