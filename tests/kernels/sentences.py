"""Sentences of word ids, and their co-occurrences by the reference."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from embedtool.corpus.cells import Blocks
from embedtool.kernels import reference

Sentences = Sequence[Sequence[int]]


WINDOWS = [1, 2, 3, 5, 10, 22, 23, 30]


def reference_sums(
    sentences: Sentences, weights: Sequence[int | Fraction], symmetric: bool
) -> Counter[tuple[int, int]]:
    """The weight of each pair, the plain way."""
    entries = reference.list_pairs(sentences, len(weights) - 1, symmetric)
    return reference.sum_entries(entries, weights)  # type: ignore[arg-type]


def key_of(blocks: Blocks, row: int, column: int) -> int:
    """A key by its definition: the cell, then the bits of row and column in turn."""
    row_block, column_block = np.searchsorted(blocks.starts, (row, column), side="right") - 1
    key = int(row_block) * blocks.n_blocks + int(column_block)
    row, column = row - blocks.starts[row_block], column - blocks.starts[column_block]
    for bit in reversed(range(blocks.bits)):
        key = key << 2 | (int(row) >> bit & 1) << 1 | int(column) >> bit & 1
    return key
