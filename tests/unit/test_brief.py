"""What is shown in Python of what holds large tables fits on a few lines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from embedtool.analysis.alignment import align
from embedtool.analysis.neighbours import compare_neighbourhoods, word_overlaps
from embedtool.config.tasks import CompressConfig
from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.evaluation.tasks import AnalogySet, Section
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.messages import brief
from embedtool.model.compression import compress
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.state import State
from embedtool.trainers.warm_start import WarmStart

N = 5_000
WORDS = [f"word{i}" for i in range(N)]
MATRIX = np.random.default_rng(1).standard_normal((N, 8), np.float32)
SUBWORDS = Subwords(3, 6, 99, MATRIX, np.arange(N), MATRIX)
VECTORS = VectorTable(WORDS, MATRIX, np.arange(N, 0, -1), MATRIX, SUBWORDS)
MAKERS: dict[str, Callable[[], object]] = {
    "vectors": lambda: VECTORS,
    "block": lambda: VECTORS.string_table,
    "subwords": lambda: SUBWORDS,
    "model": lambda: ModelRecord(
        VECTORS, {"history": [{"a": 1}] * N, "text": "x" * N}, {"w": MATRIX}
    ),
    "int8": lambda: compress(VECTORS, CompressConfig(precision="int8")),
    "quantized": lambda: compress(VECTORS, CompressConfig(product_quantization=2)).rows,
    "vocabulary": lambda: Vocabulary(WORDS, np.arange(N), N, N),
    "warm start": lambda: WarmStart(VECTORS, freeze=True),
    "state": lambda: State({"words": MATRIX, "frozen": np.zeros(N, np.bool_)}),
    "alignment": lambda: align(VECTORS, VECTORS),
    "known": lambda: index_words(VECTORS, None, True),
    "overlaps": lambda: word_overlaps(VECTORS, VECTORS, n_frequent=50),
    "agreement": lambda: compare_neighbourhoods(VECTORS, VECTORS, n_frequent=50),
    "questions": lambda: AnalogySet("a", (Section("s", (("a", "b", "c", "d"),) * N),)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", MAKERS)
def test_representations_are_short(name: str) -> None:
    shown = repr(MAKERS[name]())
    assert len(shown) < 1500
    assert "word4000" not in shown
    assert shown.count("\n") == 0


def test_representations_tell_the_sizes_of_matrices() -> None:
    plain = VectorTable(WORDS, MATRIX)
    assert repr(plain) == (
        "VectorTable(words=<list of 5,000>, rows=<float32 (5000, 8)>, counts=None, "
        "output_matrix=None, subwords=None, stored_norms=None, output_rows='words', "
        "by_frequency=True)"
    )


def test_a_corpus_of_many_files_is_represented_by_their_number(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.txt" for i in range(20)]
    for path in paths:
        path.write_text("a b\n")
    shown = repr(Corpus(list(map(str, paths)), TextConfig()))
    assert "inputs=<list of 20>" in shown
    assert "TextConfig(" in shown


def test_small_values_are_represented_in_full() -> None:
    @dataclass
    class Small:
        __repr__ = brief

        words: tuple[str, ...]
        n: int
        rest: dict[str, int]

    assert repr(Small(("a", "b"), 3, {"c": 4})).endswith(
        "Small(words=('a', 'b'), n=3, rest={'c': 4})"
    )
