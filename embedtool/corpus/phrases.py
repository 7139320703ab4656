"""Phrases: pairs of words that co-occur more often than expected, joined into one token."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from embedtool.config.text import PhrasesConfig, TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.notes import warn_of_script
from embedtool.corpus.phrase_counting import Pair, find_phrases, spaced_token
from embedtool.corpus.sources import is_url
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.tokens import ASCII_SPACE
from embedtool.errors import CorpusError
from embedtool.io.atomic import atomic_write
from embedtool.io.deletion import temporary_directory
from embedtool.io.encodings import BYTE_ORDER_MARK, decode
from embedtool.io.progress import Report, silent

INSPECTED_TOKENS = 2**20
"""Number of tokens from which the script of a text is recognised."""

BETWEEN = " "
"""Separator of connector words and the second word of a pair in a table; no token contains it."""


class Phrases:
    """Pairs of words that are joined.

    Parameters
    ----------
    config : PhrasesConfig
        How they are found.
    scores : dict of Pair to float, optional
        The score of each pair.

    Attributes
    ----------
    n_joined : int
        Pairs joined so far.
    """

    def __init__(self, config: PhrasesConfig, scores: dict[Pair, float] | None = None) -> None:
        self.config = config
        self._take(scores or {})
        self.n_joined = 0

    def _take(self, scores: dict[Pair, float]) -> None:
        self.scores = scores
        self._within = {word for pair in scores for word in pair[1:-1]}

    def learn(self, corpus: Corpus, report: Report = silent) -> None:
        """Learn the pairs of a corpus that score above the threshold.

        Raises
        ------
        CorpusError
            If a token contains a space, as only one of a list can.
        """
        with temporary_directory() as folder:
            self._take(find_phrases(corpus, self.config, folder, report))

    def join(self, sentence: list[str]) -> list[str]:
        """Return a sentence with its pairs joined, from left to right; no word is in two pairs."""
        joined: list[str] = []
        done = 0
        for start, end in self.spans(sentence):
            joined += sentence[done:start]
            joined.append(self.config.delimiter.join(sentence[start:end]))
            self.n_joined += 1
            done = end
        return joined + sentence[done:]

    def spans(self, sentence: list[str]) -> list[tuple[int, int]]:
        """Return the start and the end of each pair that `join` joins."""
        spans: list[tuple[int, int]] = []
        start = 0
        while start < len(sentence):
            end = start + 1
            while end < len(sentence) and sentence[end] in self._within:
                end += 1
            end += 1
            if tuple(sentence[start:end]) in self.scores:
                spans.append((start, end))
                start = end
            else:
                start += 1
        return spans


def without_spaces(sentences: Iterable[list[str]]) -> Iterator[list[str]]:
    """Yield sentences; raise CorpusError if a token contains a space, which text cannot keep."""
    for sentence in sentences:
        if ASCII_SPACE.search("".join(sentence)):
            raise spaced_token(next(filter(ASCII_SPACE.search, sentence)))
        yield sentence


class ScriptCheck:
    """Counts the words of the first sentences, to recognise a script without spaces."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._n_left = INSPECTED_TOKENS

    def watch(self, sentences: Iterable[list[str]]) -> Iterator[list[str]]:
        """Yield the sentences unchanged."""
        for sentence in sentences:
            if self._n_left > 0:
                self._counts.update(sentence)
                self._n_left -= len(sentence)
            yield sentence

    def warn(self, text: TextConfig) -> None:
        """Log a warning if the text has a script without spaces between words."""
        counts = np.fromiter(self._counts.values(), np.int64, len(self._counts))
        warn_of_script(text, StringTable.from_words(self._counts), counts)


@contextmanager
def rereadable(corpus: Corpus, report: Report = silent) -> Iterator[Corpus]:
    """Yield a corpus that can be read twice: the tokens of a pipe are written to a file."""
    is_file = [is_url(source) or Path(source).is_file() for source in corpus.sources]
    if is_file and all(is_file):
        yield corpus
        return
    with temporary_directory() as folder:
        path = folder / "text.txt"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            sentences = without_spaces(corpus.sentences(report))
            file.writelines(f"{' '.join(sentence)}\n" for sentence in sentences)
        yield Corpus([str(path)], TextConfig(input_format="text"))


def above_threshold(scores: dict[Pair, float], threshold: float | None) -> dict[Pair, float]:
    """Return the pairs that score above a threshold, if there is one."""
    return {pair: score for pair, score in scores.items() if threshold is None or score > threshold}


def write_table(scores: dict[Pair, float], path: Path) -> None:
    """Write a line per pair: first word, second word and score, separated by tabs; best first.

    Connector words come before the second word, separated by spaces.
    """
    best = sorted(scores.items(), key=lambda item: -item[1])
    lines = [f"{first}\t{BETWEEN.join(rest)}\t{score:.9g}\n" for (first, *rest), score in best]
    with atomic_write(path) as file:
        if lines and lines[0].startswith(BYTE_ORDER_MARK):  # of which a reader leaves out one
            file.write(BYTE_ORDER_MARK.encode())
        file.writelines(line.encode() for line in lines)


def read_table(path: Path) -> dict[Pair, float]:
    """Read what `write_table` wrote; raise CorpusError naming a line that is something else."""
    scores: dict[Pair, float] = {}
    try:
        lines = decode(path.read_bytes()).split("\n")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}, byte {error.start:,}: invalid UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            first, second, score = line.split("\t")
            pair = (first, *second.split(BETWEEN))
            scores[pair] = float(score)
            if not all(pair):
                raise ValueError
        except ValueError:
            raise CorpusError(
                f"{path}, line {number}: not two words and a score, separated by tabs"
            ) from None
    return scores
