"""Fit of a model with ordered items, with lavaan's meaning of each measure (estimator WLSMV).

With U = W - W Delta (Delta' W Delta)^-1 Delta' W, the statistic T = (n - 1) F is distributed as a sum of
chi-squares weighted by the eigenvalues of U Gamma. The robust one, a T + b, has the mean and variance of a
chi-square with the model's degrees of freedom (Asparouhov and Muthén 2010). The baseline model has free
slopes and unrelated residuals.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.sem.laws import chi2_tail
from jobs.sem.ml.measures import indices
from jobs.sem.ordinal.fit import OrdinalFit
from jobs.sem.ordinal.marginals import Array
from jobs.sem.ordinal.moments import OrdinalMoments


def measures(
    fit: OrdinalFit, sample: OrdinalMoments, codes: NDArray[np.intp] | None = None
) -> dict[str, float]:
    """chi-square and its relatives, plain and scaled; the scaled by cluster where codes (n) are given."""
    n = sample.n
    gamma = sample.gamma(codes)[np.ix_(fit.fitted, fit.fitted)]
    df = len(fit.fitted) - fit.estimate.counted
    labels = [sample.statistics[place] for place in fit.fitted]
    covariances = np.array([label.op == "~~" and label.lhs != label.rhs for label in labels])
    base_df = int(covariances.sum())
    root = np.sqrt(fit.weight)
    scaled_gamma = gamma * np.outer(root, root)
    q, _ = np.linalg.qr(fit.tangent * root[:, None])
    off = scaled_gamma - q @ (q.T @ scaled_gamma)  # U Gamma, up to a similarity
    base_gamma = scaled_gamma[np.ix_(covariances, covariances)]
    chisq = (n - 1) * fit.estimate.objective  # least squares count n - 1, as lavaan and Mplus do
    base_chisq = float((n - 1) * (sample.value[fit.fitted][covariances] ** 2 * fit.weight[covariances]).sum())
    out = {
        "npar": float(fit.estimate.counted + len(fit.above)),
        "nobs": float(n),
        "chisq": chisq,
        "df": float(df),
        "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
        **indices(chisq, df, base_chisq, base_df, n - 1),
        "srmr": srmr(fit, sample),
    }
    if df:
        scaled, factor, shift = scale_and_shift(chisq, df, off)
        base_scaled, _, _ = scale_and_shift(base_chisq, base_df, base_gamma)
        out |= {
            "chisq_scaled": scaled,
            "df_scaled": float(df),
            "pvalue_scaled": float(chi2_tail(scaled, df)),
            "chisq_scaling_factor": factor,
            "chisq_shift": shift,
        }
        out |= {f"{k}_scaled": v for k, v in indices(scaled, df, base_scaled, base_df, n - 1).items()}
    return out


def scale_and_shift(statistic: float, df: int, product: Array) -> tuple[float, float, float]:
    """a T + b, 1 / a and b: a = sqrt(df / tr((U Gamma)^2)), b = df - a tr(U Gamma)."""
    a = float(np.sqrt(df / (product * product.T).sum()))
    shift = df - a * float(np.trace(product))
    return a * statistic + shift, 1 / a, shift


def srmr(fit: OrdinalFit, sample: OrdinalMoments) -> float:
    """Standardised root mean square residual of the covariance matrix given x (Bentler 1995).

    Variances, also of the exogenous variables, count among the elements as if fitted exactly, though equal
    residuals of groups may leave some: lavaan's figure.
    """
    variance = dict.fromkeys(sample.names, 1.0)
    labels = [sample.statistics[place] for place in fit.fitted]
    for label, value in zip(labels, sample.value[fit.fitted], strict=True):
        if label.op == "~~" and label.lhs == label.rhs:
            variance[label.lhs] = value
    squares = [
        residual**2 / (variance[label.lhs] * variance[label.rhs])
        for label, residual in zip(labels, fit.residual, strict=True)
        if label.op == "~~" and label.lhs != label.rhs
    ]
    count = len(sample.names)
    return float(np.sqrt(sum(squares) / (count * (count + 1) / 2 + len(sample.x_names))))
