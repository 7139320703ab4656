"""What a model is trained on: sentences as lists of tokens, or a file with one sentence a line."""

import logging
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, check_pairs, encode
from embedtool.corpus.scanning import ScannedCorpus, scan
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError
from embedtool.gensim.errors import ArgumentError, ArgumentTypeError, NotReadyError
from embedtool.io.deletion import temporary_directory

log = logging.getLogger(__name__)

MAX_SENTENCE_TOKENS = 10_000
"""gensim's largest sentence: longer lines are cut."""
LINES = TextConfig(tokenizer="whitespace", input_format="text")
"""How a `corpus_file` is read."""


@dataclass
class Text:
    """A text that has been read once, into a folder.

    Attributes
    ----------
    scanned : ScannedCorpus
        Its tokens.
    folder : Path
        The folder.
    n_sentences, n_tokens : int
        Sentences, with empty ones, and tokens.
    """

    scanned: ScannedCorpus
    folder: Path
    n_sentences: int
    n_tokens: int

    def counts(self) -> dict[str, int]:
        """Return how often each token occurs, in order of first appearance."""
        return dict(zip(self.scanned.words, self.scanned.counts.tolist(), strict=True))

    def encoded(self, words: Sequence[str], counts: NDArray[np.int64]) -> EncodedCorpus:
        """Return the text as ids of these words, which are sorted by decreasing count.

        Raises
        ------
        NotReadyError
            If no sentence has two of them.
        """
        row_of = {word: row for row, word in enumerate(self.scanned.words)}
        rows = np.fromiter((row_of.get(word, -1) for word in words), np.int64, len(words))
        vocabulary = Vocabulary(words, counts, len(row_of), self.n_tokens)
        encoded = encode(self.scanned, vocabulary, rows, self.folder)
        try:
            check_pairs(encoded)
        except TrainingError:
            raise NotReadyError(
                "no sentence has two words of the vocabulary, so there are no pairs to train on; "
                "give longer sentences, or build the vocabulary with a lower min_count",
                parameters=("sentences", "min_count"),
            ) from None
        return encoded

    def compare_sizes(self, total_examples: int | None, total_words: int | None) -> None:
        """Warn if the text has more or fewer sentences or tokens than was said."""
        for name, expected, found in (
            ("total_examples", total_examples, self.n_sentences),
            ("total_words", total_words, self.n_tokens),
        ):
            if expected not in (None, found):
                log.warning("%s=%s, but the text has %s", name, expected, f"{found:,}")


@contextmanager
def opened_text(
    sentences: Iterable[Sequence[str]] | None, corpus_file: str | Path | None
) -> Iterator[Text]:
    """Read sentences or a file, once; yield the text, which is deleted after the block.

    Raises
    ------
    ArgumentTypeError
        If not exactly one of the two is given, or it is not what it should be.
    NotReadyError
        If there are no sentences.
    """
    check_text(sentences, corpus_file)
    tally = Tally()
    corpus = (
        Corpus(str(corpus_file), LINES) if sentences is None else Corpus(_checked(sentences, tally))
    )
    with temporary_directory() as folder:
        scanned = scan(corpus, folder)
        if sentences is None:
            tally = Tally(scanned.n_sentences, int(scanned.counts.sum()))
        yield Text(scanned, folder, tally.n_sentences, tally.n_tokens)


def check_text(sentences: Any, corpus_file: Any) -> None:
    """Raise ArgumentTypeError unless exactly one text is given, of the right type."""
    if (sentences is None) == (corpus_file is None):
        raise ArgumentTypeError(
            "give either sentences or a corpus_file", parameters=("sentences", "corpus_file")
        )
    if sentences is not None and (
        isinstance(sentences, str | bytes) or not isinstance(sentences, Iterable)
    ):
        raise ArgumentTypeError(
            f"sentences must be an iterable of lists of tokens, not {type(sentences).__name__}",
            parameters=("sentences",),
        )
    if sentences is None and not (
        isinstance(corpus_file, str | PathLike) and Path(corpus_file).is_file()
    ):
        raise ArgumentTypeError(
            f"corpus_file must be the path of a file, not {corpus_file!r}",
            parameters=("corpus_file",),
        )


@dataclass
class Tally:
    """How much has been read."""

    n_sentences: int = 0
    n_tokens: int = 0


def _checked(sentences: Iterable[Any], tally: Tally) -> Iterator[Sequence[str]]:
    """Return the sentences, each a list or tuple of str, and count them while they are read.

    Raises
    ------
    NotReadyError
        If there is none.
    """
    checked = each_checked(sentences, tally)
    first = next(checked, None)
    if first is None:
        raise NotReadyError("there are no sentences to train on", parameters=("sentences",))
    return chain([first], checked)


def each_checked(sentences: Iterable[Any], tally: Tally) -> Iterator[list[str] | tuple[str, ...]]:
    """Yield each sentence, a list or tuple of str, and count it.

    Raises
    ------
    ArgumentTypeError
        If a sentence is not a list of str.
    """
    for sentence in sentences:
        tally.n_sentences += 1
        where = f"sentence {tally.n_sentences:,}"
        if isinstance(sentence, str | bytes) or not (
            isinstance(sentence, Sized) and isinstance(sentence, Iterable)
        ):
            raise ArgumentTypeError(
                f"{where} is {type(sentence).__name__}, not a list of tokens; split text into "
                "tokens first",
                parameters=("sentences",),
            )
        tokens = sentence if isinstance(sentence, list | tuple) else list(sentence)
        wrong = [kind for kind in set(map(type, tokens)) if not issubclass(kind, str)]
        if wrong:
            raise ArgumentTypeError(
                f"{where} holds a token that is {wrong[0].__name__}, not str; convert tokens: "
                "list(map(str, sentence))",
                parameters=("sentences",),
            )
        tally.n_tokens += len(tokens)
        yield tokens


class LineSentence:
    """The sentences of a text file, one a line, of tokens between white space.

    Parameters
    ----------
    source : str, Path or binary file
        The file, compressed or not; an open one is read from its start.
    max_sentence_length : int
        Longer lines are cut.
    limit : int, optional
        Number of lines to read.
    """

    def __init__(
        self,
        source: str | Path | IO[Any],
        max_sentence_length: int = MAX_SENTENCE_TOKENS,
        limit: int | None = None,
    ) -> None:
        self.source, self.max_sentence_length, self.limit = source, max_sentence_length, limit

    def __iter__(self) -> Iterator[list[str]]:
        if isinstance(self.source, str | PathLike):
            from smart_open import open as open_any

            with open_any(self.source, "rb") as file:
                yield from self._sentences(file)
        else:
            self.source.seek(0)
            yield from self._sentences(self.source)

    def _sentences(self, file: Iterable[str | bytes]) -> Iterator[list[str]]:
        for line in islice(file, self.limit):
            tokens = (line if isinstance(line, str) else line.decode()).split()
            for first in range(0, len(tokens), self.max_sentence_length):
                yield tokens[first : first + self.max_sentence_length]


class PathLineSentences:
    """The sentences of all files of a folder, by name, as `LineSentence` reads them.

    Parameters
    ----------
    source : str or Path
        The folder, or one file.
    max_sentence_length, limit
        As for `LineSentence`; the limit is that of each file.
    """

    def __init__(
        self,
        source: str | Path,
        max_sentence_length: int = MAX_SENTENCE_TOKENS,
        limit: int | None = None,
    ) -> None:
        path = Path(source)
        if not path.exists():
            raise ArgumentError(f"{source}: no such file or folder", parameters=("source",))
        self.files = sorted(path.iterdir()) if path.is_dir() else [path]
        self.max_sentence_length, self.limit = max_sentence_length, limit

    def __iter__(self) -> Iterator[list[str]]:
        for file in self.files:
            yield from LineSentence(file, self.max_sentence_length, self.limit)
