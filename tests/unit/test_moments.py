"""Second moments of hidden vectors and targets, and how CBOW's depend on the window."""

import numpy as np
import pytest

from embedtool.config.training import Word2VecConfig
from embedtool.distributed.moments import CONTEXT_CORRELATION, cbow_divisor, context_variance
from embedtool.distributed.slices import TextSlice
from tests.unit.small_replica import (
    KEY,
    N_WORDS,
    NGRAM_SCALE,
    RATES,
    SIZE,
    in_replica,
    make,
    tables_of,
    text,
)


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_moments_are_of_hidden_vectors_and_targets(loss: str) -> None:
    """Of a skip-gram text without subsampling: its words' vectors, and their targets' rows."""
    context = make(mode="skipgram", loss=loss, sample=0.0)
    sentences, (inputs, outputs) = text(400), tables_of(context)
    required, update = in_replica(
        context, TextSlice(0, 400, KEY, RATES, NGRAM_SCALE), sentences, (inputs, outputs)
    )
    hidden = inputs[sentences[0], :SIZE].astype(float)
    np.testing.assert_allclose(update.moments[0], hidden.T @ hidden / 400, atol=1e-6)
    if context.hierarchical:
        parents = context.tree[0].parents
        targets = []
        for node in sentences[0].tolist():
            while node != len(parents) - 1:
                node = int(parents[node])
                targets.append(node - N_WORDS)
    else:
        targets = np.repeat(required.words, required.negative_counts).tolist()
    rows = outputs[targets, :SIZE].astype(float)
    expected = rows.T @ rows / len(targets)
    np.testing.assert_allclose(update.moments[1], expected, atol=0.01 * np.trace(expected))


@pytest.mark.parametrize("shrink_windows", [True, False])
@pytest.mark.parametrize("window", [1, 2, 5, 10])
def test_the_variance_of_a_context_is_that_of_the_mean_of_correlated_vectors(
    window: int, shrink_windows: bool
) -> None:
    rng = np.random.default_rng(window)
    n = 100_000
    common, own = rng.standard_normal((n, 1)), rng.standard_normal((n, 2 * window))
    vectors = CONTEXT_CORRELATION**0.5 * common + (1 - CONTEXT_CORRELATION) ** 0.5 * own
    sizes = 2 * rng.integers(1, window + 1, n) if shrink_windows else np.full(n, 2 * window)
    means = np.cumsum(vectors, axis=1)[np.arange(n), sizes - 1] / sizes
    assert means.var() == pytest.approx(context_variance(window, shrink_windows), rel=0.03)


def test_the_covariance_of_contexts_scales_with_the_window() -> None:
    assert cbow_divisor(Word2VecConfig()) == cbow_divisor(Word2VecConfig(window=5)) == 6
    narrow, wide, widest = (cbow_divisor(Word2VecConfig(window=n)) for n in (1, 10, 20))
    assert 3.5 < narrow < 4 < 7 < wide < 8 < widest < 9.5
    assert cbow_divisor(Word2VecConfig(shrink_windows=False)) > 8


def test_moments_of_cbow_and_of_skipgram_differ_by_the_divisor_of_the_covariance() -> None:
    text_slice, sentences = TextSlice(0, 400, KEY, RATES, NGRAM_SCALE), text(400)
    moments = {}
    for mode in ("cbow", "skipgram"):
        context = make(mode=mode, sample=0.0, window=10)
        tables = tables_of(context)
        moments[mode] = in_replica(context, text_slice, sentences, tables)[1].moments[0]
    hidden = tables[0][sentences[0], :SIZE].astype(float)
    mean = np.outer(hidden.mean(axis=0), hidden.mean(axis=0))
    divisor = cbow_divisor(Word2VecConfig(window=10))
    np.testing.assert_allclose(
        moments["cbow"] - mean, (moments["skipgram"] - mean) / divisor, atol=1e-6
    )
