"""Full-information maximum likelihood for data with missing values, by missingness pattern.

Every case contributes the normal likelihood of what it did answer (Arbuckle 1996), which is valid when
values are missing at random. Cases that answered the same variables share one pattern, and only a
pattern's weight, mean and covariance enter the likelihood.

All patterns are computed at once: a pattern's covariance matrix is padded to p x p, with ones on the
diagonal for the variables it lacks. The padding changes neither the determinant nor, once its rows are
zeroed again, the inverse, so one batched inverse replaces a loop over patterns.

In gradients and information matrices a symmetric matrix is laid out as its lower triangle, column by
column ("vech"), after the means: beta = (mu, vech Sigma), p + p(p+1)/2 elements.

Sources: Arbuckle (1996), Full information estimation in the presence of incomplete data; Little and Rubin
(2002), Statistical analysis with missing data, ch. 11 (EM); Savalei (2010), Psychological Methods 15,
352-367 (expected and observed information); Yuan and Bentler (2000), Sociological Methodology 30, 165-200
(robust statistic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from jobs.sem.arrays import Array
from jobs.sem.trouble import Trouble
from jobs.sem.vech import from_vech, to_vech, vech_index

EM_STEPS = 8
SCORING_STEPS = 200
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class Patterns:
    """What the likelihood needs of a sample: one row per missingness pattern, P patterns of p variables.

    `mean` and `cov` are the pattern's own weighted moments (n in the denominator), zero where the pattern
    lacks the variable; `index` gives each case's pattern.
    """

    observed: NDArray[np.bool_]  # P x p
    weight: Array  # P
    mean: Array  # P x p
    cov: Array  # P x p x p
    index: NDArray[np.intp]  # N

    @property
    def total(self) -> float:
        """Sum of the weights: the number of cases when there are none."""
        return float(self.weight.sum())


@dataclass(frozen=True)
class SaturatedMoments:
    """Mean (p), covariance (p x p) and the log-likelihood they reach."""

    mean: Array
    cov: Array
    log_likelihood: float


@dataclass(frozen=True)
class _Residual:
    """Per pattern: precision A, A(mean - mu), A S_hat A with S_hat = cov about mu, and log |Sigma|."""

    precision: Array
    score: Array
    spread: Array
    log_det: Array
    trace: Array


def patterns(data: Array, weights: Array | None = None) -> Patterns:
    """Sum a data matrix (N x p, NaN for missing) to its missingness patterns, sorted.

    Cases without any answer are refused: the caller counts and removes them, so that none goes silently.
    """
    data = np.asarray(data, dtype=float)
    w = np.ones(len(data)) if weights is None else np.asarray(weights, dtype=float)
    seen = ~np.isnan(data)
    if len(data) == 0 or not seen.any(axis=1).all():
        raise ValueError("a case without any observed value can't enter the likelihood")
    observed, index = np.unique(seen, axis=0, return_inverse=True)
    index = index.reshape(-1)
    count, p = observed.shape
    weight = np.asarray(np.bincount(index, w, count), dtype=float)
    filled = np.where(seen, data, 0.0)
    mean = np.zeros((count, p))
    np.add.at(mean, index, w[:, None] * filled)
    mean /= weight[:, None]
    centred = np.where(seen, filled - mean[index], 0.0)
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(count + 1))
    cov = np.zeros((count, p, p))
    for k in np.flatnonzero(np.diff(starts) > 1):
        rows = order[starts[k] : starts[k + 1]]
        cov[k] = (w[rows, None] * centred[rows]).T @ centred[rows] / weight[k]
    return Patterns(observed, weight, mean, cov, index)


def never_together(sample: Patterns, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of variables that no case answered both: their covariance has no likelihood."""
    seen = sample.observed.astype(float)
    rows, columns = np.nonzero(np.tril(seen.T @ seen == 0.0))
    return [(names[int(j)], names[int(i)]) for i, j in zip(rows, columns, strict=True)]


def _padded_inverse(sigma: Array, observed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Inverse (zero outside the observed block) and log-determinant of each pattern's block of sigma."""
    mask = observed[:, :, None] & observed[:, None, :]
    padded = np.where(mask, sigma, 0.0)
    diagonal = np.arange(sigma.shape[0])
    padded[:, diagonal, diagonal] += ~observed
    chol = np.linalg.cholesky(padded)  # raises LinAlgError where a block isn't positive definite
    log_det = 2.0 * np.log(chol[:, diagonal, diagonal]).sum(axis=1)
    inverse = np.linalg.inv(padded)
    return np.where(mask, 0.5 * (inverse + inverse.transpose(0, 2, 1)), 0.0), log_det


def _residual(mean: Array, sigma: Array, sample: Patterns) -> _Residual:
    precision, log_det = _padded_inverse(sigma, sample.observed)
    deviation = np.where(sample.observed, sample.mean - mean, 0.0)
    score = np.matmul(precision, deviation[:, :, None])[:, :, 0]
    within = np.matmul(np.matmul(precision, sample.cov), precision)
    spread = within + score[:, :, None] * score[:, None, :]
    trace = np.einsum("pij,pij->p", precision, sample.cov) + np.einsum("pi,pi->p", score, deviation)
    return _Residual(precision, score, spread, log_det, trace)


def _log_likelihood(part: _Residual, sample: Patterns) -> float:
    answered = sample.observed.sum(axis=1)
    return float(-0.5 * sample.weight @ (LOG_2PI * answered + part.log_det + part.trace))


def log_likelihood(mean: Array, sigma: Array, sample: Patterns) -> float:
    """Weighted normal log-likelihood of the observed values (Arbuckle 1996, eq. 4).

    Raises numpy.linalg.LinAlgError where sigma isn't positive definite on a pattern.
    """
    return _log_likelihood(_residual(mean, sigma, sample), sample)


def _gradient(part: _Residual, sample: Patterns) -> tuple[Array, Array]:
    d_mean = sample.weight @ part.score
    d_sigma = 0.5 * np.tensordot(sample.weight, part.spread - part.precision, axes=1)
    return d_mean, d_sigma


def gradient(mean: Array, sigma: Array, sample: Patterns) -> Array:
    """Derivative of the log-likelihood by beta = (mu, vech Sigma)."""
    d_mean, d_sigma = _gradient(_residual(mean, sigma, sample), sample)
    return np.concatenate([d_mean, to_vech(d_sigma)])


def _information(part: _Residual, sample: Patterns, observed: bool) -> Array:
    w, a = sample.weight, part.precision
    count, p, _ = a.shape
    rows, columns = vech_index(p)
    middle = part.spread - 0.5 * a if observed else 0.5 * a
    # tr(dS1 middle dS2 a) = sum_ijkl dS1_ij middle_jk dS2_kl a_li; an element of Sigma stands at ij and ji,
    # and of the four terms two and two are equal when the sums over patterns are symmetric.
    sums = (w[:, None] * middle[:, rows, columns]).T @ a[:, rows, columns]
    sums = sums + sums.T
    half = np.where(rows == columns, 0.5, 1.0)
    by_sigma = sum(sums.take(places) for places in _two_terms(p)) * np.outer(half, half)
    by_mean = np.tensordot(w, a, axes=1)
    cross = np.zeros((p, len(rows)))
    if observed:
        three = ((w[:, None] * a.reshape(count, -1)).T @ part.score).reshape(p, p, p)  # a_ik score_l
        three = three + three.transpose(0, 2, 1)
        cross = three[:, rows, columns] * half
    return np.block([[by_mean, cross], [cross.T, by_sigma]])


@lru_cache(maxsize=1)
def _two_terms(p: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Where (jk, li) and (ik, lj) are in a matrix by lower triangles, for ij and kl (p* x p*)."""
    rows, columns = vech_index(p)
    place = from_vech(np.arange(len(rows), dtype=float), p).astype(np.int32)
    i, j = rows[:, None], columns[:, None]
    k, m = rows, columns
    return place[j, k] * len(rows) + place[m, i], place[i, k] * len(rows) + place[m, j]


def information(mean: Array, sigma: Array, sample: Patterns, observed: bool = True) -> Array:
    """Information of beta = (mu, vech Sigma), summed over cases: observed (minus the Hessian), or expected.

    The expected one takes each pattern as given (Savalei 2010, eq. 8), which needs values missing
    completely at random; the observed one only needs them missing at random.
    """
    return _information(_residual(mean, sigma, sample), sample, observed)


def case_scores(mean: Array, sigma: Array, data: Array, sample: Patterns) -> Array:
    """Derivative of each case's unweighted log-likelihood by beta: N x (p + p(p+1)/2)."""
    precision, _ = _padded_inverse(sigma, sample.observed)
    rows, columns = vech_index(len(mean))
    deviation = np.where(np.isnan(data), 0.0, data - mean)
    by_mean = np.empty_like(deviation)
    order = np.argsort(sample.index, kind="stable")
    starts = np.searchsorted(sample.index[order], np.arange(len(sample.weight) + 1))
    for k in range(len(sample.weight)):
        cases = order[starts[k] : starts[k + 1]]
        by_mean[cases] = deviation[cases] @ precision[k]
    half = np.where(rows == columns, 0.5, 1.0)
    packed = precision[:, rows, columns]
    by_sigma = half * (by_mean[:, rows] * by_mean[:, columns] - packed[sample.index])
    return np.hstack([by_mean, by_sigma])


def saturated(sample: Patterns, names: Sequence[str], tolerance: float = 1e-10) -> SaturatedMoments:
    """Unrestricted mean and covariance that maximise the likelihood (the model's alternative in chi-square).

    A few EM steps (Little and Rubin 2002, ch. 11.2), each the gradient preconditioned by Sigma, then scoring:
    Newton's steps where the observed information is positive definite, Fisher's elsewhere, halved until they
    climb. EM alone needs hundreds of steps. `tolerance` is on the decrement a case before the last step,
    which roughly squares it. Raises Trouble where the maximum isn't determined.
    """
    pairs = never_together(sample, names)
    if pairs:
        raise Trouble(
            "not identified", f"{pairs[0][0]} and {pairs[0][1]} are never observed in the same case."
        )
    weight_of = sample.weight @ sample.observed
    mean = sample.weight @ sample.mean / weight_of
    squares = np.einsum("pii->pi", sample.cov) + np.where(sample.observed, sample.mean - mean, 0.0) ** 2
    sigma = np.diag(sample.weight @ squares / weight_of)
    if not (np.diag(sigma) > 0).all():
        raise Trouble("constant indicator", f"{names[int(np.argmin(np.diag(sigma)))]} does not vary.")
    for _ in range(EM_STEPS):
        mean, sigma = _em_step(_residual(mean, sigma, sample), sample, mean, sigma)
    for _ in range(SCORING_STEPS):
        part = _residual(mean, sigma, sample)
        mean, sigma, decrement = _scoring_step(part, sample, mean, sigma)
        if decrement < tolerance * sample.total:
            return SaturatedMoments(mean, sigma, log_likelihood(mean, sigma, sample))
    raise Trouble("not converged", "the unrestricted moments do not settle: too much is missing together.")


def _em_step(part: _Residual, sample: Patterns, mean: Array, sigma: Array) -> tuple[Array, Array]:
    d_mean, d_sigma = _gradient(part, sample)
    shift = sigma @ d_mean / sample.total
    updated = sigma + 2.0 * sigma @ d_sigma @ sigma / sample.total - np.outer(shift, shift)
    return mean + shift, 0.5 * (updated + updated.T)


def _scoring_step(part: _Residual, sample: Patterns, mean: Array, sigma: Array) -> tuple[Array, Array, float]:
    """The next mean and covariance, and the decrement (slope times step) that was left before."""
    p = len(mean)
    value = _log_likelihood(part, sample)
    d_mean, d_sigma = _gradient(part, sample)
    slope = np.concatenate([d_mean, to_vech(d_sigma)])
    factor = _factor(part, sample)
    if factor is None:
        return *_em_step(part, sample, mean, sigma), np.inf
    step = cho_solve(factor, slope)
    decrement = float(slope @ step)
    size = 1.0
    while size > 1e-8:
        moved = mean + size * step[:p], sigma + size * from_vech(step[p:], p)
        try:
            climbed = log_likelihood(*moved, sample) - value
        except np.linalg.LinAlgError:
            climbed = -np.inf
        if climbed >= 0.1 * size * decrement or (climbed > -np.inf and decrement < 1e-10 * sample.total):
            return *moved, decrement
        size /= 2.0
    raise Trouble(
        "not converged", "the likelihood of the incomplete data has no maximum that can be reached."
    )


def _factor(part: _Residual, sample: Patterns) -> tuple[Array, bool] | None:
    """Cholesky factor of the observed information, else the expected; None where rounding spoils both."""
    for observed in (True, False):
        try:
            return cho_factor(_information(part, sample, observed))
        except np.linalg.LinAlgError:
            continue
    return None
