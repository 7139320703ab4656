"""The Word Mover's Distance: what it costs to move the words of a text to those of another."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

WordT = TypeVar("WordT", bound=Hashable)


def word_movers_distance(
    first: Sequence[WordT],
    second: Sequence[WordT],
    vector_of: Callable[[WordT], NDArray[np.floating]],
) -> float:
    """Return the Word Mover's Distance of two texts.

    A word of a text of n tokens has the mass count / n; moving mass costs the Euclidean distance of
    the words' vectors.

    Parameters
    ----------
    first, second : sequence of str
        The tokens; at least one each.
    vector_of : callable
        Returns the vector of a word, of shape (vector_size,).

    Returns
    -------
    float
        The least cost, exact up to rounding.

    References
    ----------
    Kusner, Sun, Kolkin & Weinberger 2015, "From Word Embeddings To Document Distances".
    """
    sources, targets = (_masses(text) for text in (first, second))
    # Mass that both texts have at a word stays there, as distances obey the triangle inequality.
    for word in sources.keys() & targets.keys():
        shared = min(sources[word], targets[word])
        sources[word] -= shared
        targets[word] -= shared
    supplies, demands = ({w: m for w, m in each.items() if m > 0} for each in (sources, targets))
    if not supplies or not demands:
        return 0.0
    from scipy.spatial.distance import cdist

    costs = cdist(
        np.stack([vector_of(word) for word in supplies]),
        np.stack([vector_of(word) for word in demands]),
    )
    return transport_cost(np.array([*supplies.values()]), np.array([*demands.values()]), costs)


def _masses(text: Sequence[WordT]) -> dict[WordT, float]:
    return {word: count / len(text) for word, count in Counter(text).items()}


def transport_cost(
    supplies: NDArray[np.float64], demands: NDArray[np.float64], costs: NDArray[np.float64]
) -> float:
    """Return the least cost of moving supplies to demands, by linear programming.

    Parameters
    ----------
    supplies : ndarray of float64, shape (n,)
        The mass at each source.
    demands : ndarray of float64, shape (m,)
        The mass at each target; their sum is that of the supplies, up to rounding.
    costs : ndarray of float64, shape (n, m)
        The cost of moving a unit of mass.
    """
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, kron, vstack

    n, m = costs.shape
    leaving = kron(eye_array(n), np.ones((1, m)))
    arriving = kron(np.ones((1, n)), eye_array(m))
    constraints = vstack([leaving, arriving]).tocsr()[:-1]  # the last follows from the others
    masses = np.concatenate([supplies, demands])[:-1]
    solution = linprog(costs.ravel(), A_eq=constraints, b_eq=masses, method="highs")
    return float(solution.fun)
