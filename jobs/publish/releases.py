"""What earlier releases told of the same firms: a publication may not differ from one by a few of them.

Two releases whose sample ends at 199 and at 200 employees tell everything about the firms of 200. So each
release leaves a record of the sets of firms behind its figures, as sketches (see transforms.sketches), and
the next one is held against all of them: a set that differs from a set of an earlier release in fewer firms
than the threshold, but in some, would tell of these; so would sums of sets of several releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.errors import DisclosureStopped
from jobs.publish.combinations import fewest_apart, small_combinations
from jobs.publish.rules import PARTS, WITHHELD
from jobs.transforms.indicators import ALL as WHOLE
from jobs.transforms.origins import ALL
from jobs.transforms.sketches import BUCKETS

SLICE = ["country", "wave"]
SETS = [*SLICE, "table", "cell", "firms", "sketch"]
NOW = 0  # in the place of a release's number: this publication
Sketches = NDArray[np.uint32]


@dataclass(frozen=True)
class Release:
    """An earlier release: its number, the threshold it was made with, and its sets (columns SETS)."""

    number: int
    threshold: int
    sets: pd.DataFrame


@dataclass(frozen=True)
class Breach:
    """A set of firms that differs from one of an earlier release by too few."""

    release: int
    table: str
    country: str
    wave: str
    cell: str


def published_sets(rows: pd.DataFrame, shown: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The sets of firms behind the figures that are shown (columns SETS), sorted.

    `rows` as transforms.sketches gives them; `sketch` holds BUCKETS numbers of four bytes.
    """
    inner = _inner(rows)
    sets = [*_groups(inner, shown), *_origins(inner, shown), *_sectors(inner, shown)]
    frame = pd.DataFrame([each for each in sets if each["firms"]], columns=SETS)
    return frame.sort_values(SETS[:4]).reset_index(drop=True)


Inner = dict[tuple[str, ...], tuple[int, Sketches]]  # by country, wave, table, first, second


def _inner(rows: pd.DataFrame) -> Inner:
    inner: Inner = {}
    for key, part in rows.groupby([*SLICE, "table", "first", "second"]):
        sketch = np.zeros(BUCKETS, dtype=np.uint32)
        sketch[part.bucket.to_numpy(dtype=int)] = part.value.to_numpy(dtype=np.uint64).astype(np.uint32)
        inner[tuple(key)] = (int(part.firms.sum()), sketch)
    return inner


def _union(inner: Inner, keys: Iterable[tuple[str, ...]]) -> dict[str, object]:
    """Firms and sketch of the union of disjoint sets."""
    firms, sketch = 0, np.zeros(BUCKETS, dtype=np.uint32)
    for key in keys:
        count, own = inner.get(key, (0, None))
        if own is not None:
            firms, sketch = firms + count, sketch ^ own
    return {"firms": firms, "sketch": sketch.tobytes()}


def _groups(inner: Inner, shown: Mapping[str, pd.DataFrame]) -> Iterable[dict[str, object]]:
    status = shown["fit_status"]
    for row in status[status.status != WITHHELD].itertuples():
        key = (row.country, row.wave, "estimates", row.group, "")
        yield {**_named(row, "estimates", row.group), **_union(inner, [key])}


def _origins(inner: Inner, shown: Mapping[str, pd.DataFrame]) -> Iterable[dict[str, object]]:
    origins = shown["partner_origin"]
    sizes = {key: list(part.size_class.unique()) for key, part in origins.groupby(SLICE)}
    for row in origins[origins.status != WITHHELD].itertuples():
        own = sizes[row.country, row.wave] if row.size_class == ALL else [row.size_class]
        keys = [
            (row.country, row.wave, "partner_origin", size, part)
            for size in own
            for part in PARTS[row.origin]
        ]
        cell = f"{row.size_class} / {row.origin}"
        yield {**_named(row, "partner_origin", cell), **_union(inner, keys)}


def _sectors(inner: Inner, shown: Mapping[str, pd.DataFrame]) -> Iterable[dict[str, object]]:
    of_region: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for key in inner:
        if key[2] == "cluster_indicators":
            of_region.setdefault(key[:2] + key[3:4], []).append(key)
    cells = shown["cluster_indicators"]
    for row in cells[cells.commonality_within_status != WITHHELD].itertuples():
        one_sector = [(row.country, row.wave, "cluster_indicators", row.region, row.sector)]
        whole = of_region.get((row.country, row.wave, row.region), [])
        keys = whole if row.sector == WHOLE else one_sector
        cell = f"{row.region} / {row.sector}"
        yield {**_named(row, "cluster_indicators", cell), **_union(inner, keys)}


def _named(row: object, table: str, cell: str) -> dict[str, object]:
    return {"country": row.country, "wave": row.wave, "table": table, "cell": cell}  # type: ignore[attr-defined]


def breaches(sets: pd.DataFrame, earlier: Iterable[Release], threshold: int) -> list[Breach]:
    """The sets that differ from a set of an earlier release by some firms, fewer than the larger threshold.

    Each set is held against all sets of its table and slice, since classes and groups may be cut anew; where
    that tells of nobody, sums of sets of several releases are looked at.
    """
    close_sets: list[Breach] = []
    of_table: dict[tuple[str, ...], list[tuple[Release, pd.DataFrame]]] = {}
    for release in earlier:
        for key, of_release in release.sets.groupby([*SLICE, "table"]):
            of_table.setdefault(key, []).append((release, of_release))
    for key, now in sets.groupby([*SLICE, "table"]):
        country, wave, table = key
        before = of_table.get(key, [])
        close = _pairs(now, before, threshold) or _sums(now, before, threshold)
        close_sets += [Breach(number, table, country, wave, cell) for number, cell in close]
    return sorted(close_sets, key=lambda each: each.release)


Before = Sequence[tuple[Release, pd.DataFrame]]  # releases, and their sets of one table and slice


def _pairs(now: pd.DataFrame, before: Before, threshold: int) -> list[tuple[int, str]]:
    """The earlier release and the cell of each set that differs from one of that release by few firms."""
    return [
        (release.number, cell)
        for release, sets in before
        for cell in now.cell[_close(now, sets, max(threshold, release.threshold))]
    ]


def _sums(now: pd.DataFrame, before: Before, threshold: int) -> list[tuple[int, str]]:
    """As `_pairs`, of sums of sets that leave few firms; not of those that one release tells alone."""
    cells = dict(zip(now.sketch, now.cell, strict=True))
    firms = dict(zip(now.sketch, now.firms, strict=True))
    releases: dict[bytes, set[int]] = {sketch: {NOW} for sketch in cells}
    for release, sets in before:
        firms |= dict(zip(sets.sketch, sets.firms, strict=True))
        for sketch in sets.sketch:
            releases.setdefault(sketch, set()).add(release.number)
    new = {sketch for sketch, of in releases.items() if of == {NOW}}
    if not before or not new:
        return []
    thresholds = {release.number: release.threshold for release, _ in before} | {NOW: threshold}
    distinct = list(releases)
    sketches = np.frombuffer(b"".join(distinct), dtype=np.uint32).reshape(-1, BUCKETS)
    small: list[tuple[int, str]] = []
    for places, left_over in small_combinations(sketches, max(thresholds.values())):
        members = [distinct[place] for place in places]
        involved = set.union(*(releases[each] for each in members))
        if set.intersection(*(releases[each] for each in members)) or not new & set(members):
            continue
        # As of pairs: where numbers of firms lie further apart, some of them fell into one bucket.
        left_over = max(left_over, fewest_apart([firms[each] for each in members]))
        if left_over < max(thresholds[number] for number in involved):
            cell = min(cells[each] for each in members if each in new)
            small.append((max(involved - {NOW}), cell))
    return small


def _close(now: pd.DataFrame, before: pd.DataFrame, threshold: int) -> NDArray[np.bool_]:
    """Which sets of `now` differ from one of `before` by some firms, fewer than the threshold."""
    differing = (_sketches(now)[:, None, :] != _sketches(before)[None, :, :]).sum(axis=2)
    # Where the numbers of firms lie further apart, so many firms differ, whatever fell into one bucket.
    apart = np.abs(now.firms.to_numpy()[:, None] - before.firms.to_numpy()[None, :])
    close: NDArray[np.bool_] = ((differing > 0) & (differing < threshold) & (apart < threshold)).any(axis=1)
    return close


def _sketches(sets: pd.DataFrame) -> Sketches:
    return np.frombuffer(b"".join(sets.sketch), dtype=np.uint32).reshape(len(sets), BUCKETS)


def stop(close_sets: list[Breach]) -> None:
    """Raise DisclosureStopped where there is a breach."""
    if not close_sets:
        return
    first = close_sets[0]
    same = [each for each in close_sets if (each.release, each.table) == (first.release, first.table)]
    places = sorted({f"{each.country} {each.wave}" for each in same})
    raise DisclosureStopped(
        f"release {first.release} and this publication differ by few firms in {first.table} of "
        f"{', '.join(places[:3])} ({first.cell}), so that both together would tell of these; publish with "
        "the settings and files of that release, or take it out of the comparison with a reason (diamant "
        "releases --withdraw), as one that never left the office."
    )


def is_the_same(sets: pd.DataFrame, release: Release | None) -> bool:
    """Whether a publication tells of the same sets as a release."""
    return release is not None and sets.to_dict("list") == release.sets.to_dict("list")
