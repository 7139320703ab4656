"""Product-quantized matrices of FastText's .ftz, whose rows are decoded as they are needed.

A row is split into parts, and of each part only the number of the nearest of 256 centroids is
stored. With `qnorm` the rows have length 1, and their lengths are quantized in the same way.

References
----------
Jégou et al. 2011, "Product quantization for nearest neighbor search"; Joulin et al. 2016,
"FastText.zip: compressing text classification models"; fastText's quantmatrix.cc and
productquantizer.cc.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError
from embedtool.formats.fasttext_stream import Floats, Stream
from embedtool.messages import brief

HEAD = struct.Struct("<?2qi")
"""Whether lengths are apart; rows, columns; bytes of all codes."""
SIZES = struct.Struct("<4i")
"""Columns, parts, columns of a part, columns of the last part."""
N_CENTROIDS = 256


@dataclass(frozen=True, eq=False)
class Quantizer:
    """The centroids of each part of a row.

    Attributes
    ----------
    n_columns : int
        Columns of a row.
    part_size : int
        Columns of each part; the last may have fewer.
    centroids : ndarray of float32, shape (256 * n_columns,)
        Part after part, the 256 centroids of each.
    """

    __repr__ = brief

    n_columns: int
    part_size: int
    centroids: Floats

    @property
    def n_parts(self) -> int:
        return -(-self.n_columns // self.part_size)

    def decode(self, codes: NDArray[np.uint8]) -> Floats:
        """Return rows, float32 (n, n_columns), of their codes, uint8 (n, n_parts)."""
        rows = np.empty((len(codes), self.n_columns), np.float32)
        for part in range(self.n_parts):
            first = part * self.part_size
            last = min(first + self.part_size, self.n_columns)
            table = self.centroids[N_CENTROIDS * first : N_CENTROIDS * last]
            rows[:, first:last] = table.reshape(N_CENTROIDS, last - first)[codes[:, part]]
        return rows


@dataclass(frozen=True, eq=False)
class QuantizedRows:
    """A quantized matrix.

    Attributes
    ----------
    codes : ndarray of uint8, shape (n_rows, n_parts)
        The codes of each row.
    quantizer : Quantizer
        What they stand for.
    norm_codes : ndarray of uint8, shape (n_rows, 1), or None
        The codes of the lengths of the rows, if these are apart.
    norm_quantizer : Quantizer or None
        What those stand for.
    """

    __repr__ = brief

    codes: NDArray[np.uint8]
    quantizer: Quantizer
    norm_codes: NDArray[np.uint8] | None = None
    norm_quantizer: Quantizer | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return len(self.codes), self.quantizer.n_columns

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Floats:
        """Return some rows, float32 (n, n_columns)."""
        decoded = self.quantizer.decode(self.codes[rows])
        if self.norm_codes is not None and self.norm_quantizer is not None:
            decoded *= self.norm_quantizer.decode(self.norm_codes[rows])
        return decoded


def parse_quantized(stream: Stream, n_rows: int, n_columns: int, name: str) -> QuantizedRows | None:
    """Return the next quantized matrix; None if the file ends in it.

    Raises
    ------
    DamagedError
        If its sizes are not those expected, or do not fit each other.
    """
    start = stream.offset
    head = stream.take(HEAD)
    if head is None:
        return None
    has_norms, *shape, n_codes = head
    n_parts = n_codes // max(n_rows, 1)
    if shape != [n_rows, n_columns]:
        raise DamagedError(
            f"{stream.name}, byte {start:,}: the {name} matrix is {shape[0]:,} x {shape[1]:,}, "
            f"expected is {n_rows:,} x {n_columns:,}"
        )
    if not 1 <= n_parts <= n_columns or n_codes != n_parts * n_rows:
        raise DamagedError(
            f"{stream.name}, byte {start:,}: damaged: {n_codes:,} codes of {n_rows:,} rows"
        )
    codes = stream.numbers(n_codes, np.uint8)
    quantizer = None if codes is None else _quantizer(stream, n_columns, n_parts)
    if codes is None or quantizer is None:
        return None
    codes = codes.reshape(n_rows, n_parts)
    if not has_norms:
        return QuantizedRows(codes, quantizer)
    norm_codes = stream.numbers(n_rows, np.uint8)
    norm_quantizer = None if norm_codes is None else _quantizer(stream, 1, 1)
    if norm_codes is None or norm_quantizer is None:
        return None
    return QuantizedRows(codes, quantizer, norm_codes[:, None], norm_quantizer)


def _quantizer(stream: Stream, n_columns: int, n_parts: int) -> Quantizer | None:
    """Return the next quantizer, of which the sizes are known; None if the file ends in it."""
    start = stream.offset
    sizes = stream.take(SIZES)
    if sizes is None:
        return None
    part_size, last_size = sizes[2:]
    fits = sizes[:2] == (n_columns, n_parts) and 1 <= last_size <= part_size
    if not fits or (n_parts - 1) * part_size + last_size != n_columns:
        raise DamagedError(
            f"{stream.name}, byte {start:,}: damaged: a quantizer of {sizes[0]:,} columns in "
            f"{sizes[1]:,} parts of {part_size:,}, the last of {last_size:,}"
        )
    centroids = stream.numbers(N_CENTROIDS * n_columns, "<f4")
    return None if centroids is None else Quantizer(n_columns, part_size, centroids)
