"""Second moments of the vectors that a replica trains on: the directions in which loss curves."""

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import Word2VecConfig
from embedtool.distributed.merging import Moments
from embedtool.distributed.slices import RequiredRows, SharedContext, rows_of
from embedtool.trainers.subwords import SubwordIndex

MOMENT_SAMPLE = 2**12
"""Tokens, and output rows, of a slice whose second moments are taken."""


def mean_context_size(config: Word2VecConfig) -> int:
    """Return the mean number of tokens in a context, without sentence ends."""
    return config.window + 1


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
        What all replicas know.
    ids
        int32 (n_tokens,), tokens of the slice.
    required
        Its rows.
    local_ids
        int32 (n_words,), of the words of the slice, the number of each among the required words.
    local_subwords
        Rows of the required words, by their numbers among the required input rows.
    tables
        The required rows of inputs and outputs, float32.

    Returns
    -------
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
        covariance /= mean_context_size(config)
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
    """Count on how many of the words' Huffman paths each required inner node is."""
    parents = context.tree[0].parents
    counts = np.zeros(context.n_words, np.int32)
    nodes = parents[words]
    while len(nodes):
        counts += np.bincount(nodes - context.n_words, minlength=len(counts)).astype(np.int32)
        nodes = parents[nodes[nodes < len(parents) - 1]]
    return counts[required.outputs]
