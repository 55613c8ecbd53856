"""Numbers with some decimals, rounded half up as they are read, and as the texts that files have."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.simulate.draws import Floats

MOST = 1e18  # units, from which on a number is not told


def units(values: Floats, places: int) -> Floats:
    """The whole number of units of the last of `places` decimals, of the shortest text that is the number.

    Half a unit is rounded away from zero: 0.0005 is one thousandth. NaN stays NaN.
    """
    size = np.minimum(np.abs(values), MOST) * 10.0**places
    below = np.floor(size)
    whole = np.floor(size + 0.5)
    # So near to a half, the product's own rounding may lie: the decimal digits tell.
    for at in np.flatnonzero((np.abs(size - below - 0.5) <= size * 2.0**-50) & (size < MOST)):
        digits = Decimal(repr(abs(float(values[at])))).scaleb(places)
        whole[at] = float(digits.quantize(Decimal(1), ROUND_HALF_UP))
    return np.copysign(whole, values)


def texts(units: Floats, places: int) -> pa.Array:
    """Units of the last of `places` decimals (one or more), with a comma; null for none and too many."""
    untold = ~(np.abs(units) < MOST)
    whole = pa.array(np.where(untold, 0, units).astype(np.int64), mask=untold)
    exact = pc.multiply(whole.cast(pa.decimal128(19, 0)), pa.scalar(Decimal(1).scaleb(-places)))
    return pc.replace_substring(exact.cast(pa.string()), ".", ",")


def rounded_texts(values: Floats, places: int) -> pa.Array:
    """Numbers with so many decimals, half a unit rounded up; null where there is none, or too large a one."""
    return texts(units(values, places), places)


def whole_texts(values: Floats | NDArray[np.int64]) -> pa.Array:
    """Whole numbers as texts; null where there is none."""
    untold = np.isnan(values)
    return pa.array(np.where(untold, 0, values).astype(np.int64), mask=untold).cast(pa.string())
