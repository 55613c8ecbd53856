# Records lavaan's figures for incomplete data (missing = "fiml").
# Rscript fiml.R, in this folder: writes fiml_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
library(lavaan)
options(digits = 15, warn = 1)

punch <- function(data, columns, share, seed) {
  set.seed(seed)
  for (column in columns) data[runif(nrow(data)) < share, column] <- NA
  data
}

# Holzinger and Swineford with holes in every indicator.
items <- paste0("x", 1:9)
school <- punch(HolzingerSwineford1939[, c("school", items)], items, 0.12, 11)
school <- school[rowSums(!is.na(school[, items])) > 0, ]
write.csv(school, "fiml_school.csv", row.names = FALSE, na = "")
three <- "
visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
"

# A survey in the study's shape: firms in 12 regions x 19 sectors, weights, predictors of a cell.
set.seed(1996)
n <- 619
region <- sample(1:12, n, TRUE)
sector <- sample(1:19, n, TRUE)
cell <- region * 100 + sector
comp_r <- rnorm(12); comm_r <- rnorm(12); cell_effect <- rnorm(2000, sd = .3)
comp <- comp_r[region] + cell_effect[cell]
comm <- comm_r[region] + rnorm(2000, sd = .3)[cell]
size <- rnorm(n)
effort <- .3 * size + .2 * comm + .3 * cell_effect[cell] + rnorm(n)
info <- .3 * effort + rnorm(n)
result <- .5 * effort + .25 * info + .15 * comm + rnorm(n)
item <- function(f, loading) loading * f + rnorm(n, sd = .8)
survey <- data.frame(region, cell, weight = round(exp(rnorm(n, sd = .5)), 3), size, comp, comm,
  e1 = item(effort, 1), e2 = item(effort, .8), e3 = item(effort, .9), e4 = item(effort, .7), e5 = item(effort, .6),
  i1 = item(info, 1), i2 = item(info, .8), i3 = item(info, .9), i4 = item(info, .7), i5 = item(info, .6),
  r1 = item(result, 1), r2 = item(result, .8), r3 = item(result, .9), r4 = item(result, .7), r5 = item(result, .6))
survey[, -(1:3)] <- round(survey[, -(1:3)], 5)
measured <- grep("^[eir][0-9]", names(survey), value = TRUE)
survey <- punch(survey, measured, 0.15, 12)
survey$e1[survey$size > 1 & runif(n) < .4] <- NA # at random given size
survey$size[sample(n, 8)] <- NA                  # a fixed predictor: its case is left out
write.csv(survey, "fiml_survey.csv", row.names = FALSE, na = "")
study <- "
effort =~ e1 + e2 + e3 + e4 + e5
info =~ i1 + i2 + i3 + i4 + i5
result =~ r1 + r2 + r3 + r4 + r5
info ~ effort + size
effort ~ size + comm
result ~ effort + info + comp + comm
"

tight <- list(iter.max = 10000, rel.tol = 1e-10)
# em.h1.tol: the default, 1e-5, moves the fifth digit of chi-square.
run <- function(model, data, ...) {
  sem(model, data, missing = "fiml", control = tight, em.h1.iter.max = 20000, em.h1.tol = 1e-11, ...)
}
fits <- list(
  school_ml = run(three, school),
  school_expected = run(three, school, information = "expected"),
  school_mlr = run(three, school, estimator = "MLR"),
  survey_ml = run(study, survey),
  survey_mlr = run(study, survey, estimator = "MLR"),
  survey_weights = run(study, survey, estimator = "MLR", sampling.weights = "weight"),
  survey_cluster = run(study, survey, estimator = "MLR", cluster = "region"),
  survey_weights_cluster = run(study, survey, estimator = "MLR", sampling.weights = "weight", cluster = "cell")
)

estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]], standardized = TRUE)
  data.frame(case = name, table[, c("lhs", "op", "rhs", "est", "se", "z", "pvalue", "std.all")])
}))
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  data.frame(case = name, measure = names(found), value = as.numeric(found))
}))
write.csv(format(estimates, digits = 12), "fiml_estimates.csv", row.names = FALSE, quote = FALSE)
write.csv(format(measures, digits = 12), "fiml_measures.csv", row.names = FALSE, quote = FALSE)
for (name in names(fits)) cat(name, fits[[name]]@timing$total, "\n")
