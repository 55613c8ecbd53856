"""How a model is fitted, and which of these go together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.sem.model.constraints import Constraint, labels_within
from jobs.sem.model.defined import Definition
from jobs.sem.model.structure import ModelError, Parameter, Structure
from jobs.sem.trouble import excerpt

# Kinds of standard error without clusters, by the way a group is fitted.
PLAIN_ERRORS = {"ml": ("expected", "robust"), "full": ("observed", "robust"), "dwls": ("robust",)}


@dataclass(frozen=True)
class Method:
    """What to compute. `clusters` and `weights` name columns of the data; the first cluster is the primary.

    `estimator`: "ml"; "mlr", which scales the statistic (Yuan and Bentler) also without weights and clusters,
    and whose errors are robust; "dwls" for models with
    `ordered` items, whose responses have unit variance in the `parameterization` "delta", residuals of unit
    variance in "theta". `missing`: "listwise"; "fiml" for numbers; "pairwise" for ordered items. `diagnosis`
    asks for what a referee does: residuals, modification indices, reliability, standardised errors;
    `jackknife` for errors as if each cluster was left out once, beside the bias-reduced ones. `working`: what
    these take cases of a cluster for, "independent" or moved by common "effects" (see cluster_effects).
    """

    estimator: str = "ml"
    missing: str = "listwise"
    ordered: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    weights: str | None = None
    confidence: float = 0.95
    diagnosis: bool = False
    jackknife: bool = False
    parameterization: str = "delta"
    working: str = "independent"

    @property
    def scaled(self) -> bool:
        """Whether the statistic is scaled: weights and clusters would reject a true model far too often."""
        return self.estimator == "mlr" or bool(self.clusters) or self.weights is not None

    @property
    def for_few_clusters(self) -> tuple[str, ...]:
        """The kinds of error that count how far the estimate has followed its clusters."""
        if self.estimator == "dwls":
            return ()
        return ("bias_reduced", "jackknife") if self.jackknife else ("bias_reduced",)

    @property
    def from_moments(self) -> bool:
        """Whether sums over complete cases are all that the estimates and errors need."""
        return self.estimator == "ml" and self.missing == "listwise" and self.working == "independent"


def error_kinds(method: Method) -> list[str]:
    """The kinds of standard error that a fit with these settings gives."""
    full = method.missing == "fiml" or method.estimator == "mlr"
    way = "dwls" if method.estimator == "dwls" else "full" if full else "ml"
    clustered = ("cluster", *method.for_few_clusters)
    return [*PLAIN_ERRORS[way], *[f"{kind}:{column}" for column in method.clusters for kind in clustered]]


def check(method: Method, structure: Structure) -> None:
    """Refuse settings that do not go together, or not with the model (ModelError)."""
    exogenous = [structure.observed[place] for place in structure.exogenous]
    check_combination(method)
    check_constraints(
        structure.constraints,
        structure.definitions,
        structure.labels(),
        structure.parameters,
        method.ordered,
    )
    for name in method.ordered:
        if name not in structure.observed:
            raise ModelError(f"the ordered item {excerpt(name)} is not in the model")
        if name in exogenous:
            raise ModelError(f"{name} is a predictor only: enter it as a number, or as one column a category")


def check_constraints(
    constraints: list[Constraint],
    definitions: list[Definition],
    labels: Iterable[str],
    parameters: Iterable[Parameter],
    ordered: tuple[str, ...],
) -> None:
    """Refuse a constraint on what is no label, or of what is not searched for (ModelError, with its line)."""
    known = {*labels, *(definition.name for definition in definitions)}
    following = {
        parameter.label
        for parameter in parameters
        if parameter.op == "~~" and parameter.lhs == parameter.rhs and parameter.lhs in ordered
    }
    for constraint in constraints:
        said = f"the constraint {excerpt(constraint.text)}"
        absent = [name for name in constraint.expression.names if name not in known]
        if absent:
            words = f"{said} names {excerpt(absent[0])}, which is no label of a free parameter"
            raise ModelError(words, constraint.line)
        settled = [name for name in labels_within(constraint, definitions) if name in following]
        if settled:
            words = f"{said} ties {settled[0]}, the residual variance of an ordered item"
            raise ModelError(f"{words}, which follows from the other parameters", constraint.line)


def check_combination(method: Method) -> None:
    """Refuse settings that do not go together, whatever the model (ModelError)."""
    if method.estimator not in ("ml", "mlr", "dwls"):
        raise ModelError(f"the estimator is ml, mlr or dwls, not {method.estimator}")
    if method.missing not in ("listwise", "fiml", "pairwise"):
        raise ModelError(f"missing is listwise, fiml or pairwise, not {method.missing}")
    if method.parameterization not in ("delta", "theta"):
        raise ModelError(f"the parameterization is delta or theta, not {method.parameterization}")
    if method.parameterization == "theta" and not method.ordered:
        raise ModelError("the parameterization theta is one of ordered items; name them, or leave it out")
    if method.working not in ("independent", "effects"):
        raise ModelError(f"the working model of clusters is independent or effects, not {method.working}")
    if method.working == "effects" and (method.estimator == "dwls" or not method.clusters):
        raise ModelError("effects of clusters as a working model need clusters and the estimator ml or mlr")
    if method.ordered and method.estimator != "dwls":
        raise ModelError("ordered items need the estimator dwls")
    if method.estimator == "dwls" and not method.ordered:
        raise ModelError("the estimator dwls needs ordered items; name them, or take ml")
    if method.jackknife and (method.estimator == "dwls" or not method.clusters):
        raise ModelError("the jackknife needs clusters and the estimator ml or mlr")
    if (method.missing == "fiml") and method.estimator == "dwls":
        raise ModelError("ordered items have no full-information likelihood here; take listwise or pairwise")
    if method.missing == "pairwise" and method.estimator != "dwls":
        raise ModelError("pairwise deletion is for ordered items; take listwise or fiml")
