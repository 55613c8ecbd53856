"""Where to start under constraints: solutions that fit alike but for a factor's sign.

A factor whose variance is fixed may be turned: its loadings, paths, covariances and mean change their sign,
and the model implies the same. Constraints tell the two apart, so that the search has to know both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.model.constraints import labels_within
from jobs.sem.model.layout import Layout
from jobs.sem.model.structure import Parameter, Structure

MOST = 3  # factors that are turned: each doubles the starts
Placed = tuple[Parameter, int | None]  # and where it stands among the free ones


def of_structure(structure: Structure, z: Matrix) -> list[Matrix]:
    """`z` (q, the free parameters) and its mirror images, by the factors whose parameters are tied."""
    placed = [(parameter, parameter.free) for parameter in structure.parameters]
    return _images(z, placed, structure.latent, _tied(structure, structure.labels()))


def of_layout(layout: Layout, z: Matrix) -> list[Matrix]:
    """The same of several groups, `z` (k): a factor is turned in all of them."""
    placed = [
        (parameter, None if parameter.free is None else int(group.place[parameter.free]))
        for group in layout.groups
        for parameter in group.parameters
    ]
    return _images(z, placed, layout.groups[0].structure.latent, _tied(layout, layout.labels))


def _tied(model: Structure | Layout, labels: dict[str, int]) -> set[int]:
    """Places of the parameters that constraints tie."""
    return {
        labels[name]
        for constraint in model.constraints
        for name in labels_within(constraint, model.definitions)
        if name in labels
    }


def _images(z: Matrix, placed: list[Placed], latent: Sequence[str], tied: set[int]) -> list[Matrix]:
    turns = []
    for factor in latent:
        own = [(entry, at) for entry, at in placed if (entry.lhs == factor) != (entry.rhs == factor)]
        fixed = any(at is None and entry.value for entry, at in own)
        places = {at for _, at in own if at is not None and 0 <= at < len(z)}
        if places & tied and not fixed:
            turns.append(sorted(places))
    return [_turned(z, some) for some in product(*([None, turn] for turn in turns[:MOST]))]


def _turned(z: Matrix, turns: Iterable[list[int] | None]) -> Matrix:
    image = z.copy()
    for places in turns:
        if places is not None:
            image[places] *= -1
    return np.asarray(image)
