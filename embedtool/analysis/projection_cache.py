"""Layouts that are kept, so that the words of a model are laid out once.

In: the directions of words, how to lay them out, the folder of their model. Out: their points, from
a file that is there, or computed and kept.

    layout-KEY.safetensors    points, float32 (n_words, 2), and the SHA-256 of them and of KEY

KEY is the SHA-256 of the directions and of all parameters: other vectors, another seed or another
version of the library have another file. It lies in the model's folder, whose own files stay as
they are, or in the user's cache where that cannot be written.
"""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.projection import Rows, layout, layout_parameters
from embedtool.config.choices import Layout
from embedtool.errors import FormatError, OutputError
from embedtool.io.atomic import atomic_write
from embedtool.io.cache import user_cache
from embedtool.io.progress import Report, silent
from embedtool.io.safetensors_io import map_tensors, write_tensors

KEY_LENGTH = 32

log = logging.getLogger(__name__)


def cached_layout(
    units: Rows, method: Layout, seed: int, folder: Path, report: Report = silent
) -> Rows:
    """Two coordinates for each row as `layout` gives them, float32 (n_rows, 2).

    units  : float32 (n_rows, vector_size), of length 1 or 0
    folder : of the model
    Raises MissingExtraError. A file that cannot be written is a warning in the log.
    """
    key = _key(units, method, seed)
    folders = [folder]
    with suppress(RuntimeError):  # a user without a home
        folders.append(user_cache("layouts"))
    paths = [each / f"layout-{key}.safetensors" for each in folders]
    for path in paths:
        kept = _read(path, key, len(units))
        if kept is not None:
            return kept
    points = layout(units, method, seed, report)
    _write(paths, key, points)
    return points


def _key(units: Rows, method: Layout, seed: int) -> str:
    told = {**layout_parameters(method), "seed": seed, "shape": units.shape}
    digest = sha256(json.dumps(told, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(units, dtype="<f4").data)
    return digest.hexdigest()[:KEY_LENGTH]


def _checksum(key: str, points: Rows) -> NDArray[np.uint8]:
    digest = sha256(key.encode())
    digest.update(np.ascontiguousarray(points, dtype="<f4").data)
    return np.frombuffer(digest.digest(), np.uint8)


def _read(path: Path, key: str, n_words: int) -> Rows | None:
    """The points of a file; None where there is none, or it is damaged."""
    try:
        tensors = map_tensors(path)
        points = np.array(tensors["points"], dtype=np.float32)
        sound = np.array_equal(tensors["checksum"], _checksum(key, points))
    except (OSError, FormatError, KeyError):
        return None
    return points if sound and points.shape == (n_words, 2) else None


def _write(paths: Sequence[Path], key: str, points: Rows) -> None:
    """Write the points to the first of the paths that can be written."""
    for path in paths:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as file:
                write_tensors(file, {"points": points, "checksum": _checksum(key, points)})
            return
        except OutputError as error:
            fault = str(error)
        except OSError as error:
            fault = f"{path.parent}: cannot be made: {error.strerror}"
    log.warning("the layout is not kept, and computed again the next time: %s", fault)
