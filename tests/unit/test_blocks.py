"""Blocks of rows cover all rows once, in order, and are no larger than they may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.io.blocks import row_slices


@given(
    n_rows=st.integers(0, 200), row_bytes=st.integers(0, 200), block_bytes=st.integers(1, 10_000)
)
def test_blocks_cover_the_rows_once(n_rows: int, row_bytes: int, block_bytes: int) -> None:
    blocks = list(row_slices(n_rows, row_bytes, block_bytes))
    rows = [row for block in blocks for row in range(n_rows)[block]]
    assert rows == list(range(n_rows))
    sizes = [block.stop - block.start for block in blocks]
    assert all(size == 1 or size * row_bytes <= block_bytes for size in sizes)


@pytest.mark.parametrize(("n_rows", "expected"), [(0, []), (2, [slice(0, 2)])])
def test_few_rows_are_one_block(n_rows: int, expected: list[slice]) -> None:
    assert list(row_slices(n_rows, 4)) == expected
