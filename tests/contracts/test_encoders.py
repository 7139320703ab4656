"""What every ContextualEncoder promises, whoever trained it."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from embedtool.contextual import queries
from embedtool.contextual.encoders import ContextualEncoder, select_layer
from embedtool.contextual.loading import open_encoder
from embedtool.errors import QueryError

SENTENCES = ["river boat bank fish", "bank money cash", "", "bank"]


@pytest.fixture(params=["masked", "causal", "frozen", "deep", "minilm"])
def encoder(
    request: pytest.FixtureRequest, encoders: dict[str, Path], minilm: Path
) -> ContextualEncoder:
    return open_encoder({**encoders, "minilm": minilm}[request.param])


def test_each_word_has_a_vector_in_its_sentence(encoder: ContextualEncoder) -> None:
    found = list(encoder.encode(SENTENCES))
    assert [sentence.tokens for sentence in found] == [each.split() for each in SENTENCES]
    for sentence in found:
        assert sentence.vectors.shape == (len(sentence.tokens), encoder.vector_size)
        assert sentence.vectors.dtype == np.float32 and np.isfinite(sentence.vectors).all()


def test_sentences_come_in_order_and_do_not_change_each_other(encoder: ContextualEncoder) -> None:
    many = [SENTENCES[i % 4] for i in range(70)]
    together = [next(encoder.encode([sentence])) for sentence in SENTENCES]
    for sentence, found in zip(many, encoder.encode(iter(many)), strict=True):
        alone = together[SENTENCES.index(sentence)]
        assert found.tokens == alone.tokens
        np.testing.assert_allclose(found.vectors, alone.vectors, rtol=0, atol=2e-5)


def test_a_word_has_another_vector_in_another_sentence(encoder: ContextualEncoder) -> None:
    first, second = SENTENCES[:2]
    same = queries.compare(encoder, first, first, "bank")
    other = queries.compare(encoder, first, second, "bank")
    assert same == pytest.approx(1, abs=1e-5) and other < 0.999


def test_a_sentence_longer_than_what_is_seen_at_once_is_encoded_in_pieces(
    encoder: ContextualEncoder,
) -> None:
    words = ["boat", "river", "bank"] * 400
    found = next(encoder.encode([" ".join(words)]))
    assert found.tokens == words and found.vectors.shape == (1200, encoder.vector_size)


def test_attention_weights_of_a_token_sum_to_one(encoder: ContextualEncoder) -> None:
    found = encoder.attention(SENTENCES[1])
    n = len(found.tokens)
    assert set(SENTENCES[1].split()) < set(found.tokens)
    assert found.weights.shape[2:] == (n, n)
    np.testing.assert_allclose(found.weights.sum(axis=-1), 1, atol=1e-5)
    shown = select_layer(found, 1, 2)
    assert np.array_equal(shown.weights, found.weights[0, 1])
    last = select_layer(found, None, None)
    np.testing.assert_allclose(last.weights, found.weights[-1].mean(axis=0), atol=1e-6)
    for layer, head in ((99, None), (None, 99)):
        with pytest.raises(QueryError, match=r"must be 1 to \d+, not 99"):
            select_layer(found, layer, head)
    with pytest.raises(QueryError, match="holds no word"):
        encoder.attention(" ")


def test_a_word_is_found_whatever_its_case(encoder: ContextualEncoder) -> None:
    found = queries.vector_of(encoder, SENTENCES[0], "Bank")
    assert np.array_equal(found, queries.vector_of(encoder, SENTENCES[0], "bank"))
    with pytest.raises(QueryError, match="'loan' is none of the words of the sentence"):
        queries.vector_of(encoder, SENTENCES[0], "loan")


def test_neighbours_come_from_the_words_that_may_answer(encoder: ContextualEncoder) -> None:
    among = ["river", "money", "bank", "loan"]
    found = queries.similar(encoder, SENTENCES[1], "bank", 5, candidates=among)
    assert sorted(each.word for each in found) == ["loan", "money", "river"]
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)
    assert {"river", "money", "bank"} <= set(encoder.vocabulary())
