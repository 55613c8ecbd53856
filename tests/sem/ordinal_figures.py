"""The survey with ordered items that lavaan's figures were recorded for, their models, and the figures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from jobs.sem.routes.method import Method

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
ITEMS = ("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")


def of_script(script: str, name: str) -> str:
    """The model of this name in the script that recorded the figures."""
    return (REFERENCE / f"{script}.R").read_text().split(f'{name} <- "')[1].split('"')[0]


@cache
def survey() -> pd.DataFrame:
    """The firms, of which `side` makes two groups."""
    frame = pd.read_csv(REFERENCE / "ordinal_survey.csv")
    return frame.assign(side=np.where(frame.region % 3 == 0, "east", "west"))


@cache
def recorded(name: str) -> pd.DataFrame:
    """The figures in a file of this name, without the blanks that R writes around texts."""
    table = pd.read_csv(REFERENCE / f"{name}.csv", skipinitialspace=True)
    text = table.select_dtypes(exclude="number").columns
    return table.assign(**{column: table[column].fillna("").str.strip() for column in text})


def dwls(model: str, **settings) -> Method:
    """How lavaan fitted the model: all items in it are ordered."""
    return Method(estimator="dwls", ordered=tuple(name for name in ITEMS if name in model), **settings)
