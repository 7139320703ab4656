"""The options that a hyperparameter search varies, and their ranges."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ParameterRange:
    """A range of numbers from `low` to `high`, which are integers if `step` is given.

    Attributes
    ----------
    low, high : float
        Both included.
    step : int or None
        Step of integers.
    log : bool
        Sample on a logarithmic scale.
    """

    low: float
    high: float
    step: int | None = None
    log: bool = False


SearchSpace = Mapping[str, ParameterRange | tuple[str, ...]]

_WORD2VEC: SearchSpace = {
    "mode": ("cbow", "skipgram"),
    "vector_size": ParameterRange(50, 300, step=50),
    "window": ParameterRange(2, 15, step=1),
    "negative": ParameterRange(3, 20, step=1),
    "ns_exponent": ParameterRange(-0.5, 1.0),
    "sample": ParameterRange(1e-5, 1e-2, log=True),
    "learning_rate": ParameterRange(0.01, 0.1, log=True),
    "epochs": ParameterRange(3, 15, step=1),
}
SEARCH_SPACES: Mapping[str, SearchSpace] = {
    "word2vec": _WORD2VEC,
    "fasttext": {
        **_WORD2VEC,
        "min_n": ParameterRange(2, 4, step=1),
        "max_n": ParameterRange(4, 7, step=1),
    },
    "glove": {
        "vector_size": ParameterRange(50, 300, step=50),
        "window": ParameterRange(4, 20, step=1),
        "x_max": ParameterRange(3, 100, log=True),
        "weight_exponent": ParameterRange(0.5, 1.0),
        "learning_rate": ParameterRange(0.02, 0.2, log=True),
        "epochs": ParameterRange(10, 50, step=5),
    },
}
"""The search space of an algorithm: values that papers recommend (Levy, Goldberg & Dagan 2015;
Caselles-Dupré et al. 2018 for `ns_exponent`, also below the default)."""
COMMON: SearchSpace = {"vector_size": ParameterRange(50, 300, step=50)}
"""The search space of an algorithm that has none of its own."""


def search_space(algorithm: str) -> SearchSpace:
    """Return the search space of an algorithm."""
    return SEARCH_SPACES.get(algorithm, COMMON)
