"""Incomplete cases, or complete ones with robust errors: normal likelihood of what each case answered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.estimate import Estimate
from jobs.sem.fiml import fit as fiml_fit
from jobs.sem.fiml import measures as fiml_measures
from jobs.sem.model.structure import Structure
from jobs.sem.routes.inference import (
    Inference,
    answered,
    clustered,
    extended,
    of_few_clusters,
    primary,
    reduced,
)
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors import covariance as cov
from jobs.sem.standard_errors.cluster_information import endogenous


class FullInformation:
    """Normal likelihood of what each case answered, with intercepts; also MLR on complete cases."""

    def __init__(self, structure: Structure, data: pd.DataFrame, method: Method) -> None:
        self.structure, self.method = structure, method
        takes_incomplete = method.missing == "fiml"
        self.sample, self.data = answered(data, structure, method, takes_incomplete)

    def fit(self) -> Estimate:
        self.fitted = fiml_fit.fit(self.structure, self.sample, self.data)
        self.structure = self.fitted.estimate.structure
        return self.fitted.estimate

    def inference(self) -> Inference:
        fitted, sample = self.fitted, self.sample
        names, intercepts, jacobian = fiml_fit.intercepts(fitted)
        hessian = cov.inverse(sample.n * fitted.hessian)
        influence = fitted.scores @ hessian @ jacobian.T
        labels = [("~1", name, "") for name in names]
        cluster = self.method.clusters[0] if primary(sample, self.method) is not None else None
        # The exogenous variables are given: of the means those of the others are parameters.
        k = len(fitted.estimate.information)
        chosen = [*range(k), *(k + y for y in endogenous(fitted.estimate))]
        given_x = cov.inverse(sample.n * fitted.hessian[np.ix_(chosen, chosen)])
        small_sample = of_few_clusters(
            fitted.estimate,
            sample,
            self.data - fitted.mean,
            fitted.scores[:, chosen],
            jacobian[:, chosen] @ given_x,
            self.method,
        )
        return Inference(
            *extended(self.structure, fitted.estimate.x, labels, intercepts),
            influence=influence,
            covariances={
                "observed": jacobian @ hessian @ jacobian.T,
                "robust": cov.products(influence),
                **clustered(influence, sample),
                **reduced(small_sample),
            },
            measures=fiml_measures.measures(fitted, sample, cluster, self.method.scaled),
            small_sample=small_sample,
        )

    def diagnosis(self, inference: Inference) -> Diagnosis:
        from jobs.sem.routes import diagnoses

        return diagnoses.of_incomplete(self.fitted, self.sample, inference, self.method)
