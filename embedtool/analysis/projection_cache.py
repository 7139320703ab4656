"""A cache of layouts, so that the words of a model are laid out once.

    layout-KEY.safetensors    points, float32 (n_words, 2), and the SHA-256 of them and of KEY

KEY is the SHA-256 of the directions and of all parameters, so that other vectors, seeds or versions
of the library have another file. The file is in the folder of the model or, if that cannot be
written, in the user's cache.
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
"""Hexadecimal digits of the key."""

log = logging.getLogger(__name__)


def cached_layout(
    units: Rows, method: Layout, seed: int, folder: Path, report: Report = silent
) -> Rows:
    """Return the `layout` of unit vectors, from the cache if possible.

    Parameters
    ----------
    units : ndarray of float32, shape (n_rows, vector_size)
        Rows of length 1 or 0.
    method, seed
        As for `projection.layout`.
    folder : Path
        The folder of the model.

    Returns
    -------
    ndarray of float32, shape (n_rows, 2)

    Raises
    ------
    MissingExtraError
        If UMAP is not installed. A file that cannot be written is only a warning in the log.
    """
    key = _key(units, method, seed)
    folders = [folder]
    with suppress(RuntimeError):  # a user without a home
        folders.append(user_cache("layouts"))
    paths = [each / f"layout-{key}.safetensors" for each in folders]
    for path in paths:
        cached = _read(path, key, len(units))
        if cached is not None:
            return cached
    points = layout(units, method, seed, report)
    _write(paths, key, points)
    return points


def _key(units: Rows, method: Layout, seed: int) -> str:
    parameters = {**layout_parameters(method), "seed": seed, "shape": units.shape}
    digest = sha256(json.dumps(parameters, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(units, dtype="<f4").data)
    return digest.hexdigest()[:KEY_LENGTH]


def _checksum(key: str, points: Rows) -> NDArray[np.uint8]:
    digest = sha256(key.encode())
    digest.update(np.ascontiguousarray(points, dtype="<f4").data)
    return np.frombuffer(digest.digest(), np.uint8)


def _read(path: Path, key: str, n_words: int) -> Rows | None:
    """Return the points of a file; None if it does not exist or is damaged."""
    try:
        tensors = map_tensors(path)
        points = np.array(tensors["points"], dtype=np.float32)
        intact = np.array_equal(tensors["checksum"], _checksum(key, points))
    except (OSError, FormatError, KeyError):
        return None
    return points if intact and points.shape == (n_words, 2) else None


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
    log.warning("the layout cannot be cached and will be computed again: %s", fault)
