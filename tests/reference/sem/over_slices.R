# Records lavaan's figures for one model over slices with equal loadings and paths.
# Rscript over_slices.R, in this folder: writes over_slices_*.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
suppressMessages(library(lavaan))
options(digits = 15, warn = 1)
cases <- read.csv("twolevel.csv")
cases$slice <- paste0("w", seq_len(nrow(cases)) %% 4)
cases <- cases[order(cases$slice), ]
model <- "f =~ y1 + y2 + y3
f ~ x1 + x2 + x3 + w1 + w2"
equal <- list(free = "", loadings = "loadings", paths = c("loadings", "regressions"))
fits <- lapply(equal, function(kinds) {
  sem(model, cases, group = "slice", group.equal = kinds, meanstructure = TRUE,
    control = list(iter.max = 10000, rel.tol = 1e-10))
})
paths <- parameterEstimates(fits$paths)
paths <- paths[paths$op == "~" & paths$group == 1, c("lhs", "op", "rhs", "est", "se")]
write.csv(paths, "over_slices_paths.csv", row.names = FALSE, quote = FALSE)
tests <- do.call(rbind, lapply(c("loadings", "paths"), function(name) {
  before <- if (name == "loadings") "free" else "loadings"
  difference <- fitMeasures(fits[[name]]) - fitMeasures(fits[[before]])
  data.frame(equal = name, chisq = difference[["chisq"]], df = difference[["df"]])
}))
write.csv(tests, "over_slices_tests.csv", row.names = FALSE, quote = FALSE)
