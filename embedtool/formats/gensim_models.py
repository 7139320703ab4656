"""Vectors that gensim saved: KeyedVectors, Word2Vec, FastText and the words of Doc2Vec.

The pickle is parsed by our own code, and nothing of it is run. Files of gensim 4 are read, and
those of older versions back to 0.12.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.foreign import saved_kind
from embedtool.formats.gensim_saved import Saved, open_saved
from embedtool.formats.gensim_subwords import plain_rows, subwords_of, word_vectors
from embedtool.formats.named_arrays import check_finite, from_arrays
from embedtool.formats.options import ReadOptions
from embedtool.formats.pickle_values import PickledArray, Record
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

FASTTEXT_VECTORS = "FastTextKeyedVectors"
TABLES = ("KeyedVectors", FASTTEXT_VECTORS)
"""Classes of vectors alone."""
OLD_TABLES = ("Word2VecKeyedVectors", "EuclideanKeyedVectors", "WordEmbeddingsKeyedVectors")
"""The same in versions before 4."""
MODELS = ("Word2Vec", "FastText", "Doc2Vec")
KINDS = (*OLD_TABLES, *TABLES, *MODELS)
WORDS = ("index_to_key", "index2word", "index2entity")
VECTORS = ("vectors", "syn0")
OUTPUTS, TREE = "syn1neg", "syn1"
"""The output layer of negative sampling, and that of hierarchical softmax."""
OPTIONS = {
    "vector_size": "vector_size", "window": "window", "negative": "negative", "epochs": "epochs",
    "iter": "epochs", "min_count": "min_count", "sample": "sample", "seed": "seed",
    "ns_exponent": "ns_exponent", "alpha": "learning_rate", "min_alpha": "min_learning_rate",
    "min_n": "min_n", "max_n": "max_n", "bucket": "bucket",
}  # fmt: skip
"""gensim's options, with the names of a model's description."""
PARTS = ("wv", "vocabulary", "trainables")
"""Attributes of a model that hold some of its options."""


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the words with their vectors, counts, n-grams and the output layer, if they are there.

    Raises
    ------
    FormatError
        If it is another object of gensim, an array beside the file is missing, or the parts do not
        agree.
    """
    model = open_saved(path, options, KINDS)
    table = model.child("wv") or model
    if table.kind not in KINDS:
        raise FormatError(f"{path}: its vectors are {table.kind} of gensim, which are not read")
    words = _words(table)
    subwords = None
    matrix = table.array(*VECTORS)
    if table.kind == FASTTEXT_VECTORS:
        subwords = subwords_of(table, len(words))
        if matrix is None and subwords is not None:
            matrix = word_vectors(words, subwords)
    if matrix is None:
        raise FormatError(f"{path}: holds no vectors of words")
    found: dict[str, NDArray[Any]] = {"vectors": matrix}
    counts = _counts(table, words)
    if counts is not None:
        found["counts"] = counts
    vectors = from_arrays(path, words, found, options)
    outputs = _outputs(model, vectors)
    _warn_of_documents(model)
    return VectorTable(vectors.words, vectors.rows, vectors.counts, outputs, subwords)


def describe(path: Path) -> dict[str, Any]:
    """Return the options of the training, as a model's description; vectors alone have none."""
    if saved_kind(path) in (*OLD_TABLES, *TABLES):
        return {}
    model = open_saved(path, ReadOptions(), KINDS)
    options: dict[str, Any] = {}
    for part in (model, *filter(None, map(model.child, PARTS))):
        for name, ours in OPTIONS.items():
            value = part.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                options.setdefault(ours, value)
    if model.get("sg") is not None:
        options["mode"] = "skipgram" if model.get("sg") else "cbow"
    if model.get("hs") is not None:
        options["loss"] = "hierarchical-softmax" if model.get("hs") else "negative-sampling"
    tokens = model.get("corpus_total_words")
    seen = {"vocabulary": {"tokens_seen": tokens}} if isinstance(tokens, int) else {}
    return {"options": options, **seen}


def _words(table: Saved) -> list[str]:
    """Return the words in the order of their rows."""
    path = table.path
    keys = next(filter(None, map(table.get, WORDS)), None)
    if isinstance(keys, PickledArray) and isinstance(keys.values, list):
        keys = keys.values
    if not isinstance(keys, list) or not keys:
        raise FormatError(f"{path}: holds no words")
    words = []
    for number, key in enumerate(keys):
        if isinstance(key, bytes):
            key = table.options.text(key, f"{path}: word {number + 1:,}")
        if not isinstance(key, str):
            raise FormatError(f"{path}: the key {str(key)[:40]} is not a word")
        words.append(key)
    if len(set(words)) < len(words):
        raise FormatError(f"{path}: is damaged: a word occurs twice")
    rows = table.get("key_to_index")
    if isinstance(rows, dict) and (
        len(rows) != len(words) or any(rows.get(word) != row for row, word in enumerate(words))
    ):
        raise FormatError(f"{path}: is damaged: words and their rows do not agree")
    return words


def _counts(table: Saved, words: Sequence[str]) -> NDArray[Any] | None:
    """Return the counts of the words, int64 (n_words,), or None."""
    extras = table.get("expandos")
    if isinstance(extras, dict):
        counts = extras.get("count", extras.get(b"count"))
        values = counts.values if isinstance(counts, PickledArray) else None
        return values if isinstance(values, np.ndarray) else None
    vocabulary = table.get("vocab")
    if not isinstance(vocabulary, dict):
        return None
    numbers = np.empty(len(words), np.int64)
    for row, word in enumerate(words):
        entry = vocabulary.get(word)
        if entry is None:
            entry = vocabulary.get(word.encode("utf-8", "surrogatepass"))
        if not isinstance(entry, Record) or entry.get("index") != row:
            raise FormatError(f"{table.path}: is damaged: words and their rows do not agree")
        count = entry.get("count")
        if not isinstance(count, int) or not 0 <= count < 2**63:
            return None
        numbers[row] = count
    return numbers


def _outputs(model: Saved, vectors: VectorTable) -> NDArray[np.float32] | None:
    """Return the output layer of negative sampling as float32 (n_words, dim), or None.

    That of hierarchical softmax belongs to the nodes of a tree, and gensim joins words of equal
    counts in another order than word2vec.c and embedtool do.
    """
    for part in filter(None, (model, model.child("trainables"))):
        outputs = part.array(OUTPUTS)
        if outputs is not None and outputs.size:
            if outputs.shape == vectors.rows.shape and outputs.dtype.kind == "f":
                rows = plain_rows(outputs, model.options)
                if not model.options.allow_nonfinite:
                    check_finite(model.path, vectors.words, rows)
                return rows
            log.warning(
                "%s: the output layer is left out, as it is of the shape %s",
                model.path, " x ".join(map(str, outputs.shape)),
            )  # fmt: skip
        elif part.has(TREE):
            log.warning(
                "%s: the output layer of hierarchical softmax is left out, as gensim's Huffman "
                "tree is another where words have equal counts", model.path,
            )  # fmt: skip
    return None


def _warn_of_documents(model: Saved) -> None:
    if model.kind != "Doc2Vec":
        return
    if not model.get("sg") or model.get("dbow_words"):
        log.warning(
            "%s: the vectors of documents are left out; those of words are read", model.path
        )
        return
    log.warning(
        "%s: the vectors of documents are left out; those of words are random, because Doc2Vec "
        "trained none with dm=0 and dbow_words=0", model.path,
    )  # fmt: skip
