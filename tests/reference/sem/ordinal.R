# Records lavaan's figures for ordered indicators (estimator = "WLSMV").
# Rscript ordinal.R, in this folder: writes ordinal_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
library(lavaan)
options(digits = 15, warn = 1)

# A survey in the study's shape: items of 0-3, 1-5 and yes/no, predictors of a region and of a firm.
set.seed(1997)
n <- 1200
region <- sample(1:12, n, TRUE)
sector <- sample(1:19, n, TRUE)
cell <- region * 100 + sector
comp <- rnorm(12)[region] + rnorm(2000, sd = .3)[cell]
comm <- rnorm(12)[region] + rnorm(2000, sd = .3)[cell]
size <- rnorm(n)
effort <- .3 * size + .2 * comm + .2 * rnorm(2000)[cell] + rnorm(n)
info <- .3 * effort + .2 * size + rnorm(n)
result <- .5 * effort + .25 * info + .15 * comm + rnorm(n)
item <- function(f, loading, cuts) findInterval(loading * f + rnorm(n, sd = .8), cuts)
survey <- data.frame(region, cell, weight = round(exp(rnorm(n, sd = .5)), 3), size, comp, comm,
  e1 = item(effort, 1, c(-1, 0, 1)), e2 = item(effort, .8, c(-.5, .5, 1.5)), e3 = item(effort, .9, c(0)),
  i1 = item(info, 1, c(-1.5, -.5, .5, 1.5)), i2 = item(info, .8, c(-1, 0, 1)), i3 = item(info, .9, c(-.2, .8, 1.4)),
  r1 = item(result, 1, c(-1, 0, .7, 2)), r2 = item(result, .8, c(-.7, .2, 1)), r3 = item(result, .9, c(-1, .5)),
  r4 = item(result, .6, c(.3)), share = result + rnorm(n), spend = 10 + 4 * effort + rnorm(n, sd = 3))
survey[, c("size", "comp", "comm", "share", "spend")] <- round(survey[, c("size", "comp", "comm", "share", "spend")], 5)
for (column in c("e1", "i2", "r3", "share")) survey[runif(n) < .03, column] <- NA
write.csv(survey, "ordinal_survey.csv", row.names = FALSE, na = "")

three <- "
effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4
"
mixed <- "
effort =~ e1 + e2 + e3 + spend
result =~ share + r1 + r2 + r3
"
study <- "
effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4
effort ~ size + comm
info ~ effort + size
result ~ effort + info + comp + comm
"
study_mixed <- "
effort =~ spend + e1 + e2 + e3
result =~ r1 + r2 + share
effort ~ size + comm
result ~ effort + comp + comm
"
path <- "
r1 ~ size + comm + spend
e1 ~ size + comp
share ~ e1 + r1 + size
"
items <- c("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")
run <- function(model, ordered = items, ...) {
  sem(model, survey, ordered = ordered, estimator = "WLSMV", ...)
}
fits <- list(
  three = run(three),
  three_weights = run(three, sampling.weights = "weight"),
  mixed = run(mixed),
  mixed_weights = run(mixed, sampling.weights = "weight"),
  study = run(study),
  study_weights = run(study, sampling.weights = "weight"),
  study_mixed = run(study_mixed),
  study_mixed_weights = run(study_mixed, sampling.weights = "weight"),
  path = run(path, ordered = c("e1", "r1")),
  pairwise = run(study_mixed, missing = "pairwise")
)
estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]], standardized = TRUE)
  data.frame(case = name, table[, c("lhs", "op", "rhs", "est", "se", "z", "pvalue", "std.all")])
}))
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  data.frame(case = name, measure = names(found), value = as.numeric(found))
}))
statistics <- do.call(rbind, lapply(names(fits), function(name) {
  fit <- fits[[name]]
  value <- fit@SampleStats@WLS.obs[[1]]
  gamma <- fit@SampleStats@NACOV[[1]]
  data.frame(case = name, place = seq_along(value), value, gamma = diag(gamma), gamma_first = gamma[, 1], gamma_last = gamma[, ncol(gamma)])
}))
write.csv(format(estimates, digits = 12), "ordinal_estimates.csv", row.names = FALSE, quote = FALSE)
write.csv(format(measures, digits = 12), "ordinal_measures.csv", row.names = FALSE, quote = FALSE)
write.csv(format(statistics, digits = 12), "ordinal_statistics.csv", row.names = FALSE, quote = FALSE)
for (name in names(fits)) cat(name, fits[[name]]@timing$total, "\n")
