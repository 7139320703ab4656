"""Collocations: pairs of words that stand together more often than chance has it.

In: a Corpus. Out: the pairs with their scores, and sentences in which such pairs are one word.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory

from embedtool.config import PhrasesConfig, TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.sources import is_url
from embedtool.errors import CorpusError
from embedtool.files import replaced
from embedtool.progress import Report, silent

Pair = tuple[str, str]

BETWEEN = " "
"""What gensim keeps between the words of a pair: no token holds it, so that no pair can be taken
for a word of the text."""


def word2phrase_score(
    worda_count: int,
    wordb_count: int,
    bigram_count: int,
    len_vocab: int,
    min_count: int,
    corpus_word_count: int,
) -> float:
    """(pair - min_count) / (first * second) * tokens (Mikolov et al. 2013b, eq. 6).

    The factor of the corpus size is word2phrase.c's; the names are those that gensim asks for.
    """
    if bigram_count < min_count:
        return -math.inf
    return (bigram_count - min_count) / (worda_count * wordb_count) * corpus_word_count


class Phrases:
    """The pairs to be joined.

    scores   : the score of each pair
    n_joined : pairs joined so far
    """

    def __init__(self, config: PhrasesConfig, scores: dict[Pair, float] | None = None) -> None:
        self.config = config
        self.scores = scores or {}
        self.n_joined = 0

    def learn(self, corpus: Corpus, report: Report = silent) -> None:
        """Take the pairs of a corpus that score above the threshold."""
        from gensim.models.phrases import Phrases as GensimPhrases

        scoring = word2phrase_score if self.config.scoring == "word2phrase" else "npmi"
        found = GensimPhrases(
            corpus.sentences(report),
            min_count=self.config.min_count,
            threshold=self.config.threshold,
            scoring=scoring,
            delimiter=BETWEEN,
        ).export_phrases()
        self.scores = {
            (first, second): float(score)
            for (first, second), score in ((pair.split(BETWEEN), found[pair]) for pair in found)
        }

    def join(self, sentence: list[str]) -> list[str]:
        """The sentence with each pair made one word, from left to right; no word is in two."""
        joined: list[str] = []
        words = iter(zip_longest(sentence, sentence[1:]))
        for first, second in words:
            if (first, second) in self.scores:
                joined.append(f"{first}{self.config.delimiter}{second}")
                self.n_joined += 1
                next(words)
            else:
                joined.append(first)
        return joined


@contextmanager
def rereadable(corpus: Corpus, report: Report = silent) -> Iterator[Corpus]:
    """Yield a corpus that can be read twice: what comes by pipe is kept as tokens in a file."""
    if all(is_url(source) or Path(source).is_file() for source in corpus.sources):
        yield corpus
        return
    with TemporaryDirectory(prefix="embedtool-") as folder:
        path = Path(folder) / "text.txt"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{' '.join(sentence)}\n" for sentence in corpus.sentences(report))
        yield Corpus([str(path)], TextConfig(input_format="text"))


def write_table(scores: dict[Pair, float], path: Path) -> None:
    """Write a line a pair: first word, second word and score, separated by tabs; best first."""
    with replaced(path) as file:
        for (first, second), score in sorted(scores.items(), key=lambda item: -item[1]):
            file.write(f"{first}\t{second}\t{score:.9g}\n".encode())


def read_table(path: Path) -> dict[Pair, float]:
    """Read what `write_table` wrote. Raises CorpusError naming the line that is something else."""
    scores: dict[Pair, float] = {}
    try:
        lines = path.read_bytes().decode().split("\n")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}, byte {error.start:,}: invalid UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            first, second, score = line.split("\t")
            scores[first, second] = float(score)
            if not first or not second:
                raise ValueError
        except ValueError:
            raise CorpusError(
                f"{path}, line {number}: not two words and a score, separated by tabs"
            ) from None
    return scores
