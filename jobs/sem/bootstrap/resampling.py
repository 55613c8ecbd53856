"""Which clusters a bootstrap replicate draws, as a function of seed, group and replicate number alone.

A counter-based generator (Philox; Salmon, Moraes, Dror and Shaw 2011) is keyed by seed and group and counts
by replicate, so that a replicate is the same whichever executor draws it, and in which order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Stratum:
    """Groups that share clusters, and whose clusters are therefore drawn once for all of them.

    `places`: for each group, which of the stratum's `units` are its own, in the order of its labels.
    """

    groups: tuple[str, ...]
    units: int
    places: tuple[NDArray[np.intp], ...]

    def drawn(self, seed: int, start: int, stop: int) -> NDArray[np.intp]:
        """How often each unit is in each of the replicates start to stop ((stop - start) x units)."""
        key = hashlib.sha256("\0".join([str(seed), *self.groups]).encode()).digest()[:16]
        words = np.frombuffer(key, dtype="<u8").copy()
        counts = np.empty((stop - start, self.units), dtype=np.intp)
        for row, replicate in enumerate(range(start, stop)):
            random = np.random.Generator(np.random.Philox(key=words, counter=[0, 0, 0, replicate]))
            drawn = random.integers(0, self.units, self.units)
            counts[row] = np.bincount(drawn, minlength=self.units)
        return counts

    def left_out(self, start: int, stop: int) -> NDArray[np.intp]:
        """The jackknife: every unit once but one, that one being start to stop."""
        counts = np.ones((stop - start, self.units), dtype=np.intp)
        counts[np.arange(stop - start), np.arange(start, stop)] = 0
        return counts


def strata(labels: Mapping[str, Sequence[Any] | int]) -> list[Stratum]:
    """The strata of groups, each given with its clusters' labels, or its number of independent cases."""
    joined: list[tuple[list[str], set[Any]]] = []
    for group, own in labels.items():
        names, units = [group], {(group, case) for case in range(own)} if isinstance(own, int) else set(own)
        rest = []
        for other in joined:
            if other[1] & units:
                names, units = other[0] + names, other[1] | units
            else:
                rest.append(other)
        joined = [*rest, (names, units)]
    return [_stratum(names, units, labels) for names, units in joined]


def _stratum(names: list[str], units: set[Any], labels: Mapping[str, Sequence[Any] | int]) -> Stratum:
    place = {unit: number for number, unit in enumerate(sorted(units))}
    places = []
    for name in names:
        own = labels[name]
        mine = [(name, case) for case in range(own)] if isinstance(own, int) else own
        places.append(np.array([place[unit] for unit in mine], dtype=np.intp))
    return Stratum(tuple(names), len(units), tuple(places))
