"""Structural equation models: numpy and scipy, no Spark. Start at `groups.fit.fit_groups`.

model            a model's text as data, its matrices, how its parameters stand in them, lavaan's rules
cases            the rows of a group as what a fit needs: means, covariances, weights, patterns, sums
ml               maximum likelihood on means and covariances, its measures of fit
fiml             maximum likelihood with missing values, its measures of fit
ordinal          ordered items: thresholds, polychoric correlations, least squares, measures of fit
standard_errors  covariance of the estimates: expected, robust, by clusters, for few clusters
routes           how a model is fitted (`method`), and the way from rows to estimates and errors
groups           a model in each of many groups: tables of estimates, measures, differences, status
joint            one model in several groups at once with equal parameters; hypotheses, invariance
diagnosis        after the fit: residuals, modification indices, reliability, what a referee asks
bootstrap        clusters drawn again, fitted again, and the intervals that follow

checks           what must hold of a group before a fit, and of the fit before it is read
estimate         a solution and how trustworthy it is
trouble          what can be wrong with a model or a group, in words
vech, arrays     symmetric matrices as vectors; types
"""
