"""Text, vectors and small models for the tests of gensim's names."""

from typing import Any

import numpy as np

from embedtool.gensim import Word2Vec

N_WORDS, SIZE = 60, 8
WORDS = [f"w{i}" for i in range(N_WORDS - 2)] + ["Sea", "sea"]
ROWS = np.random.default_rng(3).normal(size=(N_WORDS, SIZE)).astype(np.float32)
SENTENCES = [["the", "sea", "and", "the", "ship"], ["the", "ship", "at", "sea"], ["a", "road"]] * 8
NEW_SENTENCES = [["the", "harbour", "at", "the", "sea"], ["harbour", "and", "ship"]] * 4


def filled(wv: Any) -> Any:
    wv.add_vectors(WORDS, ROWS)
    return wv


def small(kind: Any = Word2Vec, sentences: Any = SENTENCES, **options: Any) -> Any:
    given = {"vector_size": SIZE, "min_count": 1, "workers": 1, "sample": 0, **options}
    return kind(sentences, **given)
