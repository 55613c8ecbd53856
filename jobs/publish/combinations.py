"""Sums of published sets of firms that leave few firms over, whatever their number: what pairs do not show.

A release that shows two cells, and another that shows their union less one firm, tell of this firm together.
By sketches (see transforms.sketches) such a combination is an exclusive or with few buckets. Combinations are
found as words of low weight in a linear code are: some buckets are drawn that the few firms may not have
fallen into; on these the combination vanishes, so that linear algebra over two elements finds it (Prange
1962, IRE Transactions on Information Theory 8). Small sets may vanish there as well; so what vanishes is
added up as long as that leaves fewer buckets. Draws are repeated until a combination is hardly missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

Sketches = NDArray[np.uint32]
MISSED = 1e-9  # the chance that no draw spares the buckets of few firms
FEWEST_DRAWN = 10  # buckets; with less of them most small sets vanish
SPARE = 40  # bits beyond the number of sets, so that no combination vanishes on the drawn buckets by chance
MOST_DRAWS = 1000  # of buckets; reached from some 1,100 different sets on, for a threshold of 10
SEED = 20260311


def small_combinations(sketches: Sketches, few: int) -> Iterator[tuple[list[int], int]]:
    """Sets whose exclusive or has some buckets, but fewer than `few`: their places, and the buckets left.

    `sketches`: sets x buckets. Of combinations that differ by what is zero everywhere only one is given.
    Nothing where the sets are so many that it would take more than MOST_DRAWS.
    """
    count, buckets = sketches.shape
    drawn = max(FEWEST_DRAWN, ceil((count + SPARE) / 32))
    seen: set[int] = set()
    random = np.random.default_rng(SEED)
    for _ in range(_draws(drawn, buckets, few)):
        chosen = np.sort(random.permutation(buckets)[:drawn])
        for members, left_over in _lightened(_vanishing(sketches[:, chosen]), sketches):
            if 0 < left_over < few and members not in seen:
                seen.add(members)
                yield _places(members), left_over


def _draws(drawn: int, buckets: int, few: int) -> int:
    """How many draws spare few - 1 buckets at least once, as good as surely; 0 for more than MOST_DRAWS."""
    if drawn + few > buckets:
        return 0
    places = np.arange(few - 1)
    spared = float(np.prod((buckets - drawn - places) / (buckets - places)))
    draws = 1 if spared == 1 else ceil(log(MISSED) / log(1 - spared))
    return draws if draws <= MOST_DRAWS else 0


def _vanishing(parts: Sketches) -> list[int]:
    """Sets of rows whose exclusive or is zero, as bits by place: a basis of all of them."""
    pivots: dict[int, tuple[int, int]] = {}  # by their highest bit: a row made of others, and which these are
    basis = []
    for place, part in enumerate(parts):
        left, members = int.from_bytes(part.tobytes(), "little"), 1 << place
        while left and left.bit_length() in pivots:
            value, others = pivots[left.bit_length()]
            left, members = left ^ value, members ^ others
        if left:
            pivots[left.bit_length()] = (left, members)
        else:
            basis.append(members)
    return basis


def _lightened(basis: list[int], sketches: Sketches) -> Iterator[tuple[int, int]]:
    """Each combination with others added as long as it loses buckets: its members, and the buckets left."""
    if not basis:
        return
    sums = np.stack([np.bitwise_xor.reduce(sketches[_places(members)]) for members in basis])
    for members, own in zip(basis, sums, strict=True):
        left_over = int(np.count_nonzero(own))
        while left_over:
            after = np.count_nonzero(sums ^ own, axis=1)
            after[after == 0] = left_over  # itself, and what has the same buckets
            best = int(after.argmin())
            if after[best] >= left_over:
                break
            members, own, left_over = members ^ basis[best], own ^ sums[best], int(after[best])
        yield members, left_over


def _places(members: int) -> list[int]:
    return [place for place in range(members.bit_length()) if members >> place & 1]


def fewest_apart(firms: list[int]) -> int:
    """The fewest firms that sums and differences of sets of so many firms may come to, each taken once."""
    totals = {0}
    for count in firms:
        totals = {abs(total + sign * count) for total in totals for sign in (1, -1)}
    return min(totals)
