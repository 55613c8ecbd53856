# Records lavaan's figures for the invariance of ordered items, thresholds first (Wu and Estabrook 2016).
# Rscript thresholds_first.R, in this folder: writes thresholds_first.csv. lavaan 0.6-14 (Debian r-cran-lavaan).
# Every model is written out: what is free in the second group is what the step identifies.
suppressMessages(library(lavaan))
options(digits = 15, warn = 1)

survey <- read.csv("ordinal_survey.csv")
survey$side <- ifelse(survey$region %% 3 == 0, "east", "west")
survey <- survey[order(survey$side), ]
for (name in c("e1", "i1", "i2", "r1", "r2")) survey[[paste0("b", name)]] <- as.integer(survey[[name]] > 1)

one <- function(what) sprintf("c(%s, %s)", what, what)
written <- function(factors, step, more = "") {
  lines <- more
  for (factor in names(factors)) {
    items <- factors[[factor]]
    count <- sapply(items, function(name) length(na.omit(unique(survey[[name]]))))
    binary <- count == 2
    no_metric <- step == 2 && all(binary)
    for (name in items) {
      number <- count[name] > 10
      loading <- if (name == items[1]) "1" else if (step >= 2 && !no_metric) one(paste0("l", name)) else "c(NA, NA)"
      lines <- c(lines, sprintf("%s =~ %s*%s", factor, loading, name))
      if (number) {
        lines <- c(lines, sprintf("%s ~ %s*1", name, if (step >= 3) one(paste0("n", name)) else "c(NA, NA)"))
        lines <- c(lines, sprintf("%s ~~ %s*%s", name, if (step >= 4) one(paste0("v", name)) else "c(NA, NA)", name))
        next
      }
      equal <- if (binary[name]) step >= 3 else step >= 1
      for (k in seq_len(count[name] - 1))
        lines <- c(lines, sprintf("%s | %s*t%d", name, if (equal) one(paste0("t", name, k)) else "c(NA, NA)", k))
      moves <- step %in% 1:2 && !binary[name]
      lines <- c(lines, sprintf("%s ~ %s*1", name, if (moves) "c(0, NA)" else "c(0, 0)"))
      scales <- (step == 1 && !binary[name]) || (step == 2 && !no_metric) || step == 3
      lines <- c(lines, sprintf("%s ~~ %s*%s", name, if (scales) "c(1, NA)" else "c(1, 1)", name))
    }
    lines <- c(lines, sprintf("%s ~ %s*1", factor, if (step >= 3) "c(0, NA)" else "c(0, 0)"))
  }
  paste(lines, collapse = "\n")
}
cases <- list(
  three = list(list(effort = c("e1", "e2", "e3"), info = c("i1", "i2", "i3"), result = c("r1", "r2", "r3", "r4"))),
  weights = list(list(info = c("i1", "i2", "i3", "r1", "r2")), sampling.weights = "weight"),
  marker = list(list(effort = c("e3", "e1", "e2", "i1", "i2"))),
  binary = list(list(info = c("be1", "bi1", "bi2", "br1", "br2"))),
  mixed = list(list(effort = c("spend", "e1", "e2", "e3")), more = "effort ~ size + comm"),
  pairwise = list(list(info = c("i1", "i2", "i3", "r1", "r2")), missing = "pairwise")
)
steps <- c("configural", "thresholds", "metric", "scalar", "strict")
table <- do.call(rbind, lapply(names(cases), function(name) {
  case <- cases[[name]]
  more <- if (is.null(case$more)) "" else case$more
  items <- unlist(case[[1]])
  ordered <- setdiff(items, "spend")
  fitted <- function(step, tolerance) do.call(lavaan, c(list(model = written(case[[1]], step, more), data = survey,
    group = "side", ordered = ordered, estimator = "WLSMV", parameterization = "theta", auto.var = TRUE,
    auto.cov.lv.x = TRUE, auto.cov.y = TRUE, fixed.x = TRUE, conditional.x = more != "",
    control = list(iter.max = 20000, eval.max = 20000, rel.tol = tolerance)),
    case[intersect(names(case), c("sampling.weights", "missing"))]))
  fits <- lapply(0:4, function(step) {
    for (tolerance in c(1e-10, 1e-9, 1e-8)) {  # a search that stops short of the first is begun again
      fit <- suppressWarnings(fitted(step, tolerance))
      if (lavInspect(fit, "converged")) break
    }
    cat(name, steps[step + 1], tolerance, lavInspect(fit, "converged"), "\n")
    fit
  })
  do.call(rbind, lapply(seq_along(fits), function(place) {
    if (!lavInspect(fits[[place]], "converged")) return(NULL)
    found <- fitMeasures(fits[[place]])
    row <- data.frame(case = name, model = steps[place], npar = found["npar"],
      chisq = found["chisq"], df = found["df"], chisq_scaled = found["chisq.scaled"], pvalue = found["pvalue.scaled"],
      cfi = found["cfi.scaled"], rmsea = found["rmsea.scaled"], delta_chisq = NA, delta_df = NA, delta_pvalue = NA)
    if (place > 1 && lavInspect(fits[[place - 1]], "converged") && found["df"] > fitMeasures(fits[[place - 1]], "df")) {
      test <- lavTestLRT(fits[[place - 1]], fits[[place]], method = "satorra.2000")
      row[c("delta_chisq", "delta_df", "delta_pvalue")] <- as.numeric(test[2, c("Chisq diff", "Df diff", "Pr(>Chisq)")])
    }
    row
  }))
}))
write.csv(format(table, digits = 12), "thresholds_first.csv", row.names = FALSE, quote = FALSE)
