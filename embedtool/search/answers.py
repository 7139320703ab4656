"""Answers to queries: words with their scores, which show themselves as a table."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, SupportsIndex, overload

from embedtool.tables import Table, Tabular


class WordScore(NamedTuple):
    """A word and its score: a cosine, or the product of 3CosMul."""

    word: str
    score: float


class Answers(Tabular, tuple[WordScore, ...]):
    """The answers to a query: words with their scores, in order.

    Attributes
    ----------
    from_ngrams : tuple of str
        The words of the query that are not in the vocabulary, so that their vectors come from their
        character n-grams.
    """

    from_ngrams: tuple[str, ...] = ()

    @classmethod
    def of(cls, scores: Iterable[WordScore], from_ngrams: tuple[str, ...] = ()) -> "Answers":
        """Return answers with their `from_ngrams`."""
        answers = cls(scores)
        answers.from_ngrams = from_ngrams
        return answers

    @overload
    def __getitem__(self, index: SupportsIndex) -> WordScore: ...

    @overload
    def __getitem__(self, index: slice) -> "Answers": ...

    def __getitem__(self, index: SupportsIndex | slice) -> "WordScore | Answers":
        found = super().__getitem__(index)
        return found if isinstance(found, WordScore) else self.of(found, self.from_ngrams)

    def tables(self) -> Iterator[Table]:
        """Yield the table of words and scores."""
        yield Table(WordScore._fields, self, ngrams_message(self.from_ngrams))


def ngrams_message(words: Sequence[str]) -> str:
    """Return a message on words known only by their character n-grams; "" if there are none."""
    names = ", ".join(map(repr, words))
    if len(words) > 1:
        return f"{names} are not in the vocabulary; their vectors are from character n-grams"
    return names and f"{names} is not in the vocabulary; its vector is from character n-grams"
