"""The simulated firms' answers: drawn from the structural equation model with known parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.simulate.draws import Draws
from jobs.simulate.firms import Plan
from jobs.transforms.lookup import looked_up

GROUPS = {"co-operating": True, "stand-alone": False}
SOURCES = ("source_suppliers", "source_clients", "source_competitors", "source_universities", "source_fairs")
PARTNERS = ("grp", "cli", "sup", "comp", "uni")
ABROAD = ("eu", "us", "ot")
ASKED = ("innovative_share", "competitive_contribution", "rd_effort", "other_effort", *SOURCES)


def answers(
    firms: DataFrame, plan: Plan, ready: Callable[[DataFrame], DataFrame] = lambda frame: frame
) -> DataFrame:
    """Firms with their indicators `complementarity_within` and `commonality_within`, and their answers.

    `firms` has the columns of simulate_firms.firms and the two indicators as the pipeline computes them
    (commonality with the firm itself left out; null counts as its mean, 0.5, and is never in the sample).
    `ready` is given each small table that sums up the firms before it is joined to them: who has many firms
    computes it there, because Spark lets a join wait for such a table for some minutes only.
    """
    model = plan.parameters["model"]
    draws = Draws(plan.seed, "country", "wave", "number")
    cells = Draws(plan.seed, "country", "wave", "region", "sector")
    sd, factors, loadings, at = model["residual_sd"], model["factors"], model["loadings"], model["intercepts"]

    effort = draws.bounded("effort")
    rho = factors["correlation"]
    information = rho * effort + (1 - rho**2) ** 0.5 * draws.bounded("information")
    frame = firms.withColumns(
        {"effort": factors["effort_sd"] * effort, "information": factors["information_sd"] * information}
    )
    predictors = {
        "effort": F.col("effort"),
        "information": F.col("information"),
        "complementarity_within": F.coalesce(F.col("complementarity_within"), F.lit(0.5)) - 0.5,
        "commonality_within": F.coalesce(F.col("commonality_within"), F.lit(0.5)) - 0.5,
    }
    explained = F.lit(0.0)
    for name, predictor in predictors.items():
        path = F.when(F.col("cooperates"), model["paths"]["co-operating"][name]).otherwise(
            model["paths"]["stand-alone"][name]
        )
        explained = explained + path * predictor
    results = explained + sd["cell"] * cells.bounded("cell") + sd["results"] * draws.bounded("results")
    frame = frame.withColumn("results", results)

    columns: dict[str, Column] = {}
    for name in ("rd_effort", "other_effort"):
        columns[name] = at[name] + loadings["effort"][name] * F.col("effort") + sd[name] * draws.bounded(name)
    for name in SOURCES:
        level = at["sources"] + loadings["information"][name] * F.col("information")
        columns[name] = draws.rounded(level, name)
    contribution = at["competitive_contribution"] + loadings["results"]["competitive_contribution"] * F.col(
        "results"
    )
    columns["competitive_contribution"] = draws.rounded(contribution, "contribution")
    columns["innovative_share"] = (
        at["innovative_share"] + F.col("results") + sd["innovative_share"] * draws.bounded("innovative_share")
    )
    frame = frame.withColumns(columns)
    frame = _centre(frame.withColumn("in_sample", in_sample()), draws, plan, ready)
    questions = {
        name: F.when(
            F.col("innovator") & (draws.uniform(f"answered {name}") >= plan.nonresponse), F.col(name)
        )
        for name in ASKED
    }
    questions["innovative_share"] = F.when(F.col("product_innovator"), questions["innovative_share"])
    return frame.withColumns(questions)


def in_sample() -> Column:
    """The study's sample: exporting industrial product innovators of 10 to 200 employees."""
    return (
        F.col("exports")
        & F.col("industrial")
        & F.col("product_innovator")
        & F.col("employees").between(10, 200)
    )


def _centre(frame: DataFrame, draws: Draws, plan: Plan, ready: Callable[[DataFrame], DataFrame]) -> DataFrame:
    """Shift the innovative share of firms outside the sample so that Table 1's ratios come out.

    Within each origin of partners the ratio of weighted totals (answered firms) is set exactly; the firms
    of the sample keep theirs. `any domestic` is met through the firms with domestic partners only.
    """
    targets = plan.parameters["turnover_shares"]
    answered = draws.uniform("answered innovative_share") >= plan.nonresponse
    mass = F.when(answered, F.col("weight") * F.col("turnover"))
    outside = ~F.col("in_sample")
    # Outside the sample the shares vary less, so that the shift cannot push one out of [0, 1].
    at = plan.parameters["model"]["intercepts"]["innovative_share"]
    share = F.when(outside, at + 0.4 * (F.col("innovative_share") - at)).otherwise(F.col("innovative_share"))
    frame = frame.withColumn("innovative_share", share)
    sums = (
        frame.where("cooperates")
        .groupBy("country", "wave")
        .pivot("kind", ["domestic_only", "foreign_only", "both"])
        .agg(
            _total(mass).alias("all"),
            _total(F.when(outside, mass)).alias("outside"),
            _total(mass * F.col("innovative_share")).alias("share"),
        )
    )
    both = targets["both"]
    any_domestic = targets["any_domestic"] * (F.col("domestic_only_all") + F.col("both_all"))
    wanted = {
        "domestic_only": any_domestic - both * F.col("both_all"),
        "foreign_only": targets["foreign_only"] * F.col("foreign_only_all"),
        "both": both * F.col("both_all"),
    }
    shifts = sums.select(
        "country",
        "wave",
        *[
            F.try_divide(total - F.col(f"{kind}_share"), F.col(f"{kind}_outside")).alias(f"shift_{kind}")
            for kind, total in wanted.items()
        ],
    )
    frame = frame.join(F.broadcast(ready(shifts)), ["country", "wave"], "left")
    shift = F.lit(0.0)
    for kind in wanted:
        shift = F.when(F.col("kind") == kind, F.coalesce(F.col(f"shift_{kind}"), F.lit(0.0))).otherwise(shift)
    moved = F.col("innovative_share") + F.when(outside & F.col("cooperates"), shift).otherwise(0.0)
    return frame.withColumn("innovative_share", moved).drop(*[f"shift_{kind}" for kind in wanted])


def _total(value: Column) -> Column:
    """A sum that does not depend on the order of its terms."""
    return F.sum(value.cast("decimal(30,12)")).cast("double")


def questionnaire(frame: DataFrame, plan: Plan) -> DataFrame:
    """The answers as the questionnaire has them: its column names, codes and units, all as text."""
    draws = Draws(plan.seed, "country", "wave", "number")
    sbi = looked_up("sector", {item.code: _divisions(item) for item in plan.sectors.items})
    divisions = F.split(sbi, " ")
    division = F.element_at(
        divisions, (F.floor(draws.uniform("division") * F.size(divisions)) + 1).cast("int")
    )
    per_person = {"rdexp": "rd_effort", "othexp": "other_effort"}
    out: dict[str, Column] = {
        "firm": F.format_string("F%08d", (F.col("number") * 7654321 + 1234567) % 100_000_000),
        "name": F.concat(F.lit("Fabriek Zoë & Söhne "), F.col("number").cast("string")),
        "province": F.col("region"),
        "sbi": division,
        "emp96": F.col("employees").cast("string"),
        "turn96": _comma(F.col("turnover")),
        "export": _yes(F.col("exports")),
        "inpdt": _yes(F.col("product_innovator")),
        "inpcs": _yes(F.col("process_innovator")),
        "inprodsh": _comma((F.col("innovative_share") * 100).cast("decimal(18,6)")),
        "contrib": F.col("competitive_contribution").cast("int").cast("string"),
    }
    for column, effort in per_person.items():
        out[column] = _comma(((F.exp(F.col(effort)) - 1) * F.col("employees")).cast("decimal(18,3)"))
    for column, source in zip(("s_supp", "s_cli", "s_comp", "s_uni", "s_fair"), SOURCES, strict=True):
        out[column] = F.col(source).cast("int").cast("string")
    out["coop"] = F.when(F.col("innovator"), _yes(F.col("cooperates")))
    out.update(_partners(draws))
    out["weight"] = _comma(F.col("weight").cast("decimal(12,1)"))
    return frame.select("country", "wave", "number", *[column.alias(name) for name, column in out.items()])


def _partners(draws: Draws) -> dict[str, Column]:
    """Ticks by partner and place: at least one at home for partners at home, one abroad for those abroad."""
    home, away = F.col("kind").isin("domestic_only", "both"), F.col("kind").isin("foreign_only", "both")
    first_home = F.floor(draws.uniform("partner at home") * len(PARTNERS))
    places = [(partner, place) for partner in PARTNERS for place in ABROAD]
    first_away = F.floor(draws.uniform("partner abroad") * len(places))
    ticks: dict[str, Column] = {}
    for number, partner in enumerate(PARTNERS):
        ticked = (first_home == number) | (draws.uniform(f"{partner} nl") < 0.25)
        ticks[f"co_{partner}_nl"] = F.when(home & ticked, "1")
    for number, (partner, place) in enumerate(places):
        ticked = (first_away == number) | (draws.uniform(f"{partner} {place}") < 0.1)
        ticks[f"co_{partner}_{place}"] = F.when(away & ticked, "1")
    return ticks


def broken(frame: DataFrame, plan: Plan) -> DataFrame:
    """Rows as real files have them, to be set aside: copies of the last firms with one answer spoilt."""
    count = plan.parameters["survey"]["broken_rows"]
    spoilt = {
        "emp96": "n.b.",
        "province": "NL99",
        "sbi": "98",
        "turn96": "onbekend",
        "coop": "7",
        "weight": "-",
    }
    rows = frame.where(F.col("number") >= plan.firms - count).withColumn("number", F.col("number") + count)
    rows = rows.withColumn("firm", F.format_string("X%08d", F.col("number")))
    for place, (column, text) in enumerate(spoilt.items()):
        rows = rows.withColumn(
            column, F.when(F.col("number") % len(spoilt) == place, text).otherwise(F.col(column))
        )
    return rows


def truth(parameters: dict[str, Any]) -> list[tuple[str, str, str, str, float]]:
    """The true loadings and paths of each group: group, lhs, op, rhs, value (first loading 1)."""
    model = parameters["model"]
    rows = []
    for group in GROUPS:
        for factor, loadings in model["loadings"].items():
            rows += [(group, factor, "=~", indicator, value) for indicator, value in loadings.items()]
        rows += [
            (group, "results", "~", predictor, value) for predictor, value in model["paths"][group].items()
        ]
    return rows


def _divisions(item) -> str:
    return " ".join(item.divisions or (item.code,))


def _comma(value: Column) -> Column:
    return F.replace(value.cast("string"), F.lit("."), F.lit(","))


def _yes(value: Column) -> Column:
    return F.when(value, "1").otherwise("0")
