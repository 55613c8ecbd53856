"""Published tables of one wave, small, with something withheld in each: for the tests of what shows them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs.settings import schemas

TITLE = "=A study & <script>alert('x')</script>"
FACTS: dict[str, Any] = {
    "study": "small",
    "title": TITLE,
    "version": "0",
    "libraries": {"numpy": "2"},
    "slices": {
        "NL w": {
            "ingest": {
                **{"rows_in": 10, "rows_out": 9, "rows_set_aside": 1, "notes": ["<b>bold</b>"]},
                "detail": {"files": {"survey": {"name": "a.csv", "sha256": "00"}}},
            },
            "validate": {
                **{"rows_in": 9, "rows_out": 9, "rows_set_aside": 0, "notes": []},
                "detail": {
                    "results": [
                        {
                            "table": "survey",
                            "rule": "r",
                            "status": "warning",
                            "failing": 3,
                            "reason": "a < b",
                        },
                        {"table": "survey", "rule": "s", "status": "passed", "failing": 0, "reason": "fine"},
                    ]
                },
            },
        }
    },
}


def estimates(pvalues: dict[str, float | None]) -> pd.DataFrame:
    """Paths to `results` with these p-values, and the loading that makes it a factor."""
    rows = [("results", "=~", "share", 1.0, None)]
    rows += [("results", "~", name, 0.5, p) for name, p in pvalues.items()]
    made = [
        {
            **{"country": "NL", "wave": "w", "group": "g", "lhs": lhs, "op": op, "rhs": rhs, "label": None},
            **{"est": est, "std_all": est, "error": "cluster:cell", "se": 0.25, "z": 2.0, "pvalue": p},
            **{"df": 20.0, "clusters": 21, "ci_lower": 0.0, "ci_upper": 1.0, "reliable": True},
        }
        for lhs, op, rhs, est, p in rows
    ]
    return pd.DataFrame(made, columns=schemas.table("estimates").names)


def tables() -> dict[str, pd.DataFrame]:
    keys = {"country": "NL", "wave": "w"}
    origins = pd.DataFrame(
        [
            {**keys, "size_class": "all", "origin": "both", "firms": 40, "share": 0.5},
            {**keys, "size_class": "all", "origin": "foreign only", "firms": None, "share": None},
        ]
    )
    origins["firms"] = origins.firms.astype("Int64")
    origins["innovative_turnover"] = [1 / 3, None]
    for name in ("status", "share_status", "innovative_turnover_status"):
        origins[name] = ["", "c"]
    cells = pd.DataFrame(
        [
            {
                **keys,
                "region": "NL11",
                "region_name": "Groningen",
                "sector": sector,
                "sector_name": None if sector == "_all" else "Food & drink",
                "direction": "sales",
                "commonality_within_status": mark,
            }
            for sector, mark in (("_all", ""), ("-1+1", "c"))
        ]
    )
    for kind in ("within", "general"):
        cells[f"complementarity_{kind}"] = [0.25, None]
        cells[f"commonality_{kind}"] = [0.4, None]
        cells[f"commonality_{kind}_firms"] = pd.array([40, None], dtype="Int64")
        cells[f"commonality_{kind}_status"] = ["", "c"]
    steps = pd.DataFrame(
        [{**keys, "step": 0, "filter": "start", "rows_in": 90, "rows_taken": 0, "rows_out": 90}]
    )
    steps[["rows_in_status", "status", "rows_out_status"]] = ""
    measures = pd.DataFrame([{**keys, "group": "g", "measure": "cfi", "value": 0.99}])
    status = pd.DataFrame([{**keys, "group": "g", "status": "converged", "detail": "", "cases_in": 90}])
    status = status.assign(cases_used=88, cases_missing=2, parameters=5, max_gradient=1e-9)
    status[["cases_in_status", "cases_used_status", "cases_missing_status"]] = ""
    differences = pd.DataFrame(columns=schemas.table("group_differences").names)
    return {
        "partner_origin": origins,
        "cluster_indicators": cells,
        "estimates": estimates({"effort": 0.001, "complementarity": 0.2}),
        "fit_measures": measures,
        "group_differences": differences,
        "fit_status": status,
        "sample_waterfall": steps,
    }


def diagnosis(pairs: int) -> dict[str, pd.DataFrame]:
    """The tables of a diagnosis: two factors, `pairs` residuals and indices that grow with their number."""
    keys = {"country": "NL", "wave": "w", "group": "g"}
    numbers = range(pairs)
    names = {"lhs": [f"a{k}" for k in numbers], "rhs": [f"b{k}" for k in numbers]}
    residuals = pd.DataFrame({**keys, **names, "residual": [(-1) ** k * k / 100 for k in numbers], "z": 1.5})
    indices = pd.DataFrame({**keys, **names, "op": "~~", "mi": numbers, "mi_robust": 2.5, "epc": -0.5})
    factors = {**keys, "factor": ["market_results", "size"], "items": [3, 1], "scale": "observed"}
    note = "one item: its reliability is assumed, not estimated."
    figures = {"omega": [0.8, None], "omega_std": [0.7, None], "ave": [0.6, None], "note": ["", note]}
    standardised = {**keys, **names, "op": "~~", "est_std": 0.1, "error": "expected"}
    return {
        "residuals": residuals,
        "modification_indices": indices.assign(sepc_all=0.25),
        "reliability": pd.DataFrame({**factors, **figures}),
        "standardised": pd.DataFrame(standardised, columns=schemas.table("standardised").names),
    }
