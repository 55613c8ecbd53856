"""Ordered items and numbers: diagonally weighted least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.estimate import Estimate
from jobs.sem.model.structure import Structure
from jobs.sem.ordinal import fit as ordinal_fit
from jobs.sem.ordinal import measures as ordinal_measures
from jobs.sem.ordinal.moments import OrdinalMoments, ordinal_moments
from jobs.sem.routes.inference import Inference, answered, clustered, extended, primary
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance as cov


class LeastSquares:
    """Ordered items and numbers: polychoric correlations, diagonally weighted least squares."""

    statistics: OrdinalMoments

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        takes_incomplete = method.missing == "pairwise"
        self.sample, self.values = answered(data, structure, method, takes_incomplete)

    def fit(self) -> Estimate:
        structure = self.structure
        x = [structure.observed[place] for place in structure.exogenous]
        y = [name for name in structure.observed if name not in x]
        frame = pd.DataFrame(self.values, columns=structure.observed)
        self.statistics = ordinal_moments(frame, y, self.method.ordered, x, self.sample.weights)
        self.fitted = ordinal_fit.fit(structure, self.statistics, self.method.parameterization)
        self.structure = self.fitted.estimate.structure
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        influence = np.hstack([fitted.influence, fitted.above_influence])
        labels = [(label.op, label.lhs, label.rhs) for label in fitted.above]
        return Inference(
            *extended(self.structure, fitted.estimate.x, labels, fitted.above_value),
            influence=influence,
            covariances={
                "robust": cov.products(influence) * (sample.n / (sample.n - 1)),
                **clustered(influence, sample),
            },
            measures=ordinal_measures.measures(fitted, self.statistics, primary(sample, self.method)),
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        from jobs.sem.routes import diagnoses

        return diagnoses.of_ordered(self.fitted, self.statistics, self.sample, inference, self.method)
