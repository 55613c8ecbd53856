"""A group's defined parameters, as further values: their errors of every kind follow from the others'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.model.defined import Definition, define
from jobs.sem.model.structure import ModelError, Parameter, Structure
from jobs.sem.routes.inference import Inference, with_errors_of


def check_definitions(definitions: list[Definition], labels: Iterable[str]) -> None:
    """Refuse a definition of what is no label of a free parameter, or under the name of one (ModelError)."""
    known = list(labels)
    taken = [definition.name for definition in definitions if definition.name in known]
    if taken:
        raise ModelError(f"{taken[0]} is defined by := and is the label of a parameter; give it another name")
    define(definitions, dict.fromkeys(known, 0.0), dict.fromkeys(known, np.zeros(0)))


def with_defined(
    inference: Inference, diagnosis: Diagnosis | None, structure: Structure
) -> tuple[Inference, Diagnosis | None]:
    """The same with the model's defined parameters below, op ":=", their expression as rhs.

    Values and influence are extended by the gradient (delta method), and so is each covariance matrix.
    """
    definitions, labels = structure.definitions, structure.labels()
    if not definitions:
        return inference, diagnosis
    k = len(inference.values)
    unit = np.eye(k)
    values, gradient = define(
        definitions,
        {label: float(inference.values[free]) for label, free in labels.items()},
        {label: unit[free] for label, free in labels.items()},
    )
    over = np.vstack([unit, gradient])
    rows = {label: _row(inference, free) for label, free in labels.items()}
    standard = np.array(inference.std_all)
    # The standardised values are k' numbers of their own: the gradient is by them.
    std_unit = np.eye(len(standard))
    std, std_gradient = define(
        definitions,
        {label: float(standard[row]) for label, row in rows.items()},
        {label: std_unit[row] for label, row in rows.items()},
    )
    more = [
        Parameter(entry.name, ":=", entry.expression.text, entry.name, k + place, 0.0)
        for place, entry in enumerate(definitions)
    ]
    extended = replace(
        with_errors_of(inference, over),
        parameters=[*inference.parameters, *more],
        values=np.concatenate([inference.values, values]),
        std_all=[*inference.std_all, *map(float, std)],
    )
    if diagnosis is None:
        return extended, None
    jacobian = np.vstack([diagnosis.std_jacobian, std_gradient @ diagnosis.std_jacobian])
    return extended, replace(diagnosis, std_jacobian=np.pad(jacobian, ((0, 0), (0, len(definitions)))))


def _row(inference: Inference, free: int) -> int:
    """The first parameter that stands at a place of the values."""
    return next(row for row, parameter in enumerate(inference.parameters) if parameter.free == free)
