"""Word sense induction: clusters of a word's occurrences in a text, with examples."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import SensesConfig
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.contextual.queries import token_index
from embedtool.errors import QueryError
from embedtool.messages import counted

MIN_USES = 4
"""Minimum number of occurrences to cluster."""
MAX_SENSES = 8
"""Maximum number of senses that is tried if none is given."""
EXCERPT_CHARACTERS = 40
"""Characters of context on each side of a word: they fit in a terminal and show the sense."""
N_INIT = 10
"""Number of initialisations of k-means; the best result is used."""


@dataclass(frozen=True)
class Sense:
    """A cluster of a word's occurrences.

    Attributes
    ----------
    share : float
        Fraction of all occurrences.
    examples : tuple of str
        Lines, nearest to the cluster's centre first.
    """

    n_uses: int
    share: float
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Senses:
    """The senses of a word in a text, the most frequent first.

    Attributes
    ----------
    n_uses : int
        Occurrences that were clustered.
    n_seen : int
        Occurrences in the text.
    silhouette : float or None
        Mean silhouette of the clusters, from -1 to 1 (Rousseeuw 1987); None if there is one sense.
    """

    word: str
    n_uses: int
    n_seen: int
    silhouette: float | None
    senses: tuple[Sense, ...]


def induce_senses(
    encoder: ContextualEncoder, lines: Iterable[str], word: str, config: SensesConfig
) -> Senses:
    """Cluster a word's occurrences in a text by their vectors.

    At most `config.uses` occurrences are clustered, drawn by the seed. If the number of senses is
    not given, it is the one from 2 to MAX_SENSES with the largest mean silhouette, or 1 if that is
    below `config.distinct`.

    Raises
    ------
    QueryError
        If the text has too few occurrences.
    """
    uses, n_seen = _sample_uses(encoder, lines, word, config)
    needed = max(MIN_USES, config.senses or 0)
    if len(uses) < needed:
        raise QueryError(
            f"the text has {counted(len(uses), 'use')} of {word!r} that the model knows; "
            f"{needed} are needed"
        )
    rows = _vectors(encoder, uses, word)
    labels, silhouette = _clusters(rows, config)
    clusters = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        centre = rows[members].mean(axis=0)
        order = members[np.argsort(np.linalg.norm(rows[members] - centre, axis=1), kind="stable")]
        examples = tuple(dict.fromkeys(uses[i] for i in order.tolist()))[: config.examples]
        clusters.append(Sense(len(members), len(members) / len(uses), examples))
    clusters.sort(key=lambda sense: -sense.n_uses)
    return Senses(word, len(uses), n_seen, silhouette, tuple(clusters))


def excerpt(line: str, word: str) -> str:
    """Return a line's first occurrence of a word, with at most EXCERPT_CHARACTERS on each side.

    The line is cut between words where possible; an ellipsis marks each cut.
    """
    whole_word, substring = rf"(?<!\w){re.escape(word)}(?!\w)", re.escape(word)
    match = re.search(whole_word, line, re.IGNORECASE) or re.search(substring, line, re.IGNORECASE)
    start, end = match.span() if match else (0, 0)
    before, after = line[:start], line[end:]
    if len(before) > EXCERPT_CHARACTERS:
        before = before[-EXCERPT_CHARACTERS - 1 :]
        before = "… " + before[before.find(" ") + 1 :]
    if len(after) > EXCERPT_CHARACTERS:
        after = after[: EXCERPT_CHARACTERS + 1]
        after = after[: after.rfind(" ") if " " in after else EXCERPT_CHARACTERS] + " …"
    return before + line[start:end] + after


def _sample_uses(
    encoder: ContextualEncoder, lines: Iterable[str], word: str, config: SensesConfig
) -> tuple[list[str], int]:
    """Return a uniform sample of the lines that contain the word, and the number of such lines.

    Reservoir sampling: Vitter 1985, 'Random Sampling with a Reservoir', algorithm R.
    """
    rng = np.random.default_rng(config.seed)
    sample: list[str] = []
    n_seen = 0
    lowercase, casefolded = word.lower(), word.casefold()
    for line in lines:
        if casefolded not in line.casefold():  # a fast test; only matching lines are tokenized
            continue
        if lowercase not in map(str.lower, encoder.tokenize(line)):
            continue
        n_seen += 1
        if len(sample) < config.uses:
            sample.append(line)
        elif (slot := int(rng.integers(n_seen))) < config.uses:
            sample[slot] = line
    return sample, n_seen


def _vectors(encoder: ContextualEncoder, lines: list[str], word: str) -> NDArray[np.float32]:
    """Return the vector of the word's first occurrence in each line, float32 (n_lines, size).

    Raises QueryError if the encoder leaves the word out.
    """
    sentences = encoder.encode(lines)
    return np.array([sentence.vectors[token_index(sentence, word)] for sentence in sentences])


def _clusters(
    rows: NDArray[np.float32], config: SensesConfig
) -> tuple[NDArray[np.int64], float | None]:
    """Return the cluster of each row, and the mean silhouette."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    n_distinct = len(np.unique(rows, axis=0))
    max_senses = min(MAX_SENSES, len(rows) - 1, n_distinct)
    numbers = [config.senses] if config.senses else range(2, max_senses + 1)
    best: tuple[float, NDArray[np.int64]] | None = None
    for n in numbers:
        if n < 2 or n > min(n_distinct, len(rows) - 1):
            continue
        labels = KMeans(n, n_init=N_INIT, random_state=config.seed).fit_predict(rows)
        score = float(silhouette_score(rows, labels))
        if best is None or score > best[0]:
            best = score, labels
    if best is None or (config.senses is None and best[0] < config.distinct):
        return np.zeros(len(rows), np.int64), None
    return best[1], best[0]
