"""Second moments of a replica's training vectors, which give the directions of curvature."""

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import Word2VecConfig
from embedtool.distributed.merging import Moments
from embedtool.distributed.slices import RequiredRows, SharedContext, rows_of
from embedtool.trainers.subwords import SubwordIndex

MOMENT_SAMPLE = 2**12
"""Numbers of tokens and output rows of a slice from which second moments are computed."""


CONTEXT_CORRELATION = 0.17
"""Mean correlation of the vectors of two words in one context. Measured on 5 million tokens of
English Wikipedia for windows 1 to 20: 0.16 to 0.18, see docs/scale.md."""
TUNED_WINDOW, TUNED_DIVISOR = 5, 6
"""The covariance of CBOW's hidden vectors is taken to be 1/6 of that of word vectors for shrunk
windows of 5. It is 1/2.8, but the curvature scales of `merging` were tuned with 1/6."""


def context_variance(window: int, shrink_windows: bool) -> float:
    """Return the variance of the mean of a context's vectors, relative to that of one vector.

    For n vectors of pairwise correlation c it is 1/n + (1 - 1/n) c. Sentence ends and subsampling
    are left out: for windows up to 10 they change it by less than a sixth.
    """
    sizes = [2 * width for width in (range(1, window + 1) if shrink_windows else [window])]
    inverse = sum(1 / size for size in sizes) / len(sizes)
    return inverse + (1 - inverse) * CONTEXT_CORRELATION


def cbow_divisor(config: Word2VecConfig) -> float:
    """Return the divisor of the covariance of word vectors that gives that of context means.

    It scales with the window like the variance.
    """
    tuned = context_variance(TUNED_WINDOW, shrink_windows=True)
    return TUNED_DIVISOR * (tuned / context_variance(config.window, config.shrink_windows))


def second_moments(
    context: SharedContext,
    ids: NDArray[np.int32],
    required: RequiredRows,
    local_ids: NDArray[np.int32],
    local_subwords: SubwordIndex,
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Moments:
    """Estimate the second moments of hidden vectors and of the output rows that are their targets.

    Parameters
    ----------
    context
        The context shared by all replicas.
    ids
        int32 (n_tokens,), tokens of the slice.
    required
        The rows that the slice needs.
    local_ids
        int32 (n_words,), for each word of the slice its index among the required words.
    local_subwords
        Rows of the required words, as indices of the required input rows.
    tables
        The required rows of inputs and outputs, float32.

    Returns
    -------
    tuple of ndarray
        float32 (vector_size, vector_size) each.
    """
    config, size = context.config, context.config.vector_size
    sample = ids[:: -(-len(ids) // MOMENT_SAMPLE)]
    weights = context.keep_prob[sample] / context.keep_prob[sample].sum()
    lengths = np.diff(local_subwords.indptr)[local_ids[sample]]
    parts = tables[0][rows_of(local_subwords, local_ids[sample]), :size]
    hidden = np.add.reduceat(parts, np.cumsum(lengths) - lengths, axis=0)
    hidden /= lengths[:, None].astype(np.float32)
    mean = weights @ hidden
    centered = hidden - mean
    covariance = (centered * weights[:, None]).T @ centered
    if config.mode == "cbow":
        covariance /= cbow_divisor(config)
    targets = required.negative_counts
    if context.hierarchical:
        targets = _node_counts(context, sample, required)
    cumulative = np.cumsum(targets)
    quantiles = cumulative[-1] * (np.arange(MOMENT_SAMPLE) + 0.5) / MOMENT_SAMPLE
    outputs = tables[1][np.searchsorted(cumulative, quantiles, side="right"), :size]
    return (
        covariance + np.outer(mean, mean),
        outputs.T @ outputs / np.float32(MOMENT_SAMPLE),
    )


def _node_counts(
    context: SharedContext, words: NDArray[np.int32], required: RequiredRows
) -> NDArray[np.int32]:
    """Count the words' Huffman paths through each required inner node."""
    parents = context.tree[0].parents
    counts = np.zeros(context.n_words, np.int32)
    nodes = parents[words]
    while len(nodes):
        counts += np.bincount(nodes - context.n_words, minlength=len(counts)).astype(np.int32)
        nodes = parents[nodes[nodes < len(parents) - 1]]
    return counts[required.outputs]
