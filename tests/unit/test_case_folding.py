"""Case is folded by str.lower, which joins no two words that differ in more, and comes second."""

import numpy as np
import pytest

from embedtool.cli.commands.repl import ShellSession
from embedtool.config.choices import ANALOGY_METHODS
from embedtool.config.tasks import SensesConfig
from embedtool.contextual import queries, senses
from embedtool.contextual.encoders import Sentence
from embedtool.errors import QueryError
from embedtool.evaluation.analogy import answer_analogies, evaluate_analogies
from embedtool.evaluation.categorisation import evaluate_categories
from embedtool.evaluation.outliers import evaluate_outliers
from embedtool.evaluation.similarity import evaluate_pairs, pair_similarities
from embedtool.evaluation.tasks import (
    AnalogySet,
    CategorySet,
    OutlierGroup,
    OutlierSet,
    PairSet,
    Section,
)
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model import store
from embedtool.model.suggestions import SpellingIndex
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.factories import vectors_of

JOINED_BY_UPPER = [
    ("masse", "maße"), ("kısa", "kisa"), ("\u00b5m", "\u03bcm"), ("ϕ", "φ"), ("ſ", "s"),
    ("ŉ", "ʼn"), ("ﬁn", "fin"), ("ὀδός", "ὀδόσ"), ("ΐ", "\u03b9\u0308\u0301"),
]  # fmt: skip
"""Words that differ in more than case; upper(), and of most of them casefold(), says otherwise."""


@pytest.mark.parametrize("first, second", JOINED_BY_UPPER)
def test_words_that_differ_in_more_than_case_are_two(first, second):
    vectors = VectorTable([first, second], np.eye(2, dtype=np.float32))
    for case_insensitive in (True, False):
        known = index_words(vectors, None, case_insensitive)
        assert known.word_ids([first, second]).tolist() == [0, 1]
    one = VectorTable([first], np.ones((1, 2), dtype=np.float32))
    assert index_words(one, None, True).word_ids([second]).tolist() == [-1]


@pytest.mark.parametrize("written", ["MASSE", "Masse", "masse"])
def test_a_word_is_found_whatever_its_case(written):
    vectors = vectors_of({"masse": [1, 0], "maße": [0, 1]})
    assert index_words(vectors, None, True).word_ids([written]).tolist() == [0]
    assert index_words(vectors, None, True).word_ids(["MAẞE", "Maße"]).tolist() == [1, 1]
    assert index_words(vectors, None, False).word_ids(["Masse"]).tolist() == [-1]


def test_pairs_in_lower_case_score_the_same_with_and_without_case():
    vectors = vectors_of(
        {
            "masse": [1, 0.1, 0],
            "maße": [0, 1, 0.2],
            "kilo": [1, 0, 0.1],
            "meter": [0, 1, 0],
            "tal": [0.1, 0.2, 1],
        }
    )
    pairs = (("masse", "kilo", 9), ("maße", "meter", 8), ("maße", "kilo", 2), ("masse", "tal", 1))
    folded, kept = (
        evaluate_pairs(vectors, PairSet("de", pairs), case_insensitive=each)
        for each in (True, False)
    )
    assert folded.spearman == kept.spearman == pytest.approx(0.8)
    assert folded.pearson == kept.pearson


def test_a_word_as_it_is_spelled_comes_before_a_more_frequent_one_of_another_case():
    vectors = vectors_of({"May": [1, 0], "may": [0, 1], "MUST": [0.1, 1], "april": [1, 0.1]})
    pairs = PairSet("p", (("may", "must", 9.0), ("May", "April", 9.0), ("MAY", "april", 9.0)))
    assert (pair_similarities(vectors, pairs) > 0.9).all()
    kept = pair_similarities(vectors, pairs, case_insensitive=False)
    assert np.isnan(kept).all()


def test_every_task_takes_a_word_as_it_is_spelled():
    vectors = vectors_of({
        "Rose": [0, 0, 1], "rose": [1, 0, 0], "tulip": [1, 0.1, 0], "Oak": [0, 0, 1],
        "oak": [0, 1, 0], "elm": [0.1, 1, 0],
    })  # fmt: skip
    kinds = (("rose", "flower"), ("tulip", "flower"), ("oak", "tree"), ("Elm", "tree"))
    found = evaluate_categories(vectors, CategorySet("c", kinds))
    assert found.found == 4 and found.kmeans.purity == 1
    group = OutlierGroup("flowers", ("rose", "tulip"), ("oak",))
    assert evaluate_outliers(vectors, OutlierSet("o", (group,))).total.accuracy == 1


ROYALS = {
    "QUEEN": [0, -1, -1], "man": [0, 0, 1], "king": [1, 0, 1], "King": [1, 0.1, 1],
    "woman": [0, 0.6, 1], "WOMAN": [0, 0.6, 1], "queen": [1, 0.6, 1], "boy": [0.1, 0, 1],
    "girl": [0.1, 0.6, 1], "stone": [-1, 0, 0],
}  # fmt: skip
ASKED = AnalogySet(
    "family",
    (Section("family", (
        ("man", "king", "woman", ("queen",)), ("Man", "King", "Woman", ("queen", "girl")),
        ("man", "boy", "woman", ("GIRL",)),
    )),),
)  # fmt: skip


@pytest.mark.parametrize("method", ANALOGY_METHODS[:3])
def test_the_answer_is_a_word_as_the_questions_spell_it(method):
    """QUEEN is the most frequent spelling, and its vector is not that of the word asked for."""
    vectors = vectors_of(ROYALS)
    outcomes = answer_analogies(vectors, ASKED, method=method)
    assert [vectors.words[i] for i in outcomes.answers] == ["queen", "queen", "girl"]
    assert outcomes.correct.all()
    # both spellings of king are named; of queen and woman one is, which stands for the other
    assert outcomes.n_candidates == 8


@pytest.mark.parametrize("method", ANALOGY_METHODS)
def test_an_answer_is_none_of_the_spellings_of_the_question_s_words(method):
    vectors = vectors_of(ROYALS)
    questions = [
        ("man", "king", "woman", ("queen",)), ("Man", "King", "Woman", ("queen",)),
        ("boy", "KING", "girl", ("queen",)),
    ]  # fmt: skip
    asked = AnalogySet("f", (Section("f", tuple(questions)),))
    outcomes = answer_analogies(vectors, asked, method=method)
    answers = [vectors.words[i].lower() for i in outcomes.answers]
    for answer, (a, b, c, _) in zip(answers, questions, strict=True):
        assert answer not in {a.lower(), b.lower(), c.lower()}


def test_an_answer_that_differs_from_a_right_one_only_in_case_is_right():
    rows = dict(ROYALS, Queen=[1, 0.6, 1])
    del rows["queen"], rows["QUEEN"]
    vectors = vectors_of(rows)
    assert evaluate_analogies(vectors, ASKED).total.accuracy == 1
    assert evaluate_analogies(vectors, ASKED, case_insensitive=False).total.found == 0


class Words:
    """An encoder that gives each word of a sentence, cut at spaces, a vector of its own."""

    def tokenize(self, sentence):
        return sentence.split()

    def encode(self, sentences):
        for sentence in sentences:
            tokens = self.tokenize(sentence)
            yield Sentence(tokens, np.eye(len(tokens), 9, dtype=np.float32), [])


def test_a_word_in_its_sentence_is_found_by_lower_case_after_its_spelling():
    (sentence,) = Words().encode(["Maße masse Masse"])
    assert [queries.token_index(sentence, each) for each in ("masse", "Masse", "MASSE")] == [
        1,
        2,
        1,
    ]
    assert queries.token_index(sentence, "maße") == 0
    with pytest.raises(QueryError, match="'Masze' is none of the words"):
        queries.token_index(sentence, "Masze")
    (only,) = Words().encode(["die Maße"])
    with pytest.raises(QueryError, match="'masse' is none of the words"):
        queries.token_index(only, "masse")


def test_the_uses_of_a_word_are_none_of_another_s():
    lines = [
        "die Maße des Tischs",
        "die MASSE und das Maß",
        "Masse",
        "eine masse Geld",
        "Masse hier",
    ]
    found = senses.induce_senses(
        Words(), [*lines, *lines], "masse", SensesConfig(senses=1, examples=9)
    )
    assert found.n_seen == 8
    assert set(found.senses[0].examples) == set(lines[1:])


def test_neighbours_in_context_leave_out_the_word_in_any_case_and_no_other(monkeypatch):
    asked = []

    def encode_in_isolation(encoder, words, report):
        asked.extend(words)
        return words, np.eye(len(words), 9, dtype=np.float32)

    monkeypatch.setattr(queries, "encode_in_isolation", encode_in_isolation)
    queries.similar(Words(), "die masse", "masse", candidates=["Masse", "Maße", "maße", "MASSE"])
    assert asked == ["Maße", "maße"]


def test_the_shell_completes_a_word_by_those_that_differ_in_case_only(tmp_path):
    words = ["STRASSE", "straße", "Straßen", "STRAẞE", "strassen"]
    vectors = VectorTable(words, np.eye(len(words), dtype=np.float32))
    store.save(ModelRecord(vectors, {}), tmp_path / "m")
    settings = {"as_json": False, "as_tsv": False}
    found = ShellSession([tmp_path / "m"], settings).completions("straß")
    assert [each.text for each in found] == ["straße", "Straßen"]


@pytest.mark.parametrize("asked", ["cafe\u0301", "CAFE\u0301", "ｃａｆé", "Café"])
def test_a_word_whose_letters_are_written_otherwise_is_suggested(asked: str) -> None:
    assert SpellingIndex(["care", "café", "calf"]).nearest(asked, 1) == ["café"]
    assert SpellingIndex(["care", "cafe\u0301", "calf"]).nearest(asked, 1) == ["cafe\u0301"]
