"""The folder of a spaCy pipeline that has vectors and no components.

A pipeline, or only its vectors, can be read. A written pipeline splits text at white space.

    config.cfg, meta.json, tokenizer   what spacy.load needs
    vocab/vectors                      NumPy's .npy: the rows
    vocab/key2row                      the row of each key (spacy_keys)
    vocab/strings.json                 the strings, of which keys are hashes
    vocab/vectors.cfg                  the kind of vectors: rows of words, or floret's
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable
from embedtool.errors import FormatError
from embedtool.formats.json_folder import (
    check_characters,
    check_is_file,
    from_rows,
    load_json,
    save_json,
)
from embedtool.formats.options import ReadOptions
from embedtool.formats.spacy_keys import SYMBOLS, key2row_bytes, keys_of, read_key2row
from embedtool.io.atomic import atomic_directory
from embedtool.io.checksums import HashingWriter
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

VOCABULARY = "vocab"
VECTORS, KEYS, STRINGS, KIND = "vectors", "key2row", "strings.json", "vectors.cfg"
NPY = b"\x93NUMPY"
NO_RULES = b"\x80"
"""An empty map of MessagePack: a tokenizer that splits at white space only."""
CONFIG = """\
[nlp]
lang = "xx"
pipeline = []
disabled = []
before_creation = null
after_creation = null
after_pipeline_creation = null
batch_size = 1000

[nlp.tokenizer]
@tokenizers = "spacy.Tokenizer.v1"
"""
META = {"lang": "xx", "name": "vectors", "version": "0.0.0", "pipeline": []}


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the vectors of a folder, in the order of their rows.

    Several words may share a row after spaCy's pruning; which of them is the most frequent is
    unknown. Keys whose string is missing are counted and left out.

    Raises
    ------
    FormatError
        If a file is not valid.
    """
    folder = path / VOCABULARY if (path / VOCABULARY).is_dir() else path
    if (folder / KIND).exists():
        _check_kind(folder / KIND)
    check_is_file(folder / KEYS)
    row_of = read_key2row(folder / KEYS)
    table = _table(folder / VECTORS)
    words, rows = [], []
    for word, key in _strings(folder / STRINGS):
        row = row_of.pop(key, None)
        if row is not None:
            if not 0 <= row < len(table):
                raise FormatError(
                    f"{folder / KEYS}: the word {word!r} has row {row:,} of {len(table):,}"
                )
            words.append(word)
            rows.append(row)
    if row_of:
        log.warning(
            "%s: %s keys belong to no known word and are left out", folder, f"{len(row_of):,}"
        )
    order = np.argsort(np.array(rows, np.int64), kind="stable")
    sorted_rows = np.array(rows, np.int64)[order]
    vectors = from_rows(folder / VECTORS, [words[i] for i in order], table, sorted_rows, options)
    return replace(vectors, by_frequency=bool((np.diff(sorted_rows) > 0).all()))


def _check_kind(path: Path) -> None:
    kind = load_json(path)
    mode = kind.get("mode", "default") if isinstance(kind, dict) else kind
    if mode != "default":
        raise FormatError(f"{path}: vectors of mode {mode!r} are of no words, and cannot be read")


def _table(path: Path) -> NDArray[Any]:
    check_is_file(path)
    with path.open("rb") as file:
        if file.read(len(NPY)) != NPY:
            raise FormatError(f"{path}: is not an array of NumPy")
    try:
        with np.errstate(over="ignore"):
            table: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError, SyntaxError, TokenError, TypeError) as error:
        raise FormatError(f"{path}: cannot be read as npy: {error}") from None
    if table.ndim != 2:
        raise FormatError(f"{path}: is not a table, but has {table.ndim} axes")
    return table


def _strings(path: Path) -> list[tuple[str, int]]:
    """Return each string that a key may denote, with its key."""
    strings = load_json(path)
    if not isinstance(strings, list) or not all(isinstance(each, str) for each in strings):
        raise FormatError(f"{path}: is not a list of strings")
    check_characters(path, strings)
    strings = list(dict.fromkeys([*strings, *SYMBOLS]))
    return list(zip(strings, keys_of(StringTable.from_words(strings)).tolist(), strict=True))


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write the folder of a pipeline that spacy.load opens."""
    keys = keys_of(vectors.string_table)
    _, first = np.unique(keys, return_index=True)
    if len(first) < len(keys):
        word = vectors.words[int(np.setdiff1d(np.arange(len(keys)), first)[0])]
        raise FormatError(f"{path}: another word has the hash of {word!r}; spaCy holds one of them")
    with atomic_directory(path, replace=False) as folder:
        vocabulary = folder / VOCABULARY
        vocabulary.mkdir()
        (folder / "config.cfg").write_text(CONFIG, encoding="utf-8")
        save_json(folder / "meta.json", META)
        (folder / "tokenizer").write_bytes(NO_RULES)
        with (vocabulary / VECTORS).open("wb") as file:
            matrix = np.asarray(vectors.rows, dtype="<f4")
            # past NumPy's own way to the disk, which does not say why it failed
            np.save(cast(Any, HashingWriter(file)), matrix, allow_pickle=False)
        (vocabulary / KEYS).write_bytes(key2row_bytes(keys))
        save_json(vocabulary / STRINGS, list(vectors.words))
        save_json(vocabulary / KIND, {"mode": "default"})
