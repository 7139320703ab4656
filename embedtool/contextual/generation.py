"""Text generation by a causal encoder, word by word."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import GenerationConfig
from embedtool.errors import QueryError

if TYPE_CHECKING:
    from embedtool.contextual.trained import TrainedEncoder


def generate(
    encoder: "TrainedEncoder", prompt: str, config: GenerationConfig
) -> Iterator[list[str]]:
    """Yield `config.texts` continuations of a prompt.

    A text ends with its sentence, or after `config.words` generated words.

    Yields
    ------
    list of str
        The words of the prompt and the generated ones.

    Raises
    ------
    QueryError
        If the encoder was not trained to predict the next word, or does not know a word of the
        prompt.
    """
    prompt_ids, unknown = encoder.known_ids(prompt)
    if unknown:
        raise QueryError(f"the model does not know {', '.join(map(repr, unknown))}")
    vocabulary = encoder.static.words
    prompt_words = [vocabulary[i] for i in prompt_ids.tolist()]
    for number in range(config.texts):
        rng = np.random.default_rng((config.seed, number))
        words, ids = list(prompt_words), prompt_ids
        while len(words) < len(prompt_words) + config.words:
            probabilities = filter_top_k_top_p(encoder.next_word_probabilities(ids), config)
            next_id = int(rng.choice(len(probabilities), p=probabilities))
            if next_id == len(vocabulary):
                break
            words.append(vocabulary[next_id])
            ids = np.append(ids, next_id)
        yield words


def filter_top_k_top_p(
    probabilities: NDArray[np.float64], config: GenerationConfig
) -> NDArray[np.float64]:
    """Return the distribution to draw the next word from, float64 (n,), sum 1.

    All probabilities are raised to the power 1 / temperature. Then only the top_k largest are kept
    (Fan, Lewis & Dauphin 2018, section 5.1), and of these the fewest whose sum reaches top_p
    (Holtzman et al. 2020, eq. 2). At temperature 0 only the largest is kept.
    """
    order = np.argsort(-probabilities, kind="stable")
    if config.temperature == 0:
        filtered: NDArray[np.float64] = np.zeros_like(probabilities)
        filtered[order[0]] = 1.0
        return filtered
    logs = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)) / config.temperature
    probabilities = np.exp(logs - logs.max())
    probabilities /= probabilities.sum()
    n = len(order) if config.top_k is None else min(config.top_k, len(order))
    if config.top_p < 1:
        cumulative = np.cumsum(probabilities[order[:n]]) / probabilities[order[:n]].sum()
        n = int(np.searchsorted(cumulative, config.top_p)) + 1
    filtered = np.zeros_like(probabilities)
    filtered[order[:n]] = probabilities[order[:n]]
    filtered /= filtered.sum()
    return filtered
