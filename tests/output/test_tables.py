"""Figures of published tables, rounded to ten significant digits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from jobs.output import tables


def test_every_figure_has_ten_significant_digits():
    """Beside the plain way, figure by figure: of any size, of few decimals, at the edge of both."""
    draws = np.random.default_rng(5)
    any_size = draws.normal(size=4000) * 10.0 ** draws.integers(-300, 300, 4000)
    few = np.concatenate([np.round(draws.normal(size=2000) * 1000, places) for places in range(9)])
    edges = np.array(
        [0.0, -0.0, 1e-6, 5e-7, 9999.999999, 9999.9999995, 10000.000001, 0.1 + 0.2, 1e15, 5e-324]
    )
    values = np.concatenate([any_size, few, edges, np.nextafter(few, np.inf)])
    out = tables.rounded(pd.DataFrame({"value": values})).value
    assert out.tolist() == [float(f"{value:.10g}") for value in values]
    assert not np.signbit(out[out == 0]).any()


def test_what_is_no_number_is_empty():
    out = tables.rounded(pd.DataFrame({"value": [np.inf, -np.inf, np.nan], "text": ["a", "b", ""]}))
    assert out.value.isna().all() and out.text.tolist() == ["a", "b", ""]
