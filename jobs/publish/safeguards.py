"""From the tables of a run to the counts of each country's wave, and back with what is withheld."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from jobs.publish.counts import Counted, Guarded
from jobs.publish.linked import Key
from jobs.publish.models import Group, Groups
from jobs.publish.rules import SHARE_DIGITS, STATUS, WITHHELD
from jobs.settings.sections import DisclosureSettings
from jobs.transforms.origins import ALL

Slice = tuple[str, str]  # country and wave
SLICE = ["country", "wave"]
FIGURES = {"firms": "firms", "share": "share", "innovative_turnover": "ratio"}  # of Table 1, and their keys
CELL = " / "  # between the labels of a cell
AUDIT = ["country", "wave", "figure", "cell", "reason", "promised", "apart"]


def slices(
    origins: pd.DataFrame, raw: Mapping[str, pd.DataFrame], hidden: Groups, rules: DisclosureSettings
) -> dict[Slice, Counted]:
    """The counts of each country's wave; `origins` as counts.whole_table, `hidden` the withheld models."""
    status = raw["fit_status"]
    keys = [tuple(key) for key in status[[*SLICE, "group"]].itertuples(index=False, name=None)]
    status = status.assign(shown=[key not in hidden for key in keys])
    tables = {
        "cells": origins,
        "crossed": raw["in_the_sample"],
        "steps": raw["sample_waterfall"],
        "groups": status,
    }
    parts = {name: dict(iter(frame.groupby(SLICE, sort=True))) for name, frame in tables.items()}

    def of_slice(key: Slice) -> dict[str, pd.DataFrame]:
        return {name: parts[name].get(key, frame.iloc[:0]) for name, frame in tables.items()}

    keys_of_slices = sorted({key for of_name in parts.values() for key in of_name})
    return {key: Counted(**of_slice(key), rules=rules) for key in keys_of_slices}


def origins(cells: pd.DataFrame, guarded: Mapping[Slice, Guarded]) -> pd.DataFrame:
    """Table 1 as it is published: columns firms, share, innovative_turnover, and a status of each."""
    out = cells[[*SLICE, "size_class", "origin"]].copy()
    places = list(zip(cells.country, cells.wave, cells.size_class, cells.origin, strict=True))
    for figure, kind in FIGURES.items():
        hide = pd.Series(
            [
                (kind, size, origin) in guarded[country, wave].withheld
                for country, wave, size, origin in places
            ],
            index=cells.index,
            dtype=bool,
        )
        if figure == "share":  # that of all is 1, but a reader takes it for a figure on the firms
            hide |= (cells.origin == ALL) & (out["firms"].isna())
        values = cells[figure].astype("Int64") if figure == "firms" else cells[figure].astype(float)
        out[figure] = (values if figure == "firms" else values.round(SHARE_DIGITS)).where(~hide)
        out[STATUS["partner_origin"][figure]] = _marks(hide)
    figures = list(FIGURES)
    return out[[*SLICE, "size_class", "origin", *figures, *STATUS["partner_origin"].values()]]


def waterfall(steps: pd.DataFrame, guarded: Mapping[Slice, Guarded]) -> pd.DataFrame:
    """The waterfall as it is published, with a status of each count."""
    out = steps.copy()
    of_column = {
        "rows_in": lambda step: ("left", max(step - 1, 0)),
        "rows_taken": lambda step: ("taken", step),
        "rows_out": lambda step: ("left", step),
    }
    for column, key in of_column.items():
        _hide(out, "sample_waterfall", column, [key(step) for step in steps.step], guarded)
    return out


def status(shown: pd.DataFrame, raw: pd.DataFrame, guarded: Mapping[Slice, Guarded]) -> pd.DataFrame:
    """The status of fits as it is published: `shown` with the counts of firms of `raw`, and their status."""
    out = shown.copy()
    for column in STATUS["fit_status"]:
        out[column] = raw[column]
        _hide(out, "fit_status", column, [(column, group) for group in raw.group], guarded)
    return out


def _hide(
    out: pd.DataFrame, table: str, column: str, keys: list[Key], guarded: Mapping[Slice, Guarded]
) -> None:
    slices = zip(out.country, out.wave, strict=True)
    hide = pd.Series(
        [key in guarded[slice].withheld for slice, key in zip(slices, keys, strict=True)],
        index=out.index,
        dtype=bool,
    )
    out[column] = out[column].astype("Int64").where(~hide)
    out[STATUS[table][column]] = _marks(hide)


def _marks(hide: pd.Series) -> pd.Series:
    return hide.map({True: WITHHELD, False: ""}).astype(object)


def audit(
    guarded: Mapping[Slice, Guarded], commonality: pd.DataFrame, models: Mapping[Group, str]
) -> pd.DataFrame:
    """For the office: each withheld figure, why, and how far nobody is to know it, and nobody can.

    Columns AUDIT. `commonality` as commonality.REASONS; `models`: the withheld groups and their rules.
    """
    rows: list[dict[str, Any]] = [
        {
            **{"country": country, "wave": wave, "figure": each.key[0]},
            **{"cell": CELL.join(map(str, each.key[1:])), "reason": each.reason},
            **{"promised": each.promised, "apart": each.apart},
        }
        for (country, wave), guard in guarded.items()
        for each in guard.safeguards
    ]
    rows += [
        {
            **{"country": row.country, "wave": row.wave, "figure": "commonality", "reason": row.reason},
            "cell": f"{row.region}{CELL}{row.sector}",
        }
        for row in commonality.itertuples()
    ]
    rows += [
        {"country": country, "wave": wave, "figure": "model", "cell": group, "reason": reason}
        for (country, wave, group), reason in models.items()
    ]
    return pd.DataFrame(rows, columns=AUDIT)
