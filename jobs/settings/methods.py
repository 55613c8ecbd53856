"""How a run file says that its model is fitted, as the statistics take it."""

from __future__ import annotations

from jobs.sem.routes.method import Method
from jobs.settings.sections import FitSettings


def method(fit: FitSettings) -> Method:
    """What jobs.sem is asked by a run file's section `fit`."""
    return Method(
        estimator=fit.estimator,
        missing=fit.missing,
        ordered=fit.ordered,
        clusters=fit.clusters,
        weights="weight" if fit.weighted else None,
        confidence=fit.confidence,
        diagnosis=fit.diagnosis,
        jackknife=fit.jackknife,
        parameterization=fit.parameterization,
        working=fit.working,
    )
