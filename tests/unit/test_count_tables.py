"""The tables by which negatives are drawn."""

import numpy as np
import pytest

from embedtool.trainers.count_tables import build_negative_table, negative_cdf


@pytest.mark.parametrize("exponent", [0, 0.75, 1, -0.5])
@pytest.mark.parametrize("n_words", [1, 2, 3, 50, 20_000])
def test_the_alias_table_has_the_distribution_of_the_counts(n_words: int, exponent: float) -> None:
    rng = np.random.default_rng(n_words)
    counts = np.minimum(rng.zipf(1.2, n_words), 10**9)
    counts[n_words // 2 :: 7] = 0
    counts[0] = 5
    cdf = negative_cdf(counts, exponent)
    accept, alias = build_negative_table(cdf)
    assert accept.min() >= 0 and accept.max() <= 1
    probabilities = accept + np.bincount(alias, 1 - accept.astype(float), n_words)
    expected = n_words * np.diff(cdf, prepend=0)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-6, atol=1e-7)
    assert not probabilities[expected == 0].any()
