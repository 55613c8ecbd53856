"""Cluster-robust errors for few clusters: bias-reduced linearisation ("CR2") with Satterthwaite's degrees.

Scores at the estimate are too small, for the estimate has followed them: a cluster's residual score has the
covariance J - J B J, not J, where J is the cluster's expected information and B the inverse of the sum of
all. CR2 multiplies each cluster's score so that, were the working model true (independent cases, the
model's own covariance), the estimate of the errors is without bias: with s* = (I - J B)^(-1/2) s the
products s* s*' sum to what they should. For least squares this is the n_g x n_g form of the papers, since
f(X Y) X = X f(Y X); here all of it happens in the space of the parameters, which is small.

With weights the score's covariance is not the information: K = sum of w^2 times a case's information, while
J = sum of w times it. A cluster's score is then D e with K = D D' and e of unit covariance, the estimate
takes part of e away, and the rest is multiplied by the inverse root of its covariance W. Unweighted this is
the formula above.

Degrees of freedom: the error's square is a quadratic form in the scores; Satterthwaite's chi-square has its
mean and variance under the working model, of normal scores with cov(t_g, t_h) = Omega_gh: tr(Omega)^2 /
tr(Omega^2).

The jackknife ("CR3") multiplies by the whole inverse, (I - J B)^-1 s: to first order what the estimate moves
by when the cluster is left out. Its errors are too large rather than too small; its degrees follow likewise.

Sources: Bell and McCaffrey (2002), Survey Methodology 28, 169-181; Pustejovsky and Tipton (2018), Journal
of Business and Economic Statistics 36, 672-683 (roots of singular matrices, contrasts of several
equations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from jobs.sem.arrays import Matrix

NOTHING = 1e-8  # share of a cluster's score that is left, under which it has leverage 1
ENOUGH = 0.99  # share of a value's working variance that the clusters have to show, for it to have an error


@dataclass(frozen=True)
class BiasReduced:
    """Adjusted influence of G clusters on k values, and what the working model says of it.

    `influence` (G x k). Under the working model the influences on value j have the covariance Omega =
    diag(sum of own[j]^2) + shared[j] diag(sign) shared[j]', and value j the variance sum of reach[j]^2:
    `own` and `shared` (k x G x m), `sign` (m), `reach` (k x m). All but `sign` are linear in the values.
    """

    influence: Matrix
    own: Matrix
    shared: Matrix
    sign: Matrix
    reach: Matrix

    @property
    def covariance(self) -> Matrix:
        """Covariance of the values (k x k)."""
        return self.influence.T @ self.influence

    @property
    def degrees(self) -> Matrix:
        """Satterthwaite degrees of freedom (k); NaN where the clusters cannot show a value's error.

        That is so where a cluster alone decides the value (leverage 1): its score is always zero.
        """
        gram = self.shared.transpose(0, 2, 1) @ self.shared
        own, squares = (self.own**2).sum(axis=2), self.shared**2 @ self.sign
        trace = (own + squares).sum(axis=1)
        of_square = (own**2 + 2 * own * squares).sum(axis=1)
        of_square += np.einsum("kab,a,b->k", gram**2, self.sign, self.sign)
        known = trace > ENOUGH * (self.reach**2).sum(axis=1)
        return np.where(known, trace**2 / np.where(known, of_square, 1.0), np.nan)

    @property
    def wishart_degrees(self) -> float:
        """Degrees of freedom eta of the Wishart law nearest to the covariance's; NaN where `degrees` has one.

        Q, the Wald statistic that all c values are zero, then is eta c / (eta - c + 1) times F with c and
        eta - c + 1 degrees (Pustejovsky and Tipton 2018, "HTZ"): Hotelling's T-squared, were eta G - 1.
        """
        if np.isnan(self.degrees).any():
            return np.nan
        mean = self._between().trace(axis1=2, axis2=3)
        unit = self.contrasts(linalg.inv(linalg.cholesky(mean, lower=True)))._between()
        c = len(mean)
        squares = np.einsum("ssgh,ttgh->", unit, unit) + np.einsum("stgh,sthg->", unit, unit)
        return float(c * (c + 1) / squares)

    def _between(self) -> Matrix:
        """Working covariances (c x c x G x G) of the clusters' influences on two values."""
        out = np.einsum("sgm,m,thm->stgh", self.shared, self.sign, self.shared, optimize=True)
        own = np.einsum("sgm,tgm->stg", self.own, self.own)
        return out + own[..., None] * np.eye(own.shape[2])

    def contrasts(self, jacobian: Matrix) -> BiasReduced:
        """Linear combinations of the values: `jacobian` (c x k), a combination a row."""
        own, shared = (np.tensordot(jacobian, part, axes=1) for part in (self.own, self.shared))
        return BiasReduced(self.influence @ jacobian.T, own, shared, self.sign, jacobian @ self.reach)


def bias_reduced(
    scores: Matrix,
    information: Matrix,
    outer: Matrix,
    variance: Matrix | None = None,
    jackknife: bool = False,
) -> BiasReduced:
    """Errors of k values from the sums of scores (G x q) of G clusters at the estimate.

    `information` (G x q x q): expected information of each cluster, singular as it may be, positive
    definite in sum; `outer` (k x q): derivatives of the values by the sum of scores, that is the inverse
    information (the observed one, which holds whether or not the working model does); `variance`
    (G x q x q): working covariance of the scores, the information where left out; `jackknife`: multiply as if
    each cluster was left out once. Raises LinAlgError where the information's sum is singular.
    """
    lower = linalg.cholesky(information.sum(axis=0), lower=True)
    inverse = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True)
    leverage = inverse @ information @ inverse.T
    spread = leverage if variance is None else inverse @ variance @ inverse.T
    total = spread.sum(axis=0)
    values, vectors = np.linalg.eigh(spread)
    half = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    if jackknife or variance is None:
        shares, axes = (values, vectors) if variance is None else np.linalg.eigh(leverage)
        root_left = _inverse_root(1 - shares)
        factors = root_left**2 if jackknife else root_left
        adjust = (axes * factors[:, None, :]) @ axes.transpose(0, 2, 1)
    else:
        adjust = _weighted(leverage, total, half, vectors)
    contrast = (outer @ lower).T  # q x k, on scores of unit information
    direction = adjust.transpose(0, 2, 1) @ contrast  # G x q x k
    shared, sign = leverage @ direction, -np.ones(len(lower))
    root = linalg.cholesky(total, lower=True)
    if variance is not None:
        # K X' + X K' - X Q X' as a difference of squares, X being the leverage part and K the spread part.
        less = linalg.solve_triangular(root, np.eye(len(root)), lower=True)
        spreads = spread @ direction
        shared = np.concatenate([less @ (total @ shared - spreads), less @ spreads], axis=1)
        sign = np.repeat([1.0, -1.0], len(lower))
    return BiasReduced(
        influence=np.einsum("gqk,gq->gk", direction, scores @ inverse.T),
        own=(half.transpose(0, 2, 1) @ direction).transpose(2, 0, 1),
        shared=shared.transpose(2, 0, 1),
        sign=sign,
        reach=contrast.T @ root,
    )


def by_kinds(
    kinds: Sequence[str], scores: Matrix, information: Matrix, outer: Matrix, variance: Matrix | None
) -> dict[str, BiasReduced]:
    """The errors of each of these kinds (bias_reduced, jackknife); all else is as `bias_reduced` takes it."""
    return {
        kind: bias_reduced(scores, information, outer, variance, jackknife=kind == "jackknife")
        for kind in kinds
    }


def difference(
    first: BiasReduced, second: BiasReduced, labels: tuple[Sequence[Any], Sequence[Any]]
) -> BiasReduced:
    """The values of one group less those of another, whose clusters (`labels` of each) may be the same.

    It is the contrast of both groups' equations stacked: scores side by side, information block-diagonal.
    The adjustments are block-diagonal too, so that each group's own are used.
    """
    both = sorted(set(labels[0]) | set(labels[1]))
    place = {label: number for number, label in enumerate(both)}
    rows = [[place[label] for label in side] for side in labels]
    spread = [_placed(part, where, len(both)) for part, where in zip((first, second), rows, strict=True)]
    return BiasReduced(
        influence=spread[0].influence - spread[1].influence,
        own=np.concatenate([spread[0].own, -spread[1].own], axis=2),
        shared=np.concatenate([spread[0].shared, -spread[1].shared], axis=2),
        sign=np.concatenate([first.sign, second.sign]),
        reach=np.hstack([first.reach, -second.reach]),
    )


def _placed(part: BiasReduced, rows: list[int], clusters: int) -> BiasReduced:
    """The same among more clusters, where it has the places `rows`; nothing in the others."""
    influence = np.zeros((clusters, part.influence.shape[1]))
    influence[rows] = part.influence
    wide = []
    for matrix in (part.own, part.shared):
        zeros = np.zeros((len(matrix), clusters, matrix.shape[2]))
        zeros[:, rows] = matrix
        wide.append(zeros)
    return BiasReduced(influence, wide[0], wide[1], part.sign, part.reach)


def _weighted(leverage: Matrix, total: Matrix, half: Matrix, vectors: Matrix) -> Matrix:
    """D W^(-1/2) D^+ of each cluster (G x q x q), with D = `half` the root of its scores' covariance."""
    size = np.sqrt((half**2).sum(axis=1, keepdims=True))
    there = size > 1e-6 * size.max(axis=2, keepdims=True)
    half = np.where(there, half, 0.0)
    back = np.where(there, vectors / np.where(there, size, 1.0), 0.0)
    inner = back.transpose(0, 2, 1) @ leverage @ back
    taken = np.where(there, size**2, 0.0).transpose(0, 2, 1) * inner  # the columns of half are orthogonal
    pull = half @ inner
    left = np.eye(len(total)) - taken - taken.transpose(0, 2, 1) + pull.transpose(0, 2, 1) @ total @ pull
    shares, axes = np.linalg.eigh((left + left.transpose(0, 2, 1)) / 2)
    root = (axes * _inverse_root(shares)[:, None, :]) @ axes.transpose(0, 2, 1)
    return half @ root @ back.transpose(0, 2, 1)


def _inverse_root(values: Matrix) -> Matrix:
    """1 / sqrt(values), zero where nothing is left."""
    kept = values > NOTHING
    return np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
