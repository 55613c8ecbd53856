# Records random-effects pooling with base R alone: the restricted likelihood maximised by optimize(), the
# Hartung-Knapp error as the standard error of weighted least squares, p.adjust() for false discovery rates.
# Run from this folder: Rscript pooling.R   (writes the .csv files beside it)
options(digits = 15)
sets <- list(
  # Colditz et al. (1994), log relative risks of 13 trials of the BCG vaccine: cases and others of both arms.
  bcg = local({
    n <- matrix(c(4, 119, 11, 128, 6, 300, 29, 274, 3, 228, 11, 209, 62, 13536, 248, 12619, 33, 5036, 47, 5761,
                  180, 1361, 372, 1079, 8, 2537, 10, 619, 505, 87886, 499, 87892, 29, 7470, 45, 7232,
                  17, 1699, 65, 1600, 186, 50448, 141, 27197, 5, 2493, 3, 2338, 27, 16886, 29, 17825),
                ncol = 4, byrow = TRUE)
    list(y = log(n[, 1] / (n[, 1] + n[, 2])) - log(n[, 3] / (n[, 3] + n[, 4])),
         v = 1 / n[, 1] - 1 / (n[, 1] + n[, 2]) + 1 / n[, 3] - 1 / (n[, 3] + n[, 4]))
  }),
  few = list(y = c(0.31, 0.12, 0.55, 0.20), v = c(0.01, 0.02, 0.015, 0.04)),
  alike = list(y = c(0.30, 0.31, 0.29, 0.32, 0.30), v = c(0.010, 0.012, 0.008, 0.020, 0.015))
)
inputs <- do.call(rbind, lapply(names(sets), function(s) data.frame(set = s, est = sets[[s]]$y, se = sqrt(sets[[s]]$v))))
write.csv(inputs, "pooling_inputs.csv", row.names = FALSE)

restricted <- function(tau2, y, v) {
  w <- 1 / (v + tau2)
  m <- sum(w * y) / sum(w)
  0.5 * (sum(log(w)) - log(sum(w)) - sum(w * (y - m)^2))
}
results <- do.call(rbind, lapply(names(sets), function(s) {
  y <- sets[[s]]$y
  v <- sets[[s]]$v
  tau2 <- optimize(restricted, c(0, 10 * var(y)), y = y, v = v, maximum = TRUE, tol = 1e-12)$maximum
  if (restricted(0, y, v) >= restricted(tau2, y, v)) tau2 <- 0
  fit <- summary(lm(y ~ 1, weights = 1 / (v + tau2)))$coefficients
  fixed <- lm(y ~ 1, weights = 1 / v)
  q <- sum((1 / v) * residuals(fixed)^2)
  data.frame(set = s, tau2 = tau2, est = fit[1], se_hartung_knapp = fit[2], se_known = 1 / sqrt(sum(1 / (v + tau2))),
             q = q, q_pvalue = pchisq(q, length(y) - 1, lower.tail = FALSE))
}))
write.csv(results, "pooling_results.csv", row.names = FALSE)

# Dependent estimates: the same with a full covariance matrix, by plain matrix algebra.
y <- c(0.31, 0.12, 0.55, 0.20, 0.38)
S <- outer(c(0.1, 0.14, 0.12, 0.2, 0.11), c(0.1, 0.14, 0.12, 0.2, 0.11)) * (0.4 ^ abs(outer(1:5, 1:5, "-")))
write.csv(cbind(est = y, S), "pooling_dependent_inputs.csv", row.names = FALSE)
one <- rep(1, 5)
parts <- function(tau2) {
  W <- solve(S + tau2 * diag(5))
  total <- sum(W)
  m <- sum(W %*% y) / total
  list(W = W, total = total, m = m, squares = drop(t(y - m) %*% W %*% (y - m)))
}
likelihood <- function(tau2) {
  a <- parts(tau2)
  0.5 * (determinant(a$W)$modulus - log(a$total) - a$squares)
}
tau2 <- optimize(likelihood, c(0, 1), maximum = TRUE, tol = 1e-12)$maximum
a <- parts(tau2)
write.csv(data.frame(tau2 = tau2, est = a$m, se_hartung_knapp = sqrt(a$squares / 4 / a$total),
                     se_known = 1 / sqrt(a$total), q = parts(0)$squares),
          "pooling_dependent_results.csv", row.names = FALSE)

set.seed(7)
p <- round(c(runif(12)^3, 0.02, 0.02, 1), 6)
write.csv(data.frame(pvalue = p, bh = p.adjust(p, "BH")), "multiple_bh.csv", row.names = FALSE)
