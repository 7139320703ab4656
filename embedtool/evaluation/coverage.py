"""Datasets of which a model knows nothing, or so little that a score tells nothing.

In: WordVectors, a dataset and its score. Out: what is wrong and which words are unknown, in a line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.scoring import Metric
from embedtool.evaluation.tasks import AnalogySet, CategorySet, Dataset, PairSet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.messages import counted
from embedtool.model.vectors import WordVectors

FEW = 0.1
"""Of a smaller share of a dataset a score says little about the dataset: the words that are known
are the frequent ones, and easier."""
N_SHOWN = 3
"""Unknown words that a message names."""


@dataclass(frozen=True)
class LowCoverage:
    """Why a score is missing or says little.

    has_score : whether there is one all the same
    """

    message: str
    has_score: bool


def check_coverage(
    vectors: WordVectors,
    dataset: Dataset,
    part: Metric,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> LowCoverage | None:
    """What is wrong with the primary metric of a result; None where enough is known.

    The options are those that the dataset was evaluated with.
    """
    unknown = _unknown(vectors, dataset, restrict_vocab, case_insensitive)
    has_score = part.score is not None
    return low_coverage(dataset.name, part.found, part.total, _item(dataset), has_score, unknown)


def low_coverage(
    name: str, found: int, total: int, item: str, has_score: bool, unknown: Iterable[str] = ()
) -> LowCoverage | None:
    """What is wrong where `found` of `total` items are known; None where they are enough.

    item    : what an item is called
    unknown : words that are not known; the first are named
    """
    if has_score and found >= FEW * total:
        return None
    known = f"only {found:,}" if found else "none"
    outcome = "the score says little" if has_score else "no score"
    message = f"{name}: {known} of {counted(total, item)} known, {outcome}"
    if named := ", ".join(map(repr, islice(unknown, N_SHOWN))):
        message += f"; not in the vocabulary: {named}"
    return LowCoverage(message, has_score)


def _item(dataset: Dataset) -> str:
    if isinstance(dataset, PairSet):
        return "pair"
    return "word" if isinstance(dataset, CategorySet) else "question"


def _unknown(
    vectors: WordVectors, dataset: Dataset, restrict_vocab: int | None, case_insensitive: bool
) -> Iterator[str]:
    """The words of a dataset that are not known, each once, in its order.

    Nothing is looked up before the first is asked for.
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
