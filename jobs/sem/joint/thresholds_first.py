"""Models of growing equality for ordered items, thresholds first, with what each step identifies.

Thresholds set origin and scale of the response behind an item. Where they are free in each group, so are
origin and scale, and loadings cannot be compared; so they are made equal first, and intercepts and residual
variances are free then in all groups but the first (Wu and Estabrook 2016, Psychometrika 81, 1014-1045):

    step        equal                      in the other groups
    configural                             intercepts 0, residual variances 1, means 0
    thresholds  thresholds                 intercepts and residual variances free
    metric      and loadings               the same
    scalar      and intercepts             intercepts 0, residual variances and means of factors free
    strict      and residual variances     residual variances 1

An item of three categories has two thresholds, which do no more than set origin and scale. A binary one has
one, which is tied from the scalar step on; its scale is free from the metric step on, so that its loading is
free in all but name. Where all items of a factor are binary, metric invariance cannot be tested at all.
Numbers have intercepts and residual variances as in maximum likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.sem.arrays import Matrix
from jobs.sem.checks import check_admissible, check_identified
from jobs.sem.joint.group_statistics import Items
from jobs.sem.joint.hypotheses import HypothesisTest
from jobs.sem.joint.measures import by_groups
from jobs.sem.joint.ordinal import group_items
from jobs.sem.joint.ordinal_measures import covariance
from jobs.sem.laws import chi2_tail
from jobs.sem.ml import fit as ml
from jobs.sem.ml.measures import indices
from jobs.sem.model.layout import Layout, layout
from jobs.sem.ordinal import least_squares
from jobs.sem.ordinal.conditional import THETA
from jobs.sem.ordinal.measures import scale_and_shift
from jobs.sem.routes.method import Method
from jobs.sem.threads import one_thread
from jobs.sem.trouble import TROUBLES, ModelError, Trouble, verdict

STEPS = ("configural", "thresholds", "metric", "scalar", "strict")
Key = tuple[object, ...]  # what a parameter is known by; the same in two groups where it is equal in them


@dataclass
class StepFit:
    """One step: its status, measures, and at the solution what a difference test takes.

    `jacobian` (m x k) of all groups' statistics by the free parameters, `vectors` a group's parameters each
    (see `Items`).
    """

    name: str
    status: str = "failed"
    detail: str = ""
    measures: dict[str, float] = field(default_factory=dict)
    jacobian: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    vectors: list[Matrix] = field(default_factory=list)


class ThresholdsFirst:
    """The steps for groups of cases, `parts`; each is fitted from the one before.

    `model` is a text without labels; `partial`: parameters that are free in all steps. Raises ModelError
    where the model has none of that name, Trouble where a group's data allow no fit.
    """

    def __init__(
        self, model: str, parts: dict[str, pd.DataFrame], method: Method, partial: tuple[str, ...] = ()
    ) -> None:
        self.model, self.method, self.names = model, method, list(parts)
        self.partial = {"".join(name.split()) for name in partial}
        plan = layout(model, self.names, (), (), method.ordered)
        structures = [group.structure for group in plan.groups]
        items = group_items(parts, structures, replace(method, parameterization=THETA))
        self.groups = [Items(data) for data in items]
        self.cases = [data.sample for data in items]
        strange = self.partial - self._known()
        if strange:
            raise ModelError(f"the partial {sorted(strange)[0]} is no free parameter of the model")
        self.counts = {
            name: [sum(one.lhs == name for one in group.thresholds) + 1 for group in self.groups]
            for name in self.groups[0].names
        }
        self.total = sum(group.data.sample.n for group in self.groups)
        cluster = method.clusters[0] if method.clusters else None
        if cluster and min(len(sample.labels[cluster]) for sample in self.cases) < 2:
            cluster = None
        self.gamma = covariance([group.influence for group in self.groups], self.cases, cluster)
        sizes = [len(group.target) for group in self.groups]
        of_groups = np.repeat([group.data.sample.n for group in self.groups], sizes)
        self.weight = np.concatenate([group.root**2 for group in self.groups]) * of_groups
        self.vectors = [group.start() for group in self.groups]

    @one_thread()
    def fit(self, name: str) -> StepFit:
        """The step of this name. What the data do not allow is a status."""
        result = StepFit(name)
        try:
            self._fit(result)
            result.status = "converged"
        except TROUBLES as error:
            result.status, result.detail = verdict(error)
        return result

    def _fit(self, result: StepFit) -> None:
        step = STEPS.index(result.name)
        if step:
            self._check_categories()
        places, fixed, names = self._places(step)
        if step == 1:
            self.vectors = [self.vectors[0], *(self._on_first(group) for group in range(1, len(self.groups)))]
        scale = self._mean([np.log(group.scale()) for group in self.groups], places, len(names))
        scale = np.exp(scale)
        start = self._mean(self.vectors, places, len(names)) / scale
        shares = [np.sqrt((group.data.sample.n - 1) / self.total) for group in self.groups]
        targets = np.concatenate([group.target for group in self.groups])

        def own(z: Matrix, g: int) -> Matrix:
            free = places[g] >= 0
            v = fixed[g].copy()
            v[free] = (z * scale)[places[g][free]]
            return v

        def parts(z: Matrix) -> tuple[Matrix, Matrix, Matrix]:
            residuals, jacobians = [], []
            for g, group in enumerate(self.groups):
                value, slopes = group.implied(own(z, g))
                free = np.flatnonzero(places[g] >= 0)
                moved = np.zeros((len(value), len(z)))
                np.add.at(moved.T, places[g][free], slopes[:, free].T)
                weight = shares[g] * group.root
                residuals.append((value - group.target) * weight)
                jacobians.append(moved * scale * weight[:, None])
            return z, np.concatenate(residuals), np.vstack(jacobians)

        z = least_squares.solved(parts, start, len(targets))
        _, residual, jacobian = parts(z)
        gradient = 2 * float(np.abs(jacobian.T @ residual).max())
        if not np.isfinite(gradient):
            raise Trouble("not converged", "the search found no admissible start; simplify the model.")
        check_identified(names, jacobian.T @ jacobian)
        if gradient > 10 * ml.TOLERANCE:
            raise Trouble("not converged", "the search stopped away from a minimum; simplify the model.")
        vectors = [own(z, g) for g in range(len(self.groups))]
        for name, group, v in zip(self.names, self.groups, vectors, strict=True):
            try:
                check_admissible(group.structure, v[: group.structure.q])
            except Trouble as trouble:
                raise Trouble(trouble.status, f"in {name}, {trouble}") from None
        roots = [share * group.root for share, group in zip(shares, self.groups, strict=True)]
        result.jacobian = jacobian / np.concatenate(roots)[:, None]
        result.vectors = self.vectors = vectors
        result.measures = self._measures(residual @ residual * self.total, jacobian.shape, result.jacobian)

    def _known(self) -> set[str]:
        """The names by which `partial` may call a parameter."""
        group = self.groups[0]
        free = [entry for entry in group.structure.parameters if entry.free is not None]
        names = {f"{entry.lhs}{entry.op}{entry.rhs}" for entry in free} | {
            f"{name}~1" for name in group.names
        }
        return names | {f"{one.lhs}|{one.rhs}" for one in group.thresholds}

    def _check_categories(self) -> None:
        for name, counts in self.counts.items():
            if len(set(counts)) > 1:
                detail = f"{name} has {min(counts)} categories in one group and {max(counts)} in another"
                raise Trouble("failed", f"{detail}, so that thresholds cannot be equal; join categories.")

    def _places(self, step: int) -> tuple[list[NDArray[np.intp]], list[Matrix], list[str]]:
        """Where each group's parameters stand among the free ones, or -1; the values of the others; names."""
        plan = self._layout(step)
        known: dict[Key, int] = {}
        names: list[str] = []
        places, values = [], []
        for g, (laid, group) in enumerate(zip(plan.groups, self.groups, strict=True)):
            place, fixed = np.full(group.length, -1, dtype=np.intp), np.zeros(group.length)
            for at, (key, value) in enumerate(self._keys(step, g, laid.place)):
                fixed[at] = value
                if key is None:
                    continue
                if key not in known:
                    known[key] = len(names)
                    names.append(self._named(group, at, g))
                place[at] = known[key]
            places.append(place)
            values.append(fixed)
        return places, values, names

    def _layout(self, step: int) -> Layout:
        """The structure's parameters, with equal loadings, and residual variances of numbers."""
        equal = (("loadings",) if step >= 2 else ()) + (("residuals",) if step >= 4 else ())
        loose = []
        for parameter in self.groups[0].structure.parameters:
            if parameter.free is None:
                continue
            name = f"{parameter.lhs}{parameter.op}{parameter.rhs}"
            untold = step == 2 and parameter.op == "=~" and self._all_binary(parameter.lhs)
            if untold or name in self.partial:
                loose.append(name)
        return layout(self.model, self.names, equal, tuple(loose), self.method.ordered)

    def _keys(self, step: int, g: int, of_structure: NDArray[np.intp]) -> list[tuple[Key | None, float]]:
        """What each parameter of group `g` is known by, None where it has the value beside it."""
        group = self.groups[g]
        keys: list[tuple[Key | None, float]] = [(("x", int(at)), 0.0) for at in of_structure[: group.ends[0]]]
        for name, at in zip(np.array(group.names)[group.ordered], group.model.residual, strict=True):
            free = g > 0 and (self._scale_free(step, name) or f"{name}~~{name}" in self.partial)
            keys[at] = (("residual", g, name), 1.0) if free else (None, 1.0)
        for name, is_item in zip(group.names, group.ordered, strict=True):
            apart = f"{name}~1" in self.partial
            if is_item:
                free = g > 0 and ((step in (1, 2) and not self._binary(name)) or (step >= 3 and apart))
                keys.append((("level", g, name), 0.0) if free else (None, 0.0))
            else:
                keys.append((("level", 0 if step >= 3 and not apart else g, name), 0.0))
        for name in group.structure.latent:
            keys.append((("mean", g, name), 0.0) if g > 0 and step >= 3 else (None, 0.0))
        for one in group.thresholds:
            tied = step >= (3 if self._binary(one.lhs) else 1) and f"{one.lhs}|{one.rhs}" not in self.partial
            keys.append((("threshold", 0 if tied else g, one.lhs, one.rhs), 0.0))
        return keys

    def _binary(self, name: str) -> bool:
        return max(self.counts[name]) == 2

    def _all_binary(self, factor: str) -> bool:
        """Whether all items of a factor are binary, so that none tells its scale in another group."""
        own = [p.rhs for p in self.groups[0].structure.parameters if p.op == "=~" and p.lhs == factor]
        ordered = set(self.method.ordered)
        return all(name in ordered and self._binary(name) for name in own)

    def _scale_free(self, step: int, name: str) -> bool:
        """Whether an item's residual variance is free in the groups after the first."""
        if not self._binary(name):
            return 1 <= step <= 3
        factors = [p.lhs for p in self.groups[0].structure.parameters if p.op == "=~" and p.rhs == name]
        return step == 3 or (step == 2 and not any(self._all_binary(factor) for factor in factors))

    def _named(self, group: Items, at: int, g: int) -> str:
        """A parameter's name for messages."""
        q, levels, means = (int(end) for end in group.ends)
        if at < q:
            parameter = next(entry for entry in group.structure.parameters if entry.free == at)
            words = f"{parameter.lhs} {parameter.op} {parameter.rhs}"
        elif at < means:
            words = f"{group.names[at - q] if at < levels else group.structure.latent[at - levels]} ~1"
        else:
            words = f"{group.thresholds[at - means].lhs} | {group.thresholds[at - means].rhs}"
        return f"{words} ({self.names[g]})"

    def _mean(self, vectors: list[Matrix], places: list[NDArray[np.intp]], k: int) -> Matrix:
        """The mean over the groups of what each has of a parameter (k)."""
        sums, count = np.zeros(k), np.zeros(k)
        for v, place in zip(vectors, places, strict=True):
            free = place >= 0
            np.add.at(sums, place[free], v[free])
            np.add.at(count, place[free], 1)
        return sums / count

    def _on_first(self, g: int) -> Matrix:
        """A group's parameters, its responses on the scale that the first group's thresholds give."""
        first, group, v = self.groups[0], self.groups[g], self.vectors[g].copy()
        size = dict.fromkeys(group.names, 1.0)
        q, end = int(group.ends[0]), int(group.ends[2])
        for place, name in enumerate(group.names):
            own = [k for k, one in enumerate(group.thresholds) if one.lhs == name]
            if len(own) > 1:
                theirs = self.vectors[0][int(first.ends[2]) + np.array(own)]
                slope, level = np.polyfit(v[end + np.array(own)], theirs, 1)
                size[name] = float(np.clip(slope, 0.2, 5.0))
                v[q + place], v[end + np.array(own)] = level, theirs
        marker = {p.lhs: size.get(p.rhs, 1.0) for p in reversed(group.structure.parameters) if p.op == "=~"}
        for parameter in group.structure.parameters:
            if parameter.free is None:
                continue
            left = marker.get(parameter.lhs, size.get(parameter.lhs, 1.0))
            right = marker.get(parameter.rhs, size.get(parameter.rhs, 1.0))
            ratio = {"=~": right / left, "~": left / right, "~~": left * right}[parameter.op]
            v[parameter.free] *= ratio
        return v

    def _measures(self, chisq: float, shape: tuple[int, ...], jacobian: Matrix) -> dict[str, float]:
        """chi-square and its relatives, plain and scaled, as in ordinal_measures."""
        groups, df = len(self.groups), shape[0] - shape[1]
        labels = [one for group in self.groups for one in group.data.statistics.statistics]
        base = np.array([one.op == "~~" and one.lhs != one.rhs for one in labels])
        root = np.sqrt(self.weight)
        gamma = self.gamma * np.outer(root, root)
        sizes = np.concatenate([np.full(len(group.target), group.data.sample.n) for group in self.groups])
        targets = np.concatenate([group.target for group in self.groups])
        base_df = int(base.sum())
        base_chisq = float(((sizes - 1) / sizes * self.weight * targets**2)[base].sum())
        out = {
            "npar": float(shape[1]),
            "chisq": float(chisq),
            "df": float(df),
            "pvalue": float(chi2_tail(chisq, df)) if df else np.nan,
            **by_groups(indices(chisq, df, base_chisq, base_df, self.total - groups), groups),
        }
        if df:
            wide, _ = np.linalg.qr(jacobian * root[:, None])
            scaled, _, _ = scale_and_shift(chisq, df, gamma - wide @ (wide.T @ gamma))
            base_scaled, _, _ = scale_and_shift(base_chisq, base_df, gamma[np.ix_(base, base)])
            with_scale = by_groups(indices(scaled, df, base_scaled, base_df, self.total - groups), groups)
            out |= {"chisq_scaled": scaled, "pvalue_scaled": float(chi2_tail(scaled, df))}
            out |= {f"{name}_scaled": value for name, value in with_scale.items()}
        return out

    def difference(self, free: StepFit, restricted: StepFit) -> HypothesisTest:
        """Test of a step against the one above (Satorra 2000), scaled and shifted.

        The models have other parameters: what the restricted one leaves is the space of its derivatives
        within the free one's, lavaan's A.method "delta". No number where no degree of freedom is between.
        """
        for step in (free, restricted):
            if step.status != "converged":
                detail = f"a model has the status {step.status}, so that the two cannot be compared."
                return HypothesisTest(np.nan, np.nan, np.nan, detail=detail)
        df = restricted.measures["df"] - free.measures["df"]
        if df <= 0:
            return HypothesisTest(np.nan, df, np.nan)
        root = np.sqrt(self.weight)
        gamma = self.gamma * np.outer(root, root)
        within = free.jacobian @ np.linalg.lstsq(free.jacobian, restricted.jacobian, rcond=None)[0]
        wide, _ = np.linalg.qr(free.jacobian * root[:, None])
        narrow, _ = np.linalg.qr(within * root[:, None])
        off = wide @ (wide.T @ gamma) - narrow @ (narrow.T @ gamma)
        gap = restricted.measures["chisq"] - free.measures["chisq"]
        statistic = scale_and_shift(gap, int(df), off)[0]
        return HypothesisTest(statistic, df, float(chi2_tail(statistic, df)))
