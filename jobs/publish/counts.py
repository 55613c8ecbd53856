"""All counts of firms that leave for one country's wave, protected together.

Table 1, the waterfall and the firms behind each model count the same firms: a withheld size class follows
from the firms of Table 1 that a filter took, a step of the waterfall from its neighbours. Here they are one
system (see linked): the innermost cells of Table 1, each by the filter that took its firms or the group they
are in, and beside them the firms that Table 1 leaves out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.publish import turnover
from jobs.publish.linked import Array, Figure, Key, Linked, Protected, Safeguard
from jobs.publish.rules import (
    ALIKE,
    DOMINATED,
    FEW,
    HALF,
    PARTS,
    SHARE_DIGITS,
    dominated,
    extreme,
    too_few,
)
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.origins import ALL, EXCLUSIVE, ORIGINS

REACH = 3  # a change of an atom is searched up to this many times the threshold
# What it costs to withhold a figure, beside the number of firms in a cell of a size class at 1. The rows of
# all sizes are the study's result, the size classes stand beside them.
SHARE, STEP, LEFT, CASES_IN, CASES_MISSING = 0.7, 2.0, 2.0, 4.0, 1.0
ROW = 5.0  # times a figure of all sizes costs as much
SMALL = 1e-6  # a firm: of figures that cost the same the smaller one goes


@dataclass(frozen=True)
class Counted:
    """The counts of one country's wave.

    `cells`: Table 1 with a row for each origin of the size classes that have firms, as `whole_table` gives
    them; `crossed`: as transforms.partner_origin.in_the_sample; `steps`: rows of sample_waterfall; `groups`:
    rows of fit_status, with `shown` where the group's model is published.
    """

    cells: pd.DataFrame
    crossed: pd.DataFrame
    steps: pd.DataFrame
    groups: pd.DataFrame
    rules: DisclosureSettings

    def content(self) -> list[str]:
        """All that the answer depends on, as text."""
        frames = (self.cells, self.crossed, self.steps, self.groups)
        return [frame.to_json(double_precision=15) for frame in frames] + [self.rules.model_dump_json()]


@dataclass(frozen=True)
class Guarded:
    """The keys of the figures to withhold, and for the office what is behind each.

    Keys: ("firms" | "share" | "ratio", size class, origin), ("taken" | "left", step), (column of fit_status,
    group).
    """

    withheld: frozenset[Key]
    safeguards: tuple[Safeguard, ...]

    def written(self) -> str:
        """As JSON, from which `read` makes the same again."""
        keys = sorted(map(list, self.withheld), key=str)
        return json.dumps({"withheld": keys, "safeguards": self.safeguards}, default=int)

    @staticmethod
    def read(text: str) -> Guarded:
        content = json.loads(text)
        safeguards = [Safeguard(tuple(key), *others) for key, *others in content["safeguards"]]
        return Guarded(frozenset(map(tuple, content["withheld"])), tuple(safeguards))


def whole_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Table 1 with rows of no firms where a size class that has firms lacks an origin."""
    keys = ["country", "wave", "size_class"]
    grid = cells[keys].drop_duplicates().merge(pd.DataFrame({"origin": ORIGINS}), how="cross")
    out = grid.merge(cells, on=[*keys, "origin"], how="left", sort=False)
    known = _known_firms(out)
    zero = out.firms.isna()
    out["share"] = out.share.where(~(zero & (out.origin != "unknown") & (known > 0)), 0.0)
    for column in ("firms", "answered", "weight", "turnover", "innovative", "mass"):
        out[column] = out[column].fillna(0)
    for column in ("weights", "turnovers", "masses"):
        out[column] = [values if isinstance(values, list | np.ndarray) else [] for values in out[column]]
    return out.astype({"firms": int, "answered": int})


def _known_firms(cells: pd.DataFrame) -> pd.Series:
    """The firms of a known origin in the size class of each cell."""
    exclusive = cells.origin.isin(EXCLUSIVE[:3])
    firms = cells.firms.fillna(0).where(exclusive, 0)
    return firms.groupby([cells.country, cells.wave, cells.size_class]).transform("sum")


def guard(counted: Counted) -> Guarded:
    """What of one country's wave is withheld. Each protected count then is not known to the threshold."""
    system, protected = system_of(counted)
    system.protect(protected)
    ratios, of_ratios = turnover.guard(counted.cells, counted.rules)
    return Guarded(frozenset(system.withheld | ratios), (*system.safeguards(protected), *of_ratios))


class _Atoms:
    """Labels and firms of the atoms: (size class or None, origin or None, what became of them)."""

    def __init__(self, counted: Counted) -> None:
        self.labels: list[tuple[str | None, str | None, Key]] = []
        self.firms: list[float] = []
        inner = counted.cells[counted.cells.origin.isin(EXCLUSIVE) & (counted.cells.size_class != ALL)]
        fates = self._fates(counted)
        in_table: dict[Key, float] = {}
        for size, part in inner.groupby("size_class", sort=True):
            for fate in fates.get(str(size), {("outside",): {}}):
                of_fate = fates.get(str(size), {}).get(fate)
                for origin, firms in zip(part.origin, part.firms, strict=True):
                    count = firms if of_fate is None or fate == ("outside",) else of_fate.get(origin, 0)
                    self._add(str(size), origin, fate, float(count))
                    in_table[fate] = in_table.get(fate, 0.0) + count
        for step, taken in zip(counted.steps.step, counted.steps.rows_taken, strict=True):
            self._rest(("taken", step), taken - in_table.get(("taken", step), 0.0))
        for group, cases in zip(counted.groups.group, counted.groups.cases_in, strict=True):
            self._rest(("group", group), cases - in_table.get(("group", group), 0.0))
        in_groups = sum(
            firms for (_, _, fate), firms in zip(self.labels, self.firms, strict=True) if fate[0] == "group"
        )
        sample = counted.steps.rows_out.iloc[-1] if len(counted.steps) else 0
        self._rest(("group", None), sample - in_groups)
        for group, missing in zip(counted.groups.group, counted.groups.cases_missing, strict=True):
            self._add(None, None, ("missing", group), float(missing))

    def _fates(self, counted: Counted) -> dict[str, dict[Key, dict[str, int]]]:
        """What became of the firms of each size class: the step that took them or their group, by origin."""
        step_of = dict(zip(counted.steps["filter"], counted.steps.step, strict=True))
        fates: dict[str, dict[Key, dict[str, int]]] = {}
        for row in counted.crossed.itertuples():
            fate: Key = (
                ("group", row.group) if pd.isna(row.excluded_by) else ("taken", step_of[row.excluded_by])
            )
            fates.setdefault(row.size_class, {}).setdefault(fate, {})[row.origin] = row.firms
        return {size: dict(sorted(of.items(), key=str)) for size, of in fates.items()}

    def usual(self) -> NDArray[np.bool_]:
        """The atoms of the fate that most firms of their size class have."""
        of_fate: dict[tuple[str | None, Key], float] = {}
        for (size, _, fate), firms in zip(self.labels, self.firms, strict=True):
            of_fate[size, fate] = of_fate.get((size, fate), 0.0) + firms
        most: dict[str | None, Key] = {}
        for (size, fate), firms in of_fate.items():
            if size not in most or firms > of_fate[size, most[size]]:
                most[size] = fate
        return np.array([size is None or fate == most[size] for size, _, fate in self.labels], dtype=bool)

    def _rest(self, fate: Key, firms: float) -> None:
        if firms > 0:
            self._add(None, None, fate, float(firms))

    def _add(self, size: str | None, origin: str | None, fate: Key, firms: float) -> None:
        self.labels.append((size, origin, fate))
        self.firms.append(firms)


def system_of(counted: Counted) -> tuple[Linked, list[Protected]]:
    atoms = _Atoms(counted)
    firms = np.array(atoms.firms)
    weights = _weights(counted.cells, atoms)
    figures: list[Figure] = []
    protected: list[Protected] = []
    reasons: dict[Key, str] = {}
    rules = counted.rules
    for figure, each, hidden in _table(counted.cells, atoms, firms, weights, rules):
        figures += figure
        protected += each
        reasons |= hidden
    for key, members, cost in _other_counts(counted, atoms):
        figures.append(Figure.count(key, members, firms, cost))
        if too_few(members @ firms, rules) and np.isfinite(cost):
            protected.append(Protected(key, members, rules.threshold, _ways(members @ firms, rules), FEW))
    reach = REACH * rules.threshold
    least, most = -np.minimum(firms, reach), np.full(len(firms), float(reach))
    return Linked(firms, least, most, figures, likely=atoms.usual(), reasons=reasons), protected


def _ways(firms: float, rules: DisclosureSettings) -> tuple[int, ...]:
    """A count below the threshold can only be larger by it."""
    return (1,) if firms < rules.threshold else (1, -1)


def _weights(cells: pd.DataFrame, atoms: _Atoms) -> Array:
    """The mean weight of a firm in each atom (atoms): its cell's, or of an empty cell its size class's."""
    sums = {(row.size_class, row.origin): (row.weight, row.firms) for row in cells.itertuples()}
    weights = []
    for size, origin, _ in atoms.labels:
        weight, firms = sums.get((size, origin), (0.0, 0))
        if not firms:
            weight, firms = sums.get((size, ALL), (0.0, 0))
        weights.append(weight / firms if firms else 0.0)
    return np.array(weights)


def _table(
    cells: pd.DataFrame, atoms: _Atoms, firms: Array, weights: Array, rules: DisclosureSettings
) -> Iterator[tuple[list[Figure], list[Protected], dict[Key, str]]]:
    """Of each cell of Table 1 its figures, what of it is protected, and what is withheld from the start."""
    sizes = np.array([label[0] for label in atoms.labels], dtype=object)
    origins = np.array([label[1] for label in atoms.labels], dtype=object)
    inside = np.array([size is not None for size in sizes])
    known = {row.size_class: row for row in cells[cells.origin == ALL].itertuples()}
    known_firms = _known_firms(cells)
    for row, of_known in zip(cells.itertuples(), known_firms, strict=True):
        of_size = inside & ((row.size_class == ALL) | (sizes == row.size_class))
        members = (of_size & np.isin(origins, PARTS[row.origin])).astype(float)
        times = ROW if row.size_class == ALL else 1.0
        cost = times + SMALL * row.firms
        key: Key = ("firms", row.size_class, row.origin)
        figures = [Figure.count(key, members, firms, cost)]
        has_share = row.origin not in ("unknown", ALL) and of_known > 0
        alike = has_share and row.firms in (0, of_known)
        reason = ALIKE if alike else FEW if too_few(row.firms, rules) else ""
        protected, withheld = [], dict[Key, str]()
        if reason:
            protected = [Protected(key, members, rules.threshold, _ways(row.firms, rules), reason)]
        if has_share:
            share: Key = ("share", row.size_class, row.origin)
            whole = (of_size & (origins != "unknown")) * weights
            figures.append(
                Figure.ratio(
                    share, members * weights, whole, round(row.share, SHARE_DIGITS), HALF, times * SHARE
                )
            )
            base = known[row.size_class]
            if reason or extreme(row.share):
                withheld = {share: reason or ALIKE}
            elif dominated(float(whole @ firms), base.weights, rules):
                withheld = {share: DOMINATED}
        yield figures, protected, withheld


def _other_counts(counted: Counted, atoms: _Atoms) -> Iterator[tuple[Key, Array, float]]:
    """Key, atoms and cost of the counts of the waterfall and of the models' firms.

    The firms that a published model used are known whatever is withheld: its measures of fit tell them.
    """
    fates = [label[2] for label in atoms.labels]
    step_of = np.array([fate[1] if fate[0] == "taken" else np.inf for fate in fates], dtype=float)
    counts = np.array([fate[0] in ("taken", "group") for fate in fates])
    for step in counted.steps.step:
        if step:
            yield ("taken", step), (step_of == step).astype(float), STEP
        yield ("left", step), (counts & (step_of > step)).astype(float), LEFT
    for row in counted.groups.itertuples():
        of_group = np.array([fate == ("group", row.group) for fate in fates], dtype=float)
        missing = np.array([fate == ("missing", row.group) for fate in fates], dtype=float)
        yield ("cases_in", row.group), of_group, CASES_IN
        yield ("cases_missing", row.group), missing, CASES_MISSING
        yield ("cases_used", row.group), of_group - missing, np.inf if row.shown else CASES_IN
