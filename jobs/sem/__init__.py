"""Structural equation models: numpy and semopy, no Spark.

parsing       a model's text as data (semopy's parser, lavaan's rules)
structure     its matrices and how the parameters stand in them; Sigma and its derivatives
moments       complete cases of a group: means, covariances, weights
estimators    the settings, and the routes from a group's rows to estimates and errors
discrepancy   the fitting function of maximum likelihood, its gradient and Hessian
ml            maximum likelihood on moments, with the checks semopy's own fit lacks
climbing      the maximum of a likelihood from a good start
fiml*         missing values: likelihood by pattern, the model's fit, its measures
ordinal*      ordered items: margins, correlations, their uncertainty, least squares, measures
covariance    covariance of the estimates: expected, robust, cluster-robust
small_sample  bias-reduced cluster-robust errors and their degrees of freedom, for few clusters;
              cluster_information has what they need of a cluster
measures      chi-square, CFI, TLI, RMSEA, SRMR, likelihood
standardised  estimates in units of standard deviations, and their derivatives for errors
checks        what must hold of a group before a fit, and of the fit before it is read
diagnosis     after the fit: what a referee asks, with the errors of a standardised solution
saturated     the moments without a model beside the model's
residuals     residual correlations
modification  modification indices: which absent parameter would mend the fit
reliability   omega and average variance extracted of each factor
syntax        lavaan's text beyond semopy's parser: labels and values by group, equalities
defined*      defined parameters: arithmetic of labels, with its gradient (derived: those of a group)
layout        which parameters of several groups are one
joint*        several groups at once: likelihood, measures, few clusters (spanning: clusters across groups);
              joint_ordinal* least squares of ordered items
multigroup    one model fitted to several groups with equal parameters
hypotheses    tests of one model within another, and of hypotheses on parameters
invariance    do the groups' factors mean the same: configural, metric, scalar, strict
groups        many groups at once: estimates, measures, differences, a status each
sums          sums over clusters; totals fits a group from them, without its cases
batch         many covariance matrices of one model fitted at once
bootstrap     clusters drawn again: resampling draws, refits and fiml_refit fit, quantities and intervals tell
"""

from jobs.sem.estimators import FitSettings
from jobs.sem.groups import FitReport, fit_groups

__all__ = ["FitReport", "FitSettings", "fit_groups"]
