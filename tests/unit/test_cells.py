"""Blocks of a vocabulary, cells and keys of pairs."""

import numpy as np
import pytest

from embedtool.corpus.cells import Blocks
from embedtool.kernels.text.cooccurrence import distance_bits
from tests.kernels.sentences import key_of


def test_keys_of_a_vocabulary_of_a_hundred_million_words_fit() -> None:
    blocks = Blocks(np.array([0, 2**10, 2**25, 10**8]))
    assert blocks.key_bits + distance_bits(10) <= 64
    rows = np.array([0, 0, 2**10 - 1, 2**10, 2**25 - 1, 2**25, 10**8 - 1])
    columns = rows[::-1]
    keys = np.array([key_of(blocks, *pair) for pair in zip(rows, columns, strict=True)], np.uint64)
    assert len(np.unique(keys)) == len(keys)
    found_rows, found_columns = blocks.pairs(keys)
    assert found_rows.tolist() == rows.tolist()
    assert found_columns.tolist() == columns.tolist()


def test_the_codes_of_row_and_column_add_up_to_thekey_of() -> None:
    blocks = Blocks(np.array([0, 3, 4, 40, 97]))
    codes = blocks.codes()
    for row, column in np.ndindex(97, 97):
        assert int(codes[row, 0] + codes[column, 1]) == key_of(blocks, row, column)


def test_blocks_have_equally_many_neighbours() -> None:
    counts = 10**7 / np.arange(1, 50_001)
    blocks = Blocks.balanced(counts, 10**9)
    shares = np.add.reduceat(counts**0.7, blocks.starts[:-1]) / (counts**0.7).sum()
    assert blocks.n_blocks == 32
    np.testing.assert_allclose(shares, 1 / 32, atol=counts[0] ** 0.7 / (counts**0.7).sum())


@pytest.mark.parametrize(
    ("n_pairs", "n_blocks"), [(0, 8), (10**6, 8), (10**9, 32), (10**12, 64), (10**15, 64)]
)
def test_a_larger_corpus_has_more_blocks(n_pairs: int, n_blocks: int) -> None:
    assert Blocks.balanced(np.ones(10_000), n_pairs).n_blocks == n_blocks


def test_words_that_never_occur_are_in_a_block_too() -> None:
    for counts in ([0, 0, 0], [5, 0, 0], [0, 0, 5]):
        starts = Blocks.balanced(counts, 100).starts
        assert (starts[0], starts[-1]) == (0, 3)
        assert (np.diff(starts) > 0).all()
