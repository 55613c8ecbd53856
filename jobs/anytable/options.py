"""The options of `diamant fit --data`, as the command line writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.errors import SettingsError

if TYPE_CHECKING:  # the statistics take a second to import: other commands do without
    from jobs.anytable.request import Request
    from jobs.settings.session import SparkSettings

PANEL = "Any table (--data)"
FILE = "The table's file"
OF_A_STUDY = ("conf", "wave", "set")
LISTS = {"groups", "clusters", "ordered", "pool", "equal", "free"}  # names with commas between them
TEXTS = {"family", "na", "hypotheses"}  # taken as they are
MANY = "columns, with commas between them; may be repeated"


def _option(name: str, help: str, panel: str = PANEL) -> Any:
    return typer.Option(name, help=help, rich_help_panel=panel)


Data = Annotated[
    str | None,
    _option(
        "--data",
        "CSV (also .gz, .zip), Excel, Parquet, Stata, SPSS or SAS file by its ending, or a Delta folder",
    ),
]
Model = Annotated[str | None, _option("--model", "file with the model in lavaan's syntax")]
Groups = Annotated[list[str] | None, _option("--group", f"fit each combination of these {MANY}")]
Clusters = Annotated[
    list[str] | None, _option("--cluster", f"cases depend on each other within these {MANY}")
]
Weights = Annotated[str | None, _option("--weights", "column of sampling weights")]
Estimator = Annotated[
    str | None, _option("--estimator", "ml, mlr or dwls; dwls where --ordered names items, else ml")
]
Missing = Annotated[str | None, _option("--missing", "listwise (default), fiml (ml, mlr) or pairwise (dwls)")]
Ordered = Annotated[list[str] | None, _option("--ordered", f"items that are ordered categories: {MANY}")]
Parameterization = Annotated[
    str | None,
    _option(
        "--parameterization",
        "of ordered items: delta (responses of unit variance; default) or theta (residuals)",
    ),
]
Error = Annotated[
    str | None,
    _option(
        "--error",
        "standard errors: expected, observed, robust, cluster:COLUMN, bias_reduced:COLUMN or "
        "jackknife:COLUMN; by default bias-reduced of the first cluster column (dwls: cluster), without "
        "clusters robust for mlr, dwls and weights, observed for fiml, else expected",
    ),
]
Pool = Annotated[list[str] | None, _option("--pool", f"pool the paths over these group {MANY}")]
Family = Annotated[
    list[str] | None,
    _option(
        "--family", "tests that share a false discovery rate: an operator, 'y ~ x' or a label; default ~"
    ),
]
Diagnosis = Annotated[
    bool | None,
    _option(
        "--diagnosis", "write residuals, modification indices, reliability and standardised estimates too"
    ),
]
Jackknife = Annotated[
    bool | None,
    _option(
        "--jackknife",
        "compute errors as if each cluster was left out once too; write them with --error jackknife:COLUMN",
    ),
]
Equal = Annotated[
    list[str] | None,
    _option(
        "--equal",
        "fit all groups at once with these equal: loadings, intercepts, means, regressions, residuals, "
        "residual.covariances, lv.variances, lv.covariances; commas between them; may be repeated",
    ),
]
Free = Annotated[
    list[str] | None,
    _option("--free", "parameters that stay free in each group, as 'f=~y2,y3~1'; may be repeated"),
]
Invariance = Annotated[
    bool | None, _option("--invariance", "test whether the groups' factors mean the same, step by step")
]
Hypotheses = Annotated[
    list[str] | None,
    _option("--hypothesis", "Wald test of the model's labels, as 'a == b'; may be repeated"),
]
Working = Annotated[
    str | None,
    _option(
        "--working",
        "what bias-reduced and jackknife errors take the cases of a cluster for: independent (default), or "
        "moved by common effects",
    ),
]
Bootstrap = Annotated[
    int | None, _option("--bootstrap", "replicates of a bootstrap of the first cluster column, else of cases")
]
Seed = Annotated[int | None, _option("--seed", "of the bootstrap; 1 by default")]
Confidence = Annotated[float | None, _option("--confidence", "level of the intervals; 0.95 by default")]
MaxFailed = Annotated[
    int | None,
    _option(
        "--max-failed", "groups that may fail, 0 by default; with more, all is written and the exit code is 7"
    ),
]
Publish = Annotated[
    bool | None,
    _option("--publish", "write what may leave the house: through the disclosure control of a publication"),
]
Out = Annotated[str | None, _option("--out", "folder to write; its former content is replaced")]
Separator = Annotated[
    str | None,
    _option("--separator", "of a CSV file; comma, with --decimal , semicolon, for .tsv tab", FILE),
]
Decimal = Annotated[str | None, _option("--decimal", "decimal mark of a CSV file: . (default) or ,", FILE)]
Thousands = Annotated[
    str | None,
    _option("--thousands", "mark between groups of three digits of a CSV file: . , ' or a blank", FILE),
]
Encoding = Annotated[str | None, _option("--encoding", "of a CSV file; utf-8 by default", FILE)]
Sheet = Annotated[str | None, _option("--sheet", "of a workbook; the first where not given", FILE)]
Skip = Annotated[int | None, _option("--skip", "rows above the header, such as titles", FILE)]
Until = Annotated[
    str | None,
    _option(
        "--until", "the first row that begins so ends the table, as a footnote; blank: a blank row", FILE
    ),
]
Na = Annotated[
    list[str] | None,
    _option("--na", "text that stands for a missing number; NA and . by default; may be repeated", FILE),
]
Spark = Annotated[
    list[str] | None,
    _option("--spark", "key=value of the session, such as master=local[8]; may be repeated", "Spark"),
]


def of_a_table(given: Mapping[str, Any]) -> list[str]:
    """The options among those given that say nothing to a run file."""
    return [name.replace("_", "-") for name in given if name not in OF_A_STUDY]


def request(given: Mapping[str, Any]) -> Request:
    """The checked request; options that were left out take its defaults. Raises SettingsError."""
    from jobs.anytable.request import Request

    if "data" not in given:
        raise SettingsError("fit needs --conf (a study) or --data (a table); see diamant fit --help.")
    stray = [name for name in given if name in OF_A_STUDY]
    if stray:
        raise SettingsError(f"--{stray[0]} goes with --conf, not with --data; leave one of them out.")
    for name in ("model", "out"):
        if name not in given:
            raise SettingsError(f"--{name} is missing; fit of a table needs --data, --model and --out.")
    chosen = {name: value for name, value in given.items() if name != "spark"}
    for name in LISTS & chosen.keys():
        chosen[name] = tuple(part.strip() for text in chosen[name] for part in text.split(","))
    for name in TEXTS & chosen.keys():
        chosen[name] = tuple(chosen[name])
    return Request(**chosen).checked()


def spark_settings(changes: list[str]) -> SparkSettings:
    """The session's settings with `key=value` changes. Raises SettingsError naming the key."""
    from pydantic import ValidationError

    from jobs.settings.session import SparkSettings
    from jobs.settings.wording import fault

    pairs = [change.partition("=") for change in changes]
    try:
        return SparkSettings.model_validate({key: value for key, _, value in pairs})
    except ValidationError as error:
        raise SettingsError(f"--spark {fault(error)}.") from None
