"""The arrays of the kernels of Word2Vec and FastText, as named tuples that numba takes as they are.

A kernel takes `SharedArrays`, which all threads have in common, and a thread's own `Scratch`
(`scratch`). A *slot* is a row of the row cache: stream * (rows of a stream) + index in the stream.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.dispatchers import constant_flags
from embedtool.kernels.simd.registers import SIMD_WIDTH

MICROBATCH_TOKENS = SIMD_WIDTH
"""Tokens that are scored together, from the same output rows: one register wide."""
MINIBATCH_TOKENS = 4 * MICROBATCH_TOKENS
"""Tokens that a stream trains in a superstep. Measured: `python -m benchmarks.ablation --vary
minibatch`."""

HASH_MULTIPLIER = 0x9E3779B1
"""A prime near 2**32 over the golden ratio (Knuth 1998, section 6.4): multiplicative hashing."""

INDEX = np.uintp
"""An index that is never negative: numba does not look whether it counts from the end."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
BFloat16s = NDArray[np.uint16]
Int8s = NDArray[np.int8]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]
Marks = NDArray[np.uint8] | NDArray[np.uint16]


class Text(NamedTuple):
    """The text to train on.

    Attributes
    ----------
    ids
        int32 (n_tokens,), the word of each token.
    ends
        int64 (n_sentences,), where in `ids` each sentence ends.
    keep_prob
        float32 (n_words,), the probability that subsampling keeps a token of the word.
    """

    ids: Ints
    ends: Longs
    keep_prob: Floats


class WordRows(NamedTuple):
    """The rows of the input table that each word is made of; its vector is their mean.

    Attributes
    ----------
    indptr
        int64 (n_words + 1,); word i is made of the rows indices[indptr[i] : indptr[i + 1]].
    indices
        int32 (indptr[-1],); the rows of a word that are trained come first.
    frozen
        bool (n_rows,), the rows that are not trained.
    n_trainable
        int32 (n_words,), the number of a word's rows that are.
    """

    indptr: Longs
    indices: Ints
    frozen: Bools
    n_trainable: Ints


class NegativeTable(NamedTuple):
    """How negatives are drawn: by the alias method (Walker 1977); empty for hierarchical softmax.

    Of a uniform number x in [0, n_words) the whole part is a bin; the rest decides between its word
    and its alias.

    Attributes
    ----------
    accept
        float32 (n_words,), the probability that a bin yields the word of its number.
    alias
        int32 (n_words,), the word that it yields otherwise.
    """

    accept: Floats
    alias: Ints


class Tree(NamedTuple):
    """The Huffman tree, as `huffman.build_tree` leaves it; empty for negative sampling.

    Attributes
    ----------
    parents
        int32 (2 * n_words - 1,), of the words, then of the inner nodes, of which the last is the
        root.
    bit
        bool (2 * n_words - 1,), which child of its parent each node is: a bit of the Huffman code.
    """

    parents: Ints
    bit: Bools


class Tables(NamedTuple):
    """The parameters, in rows padded with zeros to a multiple of SIMD_WIDTH, and who uses them.

    Attributes
    ----------
    inputs, outputs
        float32 (n_rows, width).
    input_marks, output_marks
        uint8 (n_rows,), or uint16 for 256 streams: the last stream that listed each row, or, if it
        is shared, the number of streams (`row_lists`); that of inputs without subwords only.
    row_uses
        int64 (n_threads, 2, n), with subwords, the input rows that the streams of each thread use
        in a superstep, and those that they use more than once (`subword_rows`), as bits.
    rows_reused
        int64 (n,), such bits of the rows that all threads together use more than once.
    """

    inputs: Floats
    outputs: Floats
    input_marks: Marks
    output_marks: Marks
    row_uses: Longs
    rows_reused: Longs


@constant_flags("subwords", "cbow", "hierarchical")
class Options(NamedTuple):
    """What is to be trained. The kernel is compiled for `subwords`, `cbow` and `hierarchical`.

    Attributes
    ----------
    window
        Words of context on each side, at most.
    shrink_windows
        Draw the width of each window from 1 to `window`.
    subwords
        Whether words are made of several rows.
    cbow
        The context predicts the token (CBOW); else the token its context (skip-gram).
    mean
        CBOW: the hidden vector is the mean of the context's vectors, else their sum.
    hierarchical
        Hierarchical softmax, else negative sampling.
    hogwild
        Threads update rows without waiting for each other, each after its own minibatch.
    negative
        Negatives per positive pair.
    n_shared_negatives
        Negatives drawn for a group of tokens, which stand for those of all its pairs (eq. 4).
    sum_progress
        Whether each row's progress is summed, for the merging of replicas (eq. 7).
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
    sum_progress: bool


class StreamTokens(NamedTuple):
    """The tokens of a chunk that subsampling keeps, by stream, and their contexts.

    With Hogwild there is one stream for each thread.

    Attributes
    ----------
    ids
        int32 (n_streams, max_length).
    left, right
        int32 (n_streams, max_length); the context of token i is [left, right) without i.
    lengths
        int64 (n_streams,).
    """

    ids: Ints
    left: Ints
    right: Ints
    lengths: Longs


class RowCache(NamedTuple):
    """The rows that the streams use in a superstep, and the copies of those that they share.

    A curvature is kappa = learning rate * trace of the Hessian, summed over the minibatch (eq. 2).

    Attributes
    ----------
    inputs
        float32 (n_streams * max_inputs, width), the copies; with subwords of all words: the sum of
        a word's rows, and after the minibatch the delta of each row of the word.
    input_addresses
        int64 (n_streams * max_inputs,), where the row of each slot is: in `inputs` or in the table.
    input_curvature
        float32 (n_streams * max_inputs,).
    input_trainable
        float32 (n_streams * max_inputs,), how many of the rows of the slot's word are trained.
    input_words
        int32 (n_streams, max_inputs), the word of each slot.
    input_rows
        int32 (n_streams, max_inputs), its row of the table; without subwords.
    n_inputs
        int64 (n_streams,), slots in use.
    shared_inputs, shared_input_slots
        int32 (n_streams, max_shared_inputs), the rows that are shared, and the slots of their
        copies; with subwords the rows that are used more than once, and the slots of the words.
    n_shared_inputs
        int64 (n_streams,), their number.
    outputs
        float32 (n_streams * max_outputs, width), the copies; the last slot of a stream holds zeros.
    output_addresses
        int64 (n_streams * max_outputs,), where the row of each slot is: in `outputs` or in the
        table.
    output_curvature
        float32 (n_streams * max_outputs,).
    output_sq_norms
        float32 (n_streams * max_outputs,), squared lengths before the minibatch.
    output_rows
        int32 (n_streams, max_outputs), the row of each slot.
    n_outputs
        int64 (n_streams,), slots in use.
    shared_outputs, shared_output_slots
        int32 (n_streams, max_outputs), the rows that are shared, and the slots of their copies.
    n_shared_outputs
        int64 (n_streams,), their number.
    losses
        float64 (n_streams,), sum of the losses so far.
    pairs
        int64 (n_streams,), number of positive pairs so far.
    trials
        float64 (n_streams,), sum of the trials so far (`logistic_residuals`).
    """

    inputs: Floats
    input_addresses: Longs
    input_curvature: Floats
    input_trainable: Floats
    input_words: Ints
    input_rows: Ints
    n_inputs: Longs
    shared_inputs: Ints
    shared_input_slots: Ints
    n_shared_inputs: Longs
    outputs: Floats
    output_addresses: Longs
    output_curvature: Floats
    output_sq_norms: Floats
    output_rows: Ints
    n_outputs: Longs
    shared_outputs: Ints
    shared_output_slots: Ints
    n_shared_outputs: Longs
    losses: Doubles
    pairs: Longs
    trials: Doubles


class TokenSlots(NamedTuple):
    """Where the tokens of each stream's minibatch find their rows in the row cache.

    Arrays by token are indexed from the first token of the minibatch or of its context.

    Attributes
    ----------
    starts, stops
        int64 (n_streams,), that first token, and the one after the last.
    inputs, outputs
        int32 (n_streams, max_tokens), the slots of each token's word.
    negatives
        int32 (n_streams, negatives of a minibatch), the slots of its negatives.
    paths
        int32 (n_streams, max_tokens * depth + SIMD_WIDTH), the inner nodes above each token's word,
        one token after another, each from the word to the root: twice the slot, plus the bit of the
        Huffman code there.
    path_ends
        int64 (n_streams, max_tokens + 1), 0, then where each token's path ends.
    """

    starts: Longs
    stops: Longs
    inputs: Ints
    outputs: Ints
    negatives: Ints
    paths: Ints
    path_ends: Longs


class SharedArrays(NamedTuple):
    """What all threads have in common."""

    text: Text
    words: WordRows
    negatives: NegativeTable
    tree: Tree
    tables: Tables
    options: Options
    tokens: StreamTokens
    cache: RowCache
    slots: TokenSlots


class Chunk(NamedTuple):
    """The tokens that all threads train on together, between two reports.

    Attributes
    ----------
    n_threads
        Threads that call the kernel.
    counters
        Those of the barrier, shared by all threads (`barrier.new_counters`).
    start, stop
        The tokens of the text.
    tokens_per_stream
        All streams together have at least stop - start.
    key
        Made of seed and epoch; together with a token's position it decides all that is random.
    first_lr, last_lr
        The learning rate falls linearly from one to the other.
    ngram_scale
        Curvature scale of rows that several words share (eq. 6).
    """

    n_threads: int
    counters: Longs
    start: int
    stop: int
    tokens_per_stream: int
    key: np.uint64
    first_lr: float
    last_lr: float
    ngram_scale: np.float32


class Minibatch(NamedTuple):
    """The tokens of a stream in one superstep.

    Attributes
    ----------
    stream
        The stream.
    start, stop
        Its tokens [start, stop) in the stream: MINIBATCH_TOKENS, or as many as are left.
    key
        With a token's number in the minibatch it decides all that is random about it.
    """

    stream: int
    start: int
    stop: int
    key: np.uint64


class Step(NamedTuple):
    """The tokens of a minibatch between two updates of its input rows.

    Attributes
    ----------
    stream
        The stream.
    start, stride, n
        The tokens start, start + stride, ..., n of them.
    first_group
        The number of its first group of tokens that share negatives, in the minibatch.
    n_done
        The tokens of the minibatch that are trained before.
    """

    stream: int
    start: int
    stride: int
    n: int
    first_group: int
    n_done: int
