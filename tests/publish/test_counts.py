"""The counts of one country's wave as one system."""

from __future__ import annotations

import numpy as np
import pandas as pd
from drawn_survey import firms, hard, tables

from jobs.publish import counts, safeguards
from jobs.publish.counts import Counted, Guarded
from jobs.publish.tables import sorted_cells
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()


def counted(seed: int = 4) -> Counted:
    raw = tables(firms(seed, hard(seed)))
    cells = sorted_cells(counts.whole_table(raw["partner_origin"]), [10, 50, 250])
    return next(iter(safeguards.slices(cells, raw, set(), RULES).values()))


def test_figures_of_the_system_are_those_of_the_tables():
    of_wave = counted()
    system, _ = counts.system_of(of_wave)
    value = {figure.key: float(figure.low[0]) for figure in system.figures if figure.key[0] != "share"}
    for row in of_wave.cells.itertuples():
        assert value["firms", row.size_class, row.origin] == row.firms
    for row in of_wave.steps.itertuples():
        assert value["left", row.step] == row.rows_out
        assert not row.step or value["taken", row.step] == row.rows_taken
    for _, row in of_wave.groups.iterrows():
        for name in ("cases_in", "cases_used", "cases_missing"):
            assert value[name, row.group] == row[name]
    for figure in system.figures:
        sums = figure.sums @ system.atoms
        assert (sums >= figure.low - 1e-6).all() and (sums <= figure.high + 1e-6).all(), figure.key


def test_size_classes_without_an_origin_have_a_row_of_no_firms():
    raw = tables(firms(1, hard(1)))["partner_origin"]
    missing = raw[~((raw.size_class == "10-49") & (raw.origin == "both"))]
    whole = counts.whole_table(missing).set_index(["size_class", "origin"])
    row = whole.loc[("10-49", "both")]
    assert (row.firms, row.share, row.mass, row.weights) == (0, 0.0, 0, [])
    assert len(whole) == 7 * raw.size_class.nunique()


def test_what_was_searched_reads_back_the_same():
    guarded = counts.guard(counted())
    again = Guarded.read(guarded.written())
    assert again.withheld == guarded.withheld and len(again.safeguards) == len(guarded.safeguards)
    for before, after in zip(guarded.safeguards, again.safeguards, strict=True):
        assert before[:2] == after[:2]
        assert np.array_equal(before[2:], after[2:], equal_nan=True)


def test_the_order_of_rows_does_not_show():
    of_wave = counted()
    turned = Counted(of_wave.cells, of_wave.crossed.iloc[::-1], of_wave.steps, of_wave.groups, of_wave.rules)
    assert counts.guard(turned).withheld == counts.guard(of_wave).withheld


def test_without_a_survey_there_is_nothing_to_withhold():
    empty = Counted(
        *(part.iloc[:0] for part in vars(counted()).values() if isinstance(part, pd.DataFrame)), RULES
    )
    assert counts.guard(empty) == Guarded(frozenset(), ())
