"""What a query of `WordVectors` consists of: words and vectors with weights, and its options."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import QueryError

if TYPE_CHECKING:
    from embedtool.search.ann import AnnIndex

Vector = NDArray[np.floating[Any]]
"""A vector, float (vector_size,)."""
Item = str | Vector
"""A word, or a vector."""
Items = Item | Sequence[Item]
"""One or several words and vectors; an array of two dimensions is several vectors."""
WeightedItems = Items | Sequence[Item | tuple[Item, float]]
"""Words and vectors, each maybe in a tuple with its weight."""


class QueryOptions(TypedDict, total=False):
    """The options of all searches for nearest words.

    Attributes
    ----------
    restrict_vocab : int
        Only the N most frequent words may answer.
    min_count : int
        Only words with this count or more may answer.
    among : iterable of str
        Only these words may answer; unknown ones are ignored.
    include_query_words : bool
        Whether the words of a query may answer it. Default: False.
    index : AnnIndex
        An index for approximate search, as from `embedtool.search.ann.open_index`; without it, all
        words are compared.
    """

    restrict_vocab: int | None
    min_count: int | None
    among: Iterable[str] | None
    include_query_words: bool
    index: "AnnIndex | None"


def weighted_terms(
    positive: WeightedItems, negative: Items, vector_size: int
) -> tuple[list[tuple[float, str]], list[tuple[float, Vector]]]:
    """Return the words and the vectors of a query, each with its weight.

    Raises
    ------
    QueryError
        If there are none, if a vector has not the size `vector_size`, or if a weight is in
        `negative`.
    """
    words: list[tuple[float, str]] = []
    vectors: list[tuple[float, Vector]] = []
    for sign, items, name in ((1.0, positive, "positive"), (-1.0, negative, "negative")):
        for given in _several(items):
            weight, item = sign, given
            if isinstance(given, tuple) and sign > 0:
                item, weight = given
            if isinstance(item, str):
                words.append((float(weight), item))
                continue
            if not isinstance(item, np.ndarray):
                raise QueryError(
                    f"{name} holds a {type(item).__name__}; expected words and vectors, in "
                    "positive also tuples of one and its weight, which may be negative",
                    parameters=("positive", "negative"),
                )
            if item.shape != (vector_size,):
                raise QueryError(
                    f"a vector of the shape {item.shape} in {name}; expected ({vector_size},)",
                    parameters=("positive", "negative"),
                )
            vectors.append((float(weight), item))
    if not words and not vectors:
        raise QueryError("positive is empty; name a word", parameters=("positive",))
    return words, vectors


def _several(items: WeightedItems) -> Iterator[Any]:
    """Yield one or several words and vectors."""
    is_one = isinstance(items, str) or (isinstance(items, np.ndarray) and items.ndim == 1)
    yield from [items] if is_one else items
