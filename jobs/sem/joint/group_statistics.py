"""All statistics of a group's ordered items and numbers, thresholds too, as functions of its parameters."""

from __future__ import annotations

import numpy as np

from jobs.sem.arrays import Matrix
from jobs.sem.joint.ordinal import GroupItems
from jobs.sem.ordinal.conditional import in_deviations


class Items:
    """A group's statistics as functions of its parameters.

    These are the free ones of the structure (q), intercepts of the endogenous observed variables (y), means
    of the factors (l), thresholds (t).
    """

    def __init__(self, data: GroupItems) -> None:
        self.data, self.model, self.structure = data, data.model, data.model.structure
        sample, structure = data.statistics, self.structure
        self.names, self.ordered = sample.names, sample.ordered
        heads = [(place, one) for place, one in enumerate(sample.statistics) if one.op in ("|", "~1")]
        self.heads = np.array([place for place, _ in heads], dtype=int)
        self.of = np.array([self.names.index(one.lhs) for _, one in heads], dtype=int)
        self.thresholds = [one for _, one in heads if one.op == "|"]
        self.is_threshold = np.array([one.op == "|" for _, one in heads])
        self.ends = np.cumsum([structure.q, len(self.names), len(structure.latent)])
        self.length = int(self.ends[-1]) + len(self.thresholds)
        # The intercept of a variable that others predict, or that predicts, stands among the inner ones.
        self.inner_y = [structure.inner.index(name) if name in structure.inner else -1 for name in self.names]
        self.inner_l = np.array([structure.inner.index(name) for name in structure.latent], dtype=int)
        self.influence, self.target = sample.influence, sample.value
        self.root = 1 / np.sqrt(sample.n * (self.influence**2).sum(axis=0))

    def start(self) -> Matrix:
        """The group fitted alone."""
        sample, alone = self.data.statistics, self.data.alone
        level = np.zeros(len(self.names))
        numbers = ~self.is_threshold
        level[self.of[numbers]] = sample.value[self.heads[numbers]]
        sizes = self.model.sizes(alone.estimate.x)[self.model.y]
        raw = (sample.value[self.heads] * sizes[self.of])[self.is_threshold]
        return np.concatenate([alone.estimate.x, level, np.zeros(len(self.structure.latent)), raw])

    def scale(self) -> Matrix:
        """The natural size of each parameter."""
        size = np.sqrt(np.diag(self.structure.sigma(self.data.alone.estimate.x)))[self.model.y]
        level = np.where(self.ordered, 1.0, size)
        rest = np.ones(self.length - self.ends[1])
        return np.concatenate([self.data.alone.estimate.scale, level, rest])

    def implied(self, v: Matrix) -> tuple[Matrix, Matrix]:
        """The statistics (m) at the parameters `v`, and their derivatives by these."""
        q, model, structure = self.structure.q, self.model, self.structure
        x, level, alpha, tau = np.split(v, self.ends)
        own = model.given_x(x)
        value, by_x = np.zeros(len(self.target)), np.zeros((len(self.target), self.length))
        rest = np.setdiff1d(np.arange(len(value)), self.heads)
        value[rest], by_x[rest, :q] = model.stacked(*in_deviations(*own, model.items))
        size = np.where(self.ordered, np.sqrt(np.abs(np.diag(own[1]))), 1.0)
        moved = np.where(self.ordered, own[3].diagonal(axis1=1, axis2=2) / (2 * size**2), 0.0)  # log size

        inner = np.zeros(len(structure.inner))
        inner[self.inner_l] = alpha
        outside = np.array([place < 0 for place in self.inner_y])
        for y, place in enumerate(self.inner_y):
            if place >= 0:
                inner[place] = level[y]
        mean, by_structure, by_inner = structure.mean_and_derivatives(x, inner)
        mean = mean[model.y] + np.where(outside, level, 0.0)
        slopes = np.zeros((len(self.names), self.length))
        slopes[:, :q] = by_structure[:, model.y].T
        for y, place in enumerate(self.inner_y):
            slopes[:, q + y] = by_inner[model.y, place] if place >= 0 else np.eye(len(self.names))[y]
        slopes[:, self.ends[1] : self.ends[2]] = by_inner[np.ix_(model.y, self.inner_l)]

        sign = np.where(self.is_threshold, -1.0, 1.0)
        cut = np.zeros(len(self.heads))
        cut[self.is_threshold] = tau
        own_size = size[self.of]
        value[self.heads] = (cut + sign * mean[self.of]) / own_size
        by_x[self.heads] = sign[:, None] * slopes[self.of] / own_size[:, None]
        by_x[self.heads, :q] -= value[self.heads][:, None] * moved[:, self.of].T
        at = self.heads[self.is_threshold]
        by_x[at, self.ends[2] + np.arange(len(at))] = 1 / own_size[self.is_threshold]
        return value, by_x
