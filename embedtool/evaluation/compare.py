"""Models side by side: neighbours, analogies, the overlap of neighbourhoods, scores.

In: two or more WordVectors by name. Out: a Comparison, everything that a table of it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from embedtool.config import METHODS, N_ANSWERS, RESTRICT_VOCAB, Method
from embedtool.errors import EvaluationError, UnknownWordError
from embedtool.evaluation.analogy import AnalogyResult, evaluate_analogies
from embedtool.evaluation.datasets import AnalogySet, PairSet
from embedtool.evaluation.neighbours import N_FREQUENT, N_NEIGHBOURS, Overlap, neighbourhood_overlap
from embedtool.evaluation.similarity import PairResult, evaluate_pairs
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.query import WordScore, analogy, similar
from embedtool.vectors import WordVectors

WORDS = ("king", "queen")
EXPRESSIONS = ("king - man + woman",)


@dataclass(frozen=True)
class ModelAnswer:
    """What one model answers; `missing` are the words of the query that have no vector in it."""

    model: str
    answers: tuple[WordScore, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class QueryAnswers:
    """A word or an expression and each model's answer, in the order of the models."""

    query: str
    models: tuple[ModelAnswer, ...]


@dataclass(frozen=True)
class ModelPair:
    """How far the neighbourhoods of two models overlap."""

    first: str
    second: str
    overlap: Overlap


@dataclass(frozen=True)
class DatasetScores:
    """A dataset and each model's result, in the order of the models."""

    dataset: str
    results: tuple[AnalogyResult | PairResult, ...]


@dataclass(frozen=True)
class Comparison:
    """Models side by side."""

    models: tuple[str, ...]
    neighbours: tuple[QueryAnswers, ...]
    analogies: tuple[QueryAnswers, ...]
    overlaps: tuple[ModelPair, ...]
    scores: tuple[DatasetScores, ...]


def compare_models(
    models: Mapping[str, WordVectors],
    *,
    words: Sequence[str] | None = None,
    expressions: Sequence[str | Expression] | None = None,
    n: int = N_ANSWERS,
    method: Method = METHODS[0],
    k: int = N_NEIGHBOURS,
    n_frequent: int | None = N_FREQUENT,
    datasets: Sequence[AnalogySet | PairSet] = (),
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Comparison:
    """Put models side by side.

    words, expressions : queries; None: WORDS and EXPRESSIONS, as far as any model can answer them
    n, method          : as for `similar` and `analogy`, and for `evaluate_analogies`
    k, n_frequent      : as for `neighbourhood_overlap`
    datasets           : what to score the models on, with `restrict_vocab` and `case_insensitive`

    Raises EvaluationError on fewer than two models, UnknownWordError on a query that none of the
    models can answer for want of a word, QueryError on one that is no expression.
    """
    if len(models) < 2:
        raise EvaluationError("a comparison needs at least two models")
    parsed = [
        parse_expression(e) if isinstance(e, str) else e
        for e in (EXPRESSIONS if expressions is None else expressions)
    ]

    neighbours = [
        _ask(models, word, (word,), partial(similar, word=word, n=n))
        for word in (WORDS if words is None else words)
    ]
    analogies = [
        _ask(models, str(e), e.words, partial(analogy, expression=e, n=n, method=method))
        for e in parsed
    ]
    return Comparison(
        models=tuple(models),
        neighbours=_checked(models, neighbours, words is None),
        analogies=_checked(models, analogies, expressions is None),
        overlaps=tuple(
            ModelPair(a, b, neighbourhood_overlap(models[a], models[b], k=k, n_frequent=n_frequent))
            for a, b in combinations(models, 2)
        ),
        scores=tuple(
            _scores(models, dataset, method, restrict_vocab, case_insensitive)
            for dataset in datasets
        ),
    )


def _ask(
    models: Mapping[str, WordVectors],
    query: str,
    words: Sequence[str],
    answer: Callable[[WordVectors], tuple[WordScore, ...]],
) -> QueryAnswers:
    """Each model's answer to a query that is made of `words`."""
    found = []
    for name, vectors in models.items():
        missing = tuple(word for word in dict.fromkeys(words) if not vectors.has_vector(word))
        found.append(ModelAnswer(name, () if missing else answer(vectors), missing))
    return QueryAnswers(query, tuple(found))


def _checked(
    models: Mapping[str, WordVectors], queries: Sequence[QueryAnswers], is_default: bool
) -> tuple[QueryAnswers, ...]:
    """The queries that a model can answer; it is an error to have asked for another."""
    answered = []
    for query in queries:
        if not all(answer.missing for answer in query.models):
            answered.append(query)
        elif not is_default:
            first = query.models[0]
            word = first.missing[0]
            raise UnknownWordError(word, models[first.model].spellings(word))
    return tuple(answered)


def _scores(
    models: Mapping[str, WordVectors],
    dataset: AnalogySet | PairSet,
    method: Method,
    restrict_vocab: int | None,
    case_insensitive: bool,
) -> DatasetScores:
    results: list[AnalogyResult | PairResult] = []
    for vectors in models.values():
        if isinstance(dataset, AnalogySet):
            results.append(
                evaluate_analogies(
                    vectors,
                    dataset,
                    method=method,
                    restrict_vocab=restrict_vocab,
                    case_insensitive=case_insensitive,
                )
            )
        else:
            results.append(
                evaluate_pairs(
                    vectors,
                    dataset,
                    restrict_vocab=restrict_vocab,
                    case_insensitive=case_insensitive,
                )
            )
    return DatasetScores(dataset.name, tuple(results))
