"""What training computes and moves, counted from the algorithm on a real text.

The text is subsampled and cut into streams and minibatches as the kernels do it, negatives are
drawn, and rows and products are counted; nothing is computed with them. A row is fetched from its
table once for each minibatch that needs it, and written back at the end of the superstep. Which of
these rows come from memory is simulated: a least-recently-used cache of whole rows.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig, Word2VecConfig
from embedtool.corpus.cooccurrence import Cooccurrence
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.kernels.jit import jit, jit_inline
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    Options,
    SharedArrays,
    StreamTokens,
)
from embedtool.kernels.sgd.subsampling import subsample
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.count_tables import negative_cdf
from embedtool.trainers.glove import GROUP
from embedtool.trainers.glove_cells import cells_in_epoch
from embedtool.trainers.resources import FLOAT_BYTES, PAIR_BYTES
from embedtool.trainers.streams import CHUNK_TOKENS
from embedtool.trainers.subwords import build_subword_index
from embedtool.trainers.word2vec import epoch_key, init_state, job_for

SEED = 1
MAX_PAIRS = 2**23
"""Pairs of GloVe that are counted."""
WARM = 0.5
"""Fraction of the text, or of the pairs, that only fills the simulated cache."""
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]


class Work(NamedTuple):
    """What a token that subsampling keeps takes on the average; with GloVe, a pair.

    Attributes
    ----------
    flops
        Floating-point operations.
    bytes
        Bytes of rows that are fetched from tables and written back.
    memory_bytes
        Those of them that are not in the last-level cache.
    memory_rows
        Rows that are not there.
    """

    flops: float
    bytes: float
    memory_bytes: float
    memory_rows: float


class Counts(NamedTuple):
    """Sums over minibatches.

    Attributes
    ----------
    kept
        Tokens that subsampling keeps.
    products
        Pairs of a hidden vector and an output row that is its target or its negative.
    summed
        CBOW: context words whose vectors make up a hidden vector.
    words
        Distinct input words of each minibatch.
    input_rows, output_rows
        Rows of those words, and distinct output rows of each minibatch.
    missed
        Of both, rows that are not in the cache.
    """

    kept: int
    products: int
    summed: int
    words: int
    input_rows: int
    output_rows: int
    missed: int


def word2vec_work(config: Word2VecConfig, corpus: EncodedCorpus, cache_bytes: int) -> Work:
    """Return the work of Word2Vec or FastText, counted on the whole chunks of a text."""
    size, width = config.vector_size, pad_to_simd(config.vector_size)
    counts = count_word2vec(config, corpus, cache_bytes // (width * FLOAT_BYTES))
    rows = counts.input_rows + counts.output_rows
    # score, hidden delta and row delta; CBOW: sum and update; the norms of the curvature
    flops = 6 * counts.products + 4 * counts.summed + 2 * (counts.kept + counts.output_rows)
    if counts.input_rows > counts.words:  # sums and deltas of words, updates of rows
        flops += 3 * counts.input_rows + counts.words
    row_bytes = 2 * width * FLOAT_BYTES
    return Work(
        flops * size / counts.kept,
        rows * row_bytes / counts.kept,
        counts.missed * row_bytes / counts.kept,
        counts.missed / counts.kept,
    )


def glove_work(config: GloveConfig, pairs: Cooccurrence, width: int, cache_bytes: int) -> Work:
    """Return the work of GloVe with rows of `width` floats, counted on the first pairs of an epoch.

    A pair takes 2 operations a dimension for the product, and 6 on each side: the gradient, its
    square, the sum of squares, its inverse root, the step and the vector.
    """
    row_bytes = width * FLOAT_BYTES
    cache = empty_cache(cache_bytes // row_bytes, 2 * _n_words(pairs))
    seen, counted, missed = 0, 0, 0
    order = cells_in_epoch(config, 1, pairs.n_blocks, pairs.cell_size)
    limit = min(MAX_PAIRS, sum(pairs.cell_size(*cell) for cell in order))
    rng = np.random.default_rng(SEED)
    for cell in order:
        rows, columns, _ = pairs.cell(*cell)
        groups = rng.permutation(np.arange(0, len(rows), GROUP))
        in_groups = (groups[:, None] + np.arange(GROUP)).ravel()
        in_groups = in_groups[in_groups < len(rows)]
        misses = int(touch_pairs(rows[in_groups], columns[in_groups], cache))
        if seen + len(rows) > WARM * limit:
            counted, missed = counted + len(rows), missed + misses
        seen += len(rows)
        if seen >= limit and counted:
            break
    return Work(
        14 * config.vector_size,
        4 * row_bytes + PAIR_BYTES,
        2 * row_bytes * missed / counted + PAIR_BYTES,
        missed / counted,
    )


def count_word2vec(config: Word2VecConfig, corpus: EncodedCorpus, cached_rows: int) -> Counts:
    """Count the minibatches of the whole chunks of a text, as the kernel is given them."""
    subwords = build_subword_index(corpus.vocabulary.words, config)
    narrow = replace(config, vector_size=1, workers=1)  # what is counted does not depend on it
    state = init_state(narrow, corpus.vocabulary, subwords)
    shared = job_for(narrow, corpus, subwords, state).shared
    n_words = corpus.vocabulary.n_words
    targets = np.arange(n_words + 1), np.arange(n_words, dtype=np.int32)
    if shared.options.hierarchical:
        targets = huffman_paths(shared.tree.parents)
    n_chunks = max(1, corpus.n_tokens // CHUNK_TOKENS)
    chunk_tokens = min(CHUNK_TOKENS, corpus.n_tokens)
    cache = empty_cache(cached_rows, subwords.n_rows + n_words)
    sums = np.zeros(len(Counts._fields), np.int64)
    for chunk in range(n_chunks):
        if chunk <= WARM * (n_chunks - 1):
            sums[:] = 0
        _subsample_chunk(shared, chunk * chunk_tokens, (chunk + 1) * chunk_tokens)
        count_minibatches(
            shared.tokens, shared.options, (subwords.indptr, subwords.indices), targets,
            negative_cdf(corpus.vocabulary.counts, config.ns_exponent), cache, sums,
        )  # fmt: skip
    return Counts(*sums.tolist())


def _subsample_chunk(shared: SharedArrays, start: int, stop: int) -> None:
    """Write the tokens [start, stop) that subsampling keeps to the streams."""
    n_streams = len(shared.tokens.lengths)
    for stream in range(n_streams):
        first, last = (start + at * (stop - start) // n_streams for at in (stream, stream + 1))
        key = epoch_key(SEED, 0)
        subsample(stream, first, last, key, shared.text, shared.options, shared.tokens)


def huffman_paths(parents: Ints) -> tuple[Longs, Ints]:
    """Return the inner nodes above each word, up to the root: indptr and indices."""
    n_words = (len(parents) + 1) // 2
    paths = []
    for word in range(n_words):
        path = [int(parents[word]) - n_words]
        while path[-1] != n_words - 2:
            path.append(int(parents[path[-1] + n_words]) - n_words)
        paths.append(path)
    indptr = np.concatenate(([0], np.cumsum([len(path) for path in paths])))
    return indptr, np.concatenate(paths).astype(np.int32)


class RowSet(NamedTuple):
    """A least-recently-used cache of rows: a ring from the newest to the oldest.

    Attributes
    ----------
    ring
        int32 (n_rows + 1, 2): the next newer and the next older row; -1 for a row that is not
        cached. The last is the start of the ring.
    used
        int64 (2,): cached rows, and how many there may be.
    """

    ring: Ints
    used: Longs


def empty_cache(capacity: int, n_rows: int) -> RowSet:
    """Return a cache of `capacity` of `n_rows` rows, with nothing in it."""
    ring = np.full((n_rows + 1, 2), -1, np.int32)
    ring[n_rows] = n_rows
    return RowSet(ring, np.array([0, capacity]))


@jit_inline
def _touch(row: int, cache: RowSet) -> int:
    """Make a row the newest; return 1 if it was not cached."""
    ring, used = cache.ring, cache.used
    start = len(ring) - 1
    missed = ring[row, 0] < 0
    gone = row
    if missed:
        gone = ring[start, 0] if used[0] == used[1] else -1
        used[0] += gone < 0
    if gone >= 0:
        newer, older = ring[gone]
        ring[newer, 1], ring[older, 0] = older, newer
        ring[gone, 0] = -1
    second = ring[start, 1]
    ring[row, 0], ring[row, 1] = start, second
    ring[start, 1] = ring[second, 0] = row
    return int(missed)


@jit
def touch_pairs(rows: Ints, columns: Ints, cache: RowSet) -> int:
    """Touch the rows of pairs; return how many were not cached."""
    missed = 0
    n_words = len(cache.ring) // 2
    for k in range(len(rows)):
        missed += _touch(int(rows[k]), cache) + _touch(n_words + int(columns[k]), cache)
    return missed


@jit
def count_minibatches(
    tokens: StreamTokens,
    options: Options,
    inputs: tuple[Longs, Ints],
    targets: tuple[Longs, Ints],
    cdf: NDArray[np.float64],
    cache: RowSet,
    sums: Longs,
) -> None:
    """Add what the minibatches of a chunk need to the sums, which are those of `Counts`.

    Parameters
    ----------
    tokens, options
        Those that subsampling keeps, by stream.
    inputs, targets
        indptr and indices of the input rows of each word, and of the output rows that predict it.
    cdf
        The distribution of negatives.
    cache
        Output rows come after input rows.
    sums
        int64 (7,).
    """
    n_words = len(inputs[0]) - 1
    n_inputs = len(cache.ring) - 1 - n_words
    seen_input, seen_output = np.zeros(n_words, np.int64), np.zeros(n_words, np.int64)
    scored = np.zeros(n_words, np.int64)
    n_negatives = 0 if options.hierarchical else options.n_shared_negatives
    stamp = 0
    for start in range(0, tokens.lengths.max(), MINIBATCH_TOKENS):
        for stream in range(len(tokens.lengths)):
            stop = min(start + MINIBATCH_TOKENS, tokens.lengths[stream])
            if start >= stop:
                continue
            left, right = start, stop
            for token in range(start, stop):
                left = min(left, int(tokens.left[stream, token]))
                right = max(right, int(tokens.right[stream, token]))
            stamp += 1
            batch_stamp = stamp
            for token in range(left if options.cbow else start, right if options.cbow else stop):
                word = tokens.ids[stream, token]
                if seen_input[word] != batch_stamp:
                    seen_input[word] = batch_stamp
                    sums[3] += 1
                    for k in range(inputs[0][word], inputs[0][word + 1]):
                        sums[4] += 1
                        sums[6] += _touch(int(inputs[1][k]), cache)
            for token in range(start if options.cbow else left, stop if options.cbow else right):
                word = tokens.ids[stream, token]
                for k in range(targets[0][word], targets[0][word + 1]):
                    row = targets[1][k]
                    if seen_output[row] != batch_stamp:
                        seen_output[row] = batch_stamp
                        sums[5] += 1
                        sums[6] += _touch(n_inputs + int(row), cache)
            n_microbatches = -(-(stop - start) // MICROBATCH_TOKENS)
            for number in range(n_microbatches):
                stamp += 1
                distinct = 0
                for _ in range(n_negatives):
                    drawn = int(np.searchsorted(cdf, np.random.random(), "right"))
                    row = min(drawn, n_words - 1)
                    distinct += scored[row] != stamp
                    scored[row] = stamp
                    if seen_output[row] != batch_stamp:
                        seen_output[row] = batch_stamp
                        sums[5] += 1
                        sums[6] += _touch(n_inputs + int(row), cache)
                sums[1] += distinct * len(range(start + number, stop, n_microbatches))
            sums[0] += stop - start
            for token in range(start, stop):
                first, last = tokens.left[stream, token], tokens.right[stream, token]
                stamp += 1
                if options.cbow and last - first > 1:
                    sums[2] += last - first - 1
                    word = tokens.ids[stream, token]
                    sums[1] += targets[0][word + 1] - targets[0][word]
                if not options.cbow:
                    sums[1] += _n_targets(stream, token, tokens, options, targets, scored, stamp)


@jit_inline
def _n_targets(
    stream: int,
    token: int,
    tokens: StreamTokens,
    options: Options,
    targets: tuple[Longs, Ints],
    scored: Longs,
    stamp: int,
) -> int:
    """Return the output rows of a token's context: of each word, or distinct inner nodes."""
    n = 0
    for other in range(tokens.left[stream, token], tokens.right[stream, token]):
        if other != token:
            word = tokens.ids[stream, other]
            for k in range(targets[0][word], targets[0][word + 1]):
                row = targets[1][k]
                n += not options.hierarchical or scored[row] != stamp
                scored[row] = stamp
    return n


def _n_words(pairs: Cooccurrence) -> int:
    return 1 + int(max(pairs.rows.max(), pairs.columns.max()))
