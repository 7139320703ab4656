"""Queries answer what gensim answers, batches what single queries answer, and errors help."""

import subprocess
import sys

import numpy as np
import pytest
from gensim.models import KeyedVectors

from embedtool.errors import QueryError, UnknownWordError
from embedtool.search.candidates import candidate_ids
from embedtool.search.expression import parse_expression
from embedtool.search.query import (
    WordScore,
    analogy,
    analogy_batch,
    cosines,
    lookup,
    odd_one_out,
    similar,
    similar_batch,
    similar_to_vectors,
    similarity,
)
from embedtool.vectors import Subwords, WordVectors, ngram_hash


def random_vectors(n_words: int = 400, vector_size: int = 20, seed: int = 0) -> WordVectors:
    """Words w0, w1, ... with random vectors and falling counts."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n_words, vector_size)).astype(np.float32)
    matrix *= rng.uniform(0.1, 3, (n_words, 1)).astype(np.float32)
    return WordVectors(
        [f"w{i}" for i in range(n_words)], matrix, counts=np.arange(n_words, 0, -1) * 10
    )


def as_gensim(vectors: WordVectors) -> KeyedVectors:
    peer = KeyedVectors(vectors.vector_size)
    peer.add_vectors(list(vectors.words), vectors.matrix)
    return peer


def with_subwords(vectors: WordVectors) -> WordVectors:
    """The vectors with one row for the n-gram `zz`."""
    bucket = 1000
    row = np.ones((1, vectors.vector_size), dtype=np.float32)
    subwords = Subwords(2, 2, bucket, vectors.matrix, np.array([ngram_hash(b"zz") % bucket]), row)
    return WordVectors(vectors.words, vectors.matrix, subwords=subwords)


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return random_vectors()


@pytest.fixture(scope="module")
def peer(vectors) -> KeyedVectors:
    return as_gensim(vectors)


def agrees(answers, expected, **tolerance) -> None:
    """The same words in the same order, and the same scores."""
    assert [each.word for each in answers] == [word for word, _ in expected]
    found = [each.score for each in answers]
    np.testing.assert_allclose(found, [score for _, score in expected], **tolerance)


def test_similar_agrees_with_gensim(vectors, peer):
    for word in "w0", "w7", "w399":
        agrees(similar(vectors, word, 12), peer.most_similar(word, topn=12), atol=1e-6)


def test_similar_restricted_agrees_with_gensim(vectors, peer):
    expected = peer.most_similar("w300", topn=5, restrict_vocab=50)
    few = candidate_ids(vectors, restrict_vocab=50)
    agrees(similar(vectors, "w300", 5, candidates=few), expected, atol=1e-6)


@pytest.mark.parametrize(
    "text", ["w0 - w1 + w2", "w3 w4 w5", "w6 + w7 + w8 - w9 - w10", "- w1 - w2"]
)
def test_3cosadd_agrees_with_gensim(vectors, peer, text):
    terms = parse_expression(text).terms
    positive = [word for weight, word in terms if weight > 0]
    negative = [word for weight, word in terms if weight < 0]
    expected = peer.most_similar(positive, negative, topn=15)
    agrees(analogy(vectors, text, 15), expected, atol=1e-6)


def test_3cosadd_with_weights_agrees_with_gensim(vectors, peer):
    expected = peer.most_similar([("w1", 0.5), ("w2", 2.0), ("w3", -0.25)], topn=15)
    agrees(analogy(vectors, "0.5*w1 + 2*w2 - 0.25*w3", 15), expected, atol=1e-6)


@pytest.mark.parametrize("text", ["w0 - w1 + w2", "w3 w4 w5", "w6 + w7 + w8 - w9"])
def test_3cosmul_agrees_with_gensim(vectors, peer, text):
    terms = parse_expression(text).terms
    positive = [word for weight, word in terms if weight > 0]
    negative = [word for weight, word in terms if weight < 0]
    expected = peer.most_similar_cosmul(positive, negative, topn=15)
    agrees(analogy(vectors, text, 15, method="3cosmul"), expected, rtol=1e-5)


def test_odd_one_out_agrees_with_gensim(vectors, peer):
    rng = np.random.default_rng(3)
    for _ in range(20):
        words = [f"w{i}" for i in rng.choice(400, 6, replace=False)]
        ranked = odd_one_out(vectors, words)
        assert ranked[0].word == peer.doesnt_match(words)
        assert {each.word for each in ranked} == set(words)
        assert [each.score for each in ranked] == sorted(each.score for each in ranked)


def test_similarity_agrees_with_gensim(vectors, peer):
    assert similarity(vectors, "w1", "w2") == pytest.approx(peer.similarity("w1", "w2"), abs=1e-6)
    assert similarity(vectors, "w1", "w1") == pytest.approx(1, abs=1e-12)
    best = similar(vectors, "w1", 1)[0]
    assert similarity(vectors, "w1", best.word) == best.score


def test_a_batch_answers_as_its_queries_alone(vectors):
    words = [f"w{i}" for i in range(0, 400, 9)]
    assert similar_batch(vectors, words, 7) == [similar(vectors, word, 7) for word in words]
    texts = ["w0 - w1", "w1 - w2 + w3 + w4", "w5 w6 w7"]
    assert analogy_batch(vectors, texts, 7) == [analogy(vectors, text, 7) for text in texts]
    together = analogy_batch(vectors, texts, 7, method="3cosmul")
    for text, answers in zip(texts, together, strict=True):
        alone = analogy(vectors, text, 7, method="3cosmul")
        agrees(answers, [(each.word, each.score) for each in alone], rtol=1e-6)


def test_empty_batches(vectors):
    assert similar_batch(vectors, []) == []
    assert analogy_batch(vectors, []) == []
    assert analogy_batch(vectors, [], method="3cosmul") == []


def test_query_words_answer_only_when_asked(vectors):
    assert "w1" not in {each.word for each in similar(vectors, "w1", 400)}
    assert similar(vectors, "w1", 400, exclude_query_words=False)[0].word == "w1"
    for method in "3cosadd", "3cosmul":
        few = analogy(vectors, "w1 - w2 + w3", 400, method=method)
        everyone = analogy(vectors, "w1 - w2 + w3", 400, method=method, exclude_query_words=False)
        missing = {each.word for each in everyone} - {each.word for each in few}
        assert missing == {"w1", "w2", "w3"}


def test_n_beyond_the_vocabulary_and_below_one(vectors):
    assert len(similar(vectors, "w0", 10**12)) == 399
    for n in 0, -1:
        with pytest.raises(QueryError, match=f"at least 1, not {n}"):
            similar(vectors, "w0", n)
        with pytest.raises(QueryError, match=f"at least 1, not {n}"):
            analogy(vectors, "w0 - w1", n, method="3cosmul")


def test_a_vocabulary_of_one_word():
    one = WordVectors(["a"], np.ones((1, 3), dtype=np.float32))
    assert similar(one, "a") == ()
    assert analogy(one, "a - a + a") == analogy(one, "a a a", method="3cosmul") == ()
    assert similar(one, "a", exclude_query_words=False)[0].word == "a"


def test_vectors_of_zeros_have_no_similarity():
    matrix = np.array([[0, 0], [1, 0], [0, 2], [0, 0]], dtype=np.float32)
    some = WordVectors(["zero", "x", "y", "nil"], matrix)
    assert similar(some, "zero") == tuple(WordScore(word, 0.0) for word in ("x", "y", "nil"))
    assert similarity(some, "zero", "zero") == 0
    assert {each.score for each in analogy(some, "x - x + zero")} == {0.0}
    assert np.isfinite([each.score for each in analogy(some, "zero x y", method="3cosmul")]).all()
    assert odd_one_out(some, ["x", "y", "zero"])[0] == WordScore("zero", 0.0)


def test_equal_vectors_come_by_frequency():
    matrix = np.tile(np.random.default_rng(0).standard_normal(50), (30, 1)).astype(np.float32)
    same = WordVectors([f"w{i}" for i in range(30)], matrix)
    answers = similar(same, "w12", 20)
    assert [each.word for each in answers] == [f"w{i}" for i in range(21) if i != 12]


def test_unknown_words_are_named_with_their_spellings(vectors):
    with pytest.raises(UnknownWordError, match="'w1x' is not in the vocabulary; nearest spellings"):
        similar_batch(vectors, ["w1", "w1x", "nor-this"])
    with pytest.raises(UnknownWordError, match="'x'"):
        analogy(vectors, "w1 - x + w2")
    with pytest.raises(UnknownWordError, match="'x'"):
        odd_one_out(vectors, ["w1", "x", "w2"])


def test_operators_without_spaces_are_explained(vectors):
    with pytest.raises(QueryError, match=r"'w1-w2'.* write spaces around \+ and -"):
        analogy(vectors, "w1-w2 + w3")
    with pytest.raises(QueryError, match=r"with spaces around them"):
        analogy(vectors, "w1-w2+w3")
    with pytest.raises(UnknownWordError) as error:
        analogy(vectors, "well-known + w3")
    assert "spaces" not in str(error.value)


def test_unknown_methods_and_short_lists_are_refused(vectors):
    with pytest.raises(QueryError, match="expected 3cosadd or 3cosmul"):
        analogy(vectors, "w1 - w2", method="cosine")
    with pytest.raises(QueryError, match="at least three words"):
        odd_one_out(vectors, ["w1", "w2"])


def test_subwords_answer_for_new_words(vectors):
    model = with_subwords(vectors)
    expected = as_gensim(vectors).most_similar([np.ones(20, dtype=np.float32)], topn=5)
    agrees(similar(model, "zz", 5), expected, atol=1e-6)
    assert len(analogy(model, "zz - w1 + w2", 5, method="3cosmul")) == 5
    assert odd_one_out(model, ["zz", "w1", "w2"])
    with pytest.raises(UnknownWordError):
        similar(model, "q")


def test_vectors_are_queries_too(vectors):
    queries = 5 * vectors.matrix[:3].astype(np.float64)
    answers = similar_to_vectors(vectors, queries, 1)
    assert [each[0].word for each in answers] == ["w0", "w1", "w2"]
    np.testing.assert_array_equal(lookup(vectors, ["w2", "w0"]), vectors.matrix[[2, 0]])


def test_cosines_of_rows_with_rows(vectors):
    found = cosines(vectors.matrix[:4], vectors.matrix[4:8])
    expected = [similarity(vectors, f"w{i}", f"w{i + 4}") for i in range(4)]
    assert found.tolist() == expected


def test_candidates_meet_every_restriction(vectors):
    assert candidate_ids(vectors) is None
    assert candidate_ids(vectors, restrict_vocab=3).tolist() == [0, 1, 2]
    assert candidate_ids(vectors, restrict_vocab=10**9).size == 400
    assert candidate_ids(vectors, min_count=3980).tolist() == [0, 1, 2]
    assert candidate_ids(vectors, words=["w9", "w2", "new", "w9"]).tolist() == [2, 9]
    both = candidate_ids(vectors, restrict_vocab=6, min_count=3960, words=["w5", "w4", "w3"])
    assert both.tolist() == [3, 4]


def test_candidates_that_cannot_be_are_refused(vectors):
    without_counts = WordVectors(vectors.words, vectors.matrix)
    with pytest.raises(QueryError, match="min-count needs the counts"):
        candidate_ids(without_counts, min_count=5)
    with pytest.raises(QueryError, match="no word is left"):
        candidate_ids(vectors, words=["new"])
    with pytest.raises(QueryError, match="no word is left"):
        candidate_ids(vectors, words=[])
    with pytest.raises(QueryError, match="at least 1, not 0"):
        candidate_ids(vectors, restrict_vocab=0)


def test_queries_import_nothing_slow():
    code = (
        "import sys, embedtool.search.query, embedtool.search.candidates, "
        "embedtool.evaluation.compare;"
        "print({'scipy', 'gensim', 'numba', 'click', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
