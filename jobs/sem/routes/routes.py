"""The ways to estimate a group, behind one face: the cases that count, the fit, and the inference from it.

A route is made from a model and a group's rows, then asked for `fit` and `inference`. Every route gives each
case's influence on the estimates; robust and cluster-robust covariances, also between groups, follow from it.
"""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from jobs.sem.cases.moments import Moments
from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.estimate import Estimate
from jobs.sem.model.structure import Structure
from jobs.sem.routes.inference import Inference
from jobs.sem.routes.method import Method


class Route(Protocol):
    """One way to estimate a group; `sample` says which cases count."""

    sample: Moments

    def fit(self) -> Estimate:
        """The estimate. Raises Trouble where the data allow none."""

    def inference(self) -> Inference:
        """Errors and measures of the fit; to be called after it."""

    def diagnosis(self, inference: Inference) -> Diagnosis:
        """What the model misses and how well its factors are measured; to be called after `inference`."""


def route(structure: Structure, data: pd.DataFrame, method: Method) -> Route:
    """The route that the settings ask for. Raises ValueError where a column can't be used."""
    # Each loads what it is made of, which for a small table takes as long as its fit.
    if method.estimator == "dwls":
        from jobs.sem.routes.least_squares import LeastSquares

        return LeastSquares(structure, data, method)
    if method.missing == "fiml" or method.estimator == "mlr":
        from jobs.sem.routes.full_information import FullInformation

        return FullInformation(structure, data, method)
    from jobs.sem.routes.maximum_likelihood import MaximumLikelihood

    return MaximumLikelihood(structure, data, method)
