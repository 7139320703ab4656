"""Phrases are those of gensim and of word2phrase.c, and are counted exactly."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.text import ENGLISH_CONNECTOR_WORDS, PhrasesConfig
from embedtool.corpus import phrase_counting
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.phrase_counting import find_phrases, npmi_score, word2phrase_score
from embedtool.corpus.phrases import Phrases
from embedtool.errors import CorpusError, ResourceError
from embedtool.io.progress import Progress

CONNECTORS = {"none": frozenset(), "english": ENGLISH_CONNECTOR_WORDS, "b, c": frozenset("bc")}


def drawn_sentences(n: int = 900) -> list[list[str]]:
    """Sentences of few words, so that pairs and sequences of connector words recur."""
    rng = random.Random(1)
    words = [*"abcdefgh", "of", "the", "and", "rare"]
    weights = [9, 8, 7, 6, 5, 4, 3, 2, 6, 6, 3, 0.1]
    return [rng.choices(words, weights, k=rng.randrange(12)) for _ in range(n)]


def learned(sentences: Sequence[Sequence[str]], folder: Path, **options: object) -> Phrases:
    path = folder / "text"
    path.write_text("".join(f"{' '.join(sentence)}\n" for sentence in sentences))
    phrases = Phrases(PhrasesConfig(**options))  # type: ignore[arg-type]
    phrases.learn(Corpus(path))
    return phrases


def word2phrase_c(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    """Score as word2phrase.c does, with the arguments that gensim gives to a scorer."""
    if bigram_count < min_count:
        return -math.inf
    return (bigram_count - min_count) / worda_count / wordb_count * corpus_word_count


@pytest.mark.parametrize("connectors", CONNECTORS)
@pytest.mark.parametrize(("scoring", "threshold"), [("npmi", 0.0), ("word2phrase", 0.6)])
@pytest.mark.parametrize("min_count", [1, 5])
def test_phrases_and_scores_are_those_of_gensim(
    connectors: str, scoring: str, threshold: float, min_count: int, tmp_path: Path
) -> None:
    peer = pytest.importorskip("gensim.models.phrases")
    sentences = drawn_sentences()
    theirs = peer.Phrases(
        sentences,
        min_count=min_count,
        threshold=threshold,
        scoring=word2phrase_c if scoring == "word2phrase" else scoring,
        connector_words=CONNECTORS[connectors],
    )
    options = {"scoring": scoring, "threshold": threshold, "min_count": min_count}
    ours = learned(sentences, tmp_path, connector_words=connectors, **options)
    expected = {tuple(pair.split("_")): score for pair, score in theirs.export_phrases().items()}
    assert len(expected) > 9
    assert ours.scores == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert [ours.join(each) for each in sentences] == [theirs[each] for each in sentences]


def test_english_connector_words_are_those_of_gensim() -> None:
    peer = pytest.importorskip("gensim.models.phrases")
    assert peer.ENGLISH_CONNECTOR_WORDS == ENGLISH_CONNECTOR_WORDS


def by_word2phrase_c(words: Sequence[str], min_count: int, threshold: float) -> list[str]:
    """Join the phrases of a text of one line as word2phrase.c does, in its order of operations.

    Its score is a float; a word that ends a phrase gets the count 0, so that it begins none.
    """
    counts, pairs = Counter(words), Counter(pairwise(words))
    joined, last_count = [words[0]], counts[words[0]]
    for last, word in pairwise(words):
        count, together = counts[word], pairs[last, word]
        score = np.float32(0)
        if min(last_count, count, together) >= min_count:
            score = np.float32(together - min_count) / np.float32(last_count) / np.float32(count)
            score *= np.float32(len(words))
        if score > threshold:
            joined[-1] += f"_{word}"
            count = 0
        else:
            joined.append(word)
        last_count = count
    return joined


@pytest.mark.parametrize(("min_count", "threshold"), [(1, 0.99), (5, 0.9), (40, 0.6)])
def test_joined_text_is_that_of_word2phrase_c(
    min_count: int, threshold: float, tmp_path: Path
) -> None:
    """On a text of one line: it counts the last word of a line with the first of the next."""
    words = [word for sentence in drawn_sentences() for word in sentence]
    ours = learned([words], tmp_path, min_count=min_count, threshold=threshold)
    expected = by_word2phrase_c(words, min_count, threshold)
    assert ours.join(words) == expected
    assert len(expected) < 0.98 * len(words)


def test_counts_are_the_same_with_runs_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"min_count": 1, "scoring": "npmi", "threshold": -1, "connector_words": "english"}
    whole = learned(drawn_sentences(), tmp_path, **options).scores
    for name, value in (("MIN_KEYS", 50), ("MAX_KEYS", 50), ("MERGED_KEYS", 64), ("MIN_GAPS", 1)):
        monkeypatch.setattr(phrase_counting, name, value)
    assert learned(drawn_sentences(), tmp_path, **options).scores == whole


@pytest.mark.parametrize("scoring", ["word2phrase", "gensim"])
def test_pairs_are_counted_and_merged_with_progress(scoring: Any, tmp_path: Path) -> None:
    seen: list[Progress] = []
    (tmp_path / "a").write_text("a b c\n" * 9)
    find_phrases(Corpus(tmp_path / "a"), PhrasesConfig(scoring=scoring), tmp_path, seen.append)
    counted = [each for each in seen if each.stage != "reading"]
    assert counted == [
        Progress("counting pairs", 27, 27, "words"), Progress("merging pairs", 2, 2, "pairs")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scoring", "parameter", "start"),
    [
        ("word2phrase", "min_count", "7 words are too many to count phrases with more than 4"),
        ("gensim", "scoring", "8 words are too many to count phrases with more than 4"),
    ],
)
def test_more_sequences_of_connector_words_than_a_key_holds_are_an_error(
    scoring: str, parameter: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gensim's score counts the pairs of rare words too, whatever min_count is."""
    monkeypatch.setattr(phrase_counting, "MAX_GAPS", 4)
    with pytest.raises(ResourceError) as error:
        learned(
            drawn_sentences(), tmp_path, scoring=scoring, min_count=50, connector_words="english"
        )
    assert str(error.value).startswith(f"{start} sequences of connector words")
    assert error.value.parameters == (parameter, "connector_words")


def test_a_score_of_counts_whose_product_exceeds_64_bits() -> None:
    first, second, together = (np.array([n], np.int64) for n in (2**40, 2**39, 2**38))
    score = word2phrase_score(first, second, together, 0, 2**42)
    assert score.tolist() == [2.0 ** (38 + 42 - 40 - 39)]
    assert npmi_score(first, second, together, 2**42).tolist() == [pytest.approx(1 / 4)]


def test_a_token_with_a_space_is_named(tmp_path: Path) -> None:
    sentences = [["a", "b"], ["c", "new york", "d"]]
    with pytest.raises(CorpusError, match=r"^the token 'new york' contains a space, which would"):
        Phrases(PhrasesConfig()).learn(Corpus(sentences))
