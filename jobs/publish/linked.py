"""Figures that are linked by what they add up: what else is withheld, so that none gives another away.

Firms are counted in atoms, the finest classes that the published figures tell apart. What a publication says
of a figure that it shows is that some weighted sums of the atoms lie between two ends: a count fixes one sum,
a share of three digits bounds two. A protected figure is safe where other numbers in the atoms, with this
figure apart from the truth by as much as is promised, give the same publication to the last digit: then
nobody can tell the two from each other, by linear or by integer programming, with all weights known.

For each protected figure a cheap change of that kind is searched, and the figures that it moves are withheld
(Kelly, Golden and Assad 1992, Networks 22; Fischetti and Salazar 2001, Management Science 47). Counts change
by whole firms, since shares and known weights together leave few whole numbers. At the end each further
figure is shown again where all protected ones stay safe without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]
Key = tuple[Any, ...]  # what a figure is known by
NODES = 10  # of the search tree of one change; a bound in time would make results depend on the machine
GAP = 0.05  # by which a change may be dearer than the cheapest
BESIDE = "would give another figure away"
SLACK = 1e-9  # of a sum: what is less is rounding


@dataclass(frozen=True)
class Figure:
    """A figure that may be published: `low` <= `sums` @ atoms <= `high` holds where it is shown.

    `sums` (k x atoms), `low` and `high` (k). `cost` is what withholding it loses, infinite for a figure that
    is known whatever is withheld.
    """

    key: Key
    sums: Array
    low: Array
    high: Array
    cost: float = 1.0

    @staticmethod
    def count(key: Key, members: Array, atoms: Array, cost: float = 1.0) -> Figure:
        """The sum of the atoms, each taken `members` times."""
        value = np.array([members @ atoms])
        return Figure(key, members[None, :], value, value, cost)

    @staticmethod
    def ratio(key: Key, part: Array, whole: Array, value: float, half: float, cost: float = 1.0) -> Figure:
        """The ratio of the sums `part` and `whole` that is shown as `value`, rounded by at most `half`."""
        scale = max(float(np.abs(whole).max(initial=0.0)), float(np.abs(part).max(initial=0.0)), 1e-300)
        sums = np.vstack([part - (value + half) * whole, part - (value - half) * whole]) / scale
        return Figure(key, sums, np.array([-np.inf, 0.0]), np.array([0.0, np.inf]), cost)


@dataclass(frozen=True)
class Protected:
    """What nobody may tell to within `width`: the sum `members` (atoms) of the figure `key`.

    `ways`: the directions in which it may lie apart from the truth, 1 up and -1 down; one of them is enough.
    `reason`: the rule that protects it.
    """

    key: Key
    members: Array
    width: float
    ways: tuple[int, ...] = (1, -1)
    reason: str = ""


class Safeguard(NamedTuple):
    """For the office: a withheld figure, the rule behind it, and how far from the truth it may as well lie.

    `promised` and `apart` are missing where the figure is withheld for the sake of others.
    """

    key: Key
    reason: str
    promised: float
    apart: float


@dataclass
class Linked:
    """The true `atoms`, how far each may change (`least`, `most`), and the figures made of them.

    `whole`: changes are whole numbers. `likely`: the atoms in which a change is searched first, as is faster,
    and that by no more than its width. `reasons`: rules for which figures are withheld that need no distance.
    `withheld`: keys of the figures that are not shown; `others`: for each protected sum a change of the atoms
    that the publication does not tell from the truth, by its place.
    """

    atoms: Array
    least: Array
    most: Array
    figures: Sequence[Figure]
    whole: bool = True
    likely: NDArray[np.bool_] | None = None
    reasons: dict[Key, str] = field(default_factory=dict)
    withheld: set[Key] = field(default_factory=set)
    others: dict[int, Array] = field(default_factory=dict)

    def protect(self, protected: Sequence[Protected]) -> None:
        """Withhold the protected figures and what gives them away."""
        own = {each.key for each in protected}
        before = set(self.reasons) | own
        self.withheld = set(before)
        for place, each in enumerate(protected):
            change = self._known(each)
            if change is None:
                change = self._cheapest(each)
            if change is None:  # everything may be withheld, so that only the bounds of the search end here
                self.withheld |= {figure.key for figure in self.figures if np.isfinite(figure.cost)}
                continue
            self.others[place] = change
            self.withheld |= self.moved(change)
        self._show_again(protected, before)

    def safeguards(self, protected: Sequence[Protected]) -> list[Safeguard]:
        """What is withheld and why: the `protected` figures, then the others."""
        moved = {place: protected[place].members @ change for place, change in self.others.items()}
        apart = {place: float(abs(distance)) for place, distance in moved.items()}
        first = [
            Safeguard(each.key, each.reason, each.width, apart.get(place, np.nan))
            for place, each in enumerate(protected)
        ]
        further = self.withheld - {each.key for each in protected}
        return first + [
            Safeguard(key, self.reasons.get(key, BESIDE), np.nan, np.nan) for key in sorted(further, key=str)
        ]

    def moved(self, change: Array) -> set[Key]:
        """The keys of the figures that would be published otherwise after a change of the atoms (atoms)."""
        after = self.atoms + change
        keys: set[Key] = set()
        for figure in self.figures:
            sums = figure.sums @ after
            slack = SLACK * (1 + np.abs(figure.sums) @ np.abs(after))
            if ((sums < figure.low - slack) | (sums > figure.high + slack)).any():
                keys.add(figure.key)
        return keys

    def _known(self, each: Protected) -> Array | None:
        """A change found for another figure that serves this one too."""
        for change in self.others.values():
            apart = each.members @ change
            if (
                any(way * apart >= each.width - SLACK for way in each.ways)
                and self.moved(change) <= self.withheld
            ):
                return change
        return None

    def _show_again(self, protected: Sequence[Protected], primary: set[Key]) -> None:
        """Show further figures again, the dearest first, where every protected one stays safe."""
        costs = {figure.key: figure.cost for figure in self.figures}
        for key in sorted(self.withheld - primary, key=lambda key: (-costs[key], str(key))):
            withheld, others = set(self.withheld), dict(self.others)
            self.withheld.discard(key)
            for place, each in enumerate(protected):
                if place in self.others and key not in self.moved(self.others[place]):
                    continue
                change = self._known_without(place, each) if place in self.others else None
                change = self._hidden(each) if change is None else change
                if change is None:
                    self.withheld, self.others = withheld, others
                    break
                self.others[place] = change

    def _known_without(self, place: int, each: Protected) -> Array | None:
        self.others.pop(place)
        return self._known(each)

    def _hidden(self, each: Protected) -> Array | None:
        """A change that moves withheld figures only; None where there is none."""
        change = self._solved(each, set(), (self.least, self.most))
        return change if change is not None and self.moved(change) <= self.withheld else None

    def _cheapest(self, each: Protected) -> Array | None:
        """The change that moves shown figures of the least cost, or nearly."""
        shown = {figure.key for figure in self.figures if np.isfinite(figure.cost)} - self.withheld
        if self.likely is not None:
            near = np.where(self.likely, each.width, 0.0)
            change = self._solved(each, shown, (np.maximum(self.least, -near), np.minimum(self.most, near)))
            if change is not None:
                return change
        return self._solved(each, shown, (self.least, self.most))

    def _solved(self, each: Protected, movable: set[Key], bounds: tuple[Array, Array]) -> Array | None:
        best: tuple[float, Array] | None = None
        for way in each.ways:
            solution = self._one_way(each, way, movable, bounds)
            if solution is not None and (best is None or solution[0] < best[0] - SLACK):
                best = solution
            if best is not None and not movable:
                break
        return None if best is None else best[1]

    def _one_way(
        self, each: Protected, way: int, movable: set[Key], bounds: tuple[Array, Array]
    ) -> tuple[float, Array] | None:
        """Cost and change (atoms), by an integer program; at most the figures `movable` and withheld move."""
        atoms, (least, most) = len(self.atoms), bounds
        shown = [figure for figure in self.figures if figure.key not in self.withheld]
        costs = {figure.key: figure.cost for figure in shown if figure.key in movable}
        places = {key: place for place, key in enumerate(costs)}
        sums = np.vstack([figure.sums for figure in shown] or [np.zeros((0, atoms))])
        now = sums @ self.atoms
        low = np.minimum(np.concatenate([[], *(figure.low for figure in shown)]) - now, 0.0)
        high = np.maximum(np.concatenate([[], *(figure.high for figure in shown)]) - now, 0.0)
        reach = np.abs(sums) @ np.maximum(-least, most)
        moves = np.zeros((len(sums), len(costs)))
        owners = [places.get(figure.key, -1) for figure in shown for _ in figure.low]
        for row, owner in enumerate(owners):
            if owner >= 0:
                moves[row, owner] = reach[row]
        target = np.concatenate([way * each.members, np.zeros(len(costs))])
        result = optimize.milp(
            np.concatenate([np.zeros(atoms), list(costs.values())]),
            integrality=np.concatenate([np.full(atoms, float(self.whole)), np.ones(len(costs))]),
            bounds=optimize.Bounds(
                np.concatenate([least, np.zeros(len(costs))]),
                np.concatenate([most, np.ones(len(costs))]),
            ),
            constraints=[
                optimize.LinearConstraint(target[None, :], each.width, np.inf),
                optimize.LinearConstraint(np.hstack([sums, -moves]), -np.inf, high),
                optimize.LinearConstraint(np.hstack([sums, moves]), low, np.inf),
            ],
            options={"node_limit": NODES, "mip_rel_gap": GAP},
        )
        if result.x is None:
            return None
        change = result.x[:atoms]
        return float(result.fun), np.round(change) if self.whole else change
