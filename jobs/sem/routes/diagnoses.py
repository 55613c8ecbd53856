"""The diagnosis of a fit by each of the routes; loaded where it is asked for."""

from __future__ import annotations

from jobs.sem.cases.moments import Moments
from jobs.sem.diagnosis import saturated
from jobs.sem.diagnosis.modification import modification_indices, ordinal_modification_indices
from jobs.sem.diagnosis.reliability import reliability
from jobs.sem.diagnosis.residuals import ordinal_residuals, residuals
from jobs.sem.diagnosis.solution import Diagnosis
from jobs.sem.estimate import Estimate
from jobs.sem.fiml.fit import FimlFit
from jobs.sem.ordinal.fit import OrdinalFit
from jobs.sem.ordinal.moments import OrdinalMoments
from jobs.sem.routes.inference import Inference, primary
from jobs.sem.routes.method import Method
from jobs.sem.standard_errors.standardised import jacobian


def of_complete(estimate: Estimate, sample: Moments, inference: Inference, method: Method) -> Diagnosis:
    """Of a fit to complete cases."""
    return _of_moments(saturated.complete(estimate, sample), sample, inference, method)


def of_incomplete(fitted: FimlFit, sample: Moments, inference: Inference, method: Method) -> Diagnosis:
    """Of a fit by full information."""
    return _of_moments(saturated.incomplete(fitted, sample), sample, inference, method)


def of_ordered(
    fitted: OrdinalFit,
    statistics: OrdinalMoments,
    sample: Moments,
    inference: Inference,
    method: Method,
) -> Diagnosis:
    """Of a fit by least squares."""
    structure, x, model = fitted.estimate.structure, fitted.estimate.x, fitted.model
    codes = primary(sample, method)
    return Diagnosis(
        residuals=ordinal_residuals(fitted, statistics, codes),
        modification_indices=ordinal_modification_indices(fitted, statistics, codes),
        reliability=reliability(structure, x, method.ordered, model.sizes(x)),
        std_jacobian=jacobian(structure, inference.parameters, inference.values, model.complete),
    )


def _of_moments(
    free: saturated.Saturated, sample: Moments, inference: Inference, method: Method
) -> Diagnosis:
    structure, x = free.estimate.structure, free.estimate.x
    codes = primary(sample, method)
    robust = codes is not None or method.weights is not None or method.estimator == "mlr"
    return Diagnosis(
        residuals=residuals(free, robust, codes),
        modification_indices=modification_indices(free, codes),
        reliability=reliability(structure, x),
        std_jacobian=jacobian(structure, inference.parameters, inference.values),
    )
