"""Phrases with gensim's names: found by embedtool's counts, and joined in sentences."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from embedtool.config.text import ENGLISH_CONNECTOR_WORDS as ENGLISH_CONNECTOR_WORDS
from embedtool.config.text import PhrasesConfig
from embedtool.corpus import phrases
from embedtool.corpus.phrase_counting import score_pairs
from embedtool.corpus.token_lists import TokenLists
from embedtool.errors import FormatError
from embedtool.gensim.errors import ArgumentError, ArgumentTypeError, UnsupportedError
from embedtool.gensim.text import Tally, each_checked, opened_text
from embedtool.io.file_types import HEAD_BYTES, PICKLES

log = logging.getLogger(__name__)

MAX_VOCAB_SIZE = 40_000_000
"""gensim's default of `max_vocab_size`."""
SCORINGS = {"default": "gensim", "npmi": "npmi"}
"""embedtool's names of gensim's scores."""
DELIMITER = PhrasesConfig.delimiter
"""The default of gensim too."""


class JoinedSentences:
    """Sentences whose phrases are joined, anew for each iteration.

    Parameters
    ----------
    phrases : Joiner
        The phrases.
    sentences : iterable of lists of str
        The sentences. Those of an iterator can be read only once; more is a CorpusError.
    """

    def __init__(self, phrases: "Joiner", sentences: Iterable[Any]) -> None:
        self._phrases, self._sentences = phrases, TokenLists(sentences)

    def __iter__(self) -> Iterator[list[str]]:
        for sentence in each_checked(self._sentences, Tally()):
            yield self._phrases.join(sentence)


class Joiner:
    """Phrases that have been found: what `Phrases` and `FrozenPhrases` share.

    Parameters
    ----------
    found : embedtool.corpus.phrases.Phrases
        The phrases.
    config : PhrasesConfig, optional
        How they were found, if that is known.
    """

    def __init__(self, found: phrases.Phrases, config: PhrasesConfig | None) -> None:
        self.found, self.config = found, config

    @property
    def min_count(self) -> int | None:
        """The minimum count; None if the phrases were loaded."""
        return None if self.config is None else self.config.min_count

    @property
    def threshold(self) -> float | None:
        """The score that phrases exceed; None if the phrases were loaded."""
        return None if self.config is None else self.config.threshold

    @property
    def connector_words(self) -> frozenset[str] | None:
        """The words that may stand within a phrase; None if the phrases were loaded."""
        return None if self.config is None else self.config.connectors

    @property
    def delimiter(self) -> str:
        """What stands between the words of a phrase."""
        return self.found.config.delimiter

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}<{len(self.found.scores)} phrases, min_count={self.min_count}, "
            f"threshold={self.threshold}>"
        )

    def __getitem__(self, sentence: Iterable[Any]) -> Any:
        """Return a sentence, or the sentences of a text, with the phrases joined.

        Parameters
        ----------
        sentence : list of str, or iterable of lists of str
            A sentence, or many.

        Returns
        -------
        list of str, or JoinedSentences
            Many sentences can be iterated over as often as those that were given.

        Raises
        ------
        ArgumentTypeError
            If it is a str, or a sentence is. It is a TypeError.
        """
        if isinstance(sentence, str | bytes) or not isinstance(sentence, Iterable):
            raise ArgumentTypeError(
                f"a sentence must be a list of tokens, not {type(sentence).__name__}; split text "
                "into tokens first",
                parameters=("sentence",),
            )
        iterator = iter(sentence)
        first = list(islice(iterator, 1))
        whole = chain(first, iterator) if iterator is sentence else sentence
        if first and not isinstance(first[0], str):
            return JoinedSentences(self, whole)
        return next(iter(JoinedSentences(self, [list(whole)])))

    def join(self, sentence: Iterable[str]) -> list[str]:
        """Return a sentence with the phrases joined."""
        return self.found.join(list(sentence))

    def analyze_sentence(self, sentence: Iterable[str]) -> Iterator[tuple[str, float | None]]:
        """Yield each word or joined phrase of a sentence, and its score; that of a word is None."""
        for tokens in map(list, each_checked([sentence], Tally())):
            done = 0
            for start, end in self.found.spans(tokens):
                yield from ((word, None) for word in tokens[done:start])
                pair = tokens[start:end]
                yield self.delimiter.join(pair), self.found.scores[tuple(pair)]
                done = end
            yield from ((word, None) for word in tokens[done:])

    def find_phrases(self, sentences: Iterable[Iterable[str]]) -> dict[str, float]:
        """Return the joined phrases that occur in sentences, and their scores."""
        parts = chain.from_iterable(map(self.analyze_sentence, sentences))
        return {phrase: score for phrase, score in parts if score is not None}

    def save(self, fname: str | Path) -> None:
        """Write the phrases and their scores as the table of `embedtool phrases --table`.

        `embedtool phrases --apply` reads it too. It has neither the delimiter nor how the phrases
        were found.
        """
        phrases.write_table(self.found.scores, Path(fname))
        if self.delimiter != DELIMITER:
            log.warning(
                "%s: a table has no delimiter; load it with delimiter=%r", fname, self.delimiter
            )

    @classmethod
    def load(cls, fname: str | Path, delimiter: str = DELIMITER) -> "FrozenPhrases":
        """Return the phrases of a table that `save` or `embedtool phrases --table` wrote.

        Raises
        ------
        FormatError
            If the file is a pickle, as those of gensim are.
        CorpusError
            If it is no such table.
        """
        path = Path(fname)
        if path.is_file():
            with path.open("rb") as file:
                if file.read(HEAD_BYTES).startswith(PICKLES):
                    raise FormatError(
                        f"{path}: is a pickle, which can run code when it is opened; find the "
                        "phrases anew, or write a line for each of gensim's: first word, tab, "
                        "other words between spaces, tab, score"
                    )
        scores = phrases.read_table(path)
        found = phrases.Phrases(PhrasesConfig(delimiter=delimiter), scores)
        return FrozenPhrases(Joiner(found, None))

    def joined_scores(self) -> dict[str, float]:
        """Return the joined phrases and their scores."""
        return {self.delimiter.join(pair): score for pair, score in self.found.scores.items()}


class Phrases(Joiner):
    """Pairs of words that occur together more often than expected, with gensim's arguments.

    The arguments stay as they are: another threshold needs another object.

    Parameters
    ----------
    sentences : iterable of lists of str, optional
        The text; it is read once. Without it `add_vocab` reads it.
    min_count : int
        Minimum count of a word, and of a pair.
    threshold : float
        Score that a phrase exceeds.
    max_vocab_size : int
        Makes no difference: every pair is counted, on the disk if memory is too small.
    delimiter : str
        What is put between the words of a phrase.
    progress_per : int
        Makes no difference.
    scoring : {'default', 'npmi'}
        gensim's score, or normalised pointwise mutual information.
    connector_words : set of str
        Words that may stand within a phrase, but neither begin nor end it.

    Raises
    ------
    ConfigError
        If a value is invalid. It is a ValueError.
    UnsupportedError
        If `scoring` is a function.
    """

    def __init__(
        self,
        sentences: Iterable[Sequence[str]] | None = None,
        min_count: int = 5,
        threshold: float = 10.0,
        max_vocab_size: int = MAX_VOCAB_SIZE,
        delimiter: str = DELIMITER,
        progress_per: int = 10_000,
        scoring: str | Callable[..., float] = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        if max_vocab_size < MAX_VOCAB_SIZE:
            log.warning("max_vocab_size is ignored: every word and pair is counted")
        config = PhrasesConfig(
            scoring=_scoring(scoring),
            threshold=threshold,
            min_count=min_count,
            delimiter=delimiter,
            connector_words=_connectors(connector_words),
        )
        super().__init__(phrases.Phrases(config), config)
        self.max_vocab_size, self.progress_per = max_vocab_size, progress_per
        self.corpus_word_count = 0
        if sentences is not None:
            self.add_vocab(sentences)

    def add_vocab(self, sentences: Iterable[Sequence[str]]) -> None:
        """Find the phrases of sentences, once.

        Raises
        ------
        UnsupportedError
            If phrases have been found before: the counts of the other pairs are not kept.
        NotReadyError
            If there are no sentences.
        ArgumentTypeError
            If a sentence is not a list of str. It is a TypeError.
        CorpusError
            If a token contains a space.
        """
        if self.corpus_word_count:
            raise UnsupportedError(
                "sentences cannot be added, because counts of pairs are not kept; give all at "
                "once: Phrases(itertools.chain(sentences, more))",
                parameters=("sentences",),
            )
        with opened_text(sentences, None) as text:
            scores = score_pairs(text.scanned, self.found.config, text.folder)
            self.corpus_word_count = len(text.scanned.ids)
        self.found = phrases.Phrases(self.found.config, scores)

    def export_phrases(self) -> dict[str, float]:
        """Return the joined phrases and their scores."""
        return self.joined_scores()

    def freeze(self) -> "FrozenPhrases":
        """Return the phrases without the means to find others."""
        return FrozenPhrases(self)


class FrozenPhrases(Joiner):
    """Phrases that have been found, with gensim's names; also called `Phraser`.

    Parameters
    ----------
    phrases_model : Phrases or FrozenPhrases
        Whose phrases they are.
    """

    def __init__(self, phrases_model: Joiner) -> None:
        if not isinstance(phrases_model, Joiner):
            raise ArgumentTypeError(
                f"phrases_model must be embedtool.gensim.Phrases, not {type(phrases_model)}",
                parameters=("phrases_model",),
            )
        super().__init__(phrases_model.found, phrases_model.config)

    @property
    def phrasegrams(self) -> Mapping[str, float]:
        """The joined phrases and their scores; it cannot be changed."""
        return MappingProxyType(self.joined_scores())


Phraser = FrozenPhrases
"""Its name in older programs."""


def _scoring(scoring: str | Callable[..., float]) -> Any:
    """Return embedtool's name of a score."""
    if callable(scoring):
        raise UnsupportedError(
            "scoring by a function is not supported; choose 'default' or 'npmi'",
            parameters=("scoring",),
        )
    if scoring not in SCORINGS:
        raise ArgumentError(
            f"scoring must be 'default' or 'npmi', not {scoring!r}", parameters=("scoring",)
        )
    return SCORINGS[scoring]


def _connectors(words: Iterable[str]) -> str:
    """Return connector words as embedtool's option, which is a list with commas."""
    given = frozenset() if isinstance(words, str) else frozenset(words)
    if isinstance(words, str) or not all(isinstance(word, str) for word in given):
        raise ArgumentTypeError(
            "connector_words must be a set of str", parameters=("connector_words",)
        )
    listed = "".join(f"{word}," for word in sorted(given)) or "none"
    if PhrasesConfig(connector_words=listed).connectors != given:
        raise UnsupportedError(
            "a connector word cannot contain a comma, nor white space at its ends; leave it out",
            parameters=("connector_words",),
        )
    return listed
