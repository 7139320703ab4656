"""Alignment against SciPy, drift where it was planted, translation against CSLS by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group

from embedtool.analysis.alignment import align, drift, fit_rotation
from embedtool.analysis.translation import Translator
from embedtool.config.tasks import DriftConfig, TranslateConfig
from embedtool.errors import EvaluationError, QueryError, UnknownWordError
from embedtool.evaluation.dataset_readers import read_dictionary
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.query import similar
from tests.factories import random_vectors, with_one_ngram

N_WORDS, SIZE = 200, 8
VECTORS = random_vectors(N_WORDS, SIZE)
ROTATION = ortho_group.rvs(SIZE, random_state=1)


def rotated_copy(vectors: VectorTable = VECTORS, prefix: str = "") -> VectorTable:
    """The vectors in a space of their own, words in reverse order and perhaps renamed."""
    words = [prefix + word for word in vectors.words][::-1]
    return VectorTable(words, (vectors.rows @ ROTATION)[::-1].astype(np.float32))


def test_the_rotation_is_scipys() -> None:
    other = random_vectors(N_WORDS, SIZE, seed=3)
    found = fit_rotation(VECTORS.rows, other.rows)
    a, b = unit_rows(VECTORS.rows), unit_rows(other.rows)
    expected, _ = orthogonal_procrustes(a, b)
    np.testing.assert_allclose(found.rotation, expected, atol=1e-5)
    distances = np.linalg.norm(a @ expected - b, axis=1)
    assert found.residual == pytest.approx(np.sqrt((distances**2).mean()), abs=1e-6)
    assert found.before == pytest.approx((a * b).sum(axis=1).mean(), abs=1e-6)
    assert found.after == pytest.approx(((a @ expected) * b).sum(axis=1).mean(), abs=1e-6)
    assert found.residual == pytest.approx(np.sqrt(2 - 2 * found.after))


def test_a_rotated_copy_is_rotated_back() -> None:
    found = align(VECTORS, rotated_copy())
    np.testing.assert_allclose(found.rotation, ROTATION, atol=1e-5)
    assert (found.n_pairs, found.after) == (N_WORDS, pytest.approx(1))
    assert found.residual == pytest.approx(0, abs=1e-5)
    rotated = found.apply(VECTORS)
    np.testing.assert_allclose(rotated.rows, rotated_copy().rows[::-1], atol=1e-4)
    before, after = (similar(each, "w3", 5) for each in (VECTORS, rotated))
    assert [answer.word for answer in after] == [answer.word for answer in before]


def test_new_words_are_rotated_too() -> None:
    source = with_one_ngram(VECTORS)
    rotated = align(source, rotated_copy()).apply(source)
    np.testing.assert_allclose(rotated.vector("zz"), source.vector("zz") @ ROTATION, atol=1e-5)


def test_fewer_anchors_are_the_most_frequent() -> None:
    noisy = rotated_copy().rows[::-1].copy()
    noisy[50:] = random_vectors(N_WORDS - 50, SIZE, seed=9).rows
    other = VectorTable(VECTORS.words, noisy)
    assert align(VECTORS, other, 50).residual == pytest.approx(0, abs=1e-5)
    assert align(VECTORS, other, None).residual > 0.5


def test_rows_without_a_direction_are_ignored() -> None:
    matrix = rotated_copy().rows[::-1].copy()
    matrix[4], matrix[5] = 0, np.nan
    found = align(VECTORS, VectorTable(VECTORS.words, matrix))
    assert found.n_pairs == N_WORDS - 2
    np.testing.assert_allclose(found.rotation, ROTATION, atol=1e-5)
    result = drift(VECTORS, VectorTable(VECTORS.words, matrix), DriftConfig(), n=3)
    assert result.n_shared == N_WORDS - 2


def test_models_that_cannot_be_aligned() -> None:
    with pytest.raises(EvaluationError, match="8 and 5 dimensions; alignment needs the same"):
        align(VECTORS, random_vectors(N_WORDS, 5))
    with pytest.raises(EvaluationError, match="no pair of words"):
        align(VECTORS, rotated_copy(prefix="x"))


def planted() -> VectorTable:
    """The rotated copy, in which w7 has the place of w100 and w9 is changed a little."""
    new = rotated_copy()
    matrix = new.rows.copy()
    rows = new.word_ids(["w7", "w9", "w100"])
    matrix[rows[0]] = matrix[rows[2]] * 1.1
    matrix[rows[1]] += 0.5 * np.linalg.norm(matrix[rows[1]]) / np.sqrt(SIZE)
    return replace(new, rows=matrix, counts=10 * np.arange(N_WORDS, 0, -1))


@pytest.mark.parametrize("measure", ["distance", "neighbourhood"])
def test_the_word_that_drifted_is_first(measure: str) -> None:
    config = DriftConfig(measure=measure, neighbours=10)
    result = drift(VECTORS, planted(), config, n=4)
    first = result.words[0]
    assert first.word == "w7"
    assert measure == "neighbourhood" or result.words[1].word == "w9"
    expected = [answer.word for answer in similar(VECTORS, "w7", 10)]
    assert list(first.then) == expected
    assert first.now[0] == "w100"
    values = [getattr(each, measure) for each in result.words]
    assert values == sorted(values, reverse=True)
    assert (result.n_shared, result.n_compared) == (N_WORDS, N_WORDS)


def test_drift_by_hand() -> None:
    """Distances and second-order similarities of one word, written out."""
    old, new = VECTORS, planted()
    result = drift(old, new, DriftConfig(neighbours=5, anchors=N_WORDS), ["w7", "w3", "w7"])
    assert [each.word for each in result.words] == ["w7", "w3"]
    rotation = align(old, new).rotation
    a, b = (unit_rows(each.rows).astype(float) for each in (old, new))
    rotated, now = a[7] @ rotation, b[new.word_ids(["w7"])[0]]
    assert result.words[0].distance == pytest.approx(1 - rotated @ now, abs=1e-5)
    near = {answer.word for each in (old, new) for answer in similar(each, "w7", 5)}
    then = a[old.word_ids(near)] @ a[7]
    since = b[new.word_ids(near)] @ now
    cosine = then @ since / np.linalg.norm(then) / np.linalg.norm(since)
    assert result.words[0].neighbourhood == pytest.approx(1 - cosine, abs=1e-5)
    assert result.words[1].neighbourhood < 0.01


def test_only_frequent_words_are_compared() -> None:
    old, new = VECTORS, planted()
    few = drift(old, new, DriftConfig(min_count=150))
    counts = [dict(zip(each.words, each.counts, strict=True)) for each in (old, new)]
    expected = [word for word in old.words if min(each[word] for each in counts) >= 150]
    assert few.n_compared == len(expected)
    assert 0 < len(expected) < N_WORDS
    assert {each.word for each in few.words} <= set(expected)
    assert drift(old, new, DriftConfig(restrict_vocab=30)).n_compared == 30
    with pytest.raises(EvaluationError, match=r"none of the 200 words has a count of 5,000"):
        drift(old, new, DriftConfig(min_count=5000))
    with pytest.raises(
        EvaluationError, match="min_count needs counts, which a model does not have"
    ):
        drift(old, replace(new, counts=None), DriftConfig(min_count=1))


def test_drift_needs_words_in_common() -> None:
    with pytest.raises(EvaluationError, match="'nowhere' is not in the vocabulary of both"):
        drift(VECTORS, planted(), DriftConfig(), ["w1", "nowhere"])
    one = VectorTable(["w1"], np.ones((1, SIZE), np.float32))
    with pytest.raises(EvaluationError, match="fewer than two words"):
        drift(VECTORS, one, DriftConfig())


def renamed() -> VectorTable:
    other = rotated_copy()
    return replace(other, words=[word.replace("w", "x") for word in other.words])


SEEDS = [(f"w{i}", f"x{i}") for i in range(0, N_WORDS, 4)]
TEST = [(f"w{i}", f"x{i}") for i in range(1, N_WORDS, 4)]


@pytest.mark.parametrize("method", ["csls", "nearest"])
def test_a_renamed_copy_is_translated(method: str) -> None:
    seeds = [*SEEDS, ("w0", "unknown"), ("unknown", "x0")]
    translator = Translator.fit(VECTORS, renamed(), seeds, TranslateConfig(method=method))
    assert translator.alignment.n_pairs == len(SEEDS)
    score = translator.score([*TEST, ("w1", "x2"), ("w2", "nothing"), ("nothing", "x2")])
    assert (score.found, score.total) == (len(TEST), len(TEST) + 2)
    for each in score.precisions:
        assert (each.correct, each.precision) == (len(TEST), 1)
        assert each.precision_over_total == len(TEST) / (len(TEST) + 2)


def csls_by_hand(queries: np.ndarray, sources: np.ndarray, targets: np.ndarray, k: int):
    """All scores, written out: 2 cos - r_T - r_S."""
    cosines = queries @ targets.T
    r_t = np.sort(cosines, axis=1)[:, -k:].mean(axis=1)
    r_s = np.sort(targets @ sources.T, axis=1)[:, -k:].mean(axis=1)
    return 2 * cosines - r_t[:, None] - r_s


@pytest.mark.parametrize("bound", [12, 40, 1000])
@pytest.mark.parametrize("limit", [150, 1000])
def test_csls_is_what_its_formula_says(
    bound: int, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.analysis.translation.N_BOUND_SOURCES", bound)
    monkeypatch.setattr("embedtool.analysis.translation.FIRST_RESCORED", 1)
    target = random_vectors(300, SIZE, seed=6)
    target = replace(target, words=[f"x{i}" for i in range(300)])
    translator = Translator.fit(
        VECTORS, target, SEEDS, TranslateConfig(restrict_vocab=limit, neighbours=7)
    )
    rotation = translator.alignment.rotation
    sources = unit_rows(VECTORS.rows) @ rotation
    targets = unit_rows(target.rows[:limit]).astype(float)
    words = ["w0", "w77", "w199"]
    expected = csls_by_hand(sources[[0, 77, 199]], sources[:limit], targets, 7)
    for found, scores in zip(translator.translate(words, 5), expected, strict=True):
        best = np.argsort(-scores)[:5]
        assert [answer.word for answer in found] == [f"x{i}" for i in best]
        assert [answer.score for answer in found] == pytest.approx(scores[best], abs=1e-5)


def test_csls_by_numbers() -> None:
    """A hub is nearest to both words by cosine; CSLS gives each its own."""
    source = VectorTable(["a", "b"], np.eye(3, dtype=np.float32)[:2])
    rows = [[0.6, 0.6, np.sqrt(0.28)], [0.55, 0, np.sqrt(1 - 0.55**2)], [0, 0.5, np.sqrt(0.75)]]
    target = VectorTable(["hub", "A", "B"], np.array(rows, np.float32))
    alignment = replace(fit_rotation(source.rows, source.rows), rotation=np.eye(3))
    config = TranslateConfig(neighbours=2)
    translator = Translator(source, target, config, alignment)
    nearest = replace(translator, config=replace(config, method="nearest"))
    assert [answer[0].word for answer in nearest.translate(["a", "b"], 1)] == ["hub", "hub"]
    found = translator.translate(["a", "b"], 3)
    assert [answer[0].word for answer in found] == ["A", "B"]
    # r_T(a) = (0.6 + 0.55) / 2, r_S(A) = (0.55 + 0) / 2, r_S(hub) = (0.6 + 0.6) / 2
    assert found[0][0].score == pytest.approx(2 * 0.55 - 0.575 - 0.275, abs=1e-6)
    assert (found[0][1].word, found[0][1].score) == (
        "hub",
        pytest.approx(2 * 0.6 - 0.575 - 0.6, abs=1e-6),
    )


def test_what_cannot_be_translated() -> None:
    with pytest.raises(EvaluationError, match="none of the 50 pairs"):
        Translator.fit(VECTORS, VECTORS, SEEDS, TranslateConfig())
    translator = Translator.fit(VECTORS, renamed(), SEEDS, TranslateConfig())
    with pytest.raises(UnknownWordError):
        translator.translate(["x1"])
    with pytest.raises(QueryError, match="at least 1, not 0"):
        translator.translate(["w1"], 0)
    score = translator.score([("nothing", "x1")])
    assert (score.found, score.precisions[0].precision) == (0, None)


def test_targets_without_a_direction_do_not_answer() -> None:
    other = renamed()
    matrix = other.rows.copy()
    matrix[other.word_ids(["x1"])[0]] = 0
    matrix[other.word_ids(["x2"])[0]] = np.nan
    translator = Translator.fit(VECTORS, replace(other, rows=matrix), SEEDS, TranslateConfig())
    answers = {answer.word for answer in translator.translate(["w1"], N_WORDS)[0]}
    assert len(answers) == N_WORDS - 2 and not answers & {"x1", "x2"}


def test_dictionaries(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("# comment\ncat chat\ncat\tminou\n\nnew york\tla pomme\ncat chat\n10,5 10.5\n")
    assert read_dictionary(path) == (
        ("cat", "chat"),
        ("cat", "minou"),
        ("new york", "la pomme"),
        ("10,5", "10.5"),
    )
    path.write_text("cat chat minou\n")
    with pytest.raises(EvaluationError, match=r"line 1: expected a word and its translation"):
        read_dictionary(path)
    path.write_text("# nothing\n")
    with pytest.raises(EvaluationError, match="holds no words"):
        read_dictionary(path)
