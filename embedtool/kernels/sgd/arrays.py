"""The arrays that the kernels of Word2Vec and FastText share, by name.

In: nothing. Out: named tuples, which compiled functions take as they are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.simd.registers import SIMD_WIDTH

MICROBATCH_TOKENS = SIMD_WIDTH
"""Tokens of a block, one a column of its matrices."""
MINIBATCH_TOKENS = 4 * MICROBATCH_TOKENS
"""Tokens that a lane trains in a round, one block after the other."""
MAX_STREAMS = 16
"""Turns of a round, at most. More would let more threads share it, but their rows would not stay in
the cache until the round ends."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
BFloat16s = NDArray[np.uint16]
Int8s = NDArray[np.int8]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]


class Text(NamedTuple):
    """What is read.

    ids  : int32 (n_tokens,)
    ends : int64 (n_sentences,), where in `ids` each sentence ends
    keep_prob : float32 (n_words,), the share of each word's tokens that is kept
    """

    ids: Ints
    ends: Longs
    keep_prob: Floats


class WordRows(NamedTuple):
    """The rows of the input table that a word is made of: its vector is their mean.

    starts    : int64 (n_words + 1,); word i is made of rows[starts[i] : starts[i + 1]]
    rows      : int32
    frozen    : bool (n_rows,), the rows that do not move
    n_movable : int32 (n_words,), how many of a word's rows do
    """

    indptr: Longs
    indices: Ints
    frozen: Bools
    n_trainable: Ints


class NegativeTable(NamedTuple):
    """How noise words are drawn; not used by hierarchical softmax.

    cumulative : float64 (n_words,), the share of the draws of each word and those before it
    guide      : int32 (n_words,), the first word whose cumulative share is above i / n_words
    """

    cdf: Doubles
    guide_table: Ints


class Tree(NamedTuple):
    """The Huffman tree, as `huffman.build_tree` leaves it; not used by negative sampling.

    parents : int32 (2 * n_words - 1,), of words and then of inner nodes, the last being the root
    left    : bool (2 * n_words - 1,), which of its parent's two each is
    """

    parents: Ints
    bit: Bools


class Tables(NamedTuple):
    """What is learnt, in rows of a width that is a multiple of SIMD_WIDTH, filled up with zeros.

    inputs, outputs : float32 (n_rows, width)
    input_owners, output_owners : uint8 (n_rows,), the thread that moves each row in a round
    """

    inputs: Floats
    outputs: Floats
    input_owners: Bytes
    output_owners: Bytes


class Options(NamedTuple):
    """What is to be done.

    subwords     : words are made of several rows, else of one
    cbow         : the context predicts the token, else the token its context
    mean         : CBOW takes the mean of its context, else the sum
    hierarchical : hierarchical softmax, else negative sampling
    racing       : threads move rows as they come to them, and do not wait for each other
    negative     : noise words for each pair
    n_noise      : noise words drawn for a block, which stand for those of all its pairs
    """

    window: int
    shrink_windows: bool
    subwords: bool
    cbow: bool
    mean: bool
    hierarchical: bool
    hogwild: bool
    negative: int
    n_shared_negatives: int


class StreamTokens(NamedTuple):
    """The kept tokens of each lane's part of a stretch of the text, and their contexts.

    n_lanes is at most MAX_STREAMS, or the number of threads where they race.

    ids         : int32 (n_lanes, longest)
    left, right : int32 (n_lanes, longest), the context of token i is [left, right) without i
    lengths     : int64 (n_lanes,)
    """

    ids: Ints
    left: Ints
    right: Ints
    lengths: Longs


class RowCache(NamedTuple):
    """What each lane has made of the rows that its turn concerns. A place is lane * most + number.
    A bend is the rate times the trace of the loss's Hessian, summed over the turn's steps.

    inputs       : float32 (n_lanes * most inputs, width), the sum of the rows of each word; with
                   subwords, after the turn, the step of every row of that word
    input_bends  : float32 (n_lanes * most inputs,)
    input_words  : int32 (n_lanes, most inputs), the words by lane and number
    n_inputs     : int64 (n_lanes,)
    outputs      : float32 (n_lanes * most outputs, width), the last of a lane's being zeros
    output_bends : float32 (n_lanes * most outputs,)
    output_rows  : int32 (n_lanes, most outputs), the rows by lane and number
    n_outputs    : int64 (n_lanes,)
    losses       : float64 (n_lanes,), the sum of the losses so far
    pairs        : int64 (n_lanes,), the number of pairs so far
    trials       : float64 (n_lanes,), the sum of the trials so far (`logistic_residuals`)
    """

    inputs: Floats
    input_curvature: Floats
    input_words: Ints
    n_inputs: Longs
    outputs: Floats
    output_curvature: Floats
    output_rows: Ints
    n_outputs: Longs
    losses: Doubles
    pairs: Longs
    trials: Doubles


class Scratch(NamedTuple):
    """Room in which one thread trains a turn, and gathers its share of the steps of a round.

    A turn, with lists by the number of a token around it, and by the place of an output row:

    before    : float32 (most inputs, width), with subwords, the sums of rows before the turn
    norms     : float32 (n_lanes * most outputs,), squared lengths at the beginning of the turn
    input_slots, output_slots : int32 (a power of two,), hash tables of numbers
    input_places, output_places : int32 (most tokens,), the copies for each token
    ways, way_sides : int32 and bool (most tokens,), for each token the copy of the inner node above
                its word, and whether the word is to the left below it
    above, sides : int32 and bool (n_lanes * most outputs,), the same for each copy of an inner
                node; the root has -1 above it
    drawn     : int32 (2, noise words of a turn), those of a lane of even and of odd number
    shares    : float64 (n_noise,)
    noise_places : int32 (noise words of a turn,)

    A block:

    n_pairs   : float32 (BLOCK,), the pairs of each token
    hidden, hidden_steps : float32 (BLOCK, width)
    across    : float32 (width, BLOCK), `hidden` transposed
    hidden_norms, hidden_bends : float32 (BLOCK,), squared lengths, and bends of their steps
    reach     : float32 (BLOCK,), how far a hidden vector goes when its rows go one step
    listed    : int32 (n_noise + ROWS,), the places of the noise words
    numbers   : int32 (n_lanes * most outputs,), the number of each place in a list, or -1
    draws     : float32 (n_noise + ROWS,), the noise words of a pair that each stands for
    scores, weights, seconds : float32 (n_noise + ROWS, BLOCK), of noise words and tokens
    never     : zeros of that shape, the meetings of noise words
    met_places : int32 (most met,), rows that the tokens meet, those of each token one after another
    met_ends  : int64 (BLOCK + 1,), 0, and then where each token's rows end in that list
    met_scores, met_targets, met_weights, met_seconds : float32 (most met,)

    A round:

    delta_rows, delta_slots : int32 (most moves,), of each copy its row and its place
    move_factors : float32 (most moves,), what each copy's bend and step are multiplied by
    word_bends : float32 (n_words,), with subwords, the bends of the turns that concern each word;
                zeros between rounds
    input_sums, output_sums : float32 (n_rows, 4), the bends of the turns that move a row, and how
                many of their copies are to replace it, both zeros between rounds; then the bends
                of all rounds, and nothing. Threads that do not race share them
    """

    input_snapshot: Floats
    output_sq_norms: Floats
    input_hash: Ints
    output_hash: Ints
    input_slot_of: Ints
    output_slot_of: Ints
    leaf_parent: Ints
    leaf_bit: Bools
    parent_slot: Ints
    code_bit: Bools
    negatives: Ints
    uniforms: Doubles
    negative_slot_of: Ints
    n_pairs: Floats
    hidden: Floats
    hidden_delta: Floats
    hidden_transposed: Floats
    hidden_sq_norms: Floats
    hidden_curvature: Floats
    input_gain: Floats
    negative_slots: Ints
    slot_index: Ints
    negative_weights: Floats
    scores: Floats
    weights: Floats
    hess_weights: Floats
    zero_labels: Floats
    target_slots: Ints
    target_ends: Longs
    target_scores: Floats
    target_labels: Floats
    target_trials: Floats
    target_hess_weights: Floats
    delta_rows: Ints
    delta_slots: Ints
    delta_factors: Floats
    word_curvature: Floats
    input_sums: Floats
    output_sums: Floats
