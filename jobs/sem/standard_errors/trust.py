"""Whether a cluster's error keeps what it promises, by what simulations show (bench/coverage_designs.py).

A bias-reduced error brings Satterthwaite's degrees of freedom, and its intervals hold the truth in 93 to 99 %
of the samples also where these are few, as long as there is one. A cluster-robust error with G - 1 degrees
holds it in as few as 62 %: not where G is small, but where Satterthwaite's degrees of the same value are, as
with clusters of unequal size or few treated ones.
"""

from __future__ import annotations

LEAST = 1.0  # degrees of freedom of a bias-reduced error
ENOUGH = 20.0  # Satterthwaite's degrees, or clusters less one, for a cluster-robust error


def trusted(error: str, df: float, satterthwaite: float) -> bool:
    """Whether an error of this kind with `df` degrees of freedom can be trusted.

    `satterthwaite`: the degrees of the bias-reduced error by the same clusters, its own where there is none.
    """
    kind = error.partition(":")[0]
    if kind in ("bias_reduced", "jackknife"):
        return df >= LEAST
    if kind == "cluster":
        return satterthwaite >= ENOUGH
    return True
