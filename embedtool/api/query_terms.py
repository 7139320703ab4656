"""What a query of `WordVectors` consists of: words and vectors with weights, and its options."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import QueryError
from embedtool.search.expression import LARGEST_WEIGHT

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


LARGEST = np.finfo(np.float32).max
"""The largest number of a vector."""


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


def several(items: Iterable[str], noun: str) -> list[str]:
    """Return the words or the expressions of a query as a list; raise TypeError if they are not."""
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise TypeError(f"expected several {noun}, not one {type(items).__name__}")
    found = list(items)
    for each in found:
        if not isinstance(each, str):
            raise TypeError(f"expected {noun} of type str, not {type(each).__name__}")
    return list(map(str, found))  # NumPy's are a subclass


def weighted_terms(
    positive: WeightedItems, negative: Items, vector_size: int
) -> tuple[list[tuple[float, str]], list[tuple[float, Vector]]]:
    """Return the words and the vectors of a query, each with its weight.

    Raises
    ------
    QueryError
        If there are none, a weight or a vector is not valid, or a weight is in `negative`.
    """
    words: list[tuple[float, str]] = []
    vectors: list[tuple[float, Vector]] = []
    for sign, items, name in ((1.0, positive, "positive"), (-1.0, negative, "negative")):
        if isinstance(items, Mapping):
            raise QueryError(
                f"{name} is a {type(items).__name__}; give words with their weights as in "
                "[('king', 0.5), ('man', -0.5)]",
                parameters=(name,),
            )
        for given in _terms(items):
            item, weight = given, sign
            if isinstance(given, tuple) and len(given) == 2 and sign > 0:
                item, weight = given
            _check(item, weight, name, vector_size)
            if isinstance(item, str):
                words.append((float(weight), item))
            else:
                vectors.append((float(weight), item))
    if not words and not vectors:
        raise QueryError("positive is empty; name a word", parameters=("positive",))
    return words, vectors


def _terms(items: Any) -> Iterator[Any]:
    """Yield one or several words and vectors."""
    is_vector = isinstance(items, np.ndarray) and (
        items.ndim == 0 or (items.ndim == 1 and items.dtype.kind in "fiu")
    )
    is_one = isinstance(items, str) or is_vector or not isinstance(items, Iterable)
    yield from [items] if is_one else items


def _check(item: Any, weight: Any, name: str, vector_size: int) -> None:
    """Raise QueryError unless an item of the parameter `name` is valid, and its weight."""
    fault = None
    if not isinstance(item, str | np.ndarray):
        fault = (
            f"{name} holds a {type(item).__name__}; expected words and vectors, in positive also "
            "tuples of one and its weight, which may be negative"
        )
    elif not isinstance(weight, Real) or not abs(float(weight)) <= LARGEST_WEIGHT:
        fault = (
            f"{name} holds the weight {weight!r}; expected a number from -{LARGEST_WEIGHT:g} to "
            f"{LARGEST_WEIGHT:g}"
        )
    elif isinstance(item, np.ndarray) and item.shape != (vector_size,):
        fault = f"{name} holds a vector of the shape {item.shape}; expected ({vector_size},)"
    elif isinstance(item, np.ndarray) and not (np.abs(item) <= LARGEST).all():
        fault = f"{name} holds a vector with numbers that float32 cannot hold"
    if fault is not None:
        raise QueryError(fault, parameters=(name,))
