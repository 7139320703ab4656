"""The header of FastText's .bin: the options of a training, and the sizes of the other parts."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.errors import FormatError
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable

MAGIC = 793712314
VERSION = 12
VERSIONS = (VERSION, 11)
"""Supported versions; unsupervised models of version 11 are the same, byte for byte."""
START = struct.Struct("<2i")
"""Magic and version."""
ARGUMENTS = struct.Struct("<12id")
"""dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t."""
NAMES = (
    "vector_size", "window", "epochs", "min_count", "negative", "word_ngrams", "loss", "mode",
    "bucket", "min_n", "max_n", "lr_update_rate", "sample",
)  # fmt: skip
"""The same options, by their names in a model's description."""
SIZES = struct.Struct("<3i2q")
"""Entries, words, labels; tokens, size of the pruning index (-1: not pruned)."""
OLD_SIZES = struct.Struct("<3iq")
"""The same in files of before version 11, which have no magic and no pruning index."""
TREE = "hierarchical-softmax"
LOSSES = {1: TREE, 2: "negative-sampling", 3: "softmax", 4: "one-vs-all"}
SUPERVISED = "supervised"
MODES = {1: "cbow", 2: "skipgram", 3: SUPERVISED}
DEFAULTS = {
    "window": 5, "epochs": 5, "min_count": 5, "negative": 5, "word_ngrams": 1, "mode": "skipgram",
    "loss": "negative-sampling", "lr_update_rate": 100, "sample": 1e-4,
}  # fmt: skip
"""fastText's defaults of options."""
SHORTEST = 1
"""Characters of the shortest n-gram: with a minn of 0 too, fastText has no empty ones."""
LONGEST = 100
"""Characters of the longest n-gram in a file without magic; a larger number is not a length."""


def is_old(data: bytes) -> bool:
    """Return whether a file without magic begins with the options of an old version."""
    if len(data) < ARGUMENTS.size + OLD_SIZES.size:
        return False
    options = dict(zip(NAMES, ARGUMENTS.unpack_from(data), strict=True))
    positive = ("vector_size", "window", "epochs", "word_ngrams")
    return (
        all(options[name] > 0 for name in positive)
        and options["loss"] in LOSSES
        and options["mode"] in MODES
        and 0 <= options["min_n"] <= options["max_n"] <= LONGEST
        and 0 <= options["sample"] <= 1
    )


def options_of(name: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return the options in a header; raise FormatError if its loss or model is unknown."""
    options = dict(zip(NAMES, arguments, strict=True))
    for option, known in (("loss", LOSSES), ("mode", MODES)):
        if options[option] not in known:
            raise FormatError(f"{name}: damaged: no {option} has the number {options[option]}")
        options[option] = known[options[option]]
    return options


def packed(
    path: Path,
    vectors: VectorTable,
    subwords: Subwords,
    bucket: int,
    options: Mapping[str, Any],
) -> bytes:
    """Return the options in the order and the types of the header.

    Sizes are those of the vectors; the kind of output rows determines the loss.

    Raises
    ------
    FormatError
        If an option does not fit.
    """
    values: dict[str, Any] = DEFAULTS | {name: options[name] for name in NAMES if name in options}
    values |= {"vector_size": vectors.vector_size, "bucket": bucket, "max_n": subwords.max_n}
    if max(values.get("min_n", 0), SHORTEST) != subwords.min_n:
        values["min_n"] = subwords.min_n
    if vectors.output_matrix is not None:
        is_tree = vectors.output_rows == "inner-nodes"
        if is_tree != (values["loss"] == "hierarchical-softmax"):
            values["loss"] = "hierarchical-softmax" if is_tree else DEFAULTS["loss"]
    for name, known in (("loss", LOSSES), ("mode", MODES)):
        values[name] = {option: number for number, option in known.items()}[values[name]]
    try:
        return ARGUMENTS.pack(*(values[name] for name in NAMES))
    except struct.error as error:
        raise FormatError(
            f"{path}: an option of the model does not fit the header: {error}"
        ) from None
