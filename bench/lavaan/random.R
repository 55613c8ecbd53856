# lavaan's side of bench/lavaan_random.py: Rscript random.R RUN FOLDER... fits each folder's model.lav to the data.csv
# beside it, and writes fit_RUN.csv and estimates_RUN.csv there. RUN is `default`, as lavaan is called by its users;
# `tight`, a search that ends later; `ours`, such a search from ours.csv, the estimates that are compared.
suppressMessages(library(lavaan))
arguments <- commandArgs(trailingOnly = TRUE)
run <- arguments[1]
TIGHT <- list(rel.tol = 1e-12, control.outer = list(tol = 1e-10, itmax = 50))
of <- function(spec, name) if (is.na(spec[[name]]) || spec[[name]] == "") NULL else strsplit(spec[[name]], " ")[[1]]
fitted <- function(given) {
  setTimeLimit(elapsed = 20, transient = TRUE)  # some searches go on for ever
  fit <- tryCatch(suppressWarnings(do.call("sem", given)), error = function(error) NULL)
  setTimeLimit()
  fit
}
described <- function(fit, case, groups) {
  row <- data.frame(converged = FALSE, proper = FALSE, chisq = NA, df = NA, npar = NA)
  if (is.null(fit) || !lavInspect(fit, "converged")) return(row)
  row$converged <- TRUE
  estimates <- parameterEstimates(fit)
  free <- parTable(fit)$free[seq_len(nrow(parTable(fit)))] > 0
  row$proper <- isTRUE(suppressWarnings(lavInspect(fit, "post.check"))) && !anyNA(parTable(fit)$se[free])
  measures <- tryCatch(fitMeasures(fit, c("chisq", "df", "npar")), error = function(error) rep(NA, 3))
  row[c("chisq", "df", "npar")] <- as.numeric(measures)
  if (groups) estimates$group <- lavInspect(fit, "group.label")[pmax(estimates$group, 1)]
  write.csv(estimates, file.path(case, paste0("estimates_", run, ".csv")), row.names = FALSE)
  row
}
for (case in arguments[-1]) {
  model <- paste(readLines(file.path(case, "model.lav"), warn = FALSE), collapse = "\n")
  data <- read.csv(file.path(case, "data.csv"))
  spec <- read.csv(file.path(case, "spec.csv"), colClasses = "character")
  given <- list(model = model, data = data, baseline = FALSE)
  if (spec$missing == "fiml") given$missing <- "fiml"
  if (spec$estimator == "mlr") given$estimator <- "MLR"
  given$ordered <- of(spec, "ordered")
  given$sampling.weights <- of(spec, "weights")
  given$group <- of(spec, "group")
  given$group.equal <- of(spec, "equal")
  if (run != "default") given$control <- TIGHT
  if (run == "ours") {
    given$start <- read.csv(file.path(case, "ours.csv"), colClasses = c(rhs = "character"))
    given$fixed.x <- TRUE  # as without a start
  }
  fit <- fitted(given)
  if (run == "ours" && !(!is.null(fit) && lavInspect(fit, "converged"))) {
    given$control <- NULL  # so near a minimum the search may find nothing lower to end at
    fit <- fitted(given)
  }
  row <- described(fit, case, spec$group != "")
  write.csv(row, file.path(case, paste0("fit_", run, ".csv")), row.names = FALSE)
}
