# Records the figures the tests compare with: lavaan 0.6-14 on its own data sets.
# Run from this folder: Rscript record.R   (writes the .csv files beside it)
library(lavaan)
options(digits = 15)
cases <- list()
save_case <- function(name, fit, robust = NULL, cluster = NULL) {
  estimates <- parameterEstimates(fit, standardized = TRUE)
  estimates <- estimates[estimates$op != "~1", c("lhs", "op", "rhs", "est", "se", "std.all")]
  write.csv(estimates, paste0(name, "_estimates.csv"), row.names = FALSE)
  wanted <- c("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "rmsea.ci.lower",
              "rmsea.ci.upper", "srmr", "logl", "aic", "bic")
  measures <- fitMeasures(fit)[wanted]
  write.csv(data.frame(measure = names(measures), value = as.numeric(measures)),
            paste0(name, "_measures.csv"), row.names = FALSE)
}
save_errors <- function(name, kind, fit) {
  estimates <- parameterEstimates(fit)
  estimates <- estimates[estimates$op != "~1", c("lhs", "op", "rhs", "est", "se")]
  write.csv(estimates, paste0(name, "_", kind, ".csv"), row.names = FALSE)
}

hs <- HolzingerSwineford1939
write.csv(hs, "holzinger_swineford.csv", row.names = FALSE)
three <- "visual =~ x1 + x2 + x3\n textual =~ x4 + x5 + x6\n speed =~ x7 + x8 + x9"
save_case("holzinger", cfa(three, hs))
save_errors("holzinger", "robust", cfa(three, hs, se = "robust.huber.white", information = "observed"))
save_errors("holzinger", "cluster", cfa(three, transform(hs, place = paste(school, agemo)), cluster = "place"))
set.seed(1)
hs$w <- round(runif(nrow(hs), 0.5, 4), 3)
write.csv(hs[, c("id", "w")], "holzinger_weights.csv", row.names = FALSE)
save_errors("holzinger", "weighted", cfa(three, hs, sampling.weights = "w"))

write.csv(PoliticalDemocracy, "political_democracy.csv", row.names = FALSE)
democracy <- "ind60 =~ x1 + x2 + x3\n dem60 =~ y1 + y2 + y3 + y4\n dem65 =~ y5 + y6 + y7 + y8
  dem60 ~ ind60\n dem65 ~ ind60 + dem60
  y1 ~~ y5\n y2 ~~ y4 + y6\n y3 ~~ y7\n y4 ~~ y8\n y6 ~~ y8"
save_case("democracy", sem(democracy, PoliticalDemocracy))
save_errors("democracy", "robust", sem(democracy, PoliticalDemocracy, se = "robust.huber.white", information = "observed"))

levels <- Demo.twolevel
write.csv(levels[, c("y1", "y2", "y3", "x1", "x2", "x3", "w1", "w2", "cluster")], "twolevel.csv", row.names = FALSE)
regional <- "f =~ y1 + y2 + y3\n f ~ x1 + x2 + x3 + w1 + w2"
save_case("twolevel", sem(regional, levels))
save_errors("twolevel", "robust", sem(regional, levels, se = "robust.huber.white", information = "observed"))
save_errors("twolevel", "cluster", sem(regional, levels, cluster = "cluster"))

path <- "y1 ~ x1 + x2\n y2 ~ y1 + w1\n y3 ~ y1 + x3"
save_case("path", sem(path, levels))
save_case("saturated", sem("y1 ~ x1 + x2", levels))
