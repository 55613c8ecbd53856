"""What else is withheld, on tables small enough to work out by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.publish.linked import Figure, Linked, Protected

WIDTH = 10.0


def table(
    counts: list[list[int]], weights: list[float] | None = None
) -> tuple[Linked, dict[tuple, np.ndarray]]:
    """A table with its sums by row and column, and the share of each column where rows have `weights`."""
    firms = np.array(counts, dtype=float)
    rows, columns = firms.shape
    atoms = firms.ravel()
    members = {
        ("cell", r, c): np.eye(rows * columns)[r * columns + c] for r in range(rows) for c in range(columns)
    }
    members |= {("row", r): sum(members["cell", r, c] for c in range(columns)) for r in range(rows)}
    members |= {("column", c): sum(members["cell", r, c] for r in range(rows)) for c in range(columns)}
    cost = {"cell": 1.0, "row": 5.0, "column": 5.0}
    figures = [Figure.count(key, sums, atoms, cost[key[0]]) for key, sums in members.items()]
    if weights and firms.any():
        weight = np.repeat(weights, columns)
        for c in range(columns):
            part = members["column", c] * weight
            value = round(float(part @ atoms / (weight @ atoms)), 3)
            figures.append(Figure.ratio(("share", c), part, weight, value, 0.0005))
    reach = np.full(len(atoms), 3 * WIDTH)
    return Linked(atoms, -np.minimum(atoms, reach), reach, figures), members


def protect(system: Linked, members: dict[tuple, np.ndarray], *keys: tuple) -> None:
    system.protect([Protected(key, members[key], WIDTH) for key in keys])


def test_a_small_cell_is_hidden_by_a_rectangle():
    system, members = table([[4, 50, 60], [40, 50, 60], [70, 50, 80]])
    protect(system, members, ("cell", 0, 0))
    rows = {key[1] for key in system.withheld}
    columns = {key[2] for key in system.withheld}
    assert len(system.withheld) == 4 and {key[0] for key in system.withheld} == {"cell"}
    assert len(rows) == 2 and len(columns) == 2


def test_a_weighted_sum_gives_a_rectangle_away():
    """Rows of weights 1 and 4: of n in the first and 54 - n in the second row the weighted sum tells n."""
    system, members = table([[4, 50], [50, 60]], weights=[1.0, 4.0])
    protect(system, members, ("cell", 0, 0))
    assert {("share", 0), ("share", 1)} <= system.withheld
    alike, members = table([[4, 50], [50, 60]], weights=[1.0, 1.0])
    protect(alike, members, ("cell", 0, 0))
    assert not {key for key in alike.withheld if key[0] == "share"}


def test_a_sum_of_all_in_one_row_is_hidden_with_its_only_part():
    system, members = table([[4], [40]])
    protect(system, members, ("cell", 0, 0))
    assert ("row", 0) in system.withheld


def test_a_figure_that_is_known_anyway_is_never_withheld():
    atoms = np.array([4.0, 40.0])
    figures = [
        Figure.count(("a",), np.array([1.0, 0.0]), atoms),
        Figure.count(("b",), np.array([0.0, 1.0]), atoms),
        Figure.count(("all",), np.array([1.0, 1.0]), atoms, np.inf),
    ]
    system = Linked(atoms, -atoms, np.full(2, 30.0), figures)
    system.protect([Protected(("a",), np.array([1.0, 0.0]), WIDTH)])
    assert system.withheld == {("a",), ("b",)}


COUNTS = st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=3)


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.lists(st.sampled_from([1.0, 1.5, 4.0]), min_size=3, max_size=3))
def test_another_table_gives_the_same_publication(counts, weights):
    """The change is checked by adding up the changed table, not by the search."""
    system, members = table(counts, weights[: len(counts)])
    small = [key for key, sums in members.items() if 0 < sums @ system.atoms < WIDTH]
    protect(system, members, *small)
    for place, key in enumerate(small):
        other = system.atoms + system.others[place].atoms
        assert (other >= 0).all() and (other == other.round()).all()
        assert abs(members[key] @ other - members[key] @ system.atoms) >= WIDTH
        for name, sums in members.items():
            assert name in system.withheld or sums @ other == sums @ system.atoms
        weight = np.repeat(weights[: len(counts)], 3)
        for column in range(3 if system.atoms.any() else 0):
            part = members["column", column] * weight
            before, after = (part @ atoms / (weight @ atoms) for atoms in (system.atoms, other))
            assert ("share", column) in system.withheld or abs(after - round(before, 3)) <= 0.0005 + 1e-9


def test_withheld_figures_do_not_depend_on_the_order_of_atoms():
    system, members = table([[4, 50, 60], [40, 50, 60], [70, 50, 80]], weights=[4.0, 2.0, 1.0])
    protect(system, members, ("cell", 0, 0))
    again, members = table([[4, 50, 60], [40, 50, 60], [70, 50, 80]], weights=[4.0, 2.0, 1.0])
    protect(again, members, ("cell", 0, 0))
    assert system.withheld == again.withheld
