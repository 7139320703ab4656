"""Pairs counted part by part, and merged, are those that are counted of the whole text."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import blocks_for, decode_pairs, distance_weights
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.pair_counting import count_cooccurrence, count_run
from embedtool.corpus.sorted_runs import merge_runs
from tests.factories import zipf_corpus

N_WORDS = 61


def parts_of(corpus: EncodedCorpus, n_parts: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Whole sentences each, some parts none."""
    n = len(corpus.ends)
    firsts = np.sort(np.random.default_rng(n_parts).integers(0, n + 1, n_parts - 1))
    parts = []
    for first, last in pairwise([0, *firsts.tolist(), n]):
        start, stop = (int(corpus.ends[i - 1]) if i else 0 for i in (first, last))
        parts.append((corpus.ids[start:stop].copy(), corpus.ends[first:last] - start))
    return parts


def check(
    corpus: EncodedCorpus, config: GloveConfig, n_parts: int, n_entries: int, folder: Path
) -> None:
    """Compare with the pairs of the whole, which lie on disk in rising order of keys."""
    blocks = blocks_for(corpus.vocabulary, corpus.n_tokens, config)
    runs = [
        count_run(*part, blocks.codes(), config, n_entries) for part in parts_of(corpus, n_parts)
    ]
    for keys, sums in runs:
        assert (keys.dtype, sums.dtype) == (np.uint64, np.int64)
        assert (np.diff(keys.astype(np.int64)) > 0).all()
    _, unit = distance_weights(config.window, config.distance_weighting)
    pairs, n_equal = decode_pairs(*merge_runs(runs), blocks, config, unit)
    whole = count_cooccurrence(corpus, config, folder)
    for found, expected in zip(pairs, (whole.rows, whole.columns, whole.counts), strict=True):
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
    assert n_equal == whole.n_equal


@pytest.mark.parametrize("n_entries", [1, 70, 2**14])
@pytest.mark.parametrize("n_parts", [1, 2, 5, 40])
@pytest.mark.parametrize("distance_weighting", [True, False])
@pytest.mark.parametrize("symmetric", [True, False])
def test_parts_come_to_the_pairs_of_the_whole(
    symmetric: bool, distance_weighting: bool, n_parts: int, n_entries: int, tmp_path: Path
) -> None:
    config = GloveConfig(
        window=5, symmetric=symmetric, distance_weighting=distance_weighting, workers=1
    )
    check(zipf_corpus(1201, N_WORDS), config, n_parts, n_entries, tmp_path)


@pytest.mark.parametrize("window", [1, 23, 30])
def test_windows_of_any_width(window: int, tmp_path: Path) -> None:
    check(zipf_corpus(601, N_WORDS), GloveConfig(window=window, workers=1), 3, 50, tmp_path)


@pytest.mark.parametrize("n_tokens", [0, 1, 2, 3])
def test_texts_of_hardly_any_tokens(n_tokens: int, tmp_path: Path) -> None:
    check(zipf_corpus(n_tokens, N_WORDS), GloveConfig(workers=1), 2, 50, tmp_path)


def test_a_part_of_sentences_of_one_word_has_no_pairs() -> None:
    config = GloveConfig(workers=1)
    corpus = zipf_corpus(7, N_WORDS)
    blocks = blocks_for(corpus.vocabulary, corpus.n_tokens, config)
    ends = np.arange(1, 8)
    keys, sums = count_run(corpus.ids, ends, blocks.codes(), config, 50)
    assert (len(keys), len(sums)) == (0, 0)
