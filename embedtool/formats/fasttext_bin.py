"""FastText's .bin and .ftz: the whole model, little-endian, in the format of Facebook's program."""

import logging
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable
from embedtool.errors import DamagedError, FormatError
from embedtool.formats.fasttext_header import (
    MAGIC,
    SHORTEST,
    SIZES,
    START,
    SUPERVISED,
    TREE,
    VERSION,
    packed,
)
from embedtool.formats.fasttext_means import word_means
from embedtool.formats.fasttext_parts import (
    QUANTIZED,
    SHAPE,
    WORD,
    Parts,
    Wanted,
    parse_header,
    parse_matrices,
    parse_vocabulary,
)
from embedtool.formats.fasttext_stream import Fault, Stream
from embedtool.formats.fasttext_words import ENTRY
from embedtool.formats.options import ReadOptions
from embedtool.formats.source import Source
from embedtool.formats.word_checks import warn_duplicates
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model.subwords import END_OF_SENTENCE, Subwords
from embedtool.model.vectors import VectorTable

SHOWN = 10
"""Number of labels of a classifier that its description lists."""

log = logging.getLogger(__name__)


class Vocabulary(NamedTuple):
    """The words of a file that are kept.

    Attributes
    ----------
    words : StringTable
        Them, as strings.
    kept : ndarray of bool
        Which of the first words of the file they are.
    """

    words: StringTable
    kept: NDArray[np.bool_]


def read(source: Source, options: ReadOptions) -> VectorTable:
    """Read the word vectors of a model: unsupervised, or a classifier, which may be quantized.

    A word's vector is the mean of its row and the rows of its n-grams. Labels have no vectors.
    Empty words, and all except the first of words that are equal as strings, are left out with a
    warning.

    Raises
    ------
    FormatError
        If the file is not valid; it names the byte.
    """
    return read_described(source, options)[0]


def read_described(source: Source, options: ReadOptions) -> tuple[VectorTable, dict[str, Any]]:
    """Read a model as `read`; return also what the file says of its training."""
    with source.opened() as file:
        return read_stream(file, source.name, options)


def read_stream(
    file: BinaryIO, name: str, options: ReadOptions
) -> tuple[VectorTable, dict[str, Any]]:
    """Read a model as `read_described`, from a file that need not be seekable.

    Parameters
    ----------
    file : BinaryIO
        The file at its beginning.
    name : str
        What messages call it.
    """
    stream = Stream(file, name, _fault(name), options.allow_nonfinite)
    parts = parse_header(stream)
    parse_vocabulary(stream, parts)
    vocabulary = _decoded(parts, name, options)
    kept = vocabulary.kept
    complete = len(kept) == parts.n_words and bool(kept.all())
    is_tree = parts.options["loss"] == TREE
    wanted = Wanted(
        None if complete else kept,
        ngrams=not parts.is_supervised or parts.options["max_n"] > 0,
        outputs=not parts.is_supervised and (complete or not is_tree),
    )
    parse_matrices(stream, parts, wanted, options)
    if parts.n_labels and not parts.is_supervised:
        verbs = "has no vector and is" if parts.n_labels == 1 else "have no vectors and are"
        log.warning("%s: %s %s left out", name, counted(parts.n_labels, "label"), verbs)
    raw = compress(parts.words, kept.tolist())
    counts = np.array(parts.counts[: len(kept)], np.int64)[kept]
    return vectors_from_parts(parts, raw, vocabulary.words, counts, options), _description(parts)


def _fault(name: str) -> Fault:
    def fault(kind: str, location: Mapping[str, int], detail: str) -> NoReturn:
        raise DamagedError(f"{name}, byte {location['byte']:,}: {detail}")

    return fault


def _decoded(parts: Parts, name: str, options: ReadOptions) -> Vocabulary:
    """Return the words as strings, without empty and duplicate ones, which are reported."""
    n_words = parts.n_words if options.limit is None else min(options.limit, parts.n_words)
    hashes = array("q")

    def decoded() -> Iterator[str]:
        for i in range(n_words):
            word = options.text(parts.words[i], f"{name}, byte {parts.words.start(i):,}")
            hashes.append(hash(word))
            yield word

    table = StringTable.from_words(decoded())
    kept = np.ones(n_words, np.bool_)
    order = np.argsort(hashes, kind="stable")
    ranked = np.array(hashes)[order]
    alike = np.flatnonzero(ranked[1:] == ranked[:-1])
    found: set[str] = set()
    for i in np.unique(order[np.concatenate([alike, alike + 1])]).tolist():
        word = table[i]
        kept[i] = word not in found
        found.add(word)
    warn_duplicates(Path(name), int(n_words - kept.sum()))
    empty = table.find("")
    if empty >= 0:
        kept[empty] = False
        log.warning("%s: a word is empty and is left out", name)
    if not kept.any():
        raise FormatError(f"{name}: holds no words")
    return Vocabulary(table if kept.all() else table.take(np.flatnonzero(kept)), kept)


def describe(path: Path) -> dict[str, Any]:
    """Return the training metadata in a file's header, as a model's description."""
    with path.open("rb") as file:
        return _description(parse_header(Stream(file, str(path), _fault(str(path)))))


def _description(parts: Parts) -> dict[str, Any]:
    """Return the training metadata of a model's description, as far as they have been read."""
    description: dict[str, Any] = {
        "options": parts.options,
        "vocabulary": {"tokens_seen": parts.n_tokens},
    }
    if parts.is_supervised and parts.labels:
        description["classifier"] = {
            "labels": parts.n_labels,
            "first_labels": [label.decode("utf-8", "replace") for label in parts.labels[:SHOWN]],
            "quantized": parts.quantized_inputs is not None,
            "pruned": parts.pruned is not None,
        }
    return description


def vectors_from_parts(
    parts: Parts,
    raw: Iterable[bytes],
    words: Sequence[str],
    counts: NDArray[np.int64],
    options: ReadOptions,
) -> VectorTable:
    """Return the vectors of words.

    Parameters
    ----------
    parts : Parts
        The content of the file; its `word_rows` are those of the words.
    raw : iterable of bytes
        The words as they are in the file; n-grams are those of these bytes.
    words : sequence of str
        The same, as strings.
    counts : ndarray of int64, shape (n_words,)
        Their counts.
    options : ReadOptions
        Where temporary data go.
    """
    rows, header = parts.word_rows, parts.options
    subwords = Subwords(
        max(header["min_n"], SHORTEST), header["max_n"], header["bucket"],
        rows, parts.buckets, parts.ngram_rows, pruned=parts.pruned is not None,
    )  # fmt: skip
    has_ngrams = not parts.is_supervised or (header["max_n"] and parts.n_ngram_rows)
    return VectorTable(
        words,
        word_means(raw, subwords, options),
        counts,
        None if parts.is_supervised else parts.outputs,
        subwords if has_ngrams else None,
        output_rows="inner-nodes" if header["loss"] == TREE else "words",
    )


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a model that Facebook's program loads. Only vectors with subwords can be written.

    Parameters
    ----------
    vectors, path
        As for `formats.write`.
    training_options : mapping
        The known options of the training, and `tokens_seen`.

    Raises
    ------
    FormatError
        If an option does not fit the header, or the vectors have no subwords.
    """
    subwords = vectors.subwords
    if training_options.get("mode") == SUPERVISED:
        raise FormatError(
            f"{path}: the model comes from a classifier, of which only the word vectors are kept; "
            "word2vec-binary holds them"
        )
    check_not_pruned(vectors, path)
    if subwords is None:
        raise FormatError(
            f"{path}: fasttext-bin needs subwords, which only a FastText model has; "
            "word2vec-binary needs none"
        )
    counts = vectors.counts
    if counts is None:
        counts = np.ones(vectors.n_words, dtype=np.int64)
    n_tokens = training_options.get("tokens_seen", int(counts.sum()))
    bucket = subwords.bucket if subwords.max_n or len(subwords.buckets) else 0
    header = packed(path, vectors, subwords, bucket, training_options)
    if "epochs" not in training_options:
        log.warning(
            "%s: the options of the training are not known; the header has fastText's defaults",
            path,
        )
    with atomic_write(path) as file:
        file.write(START.pack(MAGIC, VERSION) + header)
        file.write(SIZES.pack(vectors.n_words, vectors.n_words, 0, n_tokens, -1))
        for word, count in zip(vectors.words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + ENTRY.pack(count, WORD))
        _write_inputs(file, vectors, subwords, bucket)
        contexts = vectors.output_matrix
        if contexts is None:
            contexts = np.zeros(vectors.rows.shape, dtype=np.float32)
        file.write(QUANTIZED.pack(False) + SHAPE.pack(*contexts.shape))
        file.write(contexts.astype("<f4").tobytes())


def check_not_pruned(vectors: VectorTable, path: Path) -> None:
    """Raise FormatError if n-grams were pruned: a reader would count them in the means of words."""
    if vectors.subwords is not None and vectors.subwords.pruned:
        raise FormatError(
            f"{path}: the format cannot hold n-grams of which some were pruned; word2vec-binary "
            "holds the vectors of the words"
        )


def _write_inputs(file: BinaryIO, vectors: VectorTable, subwords: Subwords, bucket: int) -> None:
    """Write the rows of the words, then a row for each bucket, zeros if it was never trained.

    An offset is added to all of them, so that their means have it.
    """
    dim = vectors.vector_size
    file.write(QUANTIZED.pack(False) + SHAPE.pack(vectors.n_words + bucket, dim))
    word_rows = subwords.word_rows.astype("<f4")
    if subwords.offset is not None:
        word_rows += subwords.offset
    row = vectors.string_table.find(END_OF_SENTENCE)
    if row >= 0:
        word_rows[row] = vectors.rows[row]
    file.write(word_rows.tobytes())
    write_buckets(file, subwords, bucket)


def write_buckets(file: BinaryIO, subwords: Subwords, bucket: int) -> None:
    """Write the rows of the buckets, zeros if one was never trained."""
    dim = subwords.ngram_rows.shape[1]
    for rows in row_slices(bucket, 4 * dim):
        block = np.zeros((rows.stop - rows.start, dim), dtype="<f4")
        first, last = np.searchsorted(subwords.buckets, (rows.start, rows.stop))
        block[subwords.buckets[first:last] - rows.start] = subwords.ngram_rows[first:last]
        if subwords.offset is not None:
            block += subwords.offset
        file.write(block.tobytes())
