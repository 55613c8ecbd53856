"""Random draws as functions of what they are for: the same whatever the order, partitions and cores."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

SD_OF_UNIFORM = 3**0.5  # a uniform on (-1, 1) times this has standard deviation 1


class Draws:
    """Draws for the rows of a frame, told apart by the columns `key`, the seed and a purpose."""

    def __init__(self, seed: int, *key: str) -> None:
        self.seed, self.key = seed, key

    def uniform(self, purpose: str) -> Column:
        """Uniform on [0, 1), of 53 random bits."""
        bits = F.xxhash64(F.lit(self.seed), F.lit(purpose), *[F.col(name) for name in self.key])
        return F.shiftrightunsigned(bits, 11) / F.lit(float(1 << 53))

    def bounded(self, purpose: str) -> Column:
        """Mean 0, standard deviation 1, never outside +-1.732."""
        return (self.uniform(purpose) * 2 - 1) * F.lit(SD_OF_UNIFORM)

    def rounded(self, value: Column, purpose: str) -> Column:
        """A whole number whose expectation is `value`: rounded up with the probability of its fraction."""
        return F.floor(value + self.uniform(purpose))
