"""Phrases with gensim's names are gensim's phrases, with its scores."""

import logging
import pickle
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from embedtool.config.text import PhrasesConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.phrases import Phrases as FoundPhrases
from embedtool.corpus.phrases import read_table
from embedtool.errors import CorpusError, EmbedtoolError, FormatError
from embedtool.gensim import LineSentence, Word2Vec
from embedtool.gensim.errors import (
    ArgumentError,
    ArgumentTypeError,
    NotReadyError,
    UnsupportedError,
)
from embedtool.gensim.models.phrases import (
    ENGLISH_CONNECTOR_WORDS,
    FrozenPhrases,
    Phraser,
    Phrases,
)
from tests.conftest import Run
from tests.unit.test_phrase_counting import drawn_sentences

LAST = ["it", "is", "big", "it", "pays", "it"]
SENTENCES = [["the", "bank", "of", "america", "pays"], ["new", "york", "is", "big"], LAST] * 6
JOINED = [["the", "bank_of_america", "pays"], ["new_york", "is", "big"], LAST] * 6
ENGLISH: dict[str, Any] = {"connector_words": ENGLISH_CONNECTOR_WORDS}


@pytest.fixture(scope="module")
def learned() -> Phrases:
    return Phrases(SENTENCES, min_count=1, threshold=2.0, **ENGLISH)


@pytest.mark.parametrize("connectors", [frozenset(), ENGLISH_CONNECTOR_WORDS, {"b", "c"}])
@pytest.mark.parametrize("min_count", [1, 5])
@pytest.mark.parametrize(("scoring", "threshold"), [("default", 0.02), ("npmi", 0.0)])
def test_phrases_scores_and_joined_sentences_are_those_of_gensim(
    scoring: str, threshold: float, min_count: int, connectors: set[str]
) -> None:
    peer = pytest.importorskip("gensim.models.phrases")
    sentences = drawn_sentences()
    arguments = {"min_count": min_count, "threshold": threshold, "scoring": scoring}
    theirs = peer.Phrases(sentences, **arguments, connector_words=connectors)
    ours = Phrases(sentences, **arguments, connector_words=connectors)
    assert len(theirs.export_phrases()) > 9
    assert ours.export_phrases() == pytest.approx(theirs.export_phrases(), rel=1e-12, abs=1e-12)
    assert ours.freeze().phrasegrams == ours.export_phrases()
    assert list(ours[sentences]) == list(theirs[sentences])
    assert list(ours.freeze()[sentences]) == list(theirs.freeze()[sentences])
    assert ours.find_phrases(sentences[:9]) == pytest.approx(theirs.find_phrases(sentences[:9]))
    assert list(ours.analyze_sentence(sentences[3])) == [
        (word, pytest.approx(score)) for word, score in theirs.analyze_sentence(sentences[3])
    ]
    assert ours.corpus_word_count == theirs.corpus_word_count


def test_a_score_at_the_threshold_is_decided_as_in_gensim() -> None:
    peer = pytest.importorskip("gensim.models.phrases")
    sentences = drawn_sentences()
    scores = sorted(Phrases(sentences, threshold=0.02).export_phrases().values())
    for threshold in scores[::9]:
        theirs = peer.Phrases(sentences, threshold=threshold).export_phrases()
        assert Phrases(sentences, threshold=threshold).export_phrases() == theirs


def test_the_default_score_has_the_number_of_all_words_and_pairs() -> None:
    """Rare ones too, of which there are six: four words and the pairs x y, z q."""
    sentences = [["a", "b"]] * 7 + [["x", "y"], ["z", "q"]]
    scores = Phrases(sentences, threshold=0.1).export_phrases()
    assert scores == {"a_b": (7 - 5) / (7 * 7) * (2 + 1 + 6)}
    assert Phrases(sentences, threshold=scores["a_b"]).export_phrases() == {}


def test_the_command_line_has_gensims_score_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("".join(f"{' '.join(each)}\n" for each in SENTENCES))
    arguments = ["phrases", tmp_path / "text", "--scoring", "gensim", "--threshold", "2"]
    arguments += ["--min-count", "1", "--connector-words", "english"]
    result = run(*arguments, "--table", tmp_path / "table")
    assert [line.split() for line in result.stdout.splitlines()] == JOINED
    table = FrozenPhrases.load(tmp_path / "table")
    assert list(table[SENTENCES]) == JOINED


def test_the_threshold_of_gensims_score_is_10_by_default_and_positive() -> None:
    assert PhrasesConfig(scoring="gensim").threshold == 10
    for threshold in (0, -1):
        with pytest.raises(ValueError, match=r"^threshold must be above 0 for gensim's score"):
            Phrases(threshold=threshold)


def test_a_sentence_is_joined_at_once_and_a_text_for_each_iteration(learned: Phrases) -> None:
    for phrases in (learned, learned.freeze(), Phraser(learned)):
        assert phrases[SENTENCES[0]] == phrases[tuple(SENTENCES[0])] == JOINED[0]
        assert phrases[iter(SENTENCES[0])] == JOINED[0]
        assert phrases[[]] == []
        text = phrases[SENTENCES]
        assert list(text) == list(text) == JOINED
        assert list(phrases[[[], *SENTENCES]]) == [[], *JOINED]


def test_sentences_of_an_iterator_are_not_lost_in_silence(learned: Phrases) -> None:
    text = learned[iter(SENTENCES)]
    assert list(text) == JOINED
    with pytest.raises(CorpusError, match="an iterator, which can be read only once"):
        list(text)


def test_a_script_joins_phrases_and_trains_on_them(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("".join(f"{' '.join(each)}\n" for each in SENTENCES))
    phrases = Phrases(LineSentence(path), min_count=1, threshold=2)
    bigram = phrases.freeze()
    model = Word2Vec(bigram[LineSentence(path)], vector_size=4, epochs=1)
    assert "new_york" in model.wv
    trigram = Phrases(bigram[LineSentence(path)], min_count=1, threshold=1.5)
    assert "the_bank_of_america" in set(chain(*trigram[bigram[LineSentence(path)]]))


WRONG: dict[str, tuple[Callable[[Phrases], object], type[EmbedtoolError], str]] = {
    "a str for a sentence": (lambda p: p["new york"], ArgumentTypeError, "list of tokens, not str"),
    "a number for a sentence": (lambda p: p[5], ArgumentTypeError, "list of tokens, not int"),
    "a str in a text": (lambda p: list(p[[["a"], "b c"]]), ArgumentTypeError, "^sentence 2 is str"),
    "a token that is no str": (lambda p: p[["a", 5]], ArgumentTypeError, "a token that is int"),
    "a str to analyze": (lambda p: list(p.analyze_sentence("a b")), ArgumentTypeError, "is str"),
    "a str among sentences": (lambda p: p.find_phrases(["a b"]), ArgumentTypeError, "is str"),
    "a str for the text": (lambda _: Phrases("a b"), ArgumentTypeError, "^sentences must be"),
    "strs for sentences": (lambda _: Phrases(["a b"]), ArgumentTypeError, "^sentence 1 is str"),
    "no sentences": (lambda _: Phrases([]), NotReadyError, "there are no sentences"),
    "a space in a token": (lambda _: Phrases([["a b", "c"]]), CorpusError, "contains a space"),
    "another score": (lambda _: Phrases(scoring="pmi"), ArgumentError, "^scoring must be"),
    "a function": (lambda _: Phrases(scoring=max), UnsupportedError, "^scoring by a function"),
    "a str of connectors": (
        lambda _: Phrases(connector_words="of"), ArgumentTypeError, "^connector_words must be",
    ),
    "numbers for connectors": (
        lambda _: Phrases(connector_words={5}), ArgumentTypeError, "^connector_words must be",  # type: ignore[arg-type]
    ),
    "a comma": (lambda _: Phrases(connector_words={","}), UnsupportedError, "contain a comma"),
    "more sentences": (lambda p: p.add_vocab([["a"]]), UnsupportedError, "cannot be added"),
    "another class": (lambda _: Phraser(SENTENCES), ArgumentTypeError, "^phrases_model must be"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_joined_or_learned_is_an_error(what: str, learned: Phrases) -> None:
    act, kind, message = WRONG[what]
    with pytest.raises(kind, match=message) as error:
        act(learned)
    assert error.type is kind


def test_words_that_are_names_of_lists_are_connector_words_like_others() -> None:
    assert Phrases(connector_words={"english"}).connector_words == {"english"}
    assert Phrases(connector_words={"none"}).connector_words == {"none"}
    assert Phrases(connector_words=iter(["of", "the"])).connector_words == {"of", "the"}
    assert Phrases().connector_words == frozenset()


def test_sentences_may_come_after_the_object_is_made(learned: Phrases) -> None:
    later = Phrases(min_count=1, threshold=2.0, **ENGLISH)
    assert later[SENTENCES[1]] == SENTENCES[1]
    later.add_vocab(iter(SENTENCES))
    assert later.export_phrases() == learned.export_phrases()
    assert repr(later) == "Phrases<2 phrases, min_count=1, threshold=2.0>"


def test_what_would_make_no_difference_cannot_be_changed(learned: Phrases) -> None:
    with pytest.raises(AttributeError):
        learned.threshold = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        learned.freeze().phrasegrams["a_b"] = 1.0  # type: ignore[index]


def test_only_a_limit_of_the_vocabulary_that_is_asked_for_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Phrases(max_vocab_size=40_000_000, progress_per=5)
    assert not caplog.messages
    Phrases(max_vocab_size=100)
    assert caplog.messages == ["max_vocab_size is ignored: every word and pair is counted"]


def test_saved_phrases_are_a_table(
    learned: Phrases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "table"
    learned.save(path)
    assert read_table(path).keys() == {("bank", "of", "america"), ("new", "york")}
    for loaded in (
        Phrases.load(path),
        Phraser.load(str(path)),
        pickle.loads(pickle.dumps(learned)),
    ):
        assert list(loaded[SENTENCES]) == JOINED
    assert repr(Phrases.load(path)) == "FrozenPhrases<2 phrases, min_count=None, threshold=None>"
    assert Phrases.load(path).connector_words is None
    assert not caplog.messages


def test_a_delimiter_is_given_again_to_a_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    phrases = Phrases(SENTENCES, min_count=1, threshold=2, delimiter="+")
    assert "new+york" in phrases[SENTENCES[1]]
    phrases.save(tmp_path / "table")
    assert caplog.record_tuples[-1][1:] == (
        logging.WARNING,
        f"{tmp_path / 'table'}: a table has no delimiter; load it with delimiter='+'",
    )
    assert "new+york" in FrozenPhrases.load(tmp_path / "table", delimiter="+")[SENTENCES[1]]


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "phrases.pkl").write_bytes(pickle.dumps({}, protocol=4))
    with pytest.raises(FormatError, match=r"phrases\.pkl: is a pickle, which can run code"):
        Phrases.load(tmp_path / "phrases.pkl")


def test_a_text_of_lists_joins_as_a_file_does() -> None:
    found = FoundPhrases(PhrasesConfig(scoring="gensim", threshold=0.1))
    found.learn(Corpus(SENTENCES))
    ours = Phrases(SENTENCES, threshold=0.1)
    assert ours.found.scores == found.scores
