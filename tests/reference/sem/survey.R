# A survey in the study's shape with everything at once, and lavaan's figures for it: firms of regions and
# cells, weights, ordered sources of information (0-3), missing answers.
# Rscript survey.R, in this folder: writes survey.csv, survey_estimates.csv and survey_measures.csv.
# lavaan 0.6-14 (Debian r-cran-lavaan).
library(lavaan)
options(digits = 15, warn = 1)
set.seed(1996)
n <- 800
region <- sample(1:12, n, TRUE, prob = 1:12)
sector <- sample(1:9, n, TRUE)
cell <- region * 100 + sector
complementarity <- round(plogis(rnorm(12)[region] + rnorm(1300, sd = .4)[cell]), 5)
commonality <- round(plogis(rnorm(12)[region] + rnorm(1300, sd = .4)[cell]), 5)
size <- round(rnorm(n, 3.9, .7), 4)
shared <- rnorm(1300)[cell]
effort <- .4 * (size - 3.9) + 1.5 * (commonality - .5) + .3 * shared + rnorm(n)
info <- .3 * effort + .2 * (size - 3.9) + .2 * shared + rnorm(n)
results <- .5 * effort + .25 * info + 1.2 * (commonality - .5) + .2 * shared + rnorm(n, sd = .8)
source <- function(loading, cuts) findInterval(loading * info + rnorm(n, sd = .8), cuts)
survey <- data.frame(
  region, cell, weight = round(exp(rnorm(n, sd = .5) - .2 * (size - 3.9)), 3), size, complementarity, commonality,
  rd = round(1 + effort + rnorm(n, sd = .7), 4), outlay = round(2 + .8 * effort + rnorm(n, sd = .8), 4),
  people = round(.9 * effort + rnorm(n, sd = .6), 4),
  clients = source(1, c(-1.2, -.2, .8)), suppliers = source(.8, c(-.9, .1, 1)), rivals = source(.9, c(-.3, .6, 1.4)),
  fairs = source(.7, c(-.5, .4, 1.2)),
  turnover = round(20 + 8 * results + rnorm(n, sd = 7), 3), position = round(results + rnorm(n, sd = .8), 4),
  sales = round(.7 * results + rnorm(n, sd = .7), 4)
)
for (column in c("rd", "outlay", "clients", "rivals", "turnover")) survey[runif(n) < .04, column] <- NA
survey$position[runif(n) < plogis(-3 + .6 * survey$sales)] <- NA  # missing at random, not completely so
survey$size[sample(n, 6)] <- NA
survey$weight[sample(n, 4)] <- NA
write.csv(survey, "survey.csv", row.names = FALSE, na = "")

model <- "
effort =~ rd + outlay + people
info =~ clients + suppliers + rivals + fairs
results =~ turnover + position + sales
effort ~ size + commonality
info ~ effort + size
results ~ effort + info + complementarity + commonality
"
sources <- c("clients", "suppliers", "rivals", "fairs")
weighted <- survey[!is.na(survey$weight), ]
fits <- list(
  fiml = sem(model, survey, missing = "fiml"),
  mlr_fiml_weights_cell = sem(model, weighted, estimator = "MLR", missing = "fiml", sampling.weights = "weight",
                              cluster = "cell"),
  mlr_weights_region = sem(model, weighted, estimator = "MLR", sampling.weights = "weight", cluster = "region"),
  ml_weights_cell = sem(model, weighted, sampling.weights = "weight", cluster = "cell"),
  ordered = sem(model, survey, ordered = sources, estimator = "WLSMV"),
  ordered_weights = sem(model, weighted, ordered = sources, estimator = "WLSMV", sampling.weights = "weight"),
  ordered_pairwise = sem(model, survey, ordered = sources, estimator = "WLSMV", missing = "pairwise")
)
estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]], standardized = TRUE)
  data.frame(case = name, table[, c("lhs", "op", "rhs", "est", "se", "z", "pvalue", "std.all")])
}))
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  data.frame(case = name, measure = names(found), value = as.numeric(found))
}))
write.csv(format(estimates, digits = 12), "survey_estimates.csv", row.names = FALSE, quote = FALSE)
write.csv(format(measures, digits = 12), "survey_measures.csv", row.names = FALSE, quote = FALSE)
