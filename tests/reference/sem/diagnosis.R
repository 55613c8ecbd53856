# Records what lavaan says after the fit: modification indices, residual correlations, standardised
# solutions with errors, and reliability worked out by hand from its estimates.
# Rscript diagnosis.R, in this folder, after record.R, fiml.R and ordinal.R: writes diagnosis_*.csv.
library(lavaan)
options(digits = 15, warn = 1)
read <- function(name) read.csv(paste0(name, ".csv"))

three <- "visual =~ x1 + x2 + x3\n textual =~ x4 + x5 + x6\n speed =~ x7 + x8 + x9"
uncorrelated <- paste(three, "\n visual ~~ 0*textual\n x1 ~~ x4")
crossed <- paste(three, "\n visual =~ x9\n x4 ~~ x5")
democracy <- "ind60 =~ x1 + x2 + x3\n dem60 =~ y1 + y2 + y3 + y4\n dem65 =~ y5 + y6 + y7 + y8
  dem60 ~ ind60\n dem65 ~ ind60 + dem60
  y1 ~~ y5\n y2 ~~ y4 + y6\n y3 ~~ y7\n y4 ~~ y8\n y6 ~~ y8"
regional <- "f =~ y1 + y2 + y3\n f ~ x1 + x2 + x3 + w1 + w2"
path <- "y1 ~ x1 + x2\n y2 ~ y1 + w1\n y3 ~ y1 + x3"
survey <- "effort =~ e1 + e2 + e3 + e4 + e5\n info =~ i1 + i2 + i3 + i4 + i5\n result =~ r1 + r2 + r3 + r4 + r5
  info ~ effort + size\n effort ~ size + comm\n result ~ effort + info + comp + comm"
study <- "effort =~ e1 + e2 + e3\n info =~ i1 + i2 + i3\n result =~ r1 + r2 + r3 + r4
  effort ~ size + comm\n info ~ effort + size\n result ~ effort + info + comp + comm"
mixed <- "effort =~ spend + e1 + e2 + e3\n result =~ r1 + r2 + share
  effort ~ size + comm\n result ~ effort + comp + comm"
items <- c("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4")

hs <- merge(read("holzinger_swineford"), read("holzinger_weights"), by = "id")
levels <- read("twolevel")
fits <- list(
  holzinger = sem(three, hs),
  uncorrelated = sem(uncorrelated, hs),
  crossed = sem(crossed, hs),
  weighted = sem(three, hs, sampling.weights = "w"),
  democracy = sem(democracy, read("political_democracy")),
  twolevel = sem(regional, levels),
  clustered = sem(regional, levels, cluster = "cluster"),
  path = sem(path, levels),
  fiml = sem(three, read("fiml_school"), missing = "fiml"),
  mlr = sem(three, read("fiml_school"), missing = "fiml", estimator = "MLR"),
  survey = sem(survey, read("fiml_survey"), missing = "fiml"),
  survey_clustered = sem(survey, read("fiml_survey"), missing = "fiml", estimator = "MLR",
                         sampling.weights = "weight", cluster = "cell"),
  study = sem(study, read("ordinal_survey"), ordered = items, estimator = "WLSMV"),
  items = sem(sub("effort ~ .*", "", study), read("ordinal_survey"), ordered = items, estimator = "WLSMV"),
  mixed = sem(mixed, read("ordinal_survey"), ordered = items, estimator = "WLSMV")
)

gather <- function(names, one) {
  do.call(rbind, lapply(names, function(name) data.frame(case = name, one(fits[[name]]))))
}
save <- function(table, name) {
  write.csv(format(table, digits = 12), paste0("diagnosis_", name, ".csv"), row.names = FALSE, quote = FALSE)
}

save(gather(c("holzinger", "uncorrelated", "weighted", "democracy", "twolevel", "path", "fiml", "survey", "study",
              "mixed"), function(fit) {
  modindices(fit)[, c("lhs", "op", "rhs", "mi", "epc", "sepc.all")]
}), "modification")

save(gather(names(fits), function(fit) {
  standardizedSolution(fit)[, c("lhs", "op", "rhs", "est.std", "se", "z", "pvalue", "ci.lower", "ci.upper")]
}), "standardised")

lower <- function(matrix) {
  place <- which(lower.tri(matrix), arr.ind = TRUE)
  data.frame(lhs = colnames(matrix)[place[, 2]], rhs = rownames(matrix)[place[, 1]], value = matrix[place])
}
plain <- gather(c("holzinger", "democracy", "twolevel", "path", "weighted", "fiml", "mlr", "survey", "items"), function(fit) {
  found <- lavResiduals(fit, type = "cor.bollen", zstat = TRUE, summary = FALSE)
  data.frame(setNames(lower(unclass(found$cov)), c("lhs", "rhs", "residual")), z = lower(unclass(found$cov.z))$value)
})
# Ordered items: lavaan keeps moments given the exogenous variables; here they are put together, with n in
# the denominator of all (lavaan's cov.x has n - 1).
total <- function(moments, x) {
  slopes <- unclass(moments$res.slopes)
  rbind(cbind(moments$res.cov + slopes %*% x %*% t(slopes), slopes %*% x), cbind(x %*% t(slopes), x))
}
ordered <- gather(c("study", "mixed"), function(fit) {
  sample <- lavInspect(fit, "sampstat")
  x <- unclass(sample$cov.x) * (1 - 1 / nobs(fit))
  gap <- cov2cor(total(sample, x)) - cov2cor(total(lavInspect(fit, "implied"), x))
  data.frame(setNames(lower(gap), c("lhs", "rhs", "residual")), z = NA)
})
save(rbind(plain, ordered), "residuals")

# McDonald's omega: variance of the sum of a factor's items that the factor carries, over all of it.
# Average variance extracted: mean square of the standardised loadings.
save(gather(c("holzinger", "uncorrelated", "crossed", "democracy", "survey", "study"), function(fit) {
  found <- lavInspect(fit, "est")
  standard <- lavInspect(fit, "std")
  covariance <- lavInspect(fit, "cov.lv")
  variance <- diag(covariance)
  sigma <- found$lambda[, lavNames(fit, "lv")] %*% covariance %*% t(found$lambda[, lavNames(fit, "lv")]) +
    found$theta
  correlation <- cov2cor(sigma)
  factors <- lavNames(fit, "lv")
  do.call(rbind, lapply(factors, function(factor) {
    mine <- found$lambda[found$lambda[, factor] != 0, factor]
    std <- standard$lambda[names(mine), factor]
    data.frame(factor, items = length(mine),
               omega = sum(mine)^2 * variance[[factor]] / sum(sigma[names(mine), names(mine)]),
               omega_std = sum(std)^2 / sum(correlation[names(mine), names(mine)]), ave = mean(std^2))
  }))
}), "reliability")
