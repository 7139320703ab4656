"""The arrays that the kernels of Word2Vec and FastText share, by name.

In: nothing. Out: named tuples, which compiled functions take as they are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.registers import SIMD_WIDTH

BLOCK = SIMD_WIDTH
"""Tokens of a block, one a column of its matrices."""
N_LANES = 16
"""Blocks of a round. More would let more threads share it, but each would start from older rows."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


class Text(NamedTuple):
    """What is read.

    ids  : int32 (n_tokens,)
    ends : int64 (n_sentences,), where in `ids` each sentence ends
    keep : float32 (n_words,), the share of each word's tokens that is kept
    """

    ids: Ints
    ends: Longs
    keep: Floats


class Words(NamedTuple):
    """The rows of the input table that a word is made of: its vector is their mean.

    starts : int64 (n_words + 1,); word i is made of rows[starts[i] : starts[i + 1]]
    rows   : int32
    frozen : bool (n_rows,), the rows that do not move
    """

    starts: Longs
    rows: Ints
    frozen: Bools


class Noise(NamedTuple):
    """How noise words are drawn; not used by hierarchical softmax.

    cumulative : float64 (n_words,), the share of the draws of each word and those before it
    guide      : int32 (n_words,), the first word whose cumulative share is above i / n_words
    """

    cumulative: Doubles
    guide: Ints


class Tree(NamedTuple):
    """The Huffman tree, as `huffman.build_tree` leaves it; not used by negative sampling.

    parents : int32 (2 * n_words - 1,), of words and then of inner nodes, the last being the root
    left    : bool (2 * n_words - 1,), which of its parent's two each is
    """

    parents: Ints
    left: Bools


class Tables(NamedTuple):
    """What is learnt, in rows of a width that is a multiple of SIMD_WIDTH, filled up with zeros.

    inputs, outputs : float32 (n_rows, width)
    input_bends, output_bends : float32 (n_rows,), zeros between rounds
    input_owners, output_owners : uint8 (n_rows,), the thread that moves each row in a round
    """

    inputs: Floats
    outputs: Floats
    input_bends: Floats
    output_bends: Floats
    input_owners: Bytes
    output_owners: Bytes


class Options(NamedTuple):
    """What is to be done.

    cbow         : the context predicts the token, else the token its context
    mean         : CBOW takes the mean of its context, else the sum
    hierarchical : hierarchical softmax, else negative sampling
    negative     : noise words for each pair
    n_noise      : noise words drawn for a block, which stand for those of all its pairs
    """

    window: int
    shrink_windows: bool
    cbow: bool
    mean: bool
    hierarchical: bool
    negative: int
    n_noise: int


class Stretch(NamedTuple):
    """The kept tokens of each lane's part of a stretch of the text, and their contexts.

    ids         : int32 (N_LANES, longest)
    left, right : int32 (N_LANES, longest), the context of token i is [left, right) without i
    lengths     : int64 (N_LANES,)
    """

    ids: Ints
    left: Ints
    right: Ints
    lengths: Longs


class Steps(NamedTuple):
    """What the blocks of a round leave for the tables. A bend is the rate times the
    trace of the loss's Hessian.

    inputs       : float32 (N_LANES * most tokens, width), the step of every row of an input token
    input_bends  : float32 (N_LANES, most tokens)
    first_input, last_input : int64 (N_LANES,), the input tokens are [first, last) of the lane
    outputs      : float32 (N_LANES * most rows, width)
    output_bends : float32 (N_LANES, most rows)
    output_rows  : int32 (N_LANES, most rows)
    n_outputs    : int64 (N_LANES,)
    losses       : float64 (N_LANES,), the sum of the losses so far
    pairs        : int64 (N_LANES,), the number of pairs so far
    """

    inputs: Floats
    input_bends: Floats
    first_input: Longs
    last_input: Longs
    outputs: Floats
    output_bends: Floats
    output_rows: Ints
    n_outputs: Longs
    losses: Doubles
    pairs: Longs


class Space(NamedTuple):
    """Room in which one thread trains a block, and gathers its share of the steps of a round.

    hidden, hidden_steps : float32 (BLOCK, width)
    across    : float32 (width, BLOCK), `hidden` transposed
    n_pairs   : float32 (BLOCK,), the pairs of each token
    parts     : float32 (most tokens, BLOCK), 1 where the input token is part of the hidden vector
    scale     : float32 (BLOCK,), what the sum of those parts is multiplied by
    reach     : float32 (BLOCK,), how far a hidden vector goes when its rows go one step
    hidden_norms, hidden_bends : float32 (BLOCK,), squared lengths, and bends of their steps
    rows      : float32 (most rows, width), the block's rows of the output table
    row_norms : float32 (most rows,), their squared lengths
    draws     : float32 (most rows,), the noise words of a pair that each stands for
    scores, targets, weights, seconds : float32 (most rows, BLOCK)
    drawn     : int32 (2, n_noise), the noise words of a lane of even and of odd number
    shares    : float64 (n_noise,)
    slots     : int32 (a power of two above the most rows,), a hash table of the block's rows
    slot_of   : int32 (most tokens or the longest way,), places among the block's rows
    move_rows, move_lanes, move_steps : int32 (most moves,), row, lane and number of each step
    """

    hidden: Floats
    hidden_steps: Floats
    across: Floats
    n_pairs: Floats
    parts: Floats
    scale: Floats
    reach: Floats
    hidden_norms: Floats
    hidden_bends: Floats
    rows: Floats
    row_norms: Floats
    draws: Floats
    scores: Floats
    targets: Floats
    weights: Floats
    seconds: Floats
    drawn: Ints
    shares: Doubles
    slots: Ints
    slot_of: Ints
    move_rows: Ints
    move_lanes: Ints
    move_steps: Ints
