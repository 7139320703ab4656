"""Matrices in 16 or 8 bits or product-quantized, which return their rows as float32.

A quantized matrix is used like an array: it has a shape, and is indexed by a row, a slice or an
array of rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.messages import brief
from embedtool.model.vectors import VectorTable

N_CENTROIDS = 256
"""Number of centroids that one byte can index."""
SCALES, CENTROIDS = "_scales", "_centroids"
"""Suffixes to the name of a matrix for the tensors of its scales and its centroids."""

Rows = int | slice | NDArray[Any]


@dataclass(frozen=True, eq=False)
class QuantizedMatrix:
    """A matrix of which only codes are stored, one row of codes per row.

    Attributes
    ----------
    codes : ndarray, shape (n_rows, any)
    """

    __repr__ = brief

    codes: NDArray[Any]
    ndim: ClassVar[int] = 2
    dtype: ClassVar[np.dtype[Any]] = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.codes.shape[0], self.codes.shape[1]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        raise NotImplementedError

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the stored arrays, by their suffix to the name of the matrix."""
        return {"": self.codes}


class Float16Matrix(QuantizedMatrix):
    """Numbers as float16, with eleven binary digits."""

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self.codes[rows].astype(np.float32)
        return values


@dataclass(frozen=True, eq=False, repr=False)
class Int8Matrix(QuantizedMatrix):
    """Numbers as int8, multiplied by a scale for each row.

    Attributes
    ----------
    codes : ndarray of int8, shape (n_rows, n_columns)
    scales : ndarray of float32, shape (n_rows,)
        The scale of each row.
    """

    scales: NDArray[np.float32]

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self.codes[rows] * self.scales[rows][..., None]
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"": self.codes, SCALES: self.scales}


@dataclass(frozen=True, eq=False, repr=False)
class PQMatrix(QuantizedMatrix):
    """Product quantization: each sub-vector is a byte, the number of one of 256 centroids.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n_rows, n_subvectors)
        The centroid of each sub-vector.
    scales : ndarray of float32, shape (n_rows,)
        The length of each row: centroids are of rows of length 1.
    centroids : ndarray of float32, shape (n_columns, 256)
        The centroids of all sub-vectors; those of a sub-vector are in the rows of its columns.

    References
    ----------
    Jégou, Douze & Schmid 2011, "Product quantization for nearest neighbor search".
    """

    scales: NDArray[np.float32]
    centroids: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.codes), len(self.centroids)

    def __getitem__(self, rows: Rows) -> NDArray[np.float32]:
        codes = np.ascontiguousarray(np.moveaxis(self.codes[rows], -1, 0))
        values = np.empty((len(self.centroids), *codes.shape[1:]), np.float32)
        for i, columns in enumerate(subvectors(len(values), len(codes))):
            for column in range(columns.start, columns.stop):
                np.take(self.centroids[column], codes[i], out=values[column, ...], mode="clip")
        values *= self.scales[rows]
        return np.moveaxis(values, 0, -1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"": self.codes, SCALES: self.scales, CENTROIDS: self.centroids}


def subvectors(size: int, n_subvectors: int) -> list[slice]:
    """Return the columns of each sub-vector; their widths differ by one at most."""
    ends = [size * i // n_subvectors for i in range(n_subvectors + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def from_tensors(tensors: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """Return a matrix from a model's tensors, of the kind that their dtype implies.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        All tensors.
    name : str
        Name of the matrix.

    Returns
    -------
    ndarray of float32 or QuantizedMatrix, shape (n_rows, n_columns)
        The matrix.

    Raises
    ------
    KeyError
        If a tensor is missing.
    FormatError
        If the tensors do not fit each other.
    """
    codes = tensors[name]
    if codes.dtype == np.float32:
        return codes
    matrix: QuantizedMatrix
    if codes.dtype == np.float16:
        matrix = Float16Matrix(codes)
    elif codes.dtype == np.int8:
        matrix = Int8Matrix(codes, tensors[f"{name}{SCALES}"])
    elif codes.dtype == np.uint8:
        matrix = PQMatrix(codes, tensors[f"{name}{SCALES}"], tensors[f"{name}{CENTROIDS}"])
    else:
        raise FormatError(f"{name} is of type {codes.dtype}, which holds no vectors")
    fits = codes.ndim == 2 and all(
        array.shape == (len(codes),)
        for suffix, array in matrix.arrays().items()
        if suffix == SCALES
    )
    if isinstance(matrix, PQMatrix):
        fits = fits and matrix.centroids.ndim == 2 and matrix.centroids.shape[1] == N_CENTROIDS
        fits = fits and 0 < codes.shape[1] <= len(matrix.centroids)
    if not fits:
        raise FormatError(f"the parts of {name} do not fit each other")
    return as_array(matrix)


def to_tensors(name: str, matrix: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
    """Return the tensors in which a matrix is stored, by name."""
    if not isinstance(matrix, QuantizedMatrix):
        return {name: matrix}
    return {f"{name}{suffix}": array for suffix, array in matrix.arrays().items()}


def as_array(matrix: QuantizedMatrix) -> NDArray[np.float32]:
    """Return a quantized matrix unchanged, typed as the array that it replaces."""
    return cast(NDArray[np.float32], matrix)


def dequantized(vectors: VectorTable) -> VectorTable:
    """Return the same vectors with all matrices as arrays in memory."""
    subwords = vectors.subwords
    if subwords is not None:
        subwords = replace(
            subwords,
            word_rows=in_memory(subwords.word_rows),
            ngram_rows=in_memory(subwords.ngram_rows),
        )
    return replace(vectors, rows=in_memory(vectors.rows), subwords=subwords)


def in_memory(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a matrix as an array; a copy if it is quantized."""
    return np.ascontiguousarray(matrix[:]) if isinstance(matrix, QuantizedMatrix) else matrix
