"""A simulated survey like the study's, for both programs: 619 firms, 18 observed variables, 66 parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FIRMS, CELLS, MISSING = 619, 100, 0.04
FACTORS = {"effort": 3, "info": 3, "result": 3, "barrier": 3, "network": 2}
ITEMS = [f"{factor[0]}{number}" for factor, count in FACTORS.items() for number in range(1, count + 1)]
PREDICTORS = ["size", "comp", "comm", "age"]
FILES = ("complete", "incomplete", "ordered")
CUTS = (-0.8, 0.2, 1.0)


def model() -> str:
    """lavaan syntax: five factors, four predictors, a chain of paths, some residual covariances."""
    lines = [
        f"{factor} =~ " + " + ".join(item for item in ITEMS if item[0] == factor[0]) for factor in FACTORS
    ]
    lines += [
        "effort ~ size + comp + comm + age",
        "barrier ~ size + age + comp + comm",
        "network ~ size + comp + comm + age",
        "info ~ effort + network + size + comm",
        "result ~ effort + info + barrier + network + size + comp + comm + age",
        "effort ~~ barrier + network",
        "barrier ~~ network",
        "e1 ~~ i1",
        "e2 ~~ i2",
        "e3 ~~ r1",
        "i3 ~~ r3",
        "b1 ~~ e1",
        "b2 ~~ i1",
        "b3 ~~ r2",
        "n1 ~~ e2",
        "n2 ~~ i2",
        "r1 ~~ i3",
        "b2 ~~ e3",
    ]
    return "\n".join(lines)


def simulated(seed: int = 1996) -> pd.DataFrame:
    """Firms within cells of region and sector; comp and comm are the cell's, which shifts all answers."""
    random = np.random.default_rng(seed)
    cell = np.sort(random.integers(0, CELLS, FIRMS))
    frame = pd.DataFrame({"cell": cell, "weight": random.uniform(0.5, 3.0, FIRMS).round(3)})
    for name in ("comp", "comm"):
        frame[name] = random.normal(size=CELLS)[cell]
    for name in ("size", "age"):
        frame[name] = random.normal(size=FIRMS)
    shared = random.normal(scale=0.3, size=(CELLS, 5))[cell]
    noise = shared + random.normal(scale=0.8, size=(FIRMS, 5))
    scores = {"effort": 0.3 * frame["size"] + 0.1 * frame.comm + noise[:, 0]}
    scores["barrier"] = 0.2 * frame["size"] - 0.2 * frame.age + noise[:, 1]
    scores["network"] = 0.2 * frame.comp + 0.2 * frame["size"] + noise[:, 2]
    scores["info"] = 0.3 * scores["effort"] + 0.2 * scores["network"] + noise[:, 3]
    scores["result"] = 0.5 * scores["effort"] + 0.2 * scores["info"] + 0.2 * frame.comm + noise[:, 4]
    for item in ITEMS:
        factor = next(name for name in FACTORS if name[0] == item[0])
        frame[item] = 0.8 * scores[factor] + random.normal(scale=0.6, size=FIRMS)
    return frame


def incomplete(frame: pd.DataFrame, seed: int = 1997) -> pd.DataFrame:
    """The same with answers missing at random, alone and together."""
    holes = np.random.default_rng(seed).random((len(frame), len(ITEMS))) < MISSING
    return frame.assign(**frame[ITEMS].mask(holes).to_dict("series"))


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The first ten items as four ordered categories."""
    return frame.assign(**{item: np.digitize(frame[item], CUTS) for item in ITEMS[:10]})


def write(folder: Path) -> None:
    """The data and the model as files that both programs read."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = simulated()
    for name, frame in zip(FILES, (whole, incomplete(whole), ordered(whole)), strict=True):
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "model.txt").write_text(model())
