"""Rows in blocks: the parts of an array that are read, converted or written at a time."""

from collections.abc import Iterator

BLOCK_BYTES = 2**22
"""Large enough that the overhead of a block does not matter, small enough for the cache."""


def slices(n: int, size: int) -> Iterator[slice]:
    """Split range(n) into slices of `size`; the last may be shorter."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def row_slices(n_rows: int, row_bytes: int, block_bytes: int = BLOCK_BYTES) -> Iterator[slice]:
    """Split the rows of an array into blocks of at most `block_bytes`, or of one row.

    Parameters
    ----------
    row_bytes : int
        Bytes of a row; may be 0.

    Yields
    ------
    slice
        The rows of each block, in order.
    """
    return slices(n_rows, max(1, block_bytes // max(1, row_bytes)))
