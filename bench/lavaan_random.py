"""Random models beside lavaan: does the same text give the same figures on the same file?

    python bench/lavaan_random.py --models 510 --constrained 120
                                                    needs R with lavaan; writes results/lavaan_random.csv

Six kinds in turn: ml, mlr, fiml (answers to four items missing), dwls (half of the indicators in four
ordered categories), weighted, and groups (equal loadings and intercepts); then others of the same kinds in
which a constraint ties two loadings. lavaan fits each three times (see lavaan/random.R): as users call it; by
a search that ends later; and by such a search from our estimates. `by_default` says what became of a model
beside the first, `outcome` beside the `run` that is lavaan's own best answer: `agrees`
(estimates within 1e-4 of their size, errors and the statistic within 1e-3; a factor whose variance is fixed
may be turned), `stops there` (estimates differ, the statistic by less than 1e-3, and it is lower here:
lavaan's search ends before its minimum), `lower here` and `higher here` (the statistic is, by more: another
optimum), `differs`, `fails here` (lavaan has a proper solution, and here is a status), `no solution` (lavaan
has none that is proper).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import random_models
from threadpoolctl import threadpool_limits

from jobs.sem.groups.fit import fit_groups
from jobs.sem.joint.fit import fit_multigroup
from jobs.sem.model.structure import structure_of
from jobs.sem.routes.method import Method

HERE = Path(__file__).resolve().parent
KINDS = ("ml", "mlr", "fiml", "dwls", "weighted", "groups")
NAMES = ("estimator", "missing", "ordered", "weights", "group", "equal")
AT_ONCE = 4  # processes of R
RUNS = ("default", "tight", "ours")  # of lavaan
SAME = 1e-6  # of a statistic: searches that end nearer end at the same place
KEYS = ["group", "lhs", "op", "rhs"]
ERRORS = {"ml": "expected", "mlr": "robust", "fiml": "observed", "dwls": "robust", "weighted": "robust"}


@dataclass(frozen=True)
class Fitted:
    """Our fit: its status and the sentence to it, estimates and errors by parameter, chi-square."""

    status: str
    detail: str
    estimates: pd.DataFrame = field(default_factory=pd.DataFrame)
    statistic: float = np.nan


def draw(seed: int, folder: Path, constrained: bool) -> None:
    """One model with its data and settings, as files that both sides read."""
    rng = np.random.default_rng([seed, 13])
    kind = KINDS[seed % len(KINDS)]
    text = random_models.text(rng, free_syntax=True, constrained=constrained)
    data = random_models.data(structure_of(text), rng, int(rng.integers(150, 700)))
    spec = dict.fromkeys(NAMES, "")
    if kind == "mlr":
        spec["estimator"] = "mlr"
    elif kind == "fiml":
        spec["missing"] = "fiml"
        holes = rng.random(data.shape) < 0.15
        some = rng.permutation([name for name in data if name.startswith("y")])[:4]
        holes[:, ~data.columns.isin(some)] = False  # few patterns: lavaan takes minutes for many
        data = data.mask(holes)
    elif kind == "dwls":
        items = [name for name in data if name.startswith("y") and rng.random() < 0.5]
        for name in items:
            ends = data[name].quantile([0.25, 0.55, 0.8])
            data[name] = np.digitize(data[name], ends) + 1
        spec["ordered"] = " ".join(items)
    elif kind == "weighted":
        spec["weights"] = "w"
        data["w"] = rng.uniform(0.5, 3, len(data))
    elif kind == "groups":
        spec |= {"group": "g", "equal": "loadings intercepts"}
        # The group of the first row is lavaan's first.
        data["g"] = np.where(np.arange(len(data)) % 2, "b", "a")
    folder.mkdir()
    (folder / "model.lav").write_text(text)
    data.to_csv(folder / "data.csv", index=False)
    pd.DataFrame([spec]).to_csv(folder / "spec.csv", index=False)


def in_lavaan(run: str, folders: list[Path]) -> None:
    """Let lavaan fit the models in these folders in the way that `run` names (see lavaan/random.R)."""
    command = ["Rscript", str(HERE / "lavaan" / "random.R"), run]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = [folders[start::AT_ONCE] for start in range(AT_ONCE)]
        list(pool.map(lambda part: _quietly([*command, *map(str, part)]), parts))


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fitted_here(seed: int, folder: Path) -> Fitted:
    """Our fit of a model; its estimates are where lavaan starts a second time."""
    spec = pd.read_csv(folder / "spec.csv", dtype=str, keep_default_na=False).iloc[0]
    fit = _fitted(folder, KINDS[seed % len(KINDS)], spec)
    if len(fit.estimates):
        start = fit.estimates.reset_index()
        if spec.group:
            start["group"] = start.group.map({"a": 1, "b": 2}).fillna(0).astype(int)
        else:
            start["group"] = 1
        start[[*KEYS, "est"]].to_csv(folder / "ours.csv", index=False)
    return fit


def compared(seed: int, folder: Path, constrained: bool, fit: Fitted) -> dict[str, Any]:
    """What became of a model here and there."""
    runs = {run: pd.read_csv(file).iloc[0] for run in RUNS if (file := folder / f"fit_{run}.csv").is_file()}
    best = _best(
        {run: lavaan.chisq for run, lavaan in runs.items() if lavaan.converged and lavaan.chisq >= 0}
    )
    by_default, _ = _outcome(fit, runs[RUNS[0]], folder / f"estimates_{RUNS[0]}.csv")
    outcome, figures = _outcome(fit, runs[best], folder / f"estimates_{best}.csv")
    kind = KINDS[seed % len(KINDS)]
    return {
        "seed": seed,
        "kind": f"{kind} constrained" if constrained else kind,
        "by_default": by_default,
        "outcome": outcome,
        "run": best,
        "status": fit.status,
        "detail": fit.detail,
        **figures,
    }


def _best(statistics: dict[str, float]) -> str:
    """The run that is lavaan's best answer, by the statistics of those that ended.

    A constraint that is kept loosely lowers the statistic: users' run counts only where it ends elsewhere.
    """
    closer = [run for run in RUNS[1:] if run in statistics]
    best = min(closer, key=lambda run: statistics[run], default=RUNS[0])
    elsewhere = RUNS[0] in statistics and statistics[RUNS[0]] < statistics.get(best, np.inf) * (1 - SAME)
    return RUNS[0] if elsewhere else best


def _outcome(fit: Fitted, lavaan: pd.Series, estimates: Path) -> tuple[str, dict[str, Any]]:
    """What becomes of our fit beside a run of lavaan, and how far the two are apart."""
    if not lavaan.proper:
        return "no solution", {}
    if fit.status != "converged":
        return "fails here", {}
    theirs = _keyed(pd.read_csv(estimates, keep_default_na=False, na_values=["NA"]))
    both = fit.estimates.merge(theirs, left_index=True, right_index=True, suffixes=("", "_lavaan"))
    size = np.maximum(both.est_lavaan.abs(), both.se_lavaan.fillna(0).where(lambda se: se > 0, 1.0))
    apart = np.minimum((both.est - both.est_lavaan).abs(), (both.est.abs() - both.est_lavaan.abs()).abs())
    errors = both[both.se_lavaan > 0]
    figures: dict[str, Any] = {
        "estimates": float((apart / size).max()),
        "errors": float(((errors.se - errors.se_lavaan).abs() / errors.se_lavaan).max()),
        "statistic": abs(fit.statistic - lavaan.chisq) / max(lavaan.chisq, 0.1),
        "shared": len(errors),
        "theirs": int((theirs.se > 0).sum()),
    }
    lower = fit.statistic < lavaan.chisq * (1 + 1e-8)
    if figures["statistic"] > 1e-3:
        return ("lower here" if lower else "higher here"), figures
    if figures["estimates"] > 1e-4 and lower:
        return "stops there", figures
    alike = figures["estimates"] < 1e-4 and figures["errors"] < 1e-3
    return ("agrees" if alike and figures["shared"] == figures["theirs"] else "differs"), figures


def _fitted(folder: Path, kind: str, spec: pd.Series) -> Fitted:
    text, data = (folder / "model.lav").read_text(), pd.read_csv(folder / "data.csv")
    method = Method(
        estimator="dwls" if kind == "dwls" and spec.ordered else spec.estimator or "ml",
        missing=spec.missing or "listwise",
        ordered=tuple(spec.ordered.split()),
        weights=spec.weights or None,
    )
    error = ERRORS.get(kind, "expected")
    if kind == "dwls" and not spec.ordered:
        error = "expected"
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if kind == "groups":
                fit = fit_multigroup(text, data, "g", method, tuple(spec.equal.split()))
                estimates = fit.estimates() if fit.x is not None else pd.DataFrame()
                status, detail, measures = fit.status, fit.detail, fit.measures
            else:
                report = fit_groups(text, data, None, method)
                estimates = report.estimates.assign(group="")
                status, detail = report.status.status[0], report.status.detail[0]
                measures = dict(zip(report.fit_measures.measure, report.fit_measures.value, strict=True))
        except Exception as fault:
            return Fitted("internal error", f"{type(fault).__name__}: {fault}")
    if not len(estimates):
        return Fitted(status, detail)
    chosen = _keyed(estimates[estimates.error == error])
    return Fitted(status, detail, chosen, float(measures.get("chisq", np.nan)))


def _keyed(table: pd.DataFrame) -> pd.DataFrame:
    """Estimates and errors by parameter; a covariance whichever side is named first."""
    table = table.assign(group=table.group.fillna("") if "group" in table else "", rhs=table.rhs.fillna(""))
    for row in table.itertuples():
        if row.op == "~~" and row.lhs > row.rhs:
            table.loc[row.Index, ["lhs", "rhs"]] = row.rhs, row.lhs
        if row.op == ":=":
            table.loc[row.Index, ["group", "rhs"]] = "", ""
    return table.set_index(KEYS)[["est", "se"]].astype(float)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=510)
    options.add_argument("--constrained", type=int, default=120)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        models = [
            (seed, Path(name) / f"{seed:05d}", seed >= chosen.models)
            for seed in range(chosen.models + chosen.constrained)
        ]
        for model in models:
            draw(*model)
        with ThreadPoolExecutor(1) as pool:
            waited_for = pool.submit(in_lavaan, "default", [folder for _, folder, _ in models])
            fits = [fitted_here(seed, folder) for seed, folder, _ in models]
            waited_for.result()
        rows = [compared(*model, fit) for model, fit in zip(models, fits, strict=True)]
        apart = [
            model[1]
            for model, row in zip(models, rows, strict=True)
            if row["outcome"] not in ("agrees", "no solution")
        ]
        in_lavaan("tight", apart)
        in_lavaan("ours", [folder for folder in apart if (folder / "ours.csv").is_file()])
        table = pd.DataFrame([compared(*model, fit) for model, fit in zip(models, fits, strict=True)])
    table.to_csv(HERE / "results" / "lavaan_random.csv", index=False, float_format="%.3g")
    for against in ("by_default", "outcome"):
        print(table.groupby(["kind", against]).size().unstack(fill_value=0).to_string())


if __name__ == "__main__":
    main()
