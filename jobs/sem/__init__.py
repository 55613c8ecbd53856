"""Structural equation models: numpy and semopy, no Spark.

structure     a model's text as matrices and parameters (semopy's parser, lavaan's rules)
moments       complete cases of a group: means, covariances, weights
estimators    the settings, and the routes from a group's rows to estimates and errors
ml            maximum likelihood on moments, with the checks semopy's own fit lacks
fiml*         missing values: likelihood by pattern, the model's fit, its measures
ordinal*      ordered items: margins, correlations, their uncertainty, least squares, measures
covariance    covariance of the estimates: expected, robust, cluster-robust
measures      chi-square, CFI, TLI, RMSEA, SRMR, likelihood
standardised  estimates in units of standard deviations
groups        many groups at once: estimates, measures, differences, a status each
"""

from jobs.sem.estimators import FitSettings
from jobs.sem.groups import FitReport, fit_groups

__all__ = ["FitReport", "FitSettings", "fit_groups"]
