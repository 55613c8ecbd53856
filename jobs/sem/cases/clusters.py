"""How much clusters of unequal size tell."""

from __future__ import annotations

from jobs.sem.arrays import Matrix


def spread(weight: Matrix) -> dict[str, float]:
    """How many clusters of one size would tell as much, and the share of the largest, by their `weight` (G).

    The first is Kish's effective number (1965, Survey Sampling, section 11.2).
    """
    share = weight / weight.sum()
    return {"clusters_effective": float(1 / (share @ share)), "largest_cluster": float(share.max())}
