"""Models side by side: neighbours, analogies, neighbourhoods, scores, and which is better."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from embedtool.analysis.alignment import have_directions
from embedtool.analysis.neighbours import (
    N_FREQUENT,
    N_NEIGHBOURS,
    Band,
    Drifted,
    Overlap,
    compare_neighbourhoods,
)
from embedtool.config.choices import METHODS, N_ANSWERS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.errors import EvaluationError, NoAnswerError
from embedtool.evaluation.coverage import check_coverage
from embedtool.evaluation.paired_tests import DatasetScores, PairedTest, compare_scores
from embedtool.evaluation.tasks import Dataset
from embedtool.experiments.comparison_tables import score_data, tables, verdicts
from embedtool.model.vectors import VectorTable
from embedtool.search.answers import Answers, WordScore
from embedtool.search.batching import answers_or_errors, one_by_one
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.lookup import lookup
from embedtool.search.query import analogy, similar, similar_batch
from embedtool.tables import Table, Tabular

WORDS = ("king", "queen")
EXPRESSIONS = ("king - man + woman",)
N_SHOWN = 5
"""Number of neighbours listed for a word whose neighbourhood changed."""


@dataclass(frozen=True)
class ModelAnswer:
    """The answer of one model to a query.

    Attributes
    ----------
    model : str
        The name of the model.
    answers : tuple of WordScore
        The answers, best first.
    missing : tuple of str
        Words of the query that have no vector in this model, or a zero vector.
    from_ngrams : tuple of str
        Words of the query outside the vocabulary, whose vectors are computed from character
        n-grams.
    """

    model: str
    answers: tuple[WordScore, ...]
    missing: tuple[str, ...]
    from_ngrams: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryAnswers:
    """The answers of all models to one query, a word or an expression."""

    query: str
    models: tuple[ModelAnswer, ...]


@dataclass(frozen=True)
class DriftedWithNeighbours(Drifted):
    """A word whose neighbourhood changed, with its neighbours in each of the two models."""

    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class ModelPair:
    """How much the neighbourhoods of two models overlap, and the words that differ most."""

    first: str
    second: str
    overlap: Overlap
    bands: tuple[Band, ...]
    moved: tuple[DriftedWithNeighbours, ...]


@dataclass(frozen=True, repr=False)
class Comparison(Tabular):
    """Models side by side.

    Attributes
    ----------
    neighbours, analogies : tuple of QueryAnswers
        The answers to words and to expressions.
    overlaps : tuple of ModelPair
        One for each pair of models.
    scores : tuple of DatasetScores
        One for each dataset.
    contrasts : tuple of PairedTest
        The tests of `compare_scores`.
    """

    models: tuple[str, ...]
    neighbours: tuple[QueryAnswers, ...]
    analogies: tuple[QueryAnswers, ...]
    overlaps: tuple[ModelPair, ...]
    scores: tuple[DatasetScores, ...]
    contrasts: tuple[PairedTest, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """For each dataset and pair of models: which is better, or why that is unknown."""
        return tuple(verdicts(self))

    def tables(self) -> Iterator[Table]:
        """Yield the tables of neighbours and answers, of neighbourhoods, and of scores."""
        return tables(self)

    def notes(self) -> Iterator[str]:
        """Yield the verdicts."""
        return verdicts(self)

    def data(self) -> Table:
        """Return all scores of all models, with all digits."""
        return score_data(self)


def compare_models(
    models: Mapping[str, VectorTable],
    *,
    words: Sequence[str] | None = None,
    expressions: Sequence[str | Expression] | None = None,
    n: int = N_ANSWERS,
    method: AnalogyMethod = METHODS[0],
    include_query_words: bool = False,
    k: int = N_NEIGHBOURS,
    n_frequent: int | None = N_FREQUENT,
    datasets: Sequence[Dataset] = (),
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Comparison:
    """Compare the neighbours, the answers and the scores of two or more models.

    Parameters
    ----------
    words, expressions : sequence of str, optional
        The queries. By default those of WORDS and EXPRESSIONS that some model can answer.
    n : int
        Answers to each query.
    method, include_query_words
        As for `compare_scores`. Expressions are answered by the same method if it is one of
        METHODS, otherwise by 3cosadd.
    k, n_frequent
        As for `analysis.neighbours.neighbourhood_overlap`.
    datasets, restrict_vocab, case_insensitive
        As for `compare_scores`.

    Raises
    ------
    EvaluationError
        If there are fewer than two models.
    NoAnswerError
        If no model can answer a query because a word is missing or its words cancel out.
    QueryError
        If an expression cannot be parsed.
    """
    if len(models) < 2:
        raise EvaluationError("a comparison needs at least two models")
    parsed = [
        parse_expression(e) if isinstance(e, str) else e
        for e in (EXPRESSIONS if expressions is None else expressions)
    ]
    query_method = next((each for each in METHODS if each == method), METHODS[0])
    neighbours = [
        _ask(models, word, (word,), partial(similar, word=word, n=n))
        for word in (WORDS if words is None else words)
    ]
    analogies = [
        _ask(models, str(e), e.words, partial(analogy, expression=e, n=n, method=query_method))
        for e in parsed
    ]
    scores, tests = compare_scores(
        models,
        datasets,
        method=method,
        include_query_words=include_query_words,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
    )
    return Comparison(
        models=tuple(models),
        neighbours=_answerable(models, neighbours, words is None),
        analogies=_answerable(models, analogies, expressions is None),
        overlaps=tuple(
            _compare_pair(models, a, b, k, n_frequent) for a, b in combinations(models, 2)
        ),
        scores=scores,
        contrasts=tests,
    )


def low_coverages(
    models: Mapping[str, VectorTable],
    datasets: Sequence[Dataset],
    comparison: Comparison,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Iterator[str]:
    """Yield a warning for each model and each dataset of which it knows too few words.

    The parameters are those of the comparison.
    """
    for i, (name, vectors) in enumerate(models.items()):
        for dataset, scores in zip(datasets, comparison.scores, strict=True):
            fault = check_coverage(
                vectors, dataset, scores.results[i].primary_metric,
                restrict_vocab=restrict_vocab, case_insensitive=case_insensitive,
            )  # fmt: skip
            if fault is not None:
                yield f"{name}: {fault.message}"


def _compare_pair(
    models: Mapping[str, VectorTable], first: str, second: str, k: int, n_frequent: int | None
) -> ModelPair:
    agreement = compare_neighbourhoods(models[first], models[second], k=k, n_frequent=n_frequent)
    words = [each.word for each in agreement.moved]
    near = [
        [
            () if isinstance(row, NoAnswerError) else tuple(answer.word for answer in row)
            for row in answers_or_errors(partial(similar_batch, models[name], n=N_SHOWN), words)
        ]
        for name in (first, second)
    ]
    moved = tuple(
        DriftedWithNeighbours(word.word, word.rank, word.overlap, word.move, *word_near)
        for word, *word_near in zip(agreement.moved, *near, strict=True)
    )
    return ModelPair(first, second, agreement.overlap, agreement.bands, moved)


def _ask(
    models: Mapping[str, VectorTable],
    query: str,
    words: Sequence[str],
    answer: Callable[[VectorTable], Answers],
) -> QueryAnswers:
    """Return the answer of each model to a query that consists of `words`."""
    by_model = []
    for name, vectors in models.items():
        missing = tuple(word for word in dict.fromkeys(words) if not _has_direction(vectors, word))
        answers = Answers() if missing else answer(vectors)
        by_model.append(ModelAnswer(name, answers, missing, answers.from_ngrams))
    return QueryAnswers(query, tuple(by_model))


def _has_direction(vectors: VectorTable, word: str) -> bool:
    return vectors.has_vector(word) and bool(have_directions(vectors.vector(word)[None])[0])


def _answerable(
    models: Mapping[str, VectorTable], queries: Sequence[QueryAnswers], is_default: bool
) -> tuple[QueryAnswers, ...]:
    """Return the queries that some model can answer.

    Raises NoAnswerError for the others unless they are the default queries.
    """
    unanswered = [query for query in queries if all(answer.missing for answer in query.models)]
    if unanswered and not is_default:
        firsts = [query.models[0] for query in unanswered]
        one_by_one(
            lambda each: lookup(models[each.model], each.missing, need_direction=True), firsts
        )
    return tuple(query for query in queries if query not in unanswered)
