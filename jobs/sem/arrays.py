"""What a matrix is for the type checker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = np.ndarray  # its shape is told where it is used
Array = NDArray[np.float64]
