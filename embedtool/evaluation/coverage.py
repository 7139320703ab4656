"""Warnings about datasets of which a model knows too few words for a meaningful score."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.results import Metric
from embedtool.evaluation.tasks import AnalogySet, CategorySet, Dataset, PairSet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

MIN_COVERAGE = 0.1
"""Below this fraction a score says little about the dataset: the known words are the frequent ones,
which are easier."""
N_NAMED = 3
"""Number of unknown words that a message names."""


@dataclass(frozen=True)
class LowCoverage:
    """Why a score is missing or says little.

    Attributes
    ----------
    message : str
        The reason in a line.
    has_score : bool
        Whether there is a score nevertheless.
    """

    message: str
    has_score: bool


def check_coverage(
    vectors: VectorTable,
    dataset: Dataset,
    metric: Metric,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> LowCoverage | None:
    """Return a warning about the primary metric of a result, or None.

    Parameters
    ----------
    dataset : Dataset
        The dataset that it was evaluated on.
    metric : Metric
        The `primary_metric` of the result.
    restrict_vocab, case_insensitive
        As in that evaluation.
    """
    unknown = _unknown_words(vectors, dataset, restrict_vocab, case_insensitive)
    has_score = metric.score is not None
    return low_coverage(
        dataset.name, metric.found, metric.total, _item(dataset), has_score, unknown
    )


def low_coverage(
    name: str, found: int, total: int, item: str, has_score: bool, unknown: Iterable[str] = ()
) -> LowCoverage | None:
    """Return a warning if too few of `total` items are known, or None.

    Parameters
    ----------
    found, total : int
        Number of known items and of all.
    item : str
        The noun for an item.
    has_score : bool
        Whether there is a score.
    unknown : iterable of str
        Unknown words; the message names the first ones.
    """
    if has_score and found >= MIN_COVERAGE * total:
        return None
    known = f"only {found:,}" if found else "none"
    outcome = "the score says little" if has_score else "no score"
    message = f"{name}: {known} of {counted(total, item)} known, {outcome}"
    if named := ", ".join(map(repr, islice(unknown, N_NAMED))):
        message += f"; not in the vocabulary: {named}"
    return LowCoverage(message, has_score)


def _item(dataset: Dataset) -> str:
    if isinstance(dataset, PairSet):
        return "pair"
    return "word" if isinstance(dataset, CategorySet) else "question"


def _unknown_words(
    vectors: VectorTable, dataset: Dataset, restrict_vocab: int | None, case_insensitive: bool
) -> Iterator[str]:
    """Yield the unknown words of a dataset, each once, in its order.

    Words are looked up lazily.
    """
    words = list(dict.fromkeys(_words(dataset)))
    ids = index_words(vectors, restrict_vocab, case_insensitive).word_ids(words).tolist()
    yield from (word for word, i in zip(words, ids, strict=True) if i < 0)


def _words(dataset: Dataset) -> Iterator[str]:
    if isinstance(dataset, AnalogySet):
        return chain.from_iterable((*question[:3], *question[3]) for question in dataset.questions)
    if isinstance(dataset, PairSet):
        return chain.from_iterable(pair[:2] for pair in dataset.pairs)
    if isinstance(dataset, CategorySet):
        return (word for word, _ in dataset.words)
    return chain.from_iterable((*group.members, *group.outliers) for group in dataset.groups)
