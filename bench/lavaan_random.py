"""Random models beside lavaan: does the same text give the same figures on the same file?

    python bench/lavaan_random.py --models 510 --constrained 120
                                                    needs R with lavaan; writes results/lavaan_random.csv

Six kinds in turn: ml, mlr, fiml (answers to four items missing), dwls (half of the indicators in four
ordered categories), weighted, and groups (equal loadings and intercepts); then others of the same kinds in
which a constraint ties two loadings. What became of each model: `agrees` (estimates within 1e-4 of their
size, errors and the statistic within 1e-3; a factor whose variance is fixed may be turned), `stops there`
(estimates differ, the statistic by less than 1e-3, and it is lower here: lavaan's search ends before its
minimum), `lower here` (the statistic is, by more: lavaan ends at another optimum), `differs`, `fails here`
(lavaan has a proper solution, and here is a status), `no solution` (lavaan has none that is proper).
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import warnings
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
KEYS = ["group", "lhs", "op", "rhs"]
ERRORS = {"ml": "expected", "mlr": "robust", "fiml": "observed", "dwls": "robust", "weighted": "robust"}


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


def compared(seed: int, folder: Path, constrained: bool) -> dict[str, Any]:
    """What became of a model here and there."""
    kind = KINDS[seed % len(KINDS)]
    named = f"{kind} constrained" if constrained else kind
    row: dict[str, Any] = {"seed": seed, "kind": named, "outcome": "no solution", "status": "", "detail": ""}
    spec = pd.read_csv(folder / "spec.csv", dtype=str, keep_default_na=False).iloc[0]
    lavaan = pd.read_csv(folder / "fit.csv").iloc[0]
    ours, statistic, row["status"], row["detail"] = _fitted(folder, kind, spec)
    if not lavaan.proper:
        return row
    if row["status"] != "converged":
        return row | {"outcome": "fails here"}
    theirs = _keyed(pd.read_csv(folder / "estimates.csv", keep_default_na=False, na_values=["NA"]))
    both = ours.merge(theirs, left_index=True, right_index=True, suffixes=("", "_lavaan"))
    size = np.maximum(both.est_lavaan.abs(), both.se_lavaan.fillna(0).where(lambda se: se > 0, 1.0))
    apart = np.minimum((both.est - both.est_lavaan).abs(), (both.est.abs() - both.est_lavaan.abs()).abs())
    row["estimates"] = float((apart / size).max())
    errors = both[both.se_lavaan > 0]
    row["errors"] = float(((errors.se - errors.se_lavaan).abs() / errors.se_lavaan).max())
    row["statistic"] = abs(statistic - lavaan.chisq) / max(lavaan.chisq, 0.1)
    row["shared"], row["theirs"] = len(errors), int((theirs.se > 0).sum())
    if row["statistic"] > 1e-3 and statistic < lavaan.chisq * (1 + 1e-8):
        return row | {"outcome": "lower here"}
    alike = row["estimates"] < 1e-4 and row["errors"] < 1e-3 and row["statistic"] < 1e-3
    if row["estimates"] > 1e-4 and row["statistic"] < 1e-3 and statistic < lavaan.chisq * (1 + 1e-8):
        return row | {"outcome": "stops there"}
    return row | {"outcome": "agrees" if alike and row["shared"] == row["theirs"] else "differs"}


def _fitted(folder: Path, kind: str, spec: pd.Series) -> tuple[pd.DataFrame, float, str, str]:
    """Our estimates by parameter, chi-square, status and its sentence."""
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
            return pd.DataFrame(), np.nan, "internal error", f"{type(fault).__name__}: {fault}"
    if not len(estimates):
        return pd.DataFrame(), np.nan, status, detail
    return _keyed(estimates[estimates.error == error]), float(measures.get("chisq", np.nan)), status, detail


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
        subprocess.run(["Rscript", str(HERE / "lavaan" / "random.R"), name], check=True)
        rows = pd.DataFrame([compared(*model) for model in models])
    rows.to_csv(HERE / "results" / "lavaan_random.csv", index=False, float_format="%.3g")
    print(rows.groupby(["kind", "outcome"]).size().unstack(fill_value=0).to_string())


if __name__ == "__main__":
    main()
