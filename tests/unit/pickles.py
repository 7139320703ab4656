"""Small pickles, made opcode by opcode: of gensim's classes without gensim, and hostile ones."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = np.array([[1, 2, 3], [-1.5, 0, 4], [7, 0.5, 9]], np.float32)
WORDS = ["king", "queen", "größe"]
COUNTS = np.array([9, 7, 5])


def gensim_pickle(
    state: Any,
    kind: str = "KeyedVectors",
    module: str = "gensim.models.keyedvectors",
    protocol: int = 2,
) -> bytes:
    """Return a pickle as gensim's `save` writes it, of an object with a state."""
    start = b"\x80" + bytes([protocol]) + f"c{module}\n{kind}\n".encode() + b")\x81"
    return start + plain(state, protocol) + b"b."


def plain(value: Any, protocol: int = 2) -> bytes:
    """Return the opcodes of a value, without the first and the last."""
    if protocol < 4:
        return pickle.dumps(value, protocol)[2 if protocol > 1 else 0 : -1]
    return pickle.dumps(value, protocol)[2:-1]


def vectors_state() -> dict[str, Any]:
    """The attributes of KeyedVectors of gensim 4."""
    return {
        "index_to_key": list(WORDS),
        "key_to_index": {word: row for row, word in enumerate(WORDS)},
        "vectors": ROWS,
        "expandos": {"count": COUNTS},
        "vector_size": 3,
    }


def npy(array: NDArray[Any]) -> bytes:
    """Return an array as NumPy saves it."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path, function: Callable[..., object] = os.mkdir) -> None:
        self.path, self.function = path, function

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.function, (str(self.path),)
