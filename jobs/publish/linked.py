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

from jobs.output.silence import silenced

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


class Change(NamedTuple):
    """Other numbers in the atoms: how far they are from the true ones (atoms), and the figures that tell."""

    atoms: Array
    moves: frozenset[Key]


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
    others: dict[int, Change] = field(default_factory=dict)

    def __post_init__(self) -> None:
        none = np.zeros((0, len(self.atoms)))
        self._sums = np.vstack([none, *(figure.sums for figure in self.figures)])
        self._low = np.concatenate([[], *(figure.low for figure in self.figures)])
        self._high = np.concatenate([[], *(figure.high for figure in self.figures)])
        self._sizes = np.abs(self._sums)
        self._owners = [figure.key for figure in self.figures for _ in figure.low]
        self._changes: list[Change] = []  # all that were found, each of which may serve other figures too

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
            self.withheld |= change.moves
        self._show_again(protected, before)

    def safeguards(self, protected: Sequence[Protected]) -> list[Safeguard]:
        """What is withheld and why: the `protected` figures, then the others."""
        moved = {place: protected[place].members @ change.atoms for place, change in self.others.items()}
        apart = {place: float(abs(distance)) for place, distance in moved.items()}
        first = [
            Safeguard(each.key, each.reason, each.width, apart.get(place, np.nan))
            for place, each in enumerate(protected)
        ]
        further = self.withheld - {each.key for each in protected}
        return first + [
            Safeguard(key, self.reasons.get(key, BESIDE), np.nan, np.nan) for key in sorted(further, key=str)
        ]

    def moved(self, change: Array) -> frozenset[Key]:
        """The keys of the figures that would be published otherwise after a change of the atoms (atoms)."""
        after = self.atoms + change
        sums, slack = self._sums @ after, SLACK * (1 + self._sizes @ np.abs(after))
        tell = (sums < self._low - slack) | (sums > self._high + slack)
        return frozenset(self._owners[row] for row in np.flatnonzero(tell))

    def _known(self, each: Protected) -> Change | None:
        """The last change found for any figure that serves this one too."""
        for change in reversed(self._changes):
            if change.moves <= self.withheld:
                apart = each.members @ change.atoms
                if any(way * apart >= each.width - SLACK for way in each.ways):
                    return change
        return None

    def _show_again(self, protected: Sequence[Protected], primary: set[Key]) -> None:
        """Show further figures again, the dearest first, where every protected one stays safe."""
        costs = {figure.key: figure.cost for figure in self.figures}
        # Those that others gave away last are asked first: they will most likely say no again.
        order = list(range(len(protected)))
        for key in sorted(self.withheld - primary, key=lambda key: (-costs[key], str(key))):
            withheld, others = set(self.withheld), dict(self.others)
            self.withheld.discard(key)
            for place in order:
                if place in self.others and key not in self.others[place].moves:
                    continue
                change = self._known(protected[place])
                change = self._hidden(protected[place]) if change is None else change
                if change is None:
                    self.withheld, self.others = withheld, others
                    order.insert(0, order.pop(order.index(place)))
                    break
                self.others[place] = change

    def _hidden(self, each: Protected) -> Change | None:
        """A change that moves withheld figures only; None where there is none."""
        change = self._solved(each, set(), (self.least, self.most))
        return change if change is not None and change.moves <= self.withheld else None

    def _cheapest(self, each: Protected) -> Change | None:
        """The change that moves shown figures of the least cost, or nearly."""
        shown = {figure.key for figure in self.figures if np.isfinite(figure.cost)} - self.withheld
        if self.likely is not None:
            near = np.where(self.likely, each.width, 0.0)
            change = self._solved(each, shown, (np.maximum(self.least, -near), np.minimum(self.most, near)))
            if change is not None:
                return change
        return self._solved(each, shown, (self.least, self.most))

    def _solved(self, each: Protected, movable: set[Key], bounds: tuple[Array, Array]) -> Change | None:
        best: tuple[float, Array] | None = None
        for way in each.ways:
            solution = self._one_way(each, way, movable, bounds)
            if solution is not None and (best is None or solution[0] < best[0] - SLACK):
                best = solution
            if best is not None and not movable:
                break
        if best is None:
            return None
        change = Change(best[1], self.moved(best[1]))
        self._changes.append(change)
        return change

    def _one_way(
        self, each: Protected, way: int, movable: set[Key], bounds: tuple[Array, Array]
    ) -> tuple[float, Array] | None:
        """Cost and change (atoms), by an integer program; only the figures `movable`, which are shown, and
        withheld ones move.
        """
        atoms, (least, most) = len(self.atoms), bounds
        costs = {figure.key: figure.cost for figure in self.figures if figure.key in movable}
        places = {key: place for place, key in enumerate(costs)}
        shown = np.array([key not in self.withheld for key in self._owners], dtype=bool)
        sums = self._sums[shown]
        now = sums @ self.atoms
        low, high = np.minimum(self._low[shown] - now, 0.0), np.maximum(self._high[shown] - now, 0.0)
        reach = self._sizes[shown] @ np.maximum(-least, most)
        moves = np.zeros((len(sums), len(costs)))
        for row, owner in enumerate(np.flatnonzero(shown)):
            if self._owners[owner] in places:
                moves[row, places[self._owners[owner]]] = reach[row]
        target = np.concatenate([way * each.members, np.zeros(len(costs))])
        result = integer_program(
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
        change = np.round(result.x[:atoms]) if self.whole else result.x[:atoms]
        if way * (each.members @ change) < each.width - SLACK * (1 + each.width):
            return None  # rounding took it back
        return float(result.fun), change


def integer_program(cost: Array, **given: Any) -> optimize.OptimizeResult:
    """SciPy's integer program by HiGHS, which prints a line now and then even if told to be silent."""
    with silenced(1):
        return optimize.milp(cost, **given)
