"""The simulated answers as the questionnaire has them: its columns, codes and units, all as text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.simulate.answers import SOURCES
from jobs.simulate.decimals import rounded_texts, whole_texts
from jobs.simulate.draws import Draws
from jobs.simulate.firms import KINDS, Columns, Plan

PARTNERS = ("grp", "cli", "sup", "comp", "uni")
ABROAD = ("eu", "us", "ot")
AT_HOME = [kind in ("domestic_only", "both") for kind in KINDS]
AWAY = [kind in ("foreign_only", "both") for kind in KINDS]
# Answers that real files have and no program can use, by column.
SPOILT = {"emp96": "n.b.", "province": "NL99", "sbi": "98", "turn96": "onbekend", "coop": "7", "weight": "-"}


def questionnaires(columns: Columns, plan: Plan) -> pa.Table:
    """A row for each firm with its answers (see simulate.answers.answered), null where there is none."""
    number = columns["number"]
    draws = Draws(number, plan.seed, plan.country, plan.wave)
    out = {
        "firm": _numbered("F", (number * 7654321 + 1234567) % 100_000_000),
        "name": pc.binary_join_element_wise("Fabriek Zoë & Söhne ", whole_texts(number), ""),
        "province": _chosen(plan.region_codes, columns["region"]),
        "sbi": _divisions(columns, plan, draws),
        "emp96": whole_texts(columns["employees"]),
        "turn96": rounded_texts(columns["turnover"], 3),
        "export": _yes(columns["exports"]),
        "inpdt": _yes(columns["product_innovator"]),
        "inpcs": _yes(columns["process_innovator"]),
        "inprodsh": rounded_texts(columns["innovative_share"] * 100, 6),
        "contrib": whole_texts(columns["competitive_contribution"]),
    }
    for column, effort in (("rdexp", "rd_effort"), ("othexp", "other_effort")):
        with np.errstate(over="ignore"):  # expenditure of no end, by parameters beyond reason, is not told
            spent = (np.exp(columns[effort]) - 1) * columns["employees"]
        out[column] = rounded_texts(spent, 3)
    for column, source in zip(("s_supp", "s_cli", "s_comp", "s_uni", "s_fair"), SOURCES, strict=True):
        out[column] = whole_texts(columns[source])
    out["coop"] = _chosen(["0", "1", None], np.where(columns["innovator"], columns["cooperates"], 2))
    out.update(_partners(columns["kind"], draws))
    out["weight"] = rounded_texts(columns["weight"], 1)
    return pa.table(out)


def broken(filled: pa.Table, number: NDArray[np.int64], plan: Plan) -> tuple[pa.Table, NDArray[np.int64]]:
    """Rows as real files have them, to be set aside: copies of the last firms with one answer spoilt.

    With their numbers. `number` has those of the firms of `filled`.
    """
    count = plan.parameters["survey"]["broken_rows"]
    last = np.flatnonzero(number >= plan.firms - count)
    own = number[last] + count
    rows = filled.take(pa.array(last))
    rows = rows.set_column(0, "firm", _numbered("X", own))
    for place, (column, text) in enumerate(SPOILT.items()):
        at = rows.column_names.index(column)
        spoilt = pa.array(own % len(SPOILT) == place)
        rows = rows.set_column(at, column, pc.if_else(spoilt, text, rows.column(at)))
    return rows, own


def _divisions(columns: Columns, plan: Plan, draws: Draws) -> pa.Array:
    """One of the divisions of each firm's sector; a sector without divisions is one itself."""
    divisions = [item.divisions or (item.code,) for item in plan.sectors.items]
    counts = np.array([len(own) for own in divisions])
    before = np.cumsum(counts) - counts
    drawn = np.floor(draws.uniform("division") * counts[columns["sector"]]).astype(int)
    return _chosen([code for own in divisions for code in own], before[columns["sector"]] + drawn)


def _partners(kind: NDArray[np.int64], draws: Draws) -> dict[str, pa.Array]:
    """Ticks by partner and place: at least one at home for partners at home, one abroad for those abroad."""
    home, away = np.array(AT_HOME)[kind], np.array(AWAY)[kind]
    places = [(partner, place) for partner in PARTNERS for place in ABROAD]
    first_home = np.floor(draws.uniform("partner at home") * len(PARTNERS))
    first_away = np.floor(draws.uniform("partner abroad") * len(places))
    ticks = {}
    for number, partner in enumerate(PARTNERS):
        ticked = (first_home == number) | (draws.uniform(f"{partner} nl") < 0.25)
        ticks[f"co_{partner}_nl"] = _chosen([None, "1"], home & ticked)
    for number, (partner, place) in enumerate(places):
        ticked = (first_away == number) | (draws.uniform(f"{partner} {place}") < 0.1)
        ticks[f"co_{partner}_{place}"] = _chosen([None, "1"], away & ticked)
    return ticks


def _numbered(letter: str, numbers: NDArray[np.int64]) -> pa.Array:
    """A letter and a number of eight digits."""
    return pc.binary_join_element_wise(letter, pc.utf8_lpad(whole_texts(numbers), 8, "0"), "")


def _yes(values: NDArray[np.bool_]) -> pa.Array:
    return _chosen(["0", "1"], values)


def _chosen(known: Sequence[str | None], places: NDArray) -> pa.Array:
    """The text of each place among the known ones."""
    return pa.array(known, pa.string()).take(pa.array(places.astype(np.int32)))
