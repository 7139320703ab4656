"""The content of FastText's binary files, part by part, even if it is damaged.

They are parsed in their order: `parse_header`, then `parse_vocabulary` for the words, the labels
and the pruning index, then `parse_matrices` for the input and the output layer. A reader turns the
first fault into an error; a check lists all faults.
"""

import struct
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.array_builder import ArrayBuilder
from embedtool.formats.fasttext_header import (
    ARGUMENTS,
    MAGIC,
    OLD_SIZES,
    SIZES,
    START,
    SUPERVISED,
    VERSIONS,
    is_old,
    options_of,
)
from embedtool.formats.fasttext_quantization import QuantizedRows, parse_quantized
from embedtool.formats.fasttext_stream import Floats, Stream
from embedtool.formats.fasttext_words import ENTRY, Words
from embedtool.formats.options import ReadOptions
from embedtool.io.progress import Progress
from embedtool.messages import brief

QUANTIZED = struct.Struct("<?")
"""Before each matrix, except in old files: whether it is quantized."""
SHAPE = struct.Struct("<2q")
"""Rows and columns of a matrix."""
WORD = 0
NOT_PRUNED = -1
FIRST_WITH_NGRAMS = 12
"""The first version whose supervised models have character n-grams, whatever the header says."""


@dataclass
class Parts:
    """The content of a file, as far as it is present.

    Attributes
    ----------
    options : dict
        The options in the header.
    n_words, n_labels, n_tokens : int
        Entries that are words, entries that are labels of texts, tokens of the training text: what
        the header says.
    n_pruned : int
        Size of the pruning index; -1 if the model is not pruned.
    old : bool
        Whether the file is of a version without magic.
    words : Words
        The bytes of each word.
    counts : array of int64
        The count of each word.
    labels, label_counts : list
        The bytes of each label, and its count.
    pruned : ndarray of int32, shape (n, 2), or None
        The n-grams that are left: a bucket and its row after those of the words; None if the model
        is not pruned.
    word_rows : ndarray of float32, shape (n, dim)
        The rows of the first n words, or of those that were chosen.
    buckets : ndarray of int64, shape (n_rows,)
        The buckets whose rows are kept, ascending: those left by pruning, or those that are not all
        zeros.
    ngram_rows : ndarray of float32, shape (n_rows, dim)
        Those rows.
    outputs : ndarray of float32, shape (n_words or n_labels, dim), or None
        The output layer; None if it is not complete, or quantized.
    quantized_inputs, quantized_outputs : QuantizedRows or None
        The layers as they are, if they are quantized. The rows of the inputs are those of all words
        and n-grams.
    """

    __repr__ = brief

    options: dict[str, Any]
    n_words: int
    n_labels: int
    n_tokens: int
    n_pruned: int = NOT_PRUNED
    old: bool = False
    words: Words = field(default_factory=lambda: Words(0))
    counts: "array[int]" = field(default_factory=lambda: array("q"))
    labels: list[bytes] = field(default_factory=list)
    label_counts: list[int] = field(default_factory=list)
    pruned: NDArray[np.int32] | None = None
    word_rows: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    buckets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ngram_rows: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    outputs: Floats | None = None
    quantized_inputs: QuantizedRows | None = None
    quantized_outputs: QuantizedRows | None = None

    @property
    def is_supervised(self) -> bool:
        return bool(self.options["mode"] == SUPERVISED)

    @property
    def n_ngram_rows(self) -> int:
        """The number of input rows after those of the words."""
        return int(self.options["bucket"]) if self.pruned is None else len(self.pruned)

    @property
    def n_outputs(self) -> int:
        """The number of rows of the output layer."""
        return self.n_labels if self.is_supervised else self.n_words


@dataclass(frozen=True)
class Wanted:
    """What of the matrices is kept.

    Attributes
    ----------
    words : ndarray of bool, shape (at most n_words,), or None
        Whether the row of each word is kept; those of words beyond the array are not, and what
        need not be read then is not. None for all.
    ngrams : bool
        Whether the rows of n-grams are kept.
    outputs : bool
        Whether the output layer is kept.
    """

    words: NDArray[np.bool_] | None = None
    ngrams: bool = True
    outputs: bool = True


def parse_header(stream: Stream) -> Parts:
    """Parse the header.

    Raises
    ------
    FormatError
        If the file is not a model of fastText at all.
    """
    head = stream.peek(ARGUMENTS.size + OLD_SIZES.size)
    magic, version = START.unpack(head[: START.size]) if len(head) >= START.size else (0, 0)
    old = magic != MAGIC and is_old(head)
    if not old:
        if len(head) >= START.size and (magic != MAGIC or version not in VERSIONS):
            raise FormatError(
                f"{stream.name}: not a fastText model of version "
                f"{' or '.join(map(str, VERSIONS))} (magic {magic}, version {version})"
            )
        stream.take(START)
    arguments = stream.take(ARGUMENTS)
    sizes = None if arguments is None else stream.take(OLD_SIZES if old else SIZES)
    if arguments is None or sizes is None:
        raise FormatError(f"{stream.name}: the file ends in its header")
    options = options_of(stream.name, arguments)
    if options["mode"] == SUPERVISED and (old or version < FIRST_WITH_NGRAMS):
        options["max_n"] = 0
    n_entries, n_words, n_labels, n_tokens = sizes[:4]
    n_pruned = NOT_PRUNED if old else sizes[4]
    parts = Parts(options, n_words, n_labels, n_tokens, n_pruned, old)
    if n_entries != n_words + n_labels or n_labels < parts.is_supervised:
        raise FormatError(
            f"{stream.name}: damaged: {n_entries:,} entries, but {n_words:,} words and "
            f"{n_labels:,} labels"
        )
    if (
        min(options["vector_size"], n_words) < 1
        or min(options["bucket"], options["min_n"], options["max_n"]) < 0
    ):
        raise FormatError(
            f"{stream.name}: damaged: {n_words:,} words of {options['vector_size']:,} dimensions"
        )
    if not NOT_PRUNED <= n_pruned <= options["bucket"]:
        raise FormatError(
            f"{stream.name}: damaged: {n_pruned:,} of {options['bucket']:,} buckets are left by "
            "pruning"
        )
    return parts


def parse_vocabulary(stream: Stream, parts: Parts) -> bool:
    """Parse the words, the labels and the pruning index; return whether they are complete.

    Raises
    ------
    FormatError
        If words and labels are not in this order, or the index is damaged.
    """
    complete = _entries(stream, parts)
    if complete and parts.n_pruned != NOT_PRUNED:
        complete = _pruning_index(stream, parts)
    return complete


def _entries(stream: Stream, parts: Parts) -> bool:
    """Read the words, then the labels, with their counts; return whether they are complete."""
    first, n_words = stream.offset, parts.n_words
    words = parts.words = Words(first)
    n_read = 0
    for word, (count, kind) in stream.entries(n_words + parts.n_labels, ENTRY):
        if (kind == WORD) != (n_read < n_words):
            raise FormatError(
                f"{stream.name}, byte {stream.offset - ENTRY.size:,}: damaged: labels come after "
                "words"
            )
        if n_read < n_words:
            words.append(word)
            parts.counts.append(count)
        else:
            parts.labels.append(word)
            parts.label_counts.append(count)
        n_read += 1
    return n_read == n_words + parts.n_labels


def _pruning_index(stream: Stream, parts: Parts) -> bool:
    start, n_pruned = stream.offset, parts.n_pruned
    pairs = stream.numbers(2 * n_pruned, "<i4")
    if pairs is None:
        return False
    pairs = pairs.reshape(n_pruned, 2)
    for column, limit in enumerate((parts.options["bucket"], n_pruned)):
        values = pairs[:, column]
        if len(np.unique(values)) < n_pruned or (values < 0).any() or (values >= limit).any():
            raise DamagedError(f"{stream.name}, byte {start:,}: damaged: the index of pruning")
    parts.pruned = pairs
    return True


def parse_matrices(stream: Stream, parts: Parts, wanted: Wanted, options: ReadOptions) -> None:
    """Parse the input and the output layer, as far as they are wanted and present.

    Raises
    ------
    DamagedError
        If their sizes are not those that the header implies.
    OutputError
        If temporary data cannot be written.
    """
    parts.word_rows = parts.ngram_rows = np.empty((0, parts.options["vector_size"]), np.float32)
    quantized = _is_quantized(stream, parts)
    if quantized is None:
        return
    if parts.pruned is not None and not quantized:
        raise FormatError(
            f"{stream.name}: is pruned, but not quantized, which no version of fastText reads"
        )
    if quantized:
        if not _quantized_inputs(stream, parts, wanted):
            return
    elif not _dense_inputs(stream, parts, wanted, options):
        return
    limited = wanted.words is not None and len(wanted.words) < parts.n_words
    if limited and not wanted.outputs:
        return
    complete = _outputs(stream, parts, wanted, options, quantized=quantized)
    if complete and not limited and not stream.at_end():
        stream.fault("stray", {"byte": stream.offset}, "more follows than the model")


def _is_quantized(stream: Stream, parts: Parts) -> bool | None:
    """Return whether the next matrix is quantized; None if the file ends here."""
    if parts.old:
        return False
    found = stream.take(QUANTIZED)
    return None if found is None else bool(found[0])


def _begin(stream: Stream, n_rows: int, n_columns: int, name: str) -> bool:
    """Read the shape of the next matrix; return whether it is as expected."""
    start = stream.offset
    shape = stream.take(SHAPE)
    if shape is None:
        return False
    if shape != (n_rows, n_columns):
        stream.fault(
            "header", {"byte": start},
            f"the {name} matrix is {shape[0]:,} x {shape[1]:,}, expected is "
            f"{n_rows:,} x {n_columns:,}",
        )  # fmt: skip
        return False
    return True


def _quantized_inputs(stream: Stream, parts: Parts, wanted: Wanted) -> bool:
    """Read quantized inputs, and decode the rows that are wanted; return whether they are there."""
    n_words, dim = parts.n_words, parts.options["vector_size"]
    inputs = parse_quantized(stream, n_words + parts.n_ngram_rows, dim, "input")
    if inputs is None:
        return False
    parts.quantized_inputs = inputs
    chosen = np.arange(n_words) if wanted.words is None else np.flatnonzero(wanted.words)
    parts.word_rows = inputs[chosen]
    if not wanted.ngrams:
        return True
    if parts.pruned is None:
        parts.buckets = np.arange(parts.n_ngram_rows)
        parts.ngram_rows = inputs[slice(n_words, None)]
        return True
    order = np.argsort(parts.pruned[:, 0])
    parts.buckets = parts.pruned[order, 0].astype(np.int64)
    parts.ngram_rows = inputs[n_words + parts.pruned[order, 1].astype(np.int64)]
    return True


def _dense_inputs(stream: Stream, parts: Parts, wanted: Wanted, options: ReadOptions) -> bool:
    """Read the rows of words, and those of n-grams that are not all zeros."""
    n_words, dim, bucket = parts.n_words, parts.options["vector_size"], parts.options["bucket"]
    if not _begin(stream, n_words + bucket, dim, "input"):
        return False
    parts.word_rows, complete = _rows(stream, n_words, dim, wanted.words, options)
    if not complete:
        return False
    n_beyond = 0 if wanted.words is None else n_words - len(wanted.words)
    if not wanted.ngrams:
        is_last = n_beyond and not wanted.outputs
        return bool(is_last) or stream.skip(n_beyond + bucket, dim)
    if not stream.skip(n_beyond, dim):
        return False
    found = [np.empty(0, np.int64)]
    n_read = 0
    with ArrayBuilder(options) as table:
        for rows, block in stream.blocks(bucket, dim):
            trained = np.flatnonzero(block.any(axis=1))
            table.append(block if len(trained) == len(block) else block[trained])
            found.append(rows.start + trained)
            n_read = rows.stop
            options.report(Progress("reading n-grams", n_read, bucket, "rows"))
        parts.ngram_rows = table.array(dim)
    parts.buckets = np.concatenate(found)
    return bool(n_read == bucket)


def _rows(
    stream: Stream, n_rows: int, dim: int, chosen: NDArray[np.bool_] | None, options: ReadOptions
) -> tuple[Floats, bool]:
    """Read the rows of words; return those that are chosen, and whether all were there."""
    n_needed = n_rows if chosen is None else len(chosen)
    n_read = 0
    with ArrayBuilder(options) as table:
        for rows, block in stream.blocks(n_needed, dim):
            table.append(block if chosen is None else block[chosen[rows]])
            n_read = rows.stop
            options.report(Progress("reading", n_read, n_needed, "words"))
        kept = table.array(dim)
    return kept, n_read == n_needed


def _outputs(
    stream: Stream, parts: Parts, wanted: Wanted, options: ReadOptions, *, quantized: bool
) -> bool:
    """Read the output layer; return whether it is complete.

    As in fastText it is quantized only if the inputs are too.
    """
    flag = _is_quantized(stream, parts)
    n_rows, dim = parts.n_outputs, parts.options["vector_size"]
    if flag is None:
        return False
    if flag and quantized:
        parts.quantized_outputs = parse_quantized(stream, n_rows, dim, "output")
        return parts.quantized_outputs is not None
    if not _begin(stream, n_rows, dim, "output"):
        return False
    if not wanted.outputs:
        return stream.skip(n_rows, dim)
    chosen = None if parts.is_supervised else wanted.words
    outputs, complete = _rows(stream, n_rows, dim, chosen, options)
    parts.outputs = outputs if complete else None
    return complete
