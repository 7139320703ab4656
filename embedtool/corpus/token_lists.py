"""Sentences given as lists of tokens, instead of files."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from os import PathLike
from typing import cast

from embedtool.corpus.sources import Inputs
from embedtool.errors import CorpusError


class TokenLists:
    """Sentences, each a list or tuple of tokens, that are read again for each iteration.

    Raises CorpusError if an iterator, which can be read only once, is read again.
    """

    def __init__(self, sentences: Iterable[Sequence[str]]) -> None:
        self._sentences = sentences
        self._is_read = False

    def __iter__(self) -> Iterator[Sequence[str]]:
        sentences = iter(self._sentences)
        if sentences is self._sentences and self._is_read:
            raise CorpusError(
                "the sentences come from an iterator, which can be read only once; give a list, or "
                "an object whose __iter__ starts over"
            )
        self._is_read = True
        return sentences


def token_lists(inputs: Inputs) -> Inputs | TokenLists:
    """Return the inputs of a corpus, as TokenLists if the first of them is a list or a tuple."""
    if isinstance(inputs, str | bytes | PathLike) or not isinstance(inputs, Iterable):
        return inputs
    iterator = iter(inputs)
    first = next(iterator, None)
    whole = chain([first], iterator) if iterator is inputs and first is not None else inputs
    if isinstance(first, list | tuple):
        return TokenLists(cast(Iterable[Sequence[str]], whole))
    return cast(Inputs, whole)
