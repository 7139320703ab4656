"""Text that goes on, word by word, from a causal encoder.

In: an encoder, the words to begin with, and how to draw. Out: words.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import GenerationConfig
from embedtool.contextual.trained import TrainedEncoder
from embedtool.errors import QueryError


def generate(encoder: TrainedEncoder, prompt: str, config: GenerationConfig) -> Iterator[list[str]]:
    """Go on with a text, `config.texts` times; each ends with its sentence, or is cut off.

    Yields the words of the prompt that the model knows, and those that follow. Raises QueryError
    where the encoder was not trained to predict what follows.
    """
    ids, unknown = encoder.known_ids(prompt)
    if unknown:
        raise QueryError(f"the model does not know {', '.join(map(repr, unknown))}")
    vocabulary = encoder.static.words
    begun = [vocabulary[i] for i in ids.tolist()]
    for number in range(config.texts):
        rng = np.random.default_rng((config.seed, number))
        words, known = list(begun), ids
        while len(words) < len(begun) + config.words:
            chances = filter_top_k_top_p(encoder.next_word_probabilities(known), config)
            drawn = int(rng.choice(len(chances), p=chances))
            if drawn == len(vocabulary):
                break
            words.append(vocabulary[drawn])
            known = np.append(known, drawn)
        yield words


def filter_top_k_top_p(
    chances: NDArray[np.float64], config: GenerationConfig
) -> NDArray[np.float64]:
    """The chances of what may be drawn, float64 (n,), which sum to 1.

    First all are raised to 1 / temperature; then the top_k likeliest stay (Fan, Lewis & Dauphin
    2018, section 5.1), and of these the fewest that make up top_p (Holtzman et al. 2020, eq. 2).
    A temperature of 0 leaves the likeliest only.
    """
    order = np.argsort(-chances, kind="stable")
    if config.temperature == 0:
        left: NDArray[np.float64] = np.zeros_like(chances)
        left[order[0]] = 1.0
        return left
    logs = np.log(np.maximum(chances, np.finfo(np.float64).tiny)) / config.temperature
    chances = np.exp(logs - logs.max())
    chances /= chances.sum()
    n = len(order) if config.top_k is None else min(config.top_k, len(order))
    if config.top_p < 1:
        reached = np.cumsum(chances[order[:n]]) / chances[order[:n]].sum()
        n = int(np.searchsorted(reached, config.top_p)) + 1
    left = np.zeros_like(chances)
    left[order[:n]] = chances[order[:n]]
    left /= left.sum()
    return left
