# Records lavaan's figures for ordered items in the theta parameterisation (estimator = "WLSMV").
# Rscript ordinal_theta.R, in this folder: writes ordinal_theta_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
suppressMessages(library(lavaan))
options(digits = 15, warn = 1)

survey <- read.csv("ordinal_survey.csv")
survey$side <- ifelse(survey$region %% 3 == 0, "east", "west")
survey <- survey[order(survey$side), ]

three <- "effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4"
study <- "effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4
effort ~ size + comm
info ~ effort + size
result ~ effort + info + comp + comm"
mixed <- "effort =~ spend + e1 + e2 + e3
result =~ r1 + r2 + share
effort ~ size + comm
result ~ effort + comp + comm"
residual <- "effort =~ e1 + a*e2 + a*e3
info =~ i1 + i2 + i3
e1 ~~ i1
e2 ~ size"
path <- "r1 ~ size + comm + spend
e1 ~ size + comp
share ~ e1 + r1 + size"
labelled <- "effort =~ e1 + c(l, l)*e2 + e3
result =~ r1 + r2 + c(m1, m2)*r3
effort ~ c(a1, a2)*size + comm
result ~ c(b1, b2)*effort + c(w, w)*comp
gap := b1 - b2"
items <- c("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")
run <- function(model, ...) {
  tight <- list(iter.max = 10000, rel.tol = 1e-10)
  sem(model, survey, ordered = items, estimator = "WLSMV", parameterization = "theta", control = tight, ...)
}
fits <- list(
  three = run(three),
  three_weights = run(three, sampling.weights = "weight"),
  study = run(study),
  study_weights = run(study, sampling.weights = "weight"),
  mixed = run(mixed),
  pairwise = run(mixed, missing = "pairwise"),
  residual = run(residual),
  path = run(path),
  groups_three = run(three, group = "side"),
  groups_loadings = run(three, group = "side", group.equal = "loadings"),
  groups_weights = run(three, group = "side", group.equal = "loadings", sampling.weights = "weight"),
  groups_mixed = run(mixed, group = "side", group.equal = c("loadings", "regressions")),
  groups_labelled = run(labelled, group = "side")
)
estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]])
  standard <- standardizedSolution(fits[[name]])
  if (is.null(table$group)) table$group <- standard$group <- 1
  place <- match(paste(table$lhs, table$op, table$rhs, table$group), paste(standard$lhs, standard$op, standard$rhs, standard$group))
  group <- lavInspect(fits[[name]], "group.label")[ifelse(table$group == 0, NA, table$group)]
  data.frame(case = name, group = if (length(group)) ifelse(is.na(group), "", group) else "",
    table[, c("lhs", "op", "rhs", "est", "se")], std_all = standard$est.std[place])
}))
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  keep <- c("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "srmr", "chisq.scaled", "pvalue.scaled", "cfi.scaled",
    "rmsea.scaled", "chisq.scaling.factor")
  data.frame(case = name, measure = keep, value = as.numeric(found[keep]))
}))
differ <- function(one, other) {
  found <- lavTestLRT(fits[[one]], fits[[other]], method = "satorra.2000", A.method = "exact")
  data.frame(case = paste(one, other), statistic = found[2, "Chisq diff"], df = found[2, "Df diff"],
    pvalue = found[2, "Pr(>Chisq)"])
}
modified <- modificationIndices(fits$three, sort. = TRUE, maximum.number = 8)
write <- function(table, name) write.csv(format(table, digits = 12), name, row.names = FALSE, quote = FALSE)
write(estimates, "ordinal_theta_estimates.csv")
write(measures, "ordinal_theta_measures.csv")
write(differ("groups_three", "groups_loadings"), "ordinal_theta_tests.csv")
write(modified[, c("lhs", "op", "rhs", "mi", "epc")], "ordinal_theta_modification.csv")
