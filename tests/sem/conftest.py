"""Models and data that lavaan's diagnosis was recorded for (tests/reference/sem/diagnosis.R), fitted once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.groups.rows import FitReport
from jobs.sem.routes.method import Method

sys.path.insert(0, str(Path(__file__).parent))

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
DEMOCRACY = """
ind60 =~ x1 + x2 + x3
dem60 =~ y1 + y2 + y3 + y4
dem65 =~ y5 + y6 + y7 + y8
dem60 ~ ind60
dem65 ~ ind60 + dem60
y1 ~~ y5
y2 ~~ y4 + y6
y3 ~~ y7
y4 ~~ y8
y6 ~~ y8
"""
REGIONAL = "f =~ y1 + y2 + y3\nf ~ x1 + x2 + x3 + w1 + w2"
SURVEY = """
effort =~ e1 + e2 + e3 + e4 + e5
info =~ i1 + i2 + i3 + i4 + i5
result =~ r1 + r2 + r3 + r4 + r5
info ~ effort + size
effort ~ size + comm
result ~ effort + info + comp + comm
"""
STUDY = """
effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4
effort ~ size + comm
info ~ effort + size
result ~ effort + info + comp + comm
"""
MIXED = """
effort =~ spend + e1 + e2 + e3
result =~ r1 + r2 + share
effort ~ size + comm
result ~ effort + comp + comm
"""
FIML = Method(missing="fiml", diagnosis=True)
CLUSTERED = Method(estimator="mlr", missing="fiml", weights="weight", clusters=("cell",), diagnosis=True)
PLAIN = Method(diagnosis=True)


def ordered(*items: str) -> Method:
    return Method(estimator="dwls", ordered=items, diagnosis=True)


# case: model, data, settings
CASES = {
    "holzinger": (THREE, "holzinger_swineford", PLAIN),
    "uncorrelated": (THREE + "\nvisual ~~ 0*textual\nx1 ~~ x4", "holzinger_swineford", PLAIN),
    "crossed": (THREE + "\nvisual =~ x9\nx4 ~~ x5", "holzinger_swineford", PLAIN),
    "weighted": (THREE, "holzinger_swineford", Method(weights="w", diagnosis=True)),
    "democracy": (DEMOCRACY, "political_democracy", PLAIN),
    "twolevel": (REGIONAL, "twolevel", PLAIN),
    "clustered": (REGIONAL, "twolevel", Method(clusters=("cluster",), diagnosis=True)),
    "path": ("y1 ~ x1 + x2\ny2 ~ y1 + w1\ny3 ~ y1 + x3", "twolevel", PLAIN),
    "fiml": (THREE, "fiml_school", FIML),
    "mlr": (THREE, "fiml_school", Method(estimator="mlr", missing="fiml", diagnosis=True)),
    "survey": (SURVEY, "fiml_survey", FIML),
    "survey_clustered": (SURVEY, "fiml_survey", CLUSTERED),
    "study": (
        STUDY,
        "ordinal_survey",
        ordered("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4"),
    ),
    "items": (
        STUDY.split("effort ~ ")[0],
        "ordinal_survey",
        ordered("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4"),
    ),
    "mixed": (MIXED, "ordinal_survey", ordered("e1", "e2", "e3", "r1", "r2")),
}


def _case(name: str) -> tuple[str, pd.DataFrame, Method]:
    model, file, settings = CASES[name]
    frame = pd.read_csv(REFERENCE / f"{file}.csv")
    if settings.weights == "w":
        frame = frame.merge(pd.read_csv(REFERENCE / "holzinger_weights.csv"), on="id")
    return model, frame, settings


@cache
def _fitted(name: str) -> FitReport:
    model, frame, settings = _case(name)
    return fit_groups(model, frame, None, settings)


@pytest.fixture(scope="session")
def case_of() -> Callable[[str], tuple[str, pd.DataFrame, Method]]:
    """A case's model, data and settings."""
    return _case


@pytest.fixture(scope="session")
def diagnosed() -> Callable[[str], FitReport]:
    """The report of a case, with its diagnosis."""
    return _fitted


@pytest.fixture(scope="session")
def lavaan() -> Callable[[str, str], pd.DataFrame]:
    """What lavaan says of a case: a recorded table's rows, their names free of blanks."""

    def rows(table: str, case: str) -> pd.DataFrame:
        found = pd.read_csv(REFERENCE / f"diagnosis_{table}.csv", skipinitialspace=True)
        text = found.select_dtypes(exclude="number").columns
        found = found.assign(**{column: found[column].str.strip() for column in text})
        return found[found.case == case].drop(columns="case")

    return rows
