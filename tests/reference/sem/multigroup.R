# Records lavaan's figures for several groups with equal parameters.
# Rscript multigroup.R, in this folder: writes multigroup_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
suppressMessages(library(lavaan))
options(digits = 15, warn = 1)
tight <- list(iter.max = 10000, rel.tol = 1e-10)

hs <- read.csv("holzinger_swineford.csv")
hs <- merge(hs, read.csv("holzinger_weights.csv"))
holes <- read.csv("fiml_school.csv")
# lavaan takes the groups as they come; sorted, as everything is here.
hs <- hs[order(hs$school), ]
holes <- holes[order(holes$school), ]
levels <- read.csv("twolevel.csv")
# Whole clusters to a group, and weights that differ between cases and in their mean between groups.
levels$half <- ifelse(levels$cluster %% 3 == 0, "b", "a")
set.seed(7)
levels$weight <- round(exp(rnorm(nrow(levels), sd = 0.4)) * ifelse(levels$half == "b", 2, 1), 3)
levels <- levels[order(levels$half), ]
write.csv(levels[, c("y1", "y2", "y3", "x1", "x2", "w1", "w2", "cluster", "half", "weight")],
  "multigroup_levels.csv", row.names = FALSE)

three <- "visual =~ x1 + x2 + x3
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9"
labelled <- "visual =~ x1 + c(a, a)*x2 + c(b1, b2)*x3
textual =~ x4 + c(NA, 1.1)*x5 + x6
speed =~ x7 + s*x8 + x9
x1 ~ c(i, i)*1
speed ~~ c(v1, v2)*speed
v1 == v2
gap := b1 - b2
ratio := b1 / (b2 + 2)^2"
chain <- "textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
visual =~ x1 + x2 + x3
textual ~ c(p1, p2)*visual + ageyr
speed ~ c(q1, q2)*textual + visual
through1 := p1*q1
through2 := p2*q2
gap := through1 - through2"
path <- "y1 ~ x1 + c(w, w)*w1
y2 ~ c(b1, b2)*y1 + x2
y3 ~ y1 + w2
effect := w*b1"
fit <- function(model, data, group, ...) sem(model, data, group = group, meanstructure = TRUE, control = tight, ...)
incomplete <- function(...) fit(three, holes, "school", missing = "fiml", em.h1.iter.max = 20000, em.h1.tol = 1e-11, ...)
steps <- list(configural = "", metric = "loadings", scalar = c("loadings", "intercepts"),
  strict = c("loadings", "intercepts", "residuals"), means = c("loadings", "intercepts", "residuals", "means"),
  all = c("loadings", "intercepts", "residuals", "lv.variances", "lv.covariances"))
fits <- list()
for (name in names(steps)) {
  fits[[paste0("ml_", name)]] <- fit(three, hs, "school", group.equal = steps[[name]])
  if (name %in% c("configural", "metric", "scalar", "strict")) {
    fits[[paste0("mlr_", name)]] <- fit(three, hs, "school", group.equal = steps[[name]], estimator = "MLR")
    fits[[paste0("fiml_", name)]] <- incomplete(group.equal = steps[[name]])
  }
}
fits$fiml_mlr <- incomplete(group.equal = steps$scalar, estimator = "MLR")
fits$weighted <- fit(three, hs, "school", group.equal = steps$scalar, sampling.weights = "w", estimator = "MLR")
fits$partial <- fit(three, hs, "school", group.equal = steps$strict, group.partial = c("visual=~x2", "x7~1", "x3~~x3"))
fits$labelled <- fit(labelled, hs, "school")
fits$labelled_mlr <- fit(labelled, hs, "school", estimator = "MLR")
fits$chain <- fit(chain, hs, "school", group.equal = c("loadings", "intercepts", "regressions"))
fits$chain_free <- fit(chain, hs, "school", group.equal = c("loadings", "intercepts"))
fits$path <- fit(path, levels, "half", estimator = "MLR")
fits$path_weights <- fit(path, levels, "half", estimator = "MLR", sampling.weights = "weight")
fits$path_cluster <- fit(path, levels, "half", estimator = "MLR", cluster = "cluster")
fits$path_both <- fit(path, levels, "half", estimator = "MLR", sampling.weights = "weight", cluster = "cluster")
fits$path_regressions <- fit("y1 ~ x1 + w1\ny2 ~ y1 + x2", levels, "half", group.equal = c("regressions", "intercepts"))
# One group: defined parameters.
single <- "textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
visual =~ x1 + x2 + x3
textual ~ p*visual
speed ~ q*textual + r*visual
through := p*q
total := p*q + r
share := p*q/(p*q + r)"
fits$single <- sem(single, hs, control = tight)
fits$single_robust <- sem(single, hs, control = tight, estimator = "MLR")

estimates <- do.call(rbind, lapply(names(fits), function(name) {
  table <- parameterEstimates(fits[[name]])
  standard <- standardizedSolution(fits[[name]])
  if (is.null(table$group)) table$group <- standard$group <- 1
  place <- match(paste(table$lhs, table$op, table$rhs, table$group), paste(standard$lhs, standard$op, standard$rhs, standard$group))
  group <- lavInspect(fits[[name]], "group.label")
  group <- if (length(group)) group[ifelse(table$group == 0, NA, table$group)] else ""
  data.frame(case = name, group = group, table[, c("lhs", "op", "rhs", "est", "se")],
    std_all = standard$est.std[place], std_se = standard$se[place])
}))
estimates$rhs <- gsub(",", ";", estimates$rhs)
measures <- do.call(rbind, lapply(names(fits), function(name) {
  found <- fitMeasures(fits[[name]])
  keep <- grep("^(npar|chisq|df|pvalue|cfi|tli|rmsea|rmsea.ci.lower|rmsea.ci.upper|srmr|logl|aic|bic)$|^(chisq|df|pvalue|cfi|tli|rmsea).*scal|^ntotal$", names(found), value = TRUE)
  keep <- grep("robust", keep, value = TRUE, invert = TRUE)
  data.frame(case = name, measure = keep, value = as.numeric(found[keep]))
}))
tests <- list()
differ <- function(name, one, other, ...) {
  found <- lavTestLRT(fits[[one]], fits[[other]], ...)
  tests[[name]] <<- c(found[2, "Chisq diff"], found[2, "Df diff"], found[2, "Pr(>Chisq)"])
}
for (kind in c("ml", "mlr", "fiml")) for (k in 2:4) {
  differ(paste(kind, names(steps)[k], sep = "_"), paste(kind, names(steps)[k - 1], sep = "_"),
    paste(kind, names(steps)[k], sep = "_"), method = if (kind == "mlr") "satorra.bentler.2001" else "default")
}
wald <- function(name, fit, hypothesis) {
  found <- lavTestWald(fits[[fit]], hypothesis)
  tests[[name]] <<- c(found$stat, found$df, found$p.value)
}
wald("wald_ml", "labelled", "b1 == b2")
wald("wald_mlr", "labelled_mlr", "b1 == b2")
wald("wald_two", "chain_free", "p1 == p2\nq1 == q2")
wald("wald_cluster", "path_both", "b1 == b2\nw == 0.3")
tests <- data.frame(test = names(tests), do.call(rbind, tests))
names(tests)[-1] <- c("statistic", "df", "pvalue")
write <- function(table, name) write.csv(format(table, digits = 12), name, row.names = FALSE, quote = FALSE)
write(estimates, "multigroup_estimates.csv")
write(measures, "multigroup_measures.csv")
write(tests, "multigroup_tests.csv")
for (name in names(fits)) cat(name, fits[[name]]@timing$total, "\n")
