# Figures for tests/sem/test_constraints_against_lavaan.py: models with constraints where values are missing,
# errors robust or by cluster, items ordered, and several groups fitted at once; by lavaan 0.6-14.
# Run in this folder: Rscript constraints_routes.R
suppressMessages(library(lavaan))
data <- read.csv("twolevel.csv")
row <- seq_len(nrow(data))
data$side <- ifelse(data$cluster %% 2 == 0, "b", "a")
data <- data[order(data$side), ]  # lavaan takes groups as they come
holes <- data
holes$y1[as.integer(rownames(data)) %% 7 == 0] <- NA
holes$y2[as.integer(rownames(data)) %% 5 == 0] <- NA
cut4 <- function(y) as.integer(cut(y, c(-Inf, -1, 0.5, 1.5, Inf)))
items <- transform(data, y2 = cut4(y2), y3 = cut4(y3))

factor <- "f =~ y1 + l2*y2 + l3*y3\nf ~ p*x1 + q*x2 + s*w1\n"
one <- c(
  linear = paste0(factor, "l2 + l3 == 1.5"),
  product = paste0(factor, "s == p*q"),
  held = paste0(factor, "p < 0.1\nthrough := p*l2"),
  mixed = paste0(factor, "p > 0.9\nl2 == l3^2"),
  effects = "f =~ NA*y1 + l1*y1 + l2*y2 + l3*y3\nf ~ p*x1 + x2 + w1\nl1 + l2 + l3 == 3\np > 0"
)
pair <- "f =~ y1 + l2*y2 + c(k1, k2)*y3\nf ~ c(p1, p2)*x1 + c(q1, q2)*x2 + w1\n"
many <- c(
  linear = paste0(pair, "k1 + k2 == 1.6\np1 == 2*q2"),
  product = paste0(pair, "p1 == p2*l2\ngap := p1 - p2"),
  held = paste0(pair, "p1 > 0.9\nq1 < q2"),
  effects = paste0("f =~ NA*y1 + c(a1, b1)*y1 + c(a2, b2)*y2 + c(a3, b3)*y3\nf ~ x1 + c(u, v)*x2\n",
    "a1 + a2 + a3 == 3\nb1 + b2 + b3 == 3\nu == v + 0.1")
)
tight <- list(iter.max = 10000, rel.tol = 1e-10)
fit <- function(route, text) {
  given <- switch(sub("groups_", "", route),
    ml = list(data = data),
    mlr = list(data = data, estimator = "MLR"),
    cluster = list(data = data, estimator = "MLR", cluster = "cluster"),
    fiml = list(data = holes, missing = "fiml"),
    fiml_mlr = list(data = holes, missing = "fiml", estimator = "MLR"),
    fiml_cluster = list(data = holes, missing = "fiml", estimator = "MLR", cluster = "cluster"),
    dwls = list(data = items, ordered = c("y2", "y3"), estimator = "WLSMV", parameterization = "delta"))
  if (grepl("groups", route)) given <- c(given, list(group = "side"))
  do.call("sem", c(list(model = text, control = tight), given))
}
routes <- list(
  list(c("mlr", "cluster", "fiml", "fiml_mlr", "fiml_cluster", "dwls"), one),
  list(c("groups_ml", "groups_mlr", "groups_cluster", "groups_fiml", "groups_dwls"), many)
)
estimates <- measures <- models <- NULL
for (entry in routes) for (name in names(entry[[2]])) {
  models <- rbind(models, data.frame(groups = grepl("groups", entry[[1]][1]), case = name, model = entry[[2]][[name]]))
  for (route in entry[[1]]) {
    found <- fit(route, entry[[2]][[name]])
    if (!lavInspect(found, "converged")) { cat("not converged:", route, name, "\n"); next }
    table <- subset(parameterEstimates(found), op %in% c("=~", "~", "~~", "~1", "|", ":="))
    if (is.null(table$group)) table$group <- 0
    label <- lavInspect(found, "group.label")
    table$group <- if (length(label)) label[ifelse(table$group == 0, NA, table$group)] else NA
    table$group[is.na(table$group)] <- ""
    estimates <- rbind(estimates, data.frame(route = route, case = name, table[, c("group", "lhs", "op", "rhs", "est", "se")]))
    values <- fitMeasures(found)
    keep <- grep("^(npar|chisq|df|pvalue|cfi|tli|rmsea|srmr|logl|aic|bic)$|^(chisq|df|pvalue|cfi|rmsea).scaled$|^chisq.(scaling|shift)", names(values), value = TRUE)
    measures <- rbind(measures, data.frame(route = route, case = name, measure = keep, value = as.numeric(values[keep])))
  }
}
write.csv(models, "constraints_routes_models.csv", row.names = FALSE)
write.csv(estimates, "constraints_routes_estimates.csv", row.names = FALSE)
write.csv(measures, "constraints_routes_measures.csv", row.names = FALSE)
