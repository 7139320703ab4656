"""Each method of answering analogies equals its formula, written out for one question at a time."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embedtool.config.choices import ANALOGY_METHODS
from embedtool.evaluation.analogy import answer_analogies
from embedtool.evaluation.methods import SEED
from embedtool.evaluation.tasks import AnalogySet, Section
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable

N_PAIRS = 12
EPSILON = 1e-6


@pytest.fixture(scope="module")
def vectors() -> VectorTable:
    """Pairs of words an offset apart, roughly, among others; none of length 1."""
    rng = np.random.default_rng(3)
    sources = rng.standard_normal((N_PAIRS, 8))
    targets = sources + rng.standard_normal(8) + 0.7 * rng.standard_normal((N_PAIRS, 8))
    rest = rng.standard_normal((2200, 8))
    words = [f"s{i}" for i in range(N_PAIRS)] + [f"t{i}" for i in range(N_PAIRS)]
    matrix = np.concatenate([sources, targets, rest]).astype(np.float32)
    return VectorTable([*words, *(f"w{i}" for i in range(len(rest)))], matrix)


@pytest.fixture(scope="module")
def analogies() -> AnalogySet:
    """Every pair asks with every other; an unknown word stands first among the right answers."""
    questions = tuple(
        (f"s{i}", f"t{i}", f"s{j}", ("unknown", f"t{j}", f"w{j}"))
        for i in range(N_PAIRS)
        for j in range(N_PAIRS)
        if i != j
    )
    return AnalogySet("pairs", (Section("offset", questions),))


def scores(method: str, unit: np.ndarray, a: int, b: int, c: int) -> np.ndarray:
    """The score of each word, by the method's formula."""
    to_a, to_b, to_c = unit @ unit[a], unit @ unit[b], unit @ unit[c]
    pairs = [(i, N_PAIRS + i) for i in range(N_PAIRS) if i != c]
    firsts, seconds = (unit[list(column)] for column in zip(*pairs, strict=True))
    if method == "3cosadd":
        return to_b - to_a + to_c
    if method == "3cosmul":
        return (1 + to_b) / 2 * (1 + to_c) / 2 / ((1 + to_a) / 2 + EPSILON)
    if method == "pairdistance":
        away = unit - unit[c]
        lengths = np.linalg.norm(away, axis=1)
        lengths[c] = 1
        return away @ (unit[b] - unit[a]) / lengths
    if method == "3cosavg":
        return unit @ (unit[c] + seconds.mean(axis=0) - firsts.mean(axis=0))
    if method == "lrcos":
        noise = unit[np.random.default_rng(SEED).choice(len(unit), N_PAIRS)]
        examples = np.concatenate([seconds, firsts, noise])
        fitted = LogisticRegression().fit(examples, np.arange(len(examples)) < len(seconds))
        return fitted.predict_proba(unit)[:, 1] * to_c
    return {"nearest-b": to_b, "nearest-c": to_c}[method]


@pytest.mark.parametrize("include_query_words", [False, True])
@pytest.mark.parametrize("method", ANALOGY_METHODS)
def test_each_answer_is_the_formulas(vectors, analogies, method, include_query_words):
    unit = unit_rows(vectors.rows).astype(np.float64)
    outcomes = answer_analogies(
        vectors, analogies, method=method, include_query_words=include_query_words
    )
    assert outcomes.known.all()
    for (first, second, third, right), answer, correct in zip(
        analogies.questions, outcomes.answers, outcomes.correct, strict=True
    ):
        a, b, c = (vectors.words.index(word) for word in (first, second, third))
        expected = scores(method, unit, a, b, c)
        if not include_query_words:
            expected[[c] if method in ("3cosavg", "lrcos") else [a, b, c]] = -np.inf
        assert expected[answer] == pytest.approx(expected.max(), abs=1e-5)
        assert correct == (vectors.words[answer] in right)


def test_what_the_baselines_are_for(vectors, analogies):
    """With the query words among the candidates the nearest to b is b."""
    outcomes = answer_analogies(vectors, analogies, method="nearest-b", include_query_words=True)
    given = [vectors.words[answer] for answer in outcomes.answers]
    assert given == [question[1] for question in analogies.questions]
    assert not outcomes.correct.any()


@pytest.mark.parametrize("method", ["3cosavg", "lrcos"])
def test_a_pair_that_is_alone_has_nothing_to_learn_from(vectors, method):
    alone = AnalogySet("alone", (Section("s", (("s1", "t1", "s1", ("t1",)),)),))
    outcomes = answer_analogies(vectors, alone, method=method)
    assert outcomes.known.tolist() == [True] and outcomes.answers.tolist() == [-1]


def test_questions_of_one_section_are_told_apart_by_both_pairs(vectors, analogies):
    outcomes = answer_analogies(vectors, analogies)
    pairs = outcomes.groups(outcomes.known)
    assert pairs.shape == (outcomes.known.sum(), 2)
    assert len(np.unique(pairs)) == N_PAIRS
    two = AnalogySet("two", (*analogies.sections, Section("more", analogies.questions[:5])))
    outcomes = answer_analogies(vectors, two)
    assert np.unique(outcomes.groups(outcomes.known)).tolist() == [0, 1]
