"""Sentences given as lists of tokens, in Python or in records, instead of text."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, Sized
from io import IOBase
from itertools import chain
from numbers import Integral
from os import PathLike
from typing import Any, cast

from embedtool.config.text import TextConfig
from embedtool.corpus.records import tokens_from_list
from embedtool.corpus.sources import Inputs, not_a_corpus
from embedtool.corpus.tokens import ESCAPED, INNER_WHITESPACE, encode_token, normalizer
from embedtool.errors import CorpusError

BLOCK_TOKENS = 2**17
"""Tokens that are joined at once: about as many as a block of text has."""
END = b"\0"
"""What stands between joined tokens, none of which may contain it."""
ESCAPE_JOINED = bytes.maketrans(END + INNER_WHITESPACE, b" " + ESCAPED)
"""For bytes.translate: spaces between tokens, and escapes for white space within."""
SHOWN_CHARS = 40
"""Length up to which a wrong item is shown in a message."""
NOT_LISTS = (str, bytes, bytearray, memoryview, PathLike, Mapping, Set)
"""What is iterable and has a length, but is not a sequence of tokens."""

COLUMN = "tokens"
"""What messages call the tokens of a sentence."""


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
        return self._checked(sentences)

    def _checked(self, sentences: Iterator[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Yield the sentences; raise CorpusError for an error of the system, as a file would."""
        try:
            yield from sentences
        except OSError as error:
            raise CorpusError(f"the sentences cannot be read: {error.strerror or error}") from error


def token_lists(inputs: Inputs) -> Inputs | TokenLists:
    """Return the inputs of a corpus, as TokenLists if the first of them is a list of tokens."""
    if isinstance(inputs, str | bytes | PathLike) or not isinstance(inputs, Iterable):
        return inputs
    if isinstance(inputs, Mapping | IOBase):  # whose keys or lines would be names of files
        raise not_a_corpus(inputs)
    iterator = iter(inputs)
    first = next(iterator, None)
    whole = chain([first], iterator) if iterator is inputs and first is not None else inputs
    if _is_list(first):
        return TokenLists(cast(Iterable[Sequence[str]], whole))
    return cast(Inputs, whole)


def _is_list(sentence: object) -> bool:
    """Return whether a sentence is a list, a tuple, an array or the like."""
    is_sequence = isinstance(sentence, Iterable) and isinstance(sentence, Sized)
    return is_sequence and not isinstance(sentence, NOT_LISTS)


def token_blocks(sentences: TokenLists, config: TextConfig) -> Iterator[tuple[int, bytes]]:
    """Yield sentences in blocks, a line for each, with the number of sentences so far.

    Tokens are normalized, and encoded by `encode_token`.

    Raises
    ------
    CorpusError
        If a sentence is not a list, or holds what is not a token.
    """
    check_tokenizer(config, "sentence 1", COLUMN)
    normalize = normalizer(config)
    gathered: list[Sequence[Any]] = []
    number = n_lengths = 0
    for number, sentence in enumerate(sentences, 1):
        if not (isinstance(sentence, list | tuple) or _is_list(sentence)):
            raise _not_a_list(sentence, number)
        gathered.append(sentence)
        n_lengths += len(sentence) or 1
        if n_lengths >= BLOCK_TOKENS:
            yield number, _encode(gathered, n_lengths, number, normalize)
            gathered, n_lengths = [], 0
    yield number, _encode(gathered, n_lengths, number, normalize)


def _encode(
    sentences: Sequence[Sequence[Any]], n_ends: int, last: int, normalize: Callable[[str], str]
) -> bytes:
    """Return a line for each sentence, the last of which has the number `last`.

    All are joined at once. One by one they are encoded only if that fails, or does not give
    `n_ends` ends, one for each token or empty sentence, because a token contains one.
    """
    try:
        text = normalize("".join([f"{line}\n" for line in _join(sentences)])).encode()
    except (TypeError, UnicodeEncodeError):  # what is no token; half of a surrogate pair
        text = b""
    if text.count(END) + text.count(b"\n") == n_ends:
        return text.translate(ESCAPE_JOINED)
    lines = []
    for number, sentence in enumerate(sentences, last - len(sentences) + 1):
        where = f"sentence {number:,}"
        if any(token is None for token in sentence):
            raise CorpusError(f"{where}: {COLUMN!r} holds None, not a token")
        lines.append(encode_list(sentence, where, COLUMN, normalize) + b"\n")
    return b"".join(lines)


def _join(sentences: Sequence[Sequence[Any]]) -> list[str]:
    """Return the tokens of each sentence, joined. Raises TypeError if one is not a token."""
    end = END.decode()
    try:
        return [end.join(sentence) for sentence in sentences]
    except TypeError:
        kinds = set(map(type, chain.from_iterable(sentences))) - {str}
        if bool in kinds or not all(issubclass(kind, Integral) for kind in kinds):
            raise
        return [end.join(map(str, sentence)) for sentence in sentences]


def encode_list(
    values: Sequence[Any], where: str, column: str, normalize: Callable[[str], str]
) -> bytes:
    """Return the tokens of a list, normalized and encoded, without null and empty ones.

    Raises
    ------
    CorpusError
        If a value is not a token.
    """
    tokens = (normalize(token) for token in tokens_from_list(values, where, column))
    return b" ".join(encode_token(token) for token in tokens if token)


def check_tokenizer(config: TextConfig, where: str, column: str) -> None:
    """Raise CorpusError if a list of tokens is to be tokenized."""
    if config.tokenizer != "whitespace":
        raise CorpusError(
            f"{where}: {column!r} is already a list of tokens, to which "
            f"tokenizer={config.tokenizer!r} cannot be applied; leave it out",
            parameters=("tokenizer",),
        )


def _not_a_list(sentence: object, number: int) -> CorpusError:
    """Return the error for a sentence that is not a list of tokens."""
    advice = ""
    if isinstance(sentence, str):
        more = "..." if len(sentence) > SHOWN_CHARS else ""
        advice = f"; split it, as in {sentence[:SHOWN_CHARS] + more!r}.split()"
    return CorpusError(
        f"sentence {number:,} is of type {type(sentence).__name__}, not a list of tokens{advice}"
    )
