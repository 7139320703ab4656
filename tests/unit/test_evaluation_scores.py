"""Scores agree with gensim's, question by question, and differ only where they should."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from embedtool.config.choices import ANALOGY_METHODS
from embedtool.errors import EvaluationError
from embedtool.evaluation.analogy import answer_analogies, evaluate_analogies
from embedtool.evaluation.datasets import read_analogies, read_pairs
from embedtool.evaluation.similarity import evaluate_pairs, pair_similarities
from embedtool.evaluation.tasks import AnalogySet, PairSet, Section
from embedtool.model.vectors import VectorTable
from embedtool.search.query import analogy
from tests.factories import as_gensim, random_vectors, vectors_of

N_PAIRS = 30
"""Pairs of countries and capitals, and of words and plurals."""


def related_vectors() -> VectorTable:
    """Pairs of words that differ by one of two offsets, roughly, so that some questions come right.

    The names are in mixed case; 200 other words stand between them.
    """
    rng = np.random.default_rng(7)
    rows = {}
    for kind, (first, second) in {"c": ("Land{}", "City{}"), "p": ("one{}", "ones{}")}.items():
        offset = rng.standard_normal(16)
        for i in range(N_PAIRS):
            base = rng.standard_normal(16) * (1.0 if kind == "c" else 0.8)
            rows[first.format(i)] = base
            rows[second.format(i)] = base + offset + rng.standard_normal(16) * 0.5
    rows |= {f"other{i}": rng.standard_normal(16) for i in range(200)}
    words = [list(rows)[i] for i in rng.permutation(len(rows))]
    return vectors_of({word: rows[word] for word in words})


def write_questions(path):
    """Questions over the related words, two pairs of each section unknown."""
    lines = []
    for name, first, second in (("capital", "Land", "City"), ("gram1-plural", "one", "ones")):
        lines.append(f": {name}")
        for i in range(0, N_PAIRS + 2, 2):
            for j in range(1, N_PAIRS + 2, 3):
                lines.append(f"{first}{i} {second}{i} {first}{j} {second}{j}")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def vectors() -> VectorTable:
    return related_vectors()


@pytest.fixture(scope="module")
def question_file(tmp_path_factory):
    return write_questions(tmp_path_factory.mktemp("questions") / "questions.txt")


def folded(question, case_insensitive):
    words = (*question[:3], *question[3])
    return tuple(word.upper() if case_insensitive else word for word in words)


@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300_000, 150])
def test_each_answer_agrees_with_gensim(vectors, question_file, case_insensitive, restrict_vocab):
    options = {"case_insensitive": case_insensitive, "restrict_vocab": restrict_vocab}
    score, sections = as_gensim(vectors).evaluate_word_analogies(str(question_file), **options)
    expected = dict.fromkeys(sections[-1]["correct"], True)
    expected |= dict.fromkeys(sections[-1]["incorrect"], False)
    questions = read_analogies(question_file)
    outcomes = answer_analogies(vectors, questions, **options)
    found = {
        folded(question, case_insensitive): bool(correct)
        for question, known, correct in zip(
            questions.questions, outcomes.known, outcomes.correct, strict=True
        )
        if known
    }
    assert found == expected
    assert 0.1 < score < 0.95
    result = evaluate_analogies(vectors, questions, **options)
    assert result.total.accuracy == pytest.approx(score)
    assert result.total.found == len(expected)
    assert result.total.total == len(questions.questions)
    for section, theirs in zip(result.sections, sections, strict=False):
        assert (section.name, section.correct) == (theirs["section"], len(theirs["correct"]))
    over_total, _ = as_gensim(vectors).evaluate_word_analogies(
        str(question_file), dummy4unknown=True, **options
    )
    assert result.total.accuracy_over_total == pytest.approx(over_total)


def test_3cosmul_answers_each_question_as_a_query_does(vectors, question_file):
    questions = read_analogies(question_file)
    outcomes = answer_analogies(vectors, questions, method="3cosmul", case_insensitive=False)
    for (a, b, c, _), known, answer in zip(
        questions.questions, outcomes.known, outcomes.answers, strict=True
    ):
        if known:
            best = analogy(vectors, f"{b} - {a} + {c}", 1, method="3cosmul")[0]
            assert vectors.words[answer] == best.word
        else:
            assert answer == -1


def test_sections_are_summed_by_kind(vectors, question_file):
    result = evaluate_analogies(vectors, read_analogies(question_file))
    capital, plural = result.sections
    assert (capital.name, plural.name) == ("capital", "gram1-plural")
    for kind, section in zip(result.kinds, result.sections, strict=True):
        assert asdict(kind) | {"name": section.name, "interval": None} == asdict(section)
    assert [kind.name for kind in result.kinds] == ["semantic", "syntactic"]
    assert result.total.correct == capital.correct + plural.correct
    assert result.total.accuracy == result.total.correct / result.total.found
    assert result.total.accuracy_over_total == result.total.correct / result.total.total
    assert (result.restrict_vocab, result.n_candidates) == (300_000, vectors.n_words)
    assert json.loads(json.dumps(asdict(result), allow_nan=False))["method"] == "3cosadd"


def test_variants_in_case_neither_answer_nor_crowd_out_the_answer(tmp_path):
    """gensim's five best are five spellings of `king`, so it finds no answer; here there is one."""
    close = np.array([1, 0.02, 0.9])
    rows = {
        "man": [0, 0, 1],
        "king": [1, 0, 1],
        "woman": [0, 0.2, 1],
        "queen": [1, 0.6, 1],
        "stone": [-1, 0, 0],
    }
    rows |= dict.fromkeys(("King", "KIng", "KINg", "KING", "kinG", "kiNG"), close)
    vectors = vectors_of(rows)
    path = tmp_path / "questions.txt"
    path.write_text(": family\nMan King Woman Queen\n")
    questions = read_analogies(path)
    assert as_gensim(vectors).evaluate_word_analogies(str(path))[0] == 0
    outcomes = answer_analogies(vectors, questions)
    assert vectors.words[outcomes.answers[0]] == "queen"
    assert outcomes.correct.all() and outcomes.n_candidates == 5
    sensitive = answer_analogies(vectors, questions, case_insensitive=False)
    assert not sensitive.known.any() and sensitive.n_candidates == 11


@pytest.mark.parametrize("method", ANALOGY_METHODS)
def test_questions_without_known_words(vectors, method):
    questions = AnalogySet("new", (Section("gram", (("a", "b", "c", ("d",)),)),))
    result = evaluate_analogies(vectors, questions, method=method)
    assert (result.total.found, result.total.total) == (0, 1)
    assert result.total.accuracy is None and result.total.accuracy_over_total == 0
    assert result.total.interval is None


@pytest.mark.parametrize("method", ANALOGY_METHODS)
def test_questions_without_candidates(method):
    one = VectorTable(["a"], np.ones((1, 2), dtype=np.float32))
    questions = AnalogySet("same", (Section("s", (("a", "A", "a", ("a",)),)),))
    outcomes = answer_analogies(one, questions, method=method)
    assert outcomes.known.all() and not outcomes.correct.any()
    assert outcomes.answers.tolist() == [-1]


@pytest.mark.datasets("google")
def test_the_google_set_finds_planted_answers():
    """Each fourth word of a section's pairs is planted where the analogy points."""
    google = read_analogies("google")
    words = sorted({word for question in google.questions[:506] for word in question[:3]})
    rng = np.random.default_rng(1)
    rows = dict(zip(words, rng.standard_normal((len(words), 60)), strict=True))
    offset = rng.standard_normal(60)
    for a, b, _, _ in google.questions[:506]:
        rows[b] = rows[a] + offset
    vectors = vectors_of({word: rows[word] for word in words})
    result = evaluate_analogies(vectors, google)
    assert (result.sections[0].found, result.sections[0].total) == (506, 506)
    assert result.sections[0].accuracy > 0.9
    assert result.total.total == 19_544


def test_impossible_settings_are_refused(vectors):
    google = AnalogySet("g", (Section("s", (("a", "b", "c", ("d",)),)),))
    with pytest.raises(EvaluationError, match="1 or more, not 0"):
        evaluate_analogies(vectors, google, restrict_vocab=0)
    with pytest.raises(EvaluationError, match="expected one of 3cosadd, 3cosmul"):
        evaluate_analogies(vectors, google, method="euclid")


def judged_vectors() -> VectorTable:
    """Random vectors for most words of WordSim-353 in lower case, some in two cases.

    None is there as the dataset spells it and, more frequent, in lower case: gensim takes that.
    """
    spelled = {word for pair in read_pairs("wordsim353").pairs for word in pair[:2]}
    words = sorted({word.lower() for word in spelled})
    words = words[:-30] + [word.title() for word in words[:40] if word.title() not in spelled]
    matrix = random_vectors(len(words), seed=5).rows
    return VectorTable(words, matrix)


@pytest.mark.datasets("wordsim353")
@pytest.mark.parametrize("case_insensitive", [True, False])
@pytest.mark.parametrize("restrict_vocab", [300_000, 200])
def test_pairs_agree_with_gensim(case_insensitive, restrict_vocab, tmp_path):
    vectors, pairs = judged_vectors(), read_pairs("wordsim353")
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs.pairs))
    options = {"case_insensitive": case_insensitive, "restrict_vocab": restrict_vocab}
    result = evaluate_pairs(vectors, pairs, **options)
    peer = as_gensim(vectors)
    pearson, spearman, oov = peer.evaluate_word_pairs(str(path), **options)
    assert result.pearson == pytest.approx(pearson[0], abs=1e-6)
    assert result.spearman == pytest.approx(spearman[0], abs=1e-4)
    assert 100 * (1 - result.found / result.total) == pytest.approx(oov)
    pearson, spearman, _ = peer.evaluate_word_pairs(str(path), dummy4unknown=True, **options)
    assert result.pearson_over_total == pytest.approx(pearson[0], abs=1e-6)
    assert result.spearman_over_total == pytest.approx(spearman[0], abs=1e-4)
    assert 0 < result.found < result.total == 353


def test_pair_similarities_are_cosines(vectors):
    pairs = PairSet("p", (("land1", "city1", 1.0), ("land1", "nowhere", 2.0)))
    found = pair_similarities(vectors, pairs)
    a, b = vectors.vector("Land1").astype(float), vectors.vector("City1").astype(float)
    assert found[0] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert np.isnan(found[1])


@pytest.mark.parametrize(
    "pairs, found",
    [
        ((("x", "y", 1.0), ("y", "z", 2.0)), 0),
        ((("Land1", "City1", 1.0), ("y", "z", 2.0)), 1),
        ((("Land1", "City1", 3.0), ("Land2", "City2", 3.0)), 2),
        ((("Land1", "Land1", 1.0), ("Land2", "Land2", 3.0)), 2),
    ],
)
def test_undefined_correlations_are_none(vectors, pairs, found):
    result = evaluate_pairs(vectors, PairSet("p", pairs))
    assert result.found == found
    assert result.spearman is None and result.pearson is None
    json.dumps(asdict(result), allow_nan=False)
