# lavaan's side of bench/lavaan_random.py: Rscript random.R FOLDER fits every model.lav below the folder to the
# data.csv beside it, and writes estimates.csv and fit.csv there.
suppressMessages(library(lavaan))
folder <- commandArgs(trailingOnly = TRUE)[1]
of <- function(spec, name) if (is.na(spec[[name]]) || spec[[name]] == "") NULL else strsplit(spec[[name]], " ")[[1]]
for (case in sort(list.dirs(folder, recursive = FALSE))) {
  model <- paste(readLines(file.path(case, "model.lav"), warn = FALSE), collapse = "\n")
  data <- read.csv(file.path(case, "data.csv"))
  spec <- read.csv(file.path(case, "spec.csv"), colClasses = "character")
  given <- list(model = model, data = data)
  if (spec$missing == "fiml") given$missing <- "fiml"
  if (spec$estimator == "mlr") given$estimator <- "MLR"
  given$ordered <- of(spec, "ordered")
  given$sampling.weights <- of(spec, "weights")
  given$group <- of(spec, "group")
  given$group.equal <- of(spec, "equal")
  setTimeLimit(elapsed = 20, transient = TRUE)  # some searches go on for ever
  fit <- tryCatch(suppressWarnings(do.call("sem", given)), error = function(error) NULL)
  setTimeLimit()
  row <- data.frame(converged = FALSE, proper = FALSE)
  if (!is.null(fit) && lavInspect(fit, "converged")) {
    row$converged <- TRUE
    estimates <- parameterEstimates(fit)
    free <- parTable(fit)$free[seq_len(nrow(parTable(fit)))] > 0
    row$proper <- isTRUE(suppressWarnings(lavInspect(fit, "post.check"))) && !anyNA(parTable(fit)$se[free])
    measures <- tryCatch(fitMeasures(fit)[c("chisq", "df", "npar")], error = function(error) c(NA, NA, NA))
    row[c("chisq", "df", "npar")] <- as.numeric(measures)
    if (spec$group != "") estimates$group <- lavInspect(fit, "group.label")[pmax(estimates$group, 1)]
    write.csv(estimates, file.path(case, "estimates.csv"), row.names = FALSE)
  }
  write.csv(row, file.path(case, "fit.csv"), row.names = FALSE)
}
