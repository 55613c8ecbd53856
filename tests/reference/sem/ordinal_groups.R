# Records lavaan's figures for ordered items in several groups (estimator = "WLSMV"), thresholds free.
# Rscript ordinal_groups.R, in this folder: writes ordinal_groups_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
suppressMessages(library(lavaan))
options(digits = 15, warn = 1)

survey <- read.csv("ordinal_survey.csv")
# Groups of unequal size; sorted, for lavaan takes the groups as they come.
survey$side <- ifelse(survey$region %% 3 == 0, "east", "west")
survey <- survey[order(survey$side), ]

three <- "effort =~ e1 + e2 + e3
info =~ i1 + i2 + i3
result =~ r1 + r2 + r3 + r4"
mixed <- "effort =~ spend + e1 + e2 + e3
result =~ r1 + r2 + share
effort ~ size + comm
result ~ effort + comp + comm"
labelled <- "effort =~ e1 + c(l, l)*e2 + e3
result =~ r1 + r2 + c(m1, m2)*r3
effort ~ c(a1, a2)*size + comm
result ~ c(b1, b2)*effort + c(w, w)*comp
gap := b1 - b2
through := a1*b1"
path <- "r1 ~ c(s, s)*size + comm + spend
e1 ~ size + comp
share ~ c(p1, p2)*e1 + r1 + size"
items <- c("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")
run <- function(model, ...) {
  tight <- list(iter.max = 10000, rel.tol = 1e-10)
  sem(model, survey, group = "side", ordered = items, estimator = "WLSMV", parameterization = "delta",
    control = tight, ...)
}
fits <- list(
  configural = run(three),
  metric = run(three, group.equal = "loadings"),
  metric_weights = run(three, group.equal = "loadings", sampling.weights = "weight"),
  partial = run(three, group.equal = c("loadings", "lv.variances", "lv.covariances"), group.partial = "info=~i2"),
  equal_variances = run(three, group.equal = c("loadings", "lv.variances", "lv.covariances")),
  mixed_free = run(mixed),
  mixed = run(mixed, group.equal = c("loadings", "regressions")),
  mixed_residuals = run(mixed, group.equal = c("loadings", "residuals")),
  pairwise = run(mixed, group.equal = c("loadings", "regressions"), missing = "pairwise"),
  labelled = run(labelled),
  path = run(path)
)
estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]])
  standard <- standardizedSolution(fits[[name]])
  place <- match(paste(table$lhs, table$op, table$rhs, table$group), paste(standard$lhs, standard$op, standard$rhs, standard$group))
  group <- lavInspect(fits[[name]], "group.label")[ifelse(table$group == 0, NA, table$group)]
  data.frame(case = name, group = ifelse(is.na(group), "", group), table[, c("lhs", "op", "rhs", "est", "se")],
    std_all = standard$est.std[place], std_se = standard$se[place])
}))
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  keep <- grep("^(npar|chisq|df|pvalue|cfi|tli|rmsea|rmsea.ci.lower|rmsea.ci.upper|srmr)$|^(chisq|df|pvalue|cfi|tli|rmsea).*scal|^ntotal$", names(found), value = TRUE)
  keep <- grep("robust", keep, value = TRUE, invert = TRUE)
  data.frame(case = name, measure = keep, value = as.numeric(found[keep]))
}))
wald <- function(fit, hypothesis) {
  found <- lavTestWald(fits[[fit]], hypothesis)
  data.frame(case = fit, statistic = found$stat, df = found$df, pvalue = found$p.value)
}
tests <- rbind(wald("labelled", "b1 == b2\nm1 == m2"), wald("path", "p1 == p2"))
differ <- function(one, other) {
  found <- lavTestLRT(fits[[one]], fits[[other]], method = "satorra.2000", A.method = "exact")
  data.frame(case = paste(one, other), statistic = found[2, "Chisq diff"], df = found[2, "Df diff"],
    pvalue = found[2, "Pr(>Chisq)"])
}
tests <- rbind(tests, differ("configural", "metric"), differ("metric", "equal_variances"), differ("mixed_free", "mixed"))
write <- function(table, name) write.csv(format(table, digits = 12), name, row.names = FALSE, quote = FALSE)
write(estimates, "ordinal_groups_estimates.csv")
write(measures, "ordinal_groups_measures.csv")
write(tests, "ordinal_groups_tests.csv")
for (name in names(fits)) cat(name, fits[[name]]@timing$total, "\n")
