"""Smaller models: fewer words, dimensions and n-grams, then fewer bits for each number."""

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import ConfigError
from embedtool.io.blocks import slices
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.linalg import BLOCK_ROWS, int8_rows, principal_axes, row_blocks, row_norms
from embedtool.model.quantized import (
    N_CENTROIDS,
    Float16Matrix,
    Int8Matrix,
    PQMatrix,
    as_array,
    in_memory,
    subvectors,
)
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable

if TYPE_CHECKING:
    from embedtool.config.tasks import CompressConfig

SAMPLE_ROWS = 2**15
"""Rows from which the centroids are computed: 128 per centroid."""
ITERATIONS = 15
"""Iterations of k-means; further ones hardly change the centroids."""


def compress(
    vectors: VectorTable, config: "CompressConfig", report: Report = silent
) -> VectorTable:
    """Return smaller word vectors: fewer words, dimensions and n-grams, then fewer bits.

    The output layer is left out, because no query needs it.

    Parameters
    ----------
    config : CompressConfig
        What to keep, and in which precision.
    report : Report
        Called with the progress of product quantization.

    Raises
    ------
    ConfigError
        If more is to be kept than exists, or a vector is not finite.
    """
    _check(vectors, config)
    if not np.isfinite(vectors.norms).all():
        raise ConfigError("a vector or its length is not finite, which cannot be compressed")
    n_words = config.words or vectors.n_words
    rows = vectors.frequent(n_words)
    matrix, subwords = vectors.rows[rows], vectors.subwords
    if subwords is not None:
        subwords = replace(subwords, word_rows=subwords.word_rows[rows])
        if config.ngrams is not None:
            subwords = _pruned(subwords, config.ngrams)
    if config.dimensions is not None:
        axes = leading_axes(matrix, config.dimensions)
        matrix = _projected(matrix, axes)
        if subwords is not None:
            subwords = replace(
                subwords,
                word_rows=_projected(subwords.word_rows, axes),
                ngram_rows=_projected(subwords.ngram_rows, axes),
                offset=None if subwords.offset is None else subwords.offset @ axes,
            )
    matrix = _quantized(matrix, config, report)
    if subwords is not None:
        subwords = replace(
            subwords,
            word_rows=_quantized(subwords.word_rows, config, report),
            ngram_rows=_quantized(subwords.ngram_rows, config, report),
        )
    counts = None if vectors.counts is None else vectors.counts[:n_words]
    return VectorTable(
        vectors.string_table[:n_words], matrix, counts, subwords=subwords,
        by_frequency=vectors.by_frequency,
    )  # fmt: skip


def _check(vectors: VectorTable, config: "CompressConfig") -> None:
    n_ngrams = 0 if vectors.subwords is None else len(vectors.subwords.buckets)
    size = config.dimensions or vectors.vector_size
    for parameter, value, largest in (
        ("words", config.words, vectors.n_words),
        ("dimensions", config.dimensions, vectors.vector_size),
        ("ngrams", config.ngrams, n_ngrams),
        ("product_quantization", config.product_quantization, size),
    ):
        if value is not None and value > largest:
            raise ConfigError(
                f"{parameter}={value:,} is more than the {largest:,} that there are",
                parameters=(parameter,),
            )
    if config.ngrams is not None and vectors.subwords is None:
        raise ConfigError(
            "ngrams is for FastText models, and this one has no n-grams", parameters=("ngrams",)
        )


def leading_axes(matrix: NDArray[np.float32], n_axes: int) -> NDArray[np.float32]:
    """Return the first principal axes of rows that are not centred.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_rows, vector_size)

    Returns
    -------
    ndarray of float32, shape (vector_size, n_axes)
        The axes as columns; see `linalg.principal_axes`.
    """
    axes = principal_axes(row_blocks(matrix), matrix.shape[1], fix_signs=False)
    return np.ascontiguousarray(axes[:, :n_axes], dtype=np.float32)


def _projected(matrix: NDArray[np.float32], axes: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.empty((len(matrix), axes.shape[1]), np.float32)
    for rows in slices(len(matrix), BLOCK_ROWS):
        np.matmul(matrix[rows], axes, out=out[rows])
    return out


def _pruned(subwords: Subwords, n_ngrams: int) -> Subwords:
    """Return the n-grams whose rows are longest, like fastText's cutoff; others become zeros."""
    norms = row_norms(subwords.ngram_rows)
    chosen = np.sort(np.argsort(-norms, kind="stable")[:n_ngrams])
    return replace(
        subwords, buckets=subwords.buckets[chosen], ngram_rows=subwords.ngram_rows[chosen]
    )


def _quantized(
    matrix: NDArray[np.float32], config: "CompressConfig", report: Report
) -> NDArray[np.float32]:
    if config.product_quantization is not None:
        return as_array(_product_quantized(matrix, config.product_quantization, report))
    if config.precision == "int8":
        return as_array(_int8(matrix))
    if config.precision != "float16":
        return np.concatenate(_blocks(matrix))
    with np.errstate(over="ignore"):
        codes = np.concatenate([block.astype(np.float16) for block in _blocks(matrix)])
    if not np.isfinite(codes).all():
        raise ConfigError(
            "precision='float16' cannot hold numbers above 65,504; int8 can",
            parameters=("precision",),
        )
    return as_array(Float16Matrix(codes))


def _blocks(matrix: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return [matrix[rows] for rows in slices(max(1, len(matrix)), BLOCK_ROWS)]


def _int8(matrix: NDArray[np.float32]) -> Int8Matrix:
    codes = np.empty(matrix.shape, np.int8)
    scales = np.empty(len(matrix), np.float32)
    for rows in slices(len(matrix), BLOCK_ROWS):
        codes[rows], scales[rows] = int8_rows(matrix[rows])
    return Int8Matrix(codes, scales)


def _product_quantized(matrix: NDArray[np.float32], n_subvectors: int, report: Report) -> PQMatrix:
    """Code each sub-vector of a row, scaled to length 1, by its nearest centroid of k-means."""
    from scipy.cluster.vq import kmeans2, vq

    matrix = in_memory(matrix)
    n_rows, size = matrix.shape
    norms = row_norms(matrix)
    divisors = np.where(norms > 0, norms, 1)[:, None]
    rng = np.random.default_rng(0)
    sample = np.sort(rng.choice(n_rows, min(SAMPLE_ROWS, n_rows), replace=False))
    units = matrix[sample] / divisors[sample]
    codes = np.empty((n_rows, n_subvectors), np.uint8)
    centroids = np.zeros((size, N_CENTROIDS), np.float32)
    for i, columns in enumerate(subvectors(size, n_subvectors)):
        values = np.ascontiguousarray(units[:, columns])
        distinct = np.unique(values, axis=0)
        chosen = rng.choice(len(distinct), min(N_CENTROIDS, len(distinct)), replace=False)
        codebook = distinct[chosen]
        if len(distinct) > N_CENTROIDS:
            with warnings.catch_warnings(action="ignore"):  # a centroid without rows is kept
                codebook, _ = kmeans2(values, codebook, iter=ITERATIONS, minit="matrix")
        centroids[columns, : len(codebook)] = codebook.T
        for rows in slices(n_rows, BLOCK_ROWS):
            codes[rows, i], _ = vq(matrix[rows, columns] / divisors[rows], codebook)
        report(Progress("compressing", i + 1, n_subvectors, "parts"))
    return PQMatrix(codes, norms, centroids)
