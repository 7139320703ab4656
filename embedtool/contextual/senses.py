"""The senses of a word, found in how it is used.

In: an encoder, lines of text and a word. Out: clusters of its uses, each with examples.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import SensesConfig
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.contextual.queries import place_of
from embedtool.errors import QueryError
from embedtool.messages import counted

FEWEST_USES = 4
"""With fewer there is nothing to cluster."""
MOST_SENSES = 8
"""Where the number is to be found, no more are looked for."""
AROUND = 40
"""Characters of a line on each side of a word: with it they fit a terminal, and tell a sense."""
TRIES = 10
"""K-means starts so many times from other centres; the best end is taken."""


@dataclass(frozen=True)
class Sense:
    """Uses of a word that are alike.

    n_uses   : how many there are
    share    : of all uses
    examples : lines, the most typical first
    """

    n_uses: int
    share: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Senses:
    """The senses of a word in a text, the most frequent first.

    n_uses     : uses that were clustered
    n_seen     : uses in the text
    silhouette : mean silhouette of the clusters, from -1 to 1 (Rousseeuw 1987); None of one sense
    """

    word: str
    n_uses: int
    n_seen: int
    silhouette: float | None
    senses: tuple[Sense, ...]


def senses(
    encoder: ContextualEncoder, lines: Iterable[str], word: str, config: SensesConfig
) -> Senses:
    """Cluster the uses of a word in a text by their vectors.

    Of more uses than `config.uses` so many are drawn by the seed. Where the number of senses is
    not given, it is the one from 1 to MOST_SENSES whose clusters have the largest mean
    silhouette, and 1 where that is below `config.distinct`. Raises QueryError where the text has
    too few uses.
    """
    used, n_seen = _uses(encoder, lines, word, config)
    needed = max(FEWEST_USES, config.senses or 0)
    if len(used) < needed:
        raise QueryError(
            f"the text has {counted(len(used), 'use')} of {word!r} that the model knows; "
            f"{needed} are needed"
        )
    rows = _vectors(encoder, used, word)
    labels, silhouette = _clusters(rows, config)
    found = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        centre = rows[members].mean(axis=0)
        order = members[np.argsort(np.linalg.norm(rows[members] - centre, axis=1), kind="stable")]
        examples = tuple(dict.fromkeys(used[i] for i in order.tolist()))[: config.examples]
        found.append(Sense(len(members), len(members) / len(used), examples))
    found.sort(key=lambda sense: -sense.n_uses)
    return Senses(word, len(used), n_seen, silhouette, tuple(found))


def excerpt(line: str, word: str) -> str:
    """The part of a line around the first use of a word, AROUND characters on each side at most.

    It is cut between words where there are any, and an ellipsis stands for what is left out.
    """
    whole, part = rf"(?<!\w){re.escape(word)}(?!\w)", re.escape(word)
    found = re.search(whole, line, re.IGNORECASE) or re.search(part, line, re.IGNORECASE)
    start, end = found.span() if found else (0, 0)
    before, after = line[:start], line[end:]
    if len(before) > AROUND:
        before = before[-AROUND - 1 :]
        before = "… " + before[before.find(" ") + 1 :]
    if len(after) > AROUND:
        after = after[: AROUND + 1]
        after = after[: after.rfind(" ") if " " in after else AROUND] + " …"
    return before + line[start:end] + after


def _uses(
    encoder: ContextualEncoder, lines: Iterable[str], word: str, config: SensesConfig
) -> tuple[list[str], int]:
    """Lines that hold the word, drawn so that each has the same chance, and how many there were.

    Vitter 1985, 'Random Sampling with a Reservoir', algorithm R.
    """
    rng = np.random.default_rng(config.seed)
    kept: list[str] = []
    n_seen = 0
    folded, looser = word.lower(), word.casefold()
    for line in lines:
        if looser not in line.casefold():  # quick; what it lets through is looked at word by word
            continue
        if folded not in map(str.lower, encoder.tokens(line)):
            continue
        n_seen += 1
        if len(kept) < config.uses:
            kept.append(line)
        elif (place := int(rng.integers(n_seen))) < config.uses:
            kept[place] = line
    return kept, n_seen


def _vectors(encoder: ContextualEncoder, lines: list[str], word: str) -> NDArray[np.float32]:
    """The vector of the first use in each line, float32 (n_lines, vector_size).

    Raises QueryError where the encoder leaves the word out.
    """
    return np.array([found.vectors[place_of(found, word)] for found in encoder.encode(lines)])


def _clusters(
    rows: NDArray[np.float32], config: SensesConfig
) -> tuple[NDArray[np.int64], float | None]:
    """The cluster of each row, and their mean silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    n_distinct = len(np.unique(rows, axis=0))
    most = min(MOST_SENSES, len(rows) - 1, n_distinct)
    numbers = [config.senses] if config.senses else range(2, most + 1)
    best: tuple[float, NDArray[np.int64]] | None = None
    for n in numbers:
        if n < 2 or n > min(n_distinct, len(rows) - 1):
            continue
        labels = KMeans(n, n_init=TRIES, random_state=config.seed).fit_predict(rows)
        score = float(silhouette_score(rows, labels))
        if best is None or score > best[0]:
            best = score, labels
    if best is None or (config.senses is None and best[0] < config.distinct):
        return np.zeros(len(rows), np.int64), None
    return best[1], best[0]
