"""Which rows of the tables a replica needs for a slice of the text, known before it trains.

Negatives are drawn from a sample of the noise distribution, a new one for each slice. So the rows
of a slice are those of its words and of that sample, and a replica needs no others.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import Word2VecConfig
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.kernels.sgd.arrays import Tree
from embedtool.trainers.count_tables import NO_TREE, huffman_tree, keep_probabilities, negative_cdf
from embedtool.trainers.subwords import SubwordIndex

NEGATIVES_PER_TOKEN, MIN_NEGATIVES = 0.25, 2**12
"""Size of a slice's sample of negatives: each is drawn about four times in the slice."""


@dataclass(frozen=True, eq=False)
class SharedContext:
    """The data on the vocabulary that all replicas share.

    Attributes
    ----------
    config
        Options of the training.
    keep_prob
        float32 (n_words,), the probability that subsampling keeps a token of each word.
    negative_cdf
        float64 (n_words,), cumulative noise distribution; empty with hierarchical softmax.
    subwords
        Input rows of each word, whose mean is its vector.
    frozen
        bool (n_input_rows,), rows that are not trained.
    tree
        Huffman tree and its depth; `NO_TREE` with negative sampling.
    n_streams
        Number of streams in which one machine would read the whole text; each replica reads its
        slice in as many.
    """

    config: Word2VecConfig
    keep_prob: NDArray[np.float32]
    negative_cdf: NDArray[np.float64]
    subwords: SubwordIndex
    frozen: NDArray[np.bool_]
    tree: tuple[Tree, int]
    n_streams: int

    @property
    def n_words(self) -> int:
        """The size of the vocabulary."""
        return len(self.keep_prob)

    @property
    def hierarchical(self) -> bool:
        """Whether output rows are inner nodes of the tree; else they are words."""
        return self.config.loss == "hierarchical-softmax"


def shared_context(
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    subwords: SubwordIndex,
    frozen: NDArray[np.bool_],
    n_streams: int,
) -> SharedContext:
    """Derive the shared context from the counts of the words."""
    counts = vocabulary.text_counts
    hierarchical = config.loss == "hierarchical-softmax"
    return SharedContext(
        config,
        keep_probabilities(counts, config.sample),
        np.empty(0) if hierarchical else negative_cdf(counts, config.ns_exponent),
        subwords,
        frozen,
        huffman_tree(vocabulary.counts) if hierarchical else NO_TREE,
        n_streams,
    )


@dataclass(frozen=True)
class TextSlice:
    """The tokens on which one replica trains between two syncs.

    Attributes
    ----------
    first, last
        The tokens [first, last) of the whole text.
    key
        Key of the random numbers (`word2vec.epoch_key`).
    learning_rates
        The learning rate falls from the first to the second.
    ngram_scale
        Curvature scale of rows that several words share, as for `kernel_job`.
    """

    first: int
    last: int
    key: int
    learning_rates: tuple[float, float]
    ngram_scale: float


def position_of(n_tokens: int, n_replicas: int, replica: int, fraction: float) -> int:
    """Return the position of a replica in the whole text after a fraction of an epoch.

    Each replica has a range of the text to itself, all of about the same length.
    """
    first, last = (number * n_tokens // n_replicas for number in (replica, replica + 1))
    return first + int((last - first) * fraction)


@dataclass(frozen=True, eq=False)
class RequiredRows:
    """The words and rows that a slice needs.

    Attributes
    ----------
    words
        int32 (n,), ascending: words of the slice and sampled negatives.
    in_text
        bool (n,), whether each of them occurs in the slice.
    negative_counts
        int32 (n,), how often each was drawn into the sample of negatives.
    inputs, outputs
        int32, ascending, rows of the input table and of the output table.
    """

    words: NDArray[np.int32]
    in_text: NDArray[np.bool_]
    negative_counts: NDArray[np.int32]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]


def required_rows(
    context: SharedContext, text_slice: TextSlice, ids: NDArray[np.int32]
) -> RequiredRows:
    """Find the rows that a slice needs, and sample its negatives.

    The sample is systematic: equidistant quantiles of the noise distribution from a random start,
    so each word is drawn as often as expected, up to one draw.

    Parameters
    ----------
    context
        The context shared by all replicas.
    text_slice
        Its key and first token seed the sample.
    ids
        int32 (n_tokens,), tokens of the slice.
    """
    in_text = _flags(context.n_words, ids)
    subwords = context.subwords
    inputs = _flags(subwords.n_rows, rows_of(subwords, np.flatnonzero(in_text)))
    if context.hierarchical:
        words, counts = np.flatnonzero(in_text), np.zeros(context.n_words, np.int32)
        outputs = _path_nodes(context.tree[0].parents, words, context.n_words)
    else:
        n_draws = max(MIN_NEGATIVES, int(NEGATIVES_PER_TOKEN * len(ids)))
        start = np.random.default_rng((text_slice.key, text_slice.first)).random()
        cumulative = np.floor(context.negative_cdf * n_draws + start).astype(np.int32)
        counts = np.diff(cumulative, prepend=np.int32(0))
        words = outputs = np.flatnonzero(in_text | (counts > 0))
    return RequiredRows(
        words.astype(np.int32), in_text[words], counts[words],
        np.flatnonzero(inputs).astype(np.int32), outputs.astype(np.int32),
    )  # fmt: skip


def _flags(n: int, indices: NDArray[np.int32]) -> NDArray[np.bool_]:
    flags = np.zeros(n, np.bool_)
    flags[indices] = True
    return flags


def rows_of(subwords: SubwordIndex, words: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Return the input rows of words, int32, word after word."""
    starts, lengths = subwords.indptr[words], subwords.indptr[words + 1] - subwords.indptr[words]
    before = np.cumsum(lengths) - lengths
    rows: NDArray[np.int32] = subwords.indices[
        np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
    ]
    return rows


def _path_nodes(
    parents: NDArray[np.int32], words: NDArray[np.int64], n_words: int
) -> NDArray[np.int64]:
    """Return the inner nodes on the Huffman paths of words, numbered from the first inner node."""
    on_path = np.zeros(len(parents), np.bool_)
    nodes = np.unique(parents[words])
    while len(nodes):
        on_path[nodes] = True
        nodes = np.unique(parents[nodes[nodes < len(parents) - 1]])
        nodes = nodes[~on_path[nodes]]
    return np.flatnonzero(on_path) - n_words
