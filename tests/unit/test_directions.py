"""What is asked about a vector of zeros, in all that compares vectors: an error that names it."""

import numpy as np
import pytest

from embedtool.analysis.alignment import drift
from embedtool.analysis.bias import project
from embedtool.analysis.neighbours import shared_ranks
from embedtool.analysis.translation import Translator
from embedtool.config.tasks import AttentionConfig, DriftConfig, TranslateConfig
from embedtool.contextual.static_attention import attend
from embedtool.errors import NoAnswerError, UnknownWordError
from embedtool.experiments.model_comparison import compare_models
from embedtool.experiments.stability import stable_neighbours
from embedtool.model.vectors import VectorTable
from embedtool.plotting.scenes import analogies, similarities

WORDS = ["zero", *(f"w{i}" for i in range(30))]
ROWS = np.random.default_rng(0).standard_normal((31, 6)).astype(np.float32)
ROWS[0] = 0
VECTORS = VectorTable(WORDS, ROWS)
OTHERS = VectorTable(WORDS, np.roll(ROWS, 1, axis=1))
SEEDS = [(word, word) for word in WORDS]
TOLD = "the vector of 'zero' is all zeros: it has no direction"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Translator.fit(VECTORS, OTHERS, SEEDS, TranslateConfig()).translate(["w1", "zero"]),
        lambda: drift(VECTORS, OTHERS, DriftConfig(), ["w1", "zero"]),
        lambda: project(VECTORS, ["w1 - w2"], ["w3", "zero"]),
        lambda: project(VECTORS, ["w1 - zero"], ["w3"]),
        lambda: stable_neighbours([VECTORS, OTHERS], ["w1", "zero"], 3),
        lambda: similarities(VECTORS, ["w1", "zero"]),
        lambda: analogies(VECTORS, [("w1", "zero")]),
        lambda: compare_models({"a": VECTORS, "b": OTHERS}, words=["zero"], expressions=[]),
    ],
    ids=["translate", "drift", "bias", "pair", "stable", "heat map", "arrows", "compare"],
)
def test_it_is_named(ask) -> None:
    with pytest.raises(NoAnswerError) as error:
        ask()
    assert str(error.value) == TOLD


def test_directions_that_cancel_out_are_none() -> None:
    twice = VectorTable([*WORDS, "twice"], np.vstack([ROWS, 2.7 * ROWS[[1]]]).astype(np.float32))
    with pytest.raises(NoAnswerError, match="w0 - twice is zero: the words cancel out"):
        project(twice, ["w1 - w2", "w0 - twice"], ["w3"])


def test_a_sentence_is_attended_to_without_it() -> None:
    found = attend(VECTORS, "w1 zero w2 new", AttentionConfig(heads=1))
    assert (found.tokens, found.unknown) == (["w1", "w2"], ["zero", "new"])
    assert found.weights.sum(axis=1) == pytest.approx([1, 1])


def test_a_dictionary_is_scored_without_it() -> None:
    translator = Translator.fit(VECTORS, OTHERS, SEEDS, TranslateConfig())
    score = translator.score([("w1", "w1"), ("zero", "zero"), ("new", "w2")])
    assert (score.found, score.total) == (1, 3)


def test_models_are_compared_without_it() -> None:
    whole = VectorTable(WORDS, np.vstack([ROWS[[3]], ROWS[1:]]))
    found = compare_models({"a": VECTORS, "b": whole}, words=["zero", "w1"], expressions=[], k=5)
    first, second = found.neighbours[0].models
    assert (first.missing, first.answers) == (("zero",), ())
    assert (second.missing, len(second.answers)) == ((), 10)
    assert len(found.overlaps) == 1


def test_all_queries_that_no_model_can_answer_are_named() -> None:
    with pytest.raises(UnknownWordError) as error:
        compare_models({"a": VECTORS, "b": OTHERS}, words=["w1", "x", "zero"], expressions=[])
    assert str(error.value) == f"'x' is not in the vocabulary; {TOLD}"


def test_all_words_that_are_not_shared_are_named() -> None:
    with pytest.raises(Exception, match=r"^'x', 'y' are not in the vocabulary of both models$"):
        shared_ranks(WORDS, ["w1", "x", "y"])
    with pytest.raises(Exception, match=r"^'x' is not in the vocabulary of both models$"):
        shared_ranks(WORDS, ["x"])
