"""Files of numbers without a header, memory-mapped."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def map_file(path: Path, dtype: np.dtype[Any], mode: Literal["r", "c"] = "r") -> NDArray[Any]:
    """Map a file as an array of one dimension, read-only ("r") or copy-on-write ("c")."""
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode=mode)
