"""Tables of vectors that take less room, and how a model gets them.

In: word vectors and what is to be saved. Out: word vectors whose tables give their rows as float32
when they are asked for; how exact they are depends on the kind.

A table of any kind stands where an array would: it has a shape, and is indexed by a row, a slice or
an array of rows.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import ConfigError, FormatError
from embedtool.io.progress import Progress, Report, silent
from embedtool.messages import brief
from embedtool.model.vectors import Subwords, WordVectors, row_lengths

if TYPE_CHECKING:
    from embedtool.config.tasks import CompressConfig

LARGEST_CODE = 127
"""Of a number in eight bits; -128 is not used, so that codes are symmetric."""
N_CENTROIDS = 256
"""As many as a byte tells apart."""
CENTROIDS = "_centroids"
"""What the name of a table has added where its centroids are kept."""
SAMPLE_ROWS = 2**15
"""Rows whose parts the centroids are made from: 128 for each."""
ITERATIONS = 15
"""Of k-means; more move the centroids little."""
BLOCK_ROWS = 2**13

Rows = int | slice | NDArray[Any]


@dataclass(frozen=True, eq=False)
class QuantizedMatrix:
    """A table of which `codes`, one row a vector, are kept."""

    __repr__ = brief

    codes: NDArray[Any]
    ndim: ClassVar[int] = 2
    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return self.codes.shape[0], self.codes.shape[1]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        raise NotImplementedError

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept, by what it adds to the table's name."""
        return {"": self.codes}


class Float16Matrix(QuantizedMatrix):
    """Numbers in 16 bits: float16, with eleven binary digits."""

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.codes[rows].astype(np.float32)
        return found


@dataclass(frozen=True, eq=False, repr=False)
class Int8Matrix(QuantizedMatrix):
    """Numbers in eight bits: int8, which times the row's own scale are its numbers.

    scales : float32 (n_rows,)
    """

    scales: NDArray[np.float32]

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        found: NDArray[np.float32] = self.codes[rows] * self.scales[rows][..., None]
        return found

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept, by what it adds to the table's name."""
        return {"": self.codes, "_scales": self.scales}


@dataclass(frozen=True, eq=False, repr=False)
class PQMatrix(QuantizedMatrix):
    """Parts of vectors, each in eight bits: the nearest of 256 centroids (Jégou et al. 2011).

    codes     : uint8 (n_rows, n_parts)
    scales    : float32 (n_rows,), the length of each row: centroids are of rows of length 1
    centroids : float32 (vector_size, 256), the rows of a part one after another
    """

    scales: NDArray[np.float32]
    centroids: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions."""
        return len(self.codes), len(self.centroids)

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        codes = np.ascontiguousarray(np.moveaxis(self.codes[rows], -1, 0))
        found = np.empty((len(self.centroids), *codes.shape[1:]), np.float32)
        for part, columns in enumerate(parts_of(len(found), len(codes))):
            for column in range(columns.start, columns.stop):
                np.take(self.centroids[column], codes[part], out=found[column, ...], mode="clip")
        found *= self.scales[rows]
        return np.moveaxis(found, 0, -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is kept, by what it adds to the table's name."""
        return {"": self.codes, "_scales": self.scales, CENTROIDS: self.centroids}


def parts_of(size: int, n_parts: int) -> list[slice]:
    """The columns of each part, whose widths differ by one at most."""
    ends = [size * part // n_parts for part in range(n_parts + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def from_tensors(tables: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """A table of a model's tensors, of whichever kind its numbers are.

    Raises KeyError where it is not there, FormatError where its parts do not fit each other.
    """
    codes = tables[name]
    if codes.dtype == np.float32:
        return codes
    table: QuantizedMatrix
    if codes.dtype == np.float16:
        table = Float16Matrix(codes)
    elif codes.dtype == np.int8:
        table = Int8Matrix(codes, tables[f"{name}_scales"])
    elif codes.dtype == np.uint8:
        table = PQMatrix(codes, tables[f"{name}_scales"], tables[f"{name}{CENTROIDS}"])
    else:
        raise FormatError(f"{name} is of type {codes.dtype}, which holds no vectors")
    fits = codes.ndim == 2 and all(
        array.shape == (len(codes),) for each, array in table.arrays().items() if each == "_scales"
    )
    if isinstance(table, PQMatrix):
        fits = fits and table.centroids.ndim == 2 and table.centroids.shape[1] == N_CENTROIDS
        fits = fits and 0 < codes.shape[1] <= len(table.centroids)
    if not fits:
        raise FormatError(f"the parts of {name} do not fit each other")
    return as_array(table)


def to_tensors(name: str, table: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """The tensors that a table is kept in, by name."""
    if not isinstance(table, QuantizedMatrix):
        return {name: table}
    return {f"{name}{part}": array for part, array in table.arrays().items()}


def as_array(table: QuantizedMatrix) -> NDArray[np.float32]:
    """The table as what it stands for: rows of it are arrays."""
    return cast(NDArray[np.float32], table)


def dequantized(vectors: WordVectors) -> WordVectors:
    """The same vectors with all tables as arrays in memory."""
    subwords = vectors.subwords
    if subwords is not None:
        subwords = replace(
            subwords,
            word_rows=_in_memory(subwords.word_rows),
            ngram_rows=_in_memory(subwords.ngram_rows),
        )
    return replace(vectors, matrix=_in_memory(vectors.matrix), subwords=subwords)


def _in_memory(table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(table[:]) if isinstance(table, QuantizedMatrix) else table


def compress(
    vectors: WordVectors, config: "CompressConfig", report: Report = silent
) -> WordVectors:
    """Make smaller word vectors of some: fewer words, dimensions and n-grams, then fewer bits.

    report : is told how far product quantisation has come
    The output layer is left out: no query needs it. Raises ConfigError where more is to be kept
    than there is.
    """
    _check(vectors, config)
    if not np.isfinite(vectors.norms).all():
        raise ConfigError("a vector or its length is not finite, which cannot be compressed")
    n_words = config.words or vectors.n_words
    kept = vectors.frequent(n_words)
    matrix, subwords = vectors.matrix[kept], vectors.subwords
    if subwords is not None:
        subwords = replace(subwords, word_rows=subwords.word_rows[kept])
        if config.ngrams is not None:
            subwords = _pruned(subwords, config.ngrams)
    if config.dimensions is not None:
        axes = principal_axes(matrix, config.dimensions)
        matrix = _projected(matrix, axes)
        if subwords is not None:
            subwords = replace(
                subwords,
                word_rows=_projected(subwords.word_rows, axes),
                ngram_rows=_projected(subwords.ngram_rows, axes),
                offset=None if subwords.offset is None else subwords.offset @ axes,
            )
    matrix = _coded(matrix, config, report)
    if subwords is not None:
        subwords = replace(
            subwords,
            word_rows=_coded(subwords.word_rows, config, report),
            ngram_rows=_coded(subwords.ngram_rows, config, report),
        )
    counts = None if vectors.counts is None else vectors.counts[:n_words]
    return WordVectors(
        vectors.string_table[:n_words], matrix, counts, subwords=subwords,
        by_frequency=vectors.by_frequency,
    )  # fmt: skip


def _check(vectors: WordVectors, config: "CompressConfig") -> None:
    n_ngrams = 0 if vectors.subwords is None else len(vectors.subwords.buckets)
    size = config.dimensions or vectors.vector_size
    for name, wanted, there in (
        ("words", config.words, vectors.n_words),
        ("dimensions", config.dimensions, vectors.vector_size),
        ("ngrams", config.ngrams, n_ngrams),
        ("product-quantisation", config.product_quantisation, size),
    ):
        if wanted is not None and wanted > there:
            raise ConfigError(f"--{name} {wanted:,} is more than the {there:,} that there are")
    if config.ngrams is not None and vectors.subwords is None:
        raise ConfigError("--ngrams is for FastText models, and this one has no n-grams")


def principal_axes(matrix: NDArray[np.float32], n_axes: int) -> NDArray[np.float32]:
    """The directions in which the rows are longest, float32 (vector_size, n_axes).

    Principal components without centring: products with them keep as much as can be kept of the
    products of rows, and so of cosines; and what holds of sums of rows still does.
    """
    moments = np.zeros((matrix.shape[1],) * 2)
    for first in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[first : first + BLOCK_ROWS].astype(np.float64)
        moments += block.T @ block
    _, axes = np.linalg.eigh(moments)
    return np.ascontiguousarray(axes[:, ::-1][:, :n_axes], dtype=np.float32)


def _projected(matrix: NDArray[np.float32], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.empty((len(matrix), axes.shape[1]), np.float32)
    for first in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[first : first + BLOCK_ROWS]
        np.matmul(block, axes, out=out[first : first + len(block)])
    return out


def _pruned(subwords: Subwords, n_ngrams: int) -> Subwords:
    """The n-grams whose rows are longest, as fastText's cutoff has it; the others become zeros."""
    lengths = row_lengths(subwords.ngram_rows)
    kept = np.sort(np.argsort(-lengths, kind="stable")[:n_ngrams])
    return replace(subwords, buckets=subwords.buckets[kept], ngram_rows=subwords.ngram_rows[kept])


def _coded(
    matrix: NDArray[np.float32], config: "CompressConfig", report: Report
) -> NDArray[np.float32]:
    if config.product_quantisation is not None:
        return as_array(_product_table(matrix, config.product_quantisation, report))
    if config.precision == "float16":
        with np.errstate(over="ignore"):
            codes = np.concatenate([block.astype(np.float16) for block in _blocks(matrix)])
        if not np.isfinite(codes).all():
            raise ConfigError("--precision float16 cannot hold numbers above 65,504; int8 can")
        return as_array(Float16Matrix(codes))
    if config.precision == "int8":
        return as_array(_byte_table(matrix))
    return np.concatenate(list(_blocks(matrix)))


def _blocks(matrix: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    firsts = range(0, max(1, len(matrix)), BLOCK_ROWS)
    return [matrix[first : first + BLOCK_ROWS] for first in firsts]


def _byte_table(matrix: NDArray[np.float32]) -> Int8Matrix:
    codes = np.empty(matrix.shape, np.int8)
    scales = np.empty(len(matrix), np.float32)
    for first in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[first : first + BLOCK_ROWS]
        largest = np.abs(block).max(axis=1) / np.float32(LARGEST_CODE)
        scales[first : first + len(block)] = largest
        steps = np.where(largest > 0, largest, 1)[:, None]
        codes[first : first + len(block)] = np.rint(block / steps).clip(-LARGEST_CODE, LARGEST_CODE)
    return Int8Matrix(codes, scales)


def _product_table(matrix: NDArray[np.float32], n_parts: int, report: Report) -> PQMatrix:
    """Let each part of a row of length 1 be the nearest of its centroids, by k-means."""
    from scipy.cluster.vq import kmeans2, vq

    matrix = _in_memory(matrix)
    n_rows, size = matrix.shape
    scales = row_lengths(matrix)
    steps = np.where(scales > 0, scales, 1)[:, None]
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(n_rows, min(SAMPLE_ROWS, n_rows), replace=False))
    units = matrix[sample] / steps[sample]
    codes = np.empty((n_rows, n_parts), np.uint8)
    centroids = np.zeros((size, N_CENTROIDS), np.float32)
    for part, columns in enumerate(parts_of(size, n_parts)):
        values = np.ascontiguousarray(units[:, columns])
        distinct = np.unique(values, axis=0)
        found = distinct[rng.choice(len(distinct), min(N_CENTROIDS, len(distinct)), replace=False)]
        if len(distinct) > N_CENTROIDS:
            with warnings.catch_warnings(action="ignore"):  # a centroid that nothing is near stays
                found, _ = kmeans2(values, found, iter=ITERATIONS, minit="matrix")
        centroids[columns, : len(found)] = found.T
        for first in range(0, n_rows, BLOCK_ROWS):
            block = matrix[first : first + BLOCK_ROWS, columns]
            nearest, _ = vq(block / steps[first : first + len(block)], found)
            codes[first : first + len(block), part] = nearest
        report(Progress("compressing", part + 1, n_parts, "parts"))
    return PQMatrix(codes, scales, centroids)
