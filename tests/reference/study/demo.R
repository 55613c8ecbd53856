# Records what lavaan 0.6-14 makes of the demo's two groups, from the linked firms of a demo run.
# The firms are simulated; which they are is fixed by the seed in conf/runs/demo.yaml.
#   Rscript demo.R FIRMS.csv      (writes demo_estimates.csv and demo_measures.csv beside it)
# FIRMS.csv holds the columns of the model, group, cell and region of all firms with `excluded_by` null in
# the table `linked`.
library(lavaan)
options(digits = 15)
firms <- read.csv(commandArgs(trailingOnly = TRUE)[1])
model <- paste(readLines("../../../conf/models/cluster_within.lav"), collapse = "\n")

rows <- function(fit, group, error) {
  found <- parameterEstimates(fit, standardized = TRUE)
  found <- found[found$op != "~1", c("lhs", "op", "rhs", "est", "se", "pvalue", "std.all")]
  cbind(group = group, error = error, found)
}
estimates <- measures <- NULL
for (group in sort(unique(firms$group))) {
  part <- firms[firms$group == group, ]
  fit <- sem(model, part)
  robust <- sem(model, part, se = "robust.huber.white", information = "observed")
  estimates <- rbind(estimates, rows(fit, group, "expected"), rows(robust, group, "robust"))
  for (column in c("cell", "region")) {
    clustered <- sem(model, part, cluster = column)
    estimates <- rbind(estimates, rows(clustered, group, paste0("cluster:", column)))
  }
  wanted <- c("npar", "chisq", "df", "pvalue", "cfi", "tli", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper",
              "srmr", "logl", "aic", "bic")
  found <- fitMeasures(fit)[wanted]
  measures <- rbind(measures, data.frame(group = group, measure = gsub(".", "_", wanted, fixed = TRUE),
                                         value = as.numeric(found)))
}
write.csv(estimates, "demo_estimates.csv", row.names = FALSE)
write.csv(measures, "demo_measures.csv", row.names = FALSE)
