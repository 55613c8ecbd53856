"""Random models in lavaan's syntax, and data from models of the same kind with other values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.model.structure import Structure

CONSTRAINTS = (
    *("u + v == 1.8", "u == 0.9*v", "u*v == 0.6", "u^2 + v^2 == 1.5", "u > v", "u < 0.5"),
    *("v > 0.2\nu == v - 0.1", "u > 0\nv < 3*u"),
)


def text(rng: np.random.Generator, free_syntax: bool = False, constrained: bool = False) -> str:
    """A random model: up to four factors, loadings of either sign, markers or variances fixed, predictors.

    `free_syntax` adds what users write beside that: observed outcomes, covariances of predictors, factors of
    one indicator, defined parameters; `constrained` ties two loadings of the first factor.
    """
    lines, items = [], 0
    factors = [f"f{number}" for number in range(rng.integers(1, 5))]
    for factor in factors:
        names = [f"y{items + place}" for place in range(rng.integers(3, 6))]
        items += len(names)
        lines += _measured(factor, names, rng)
    if len(factors) > 1 and rng.random() < 0.3:
        lines.append(f"{factors[0]} =~ y{items - 1}")
    predictors = [f"x{number}" for number in range(rng.integers(0, 3))]
    causes: dict[str, list[str]] = {}
    for place, factor in enumerate(factors):
        known = [*factors[:place], *predictors]
        causes[factor] = [name for name in known if rng.random() < 0.4]
    if free_syntax and rng.random() < 0.3:
        lines.append("s =~ z9")
        causes[factors[-1]].append("s")
    if free_syntax and rng.random() < 0.4:
        causes["z0"] = [factors[0], *predictors[:1]] if rng.random() < 0.5 else [*predictors[:1], factors[-1]]
    if free_syntax and causes[factors[-1]] and rng.random() < 0.4:
        causes[factors[-1]][0] = f"b*{causes[factors[-1]][0]}"
        lines.append("twice := 2*b + b^2")
    lines += [f"{name} ~ {' + '.join(of)}" for name, of in causes.items() if of]
    used = sorted({name for of in causes.values() for name in of if name in predictors})
    if free_syntax and len(used) == 2 and rng.random() < 0.5:
        lines.append(f"{used[0]} ~~ {rng.choice(['', '0*'])}{used[1]}")
    if constrained:
        place = next(place for place, line in enumerate(lines) if line.startswith("f0 =~"))
        *most, first, second = (term.rpartition("*") for term in lines[place].split(" + "))
        tied = [f"u*{first[2]}", f"v*{second[2]}"]
        lines[place] = " + ".join([*map("".join, most), *tied])
        lines.append(str(rng.choice(CONSTRAINTS)))
    return "\n".join(lines)


def _measured(factor: str, names: list[str], rng: np.random.Generator) -> list[str]:
    """How a factor is measured, and residuals that are correlated."""
    lines, terms = [], list(names)
    way = rng.integers(5)
    if way == 1:  # a marker at another value, of either sign
        terms[0] = f"{rng.choice([-2, -1, -0.5, 0.5, 3])}*{names[0]}"
    if way in (2, 3):  # the variance is fixed instead, or beside a fixed loading
        terms[0] = f"NA*{names[0]}"
        lines.append(f"{factor} ~~ {rng.choice([1, 2])}*{factor}")
    if way == 3:
        terms[1] = f"{rng.choice([-1, -0.5, 0.7])}*{names[1]}"
    if rng.random() < 0.2:
        terms[-1], terms[-2] = f"e{factor}*{names[-1]}", f"e{factor}*{names[-2]}"
    lines.append(f"{factor} =~ {' + '.join(terms)}")
    if rng.random() < 0.2:
        lines.append(f"{names[-1]} ~~ {names[-3]}")
    return lines


def data(structure: Structure, rng: np.random.Generator, cases: int) -> pd.DataFrame:
    """Cases of the model at random values and units; every third model lacks something of the truth."""
    x = structure.start() * rng.choice([-1, 1], structure.q) * rng.uniform(0.3, 1.3, structure.q)
    for parameter in structure.parameters:
        if parameter.free is None:
            continue
        if parameter.op == "~":
            x[parameter.free] = rng.uniform(-0.6, 0.6)
        elif parameter.op == "~~":
            own = parameter.lhs == parameter.rhs
            x[parameter.free] = rng.uniform(0.4, 1.5) if own else rng.uniform(-0.2, 0.2)
    true = structure.with_exogenous(np.eye(structure.p) * 0.8 + 0.2).sigma(x)
    if rng.integers(3) == 0:
        left_out = rng.normal(size=structure.p) * 0.5
        true = true + np.outer(left_out, left_out)
    true = true + max(0.0, 0.05 - np.linalg.eigvalsh(true)[0]) * np.eye(structure.p)
    one_scale = bool(structure.labels()) or rng.random() < 0.7  # what is equal has to have one unit
    unit = np.ones(structure.p) if one_scale else rng.choice([0.01, 1.0, 50.0], structure.p)
    values = rng.multivariate_normal(np.zeros(structure.p), true, cases) * unit
    return pd.DataFrame(values, columns=structure.observed)
