"""The order in which GloVe trains the cells of an epoch: stratified SGD (Gemulla et al. 2011)."""

from collections.abc import Callable

import numpy as np

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import Cell


def cells_in_epoch(
    config: GloveConfig, epoch: int, n_blocks: int, size: Callable[[int, int], int]
) -> list[Cell]:
    """Return the cells of an epoch that hold pairs, in the order of training.

    They are grouped into strata whose cells share no row block and no column block, so that some
    cells can always be started; within a stratum the largest come first. In a stratum the row block
    at index p is paired with the column block at index p ^ shift. The lowest bit of the shift
    changes once in an epoch, the next one twice, and so on: with the indices grouped by their
    lowest bits, all cells of a group of rows and a group of columns are trained before that group
    of columns moves on to another group of rows. Which columns are in a group is drawn anew for
    each epoch; row blocks stay in groups by their own lowest bits, so that their pairs can stay on
    one node.

    Parameters
    ----------
    config
        The seed.
    epoch
        Its number, from 1.
    n_blocks
        Blocks of rows, and of columns.
    size
        The approximate number of pairs of a cell.
    """
    n_bits = (n_blocks - 1).bit_length()
    n = 1 << n_bits
    rows = _row_blocks_by_index(config, epoch, n_bits)
    columns = column_blocks_by_index(config, epoch, n_blocks)
    order: list[Cell] = []
    for number in range(n):
        shift = sum((number >> bit & 1) << n_bits - 1 - bit for bit in range(n_bits))
        stratum = [(rows[index], columns[index ^ shift]) for index in range(n)]
        filled = [cell for cell in stratum if max(cell) < n_blocks and size(*cell)]
        order += sorted(filled, key=lambda cell: -size(*cell))
    return order


def column_blocks_by_index(config: GloveConfig, epoch: int, n_blocks: int) -> list[int]:
    """Return the column block at each index in an epoch; from `n_blocks` on there is none."""
    rng = np.random.default_rng((config.seed, epoch, 0))
    return [int(column) for column in rng.permutation(1 << (n_blocks - 1).bit_length())]


def _row_blocks_by_index(config: GloveConfig, epoch: int, n_bits: int) -> list[int]:
    """Return the row block at each index: each bit is flipped or not, depending on the lower ones.

    So indices with equal lowest bits have blocks with equal lowest bits.
    """
    rng = np.random.default_rng((config.seed, epoch, 1))
    rows = [0]
    for bit in range(n_bits):
        flips = rng.integers(2, size=len(rows)).tolist()
        rows = [
            row | (high ^ flip) << bit
            for high in range(2)
            for row, flip in zip(rows, flips, strict=True)
        ]
    return rows
