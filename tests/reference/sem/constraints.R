# Figures for tests/sem/ml/test_constrained.py: models with constraints, fitted by lavaan 0.6-14.
# Run in this folder: Rscript constraints.R
library(lavaan)
cases <- read.csv("constraints_models.csv")
data <- read.csv("twolevel.csv")
estimates <- measures <- NULL
for (i in seq_len(nrow(cases))) {
  text <- cases$model[i]
  fit <- sem(text, data)
  robust <- sem(text, data, se = "robust.huber.white", information = "observed")
  cluster <- sem(text, data, cluster = "cluster")
  key <- function(table) paste(table$lhs, table$op, table$rhs)
  own <- subset(parameterEstimates(fit), op %in% c("=~", "~", "~~", ":="))
  errors <- function(other) with(parameterEstimates(other), se[match(key(own), paste(lhs, op, rhs))])
  estimates <- rbind(estimates, data.frame(case = cases$case[i], own[, c("lhs", "op", "rhs", "est", "se")],
    robust = errors(robust), cluster = errors(cluster)))
  measures <- rbind(measures, data.frame(case = cases$case[i], as.list(fitMeasures(fit,
    c("chisq", "df", "npar", "pvalue", "cfi", "rmsea", "aic", "bic")))))
}
write.csv(estimates, "constraints_estimates.csv", row.names = FALSE)
write.csv(measures, "constraints_measures.csv", row.names = FALSE)
