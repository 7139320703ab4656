"""A file of safetensors: the tensors `vectors`, `words` and, if known, `counts`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedtool.errors import FormatError
from embedtool.formats.named_arrays import VECTOR_NAMES, check_present, choose_name, from_arrays
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_write
from embedtool.io.progress import Report, ReportingWriter, silent
from embedtool.io.safetensors_io import map_tensors, write_tensors
from embedtool.model.vectors import VectorTable

BETWEEN = "\n"
"""Separates the words: safetensors has no strings, so they are bytes of UTF-8."""


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Map `vectors`, float (n, d), `words`, uint8, and `counts`, int64 (n,).

    Raises
    ------
    FormatError
        If they are missing or do not fit each other.
    """
    try:
        tensors = map_tensors(path)
    except FormatError as error:
        raise FormatError(f"{path}: cannot be read as safetensors: {error}") from None
    for own, named in (("words", options.word_column), ("vectors", options.vector_column)):
        if named is not None:
            check_present(path, named, tensors, "tensor")
            tensors[own] = tensors[named]
    possible = [
        name for name, tensor in tensors.items() if tensor.dtype.kind == "f" and tensor.ndim == 2
    ]
    name = choose_name("vectors", VECTOR_NAMES, tensors, possible)
    words = tensors.get("words")
    if name is None or words is None or words.dtype != np.uint8 or words.ndim != 1:
        raise FormatError(
            f"{path}: expected the tensors 'vectors' and 'words', uint8; found "
            f"{', '.join(tensors) or 'none'}; others are given with word_column and vector_column",
            parameters=("word_column", "vector_column"),
        )
    tensors["vectors"] = tensors[name]
    try:
        text = words.tobytes().decode("utf-8", options.encoding_errors)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: 'words', byte {error.start:,}: not UTF-8") from None
    return from_arrays(path, text.split(BETWEEN), tensors, options)


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a file. A word with a line end cannot be written."""
    text = BETWEEN.join(vectors.words).encode()
    tensors: dict[str, Any] = {
        "vectors": vectors.rows,
        "words": np.frombuffer(text, dtype=np.uint8),
    }
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    with atomic_write(path) as file:
        write_tensors(
            ReportingWriter(file.write, sum(each.nbytes for each in tensors.values()), report),
            tensors,
            {"format": "embedtool words and vectors"},
        )
