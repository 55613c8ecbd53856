"""Values of typed columns as text: one rule for how a number becomes a code, for every format.

A whole number has no decimal point and no exponent (5, not 5.0; 12345678901, not 1.2345678901E10), since
statistical packages and pandas hold codes as doubles where some are missing. A missing value is null.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from jobs.readers.records import clean


def text(value: Any) -> str | None:
    """A value that a package's reader gave, as text; blanks and missing as null."""
    if value is None or value != value:
        return None
    if isinstance(value, (float, Decimal)) and not isinstance(value, bool):
        if math.isfinite(value) and value == int(value):
            return str(int(value))
        return str(value)
    return clean(str(value)) or None
