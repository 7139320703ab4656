"""Queries answer what gensim answers, batches what single queries answer, and errors help."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from embedtool.errors import NoAnswerError, QueryError, UnknownWordError
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.answers import WordScore
from embedtool.search.batching import answers_or_errors
from embedtool.search.candidates import candidate_ids
from embedtool.search.expression import parse_expression
from embedtool.search.lookup import cosines, lookup
from embedtool.search.query import (
    analogy,
    analogy_batch,
    odd_one_out,
    odd_one_out_batch,
    similar,
    similar_batch,
    similar_to_vectors,
    similarity,
    similarity_batch,
)
from tests.factories import as_gensim, random_vectors, vectors_of, with_one_ngram


@pytest.fixture(scope="module")
def vectors() -> VectorTable:
    return random_vectors()


@pytest.fixture(scope="module")
def peer(vectors):
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
    assert similar(vectors, "w1", 400, include_query_words=True)[0].word == "w1"
    for method in "3cosadd", "3cosmul":
        few = analogy(vectors, "w1 - w2 + w3", 400, method=method)
        everyone = analogy(vectors, "w1 - w2 + w3", 400, method=method, include_query_words=True)
        missing = {each.word for each in everyone} - {each.word for each in few}
        assert missing == {"w1", "w2", "w3"}


def test_n_beyond_the_vocabulary_and_below_one(vectors):
    assert len(similar(vectors, "w0", 10**12)) == 399
    for n in 0, -1:
        with pytest.raises(QueryError, match=f"1 or more, not {n}"):
            similar(vectors, "w0", n)
        with pytest.raises(QueryError, match=f"1 or more, not {n}"):
            analogy(vectors, "w0 - w1", n, method="3cosmul")


def test_a_vocabulary_of_one_word():
    one = VectorTable(["a"], np.ones((1, 3), dtype=np.float32))
    assert similar(one, "a") == ()
    assert analogy(one, "a - a + a") == analogy(one, "a a a", method="3cosmul") == ()
    with pytest.raises(NoAnswerError, match="a - a is zero"):
        analogy(one, "a - a")
    assert similar(one, "a", include_query_words=True)[0].word == "a"


ZERO = "the vector of 'zero' is all zeros: it has no direction"


@pytest.fixture
def degenerate() -> VectorTable:
    """Vectors of zeros, equal ones, one twice as long as another, opposite ones."""
    rng = np.random.default_rng(5)
    a, b = rng.standard_normal((2, 50)).astype(np.float32)
    rows = {"a": a, "same": a, "twice": np.float32(2.7) * a, "minus": -a, "b": b, "zero": 0 * a,
            "other": a + 3 * b}  # fmt: skip
    return vectors_of(rows)


def test_a_vector_of_zeros_as_a_query_is_an_error(degenerate):
    asked = [
        lambda: similar(degenerate, "zero"),
        lambda: similarity(degenerate, "zero", "a"),
        lambda: similarity(degenerate, "a", "zero"),
        lambda: analogy(degenerate, "a - b + zero"),
        lambda: analogy(degenerate, "a zero b", method="3cosmul"),
        lambda: odd_one_out(degenerate, ["a", "b", "zero"]),
    ]
    for ask in asked:
        with pytest.raises(NoAnswerError) as error:
            ask()
        assert str(error.value) == ZERO
    assert lookup(degenerate, ["zero"]).tolist() == [[0] * 50]
    with pytest.raises(NoAnswerError, match="the query vector is all zeros"):
        similar_to_vectors(degenerate, np.zeros((1, 50)))


def test_a_vector_of_zeros_scores_0_as_an_answer(degenerate):
    assert similar(degenerate, "b", 7)[-2] == WordScore("zero", 0.0)


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
@pytest.mark.parametrize(
    "text",
    [
        "a - a", "a - same", "same - twice", "2*a - a - a", "a + b - same - b",
        "a + a - twice - twice", "0.1*a + 0.2*twice - 0.3*same", "0*a + 0*b",
        "1e-3*a - 1e-3*twice", "1000*a - 1000*twice",
    ],
)  # fmt: skip
def test_words_that_cancel_out_are_an_error(degenerate, text, method):
    with pytest.raises(NoAnswerError, match=r"the words cancel out$") as error:
        analogy(degenerate, text, method=method)
    assert str(error.value).startswith(str(parse_expression(text)))


def test_opposite_vectors_cancel_out_in_sums(degenerate):
    with pytest.raises(NoAnswerError, match=r"a \+ minus is zero: the words cancel out"):
        analogy(degenerate, "a + minus")
    assert len(analogy(degenerate, "a + minus", method="3cosmul")) == 5
    words, rows = [*degenerate.words, "minus_b"], [*degenerate.rows, -degenerate.vector("b")]
    with pytest.raises(NoAnswerError, match="the mean of a, b, minus, minus_b is zero: the wor"):
        odd_one_out(VectorTable(words, np.array(rows)), ["a", "b", "minus", "minus_b"])


def test_what_is_left_of_a_small_sum_is_ranked(degenerate):
    small = analogy(degenerate, "1e-300*b + 1e-300*a", 3)
    expected = analogy(degenerate, "b + a", 3)
    agrees(small, [(each.word, each.score) for each in expected], rtol=1e-12)
    assert analogy(degenerate, "a - 0.9999*twice + 0.001*b", 1)[0].word == "other"


def test_a_batch_names_all_that_have_no_answer(degenerate):
    with pytest.raises(UnknownWordError) as error:
        similar_batch(degenerate, ["x", "a", "zero", "yy", "x"])
    assert str(error.value) == (
        "'x' is not in the vocabulary; " + ZERO + "; 'yy' is not in the vocabulary"
    )
    assert list(error.value.failures) == [0, 2, 3, 4]
    with pytest.raises(NoAnswerError) as error:
        similarity_batch(degenerate, [("a", "b"), ("a", "zero"), ("x", "y")])
    assert {i: str(e) for i, e in error.value.failures.items()} == {
        1: ZERO, 2: "'x' is not in the vocabulary; 'y' is not in the vocabulary",
    }  # fmt: skip
    with pytest.raises(NoAnswerError) as error:
        odd_one_out_batch(degenerate, [("a", "b", "x"), ("a", "b", "other")])
    assert list(error.value.failures) == [0]


def test_each_question_is_answered_as_alone_or_has_its_error(degenerate):
    texts = ["a - b", "x - b + y", "a - same", "zero + a", "b - a"]
    found = answers_or_errors(partial(analogy_batch, degenerate, n=2), texts)
    assert [found[0], found[4]] == [analogy(degenerate, text, 2) for text in ("a - b", "b - a")]
    assert [str(error) for error in found[1:4]] == [
        "'x' is not in the vocabulary; 'y' is not in the vocabulary",
        "a - same is zero: the words cancel out",
        ZERO,
    ]
    assert answers_or_errors(partial(similar_batch, degenerate), []) == []
    assert [str(e) for e in answers_or_errors(partial(similar_batch, degenerate), ["zero"])] == [
        ZERO
    ]
    with pytest.raises(QueryError, match="is not an expression"):
        answers_or_errors(partial(analogy_batch, degenerate), ["a - b", "a"])


def test_a_model_is_asked_as_its_vectors_are(vectors):
    model = ModelRecord(vectors, {})
    assert similar(model, "w0", 3) == similar(vectors, "w0", 3)
    assert analogy(model, "w0 - w1", 3) == analogy(vectors, "w0 - w1", 3)
    assert similarity(model, "w0", "w1") == similarity(vectors, "w0", "w1")
    assert odd_one_out(model, ["w0", "w1", "w2"]) == odd_one_out(vectors, ["w0", "w1", "w2"])
    assert candidate_ids(model, restrict_vocab=2).tolist() == [0, 1]
    for ask in (lambda: similar("model", "w0"), lambda: analogy(None, "w0 - w1"),
                lambda: candidate_ids({}, among=["w0"])):  # fmt: skip
        with pytest.raises(TypeError, match="expected a Model or its WordVectors, not "):
            ask()
    with pytest.raises(TypeError, match="expected several words, not the one str"):
        odd_one_out(vectors, "w0 w1 w2")


def test_answers_tell_which_words_are_known_by_their_ngrams_alone(vectors):
    model = with_one_ngram(vectors)
    assert similar(model, "zz").from_ngrams == ("zz",)
    assert similar(model, "w0").from_ngrams == ()
    for method in "3cosadd", "3cosmul":
        assert analogy(model, "zz - w0 + zzz + zz", method=method).from_ngrams == ("zz", "zzz")
    assert odd_one_out(model, ["w0", "zz", "w1"]).from_ngrams == ("zz",)
    assert similar(vectors, "w0").from_ngrams == ()


def test_equal_vectors_come_by_frequency():
    matrix = np.tile(np.random.default_rng(0).standard_normal(50), (30, 1)).astype(np.float32)
    same = VectorTable([f"w{i}" for i in range(30)], matrix)
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
    for text in "w1-w2 - w3 + w4", "w3 - w1-w2-w4", "w3 + w1+w2":
        with pytest.raises(UnknownWordError) as error:
            analogy(vectors, text)
        assert "spaces" not in str(error.value)


def test_unknown_methods_and_short_lists_are_refused(vectors):
    with pytest.raises(QueryError, match="method must be 3cosadd or 3cosmul"):
        analogy(vectors, "w1 - w2", method="cosine")
    with pytest.raises(QueryError, match="at least three words"):
        odd_one_out(vectors, ["w1", "w2"])


def test_subwords_answer_for_new_words(vectors):
    model = with_one_ngram(vectors)
    scores = unit_rows(vectors.rows) @ np.full(20, 20**-0.5, np.float32)
    expected = [(vectors.words[i], scores[i]) for i in np.argsort(-scores)[:5]]
    agrees(similar(model, "zz", 5), expected, atol=1e-6)
    assert len(analogy(model, "zz - w1 + w2", 5, method="3cosmul")) == 5
    assert odd_one_out(model, ["zz", "w1", "w2"])
    with pytest.raises(UnknownWordError):
        similar(model, "q")


def test_vectors_are_queries_too(vectors):
    queries = 5 * vectors.rows[:3].astype(np.float64)
    answers = similar_to_vectors(vectors, queries, 1)
    assert [each[0].word for each in answers] == ["w0", "w1", "w2"]
    np.testing.assert_array_equal(lookup(vectors, ["w2", "w0"]), vectors.rows[[2, 0]])


def test_cosines_of_rows_with_rows(vectors):
    found = cosines(vectors.rows[:4], vectors.rows[4:8])
    expected = [similarity(vectors, f"w{i}", f"w{i + 4}") for i in range(4)]
    assert found.tolist() == expected


def test_candidates_meet_every_restriction(vectors):
    assert candidate_ids(vectors) is None
    assert candidate_ids(vectors, restrict_vocab=3).tolist() == [0, 1, 2]
    assert candidate_ids(vectors, restrict_vocab=10**9).size == 400
    assert candidate_ids(vectors, min_count=3980).tolist() == [0, 1, 2]
    assert candidate_ids(vectors, among=["w9", "w2", "new", "w9"]).tolist() == [2, 9]
    both = candidate_ids(vectors, restrict_vocab=6, min_count=3960, among=["w5", "w4", "w3"])
    assert both.tolist() == [3, 4]


def test_candidates_that_cannot_be_are_refused(vectors):
    without_counts = VectorTable(vectors.words, vectors.rows)
    with pytest.raises(QueryError, match="min_count needs the counts"):
        candidate_ids(without_counts, min_count=5)
    with pytest.raises(QueryError, match="no candidate is left"):
        candidate_ids(vectors, among=["new"])
    with pytest.raises(QueryError, match="no candidate is left"):
        candidate_ids(vectors, among=[])
    with pytest.raises(QueryError, match="restrict_vocab must be 1 or more, not 0"):
        candidate_ids(vectors, restrict_vocab=0)


def test_queries_import_nothing_slow():
    code = (
        "import sys, embedtool.search.query, embedtool.search.candidates, "
        "embedtool.experiments.model_comparison;"
        "print({'scipy', 'gensim', 'numba', 'click', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.filterwarnings("error")
def test_the_shortest_vectors_have_the_cosines_of_their_directions() -> None:
    rows = np.array([[3e-45, 3e-45], [1e-40, 2e-40], [1, 2], [2, 1], [0, 0]], np.float32)
    vectors = VectorTable(["dot", "short", "b", "c", "zero"], rows)
    found = {each.word: each.score for each in similar(vectors, "b", 4)}
    assert next(iter(found)) == "short"
    np.testing.assert_allclose(
        [found["short"], found["dot"], found["c"]], [1, 3 / 10**0.5, 0.8], atol=1e-3
    )
    assert found["zero"] == 0
