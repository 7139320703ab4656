"""Models side by side: neighbours, analogies, neighbourhoods, scores, and which is better.

In: two or more WordVectors by name. Out: a Comparison, everything that a report of it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np

from embedtool.analysis.alignment import have_directions
from embedtool.analysis.neighbours import (
    N_FREQUENT,
    N_NEIGHBOURS,
    Band,
    Moved,
    Overlap,
    compare_neighbourhoods,
)
from embedtool.config.tasks import METHODS, N_ANSWERS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.errors import EvaluationError, NoAnswerError
from embedtool.evaluation.analogy import answer_analogies, score_analogies
from embedtool.evaluation.scoring import Result, evaluate
from embedtool.evaluation.similarity import pair_similarities, score_pairs
from embedtool.evaluation.statistics import (
    SIGNIFICANT,
    Difference,
    compare_correlations,
    compare_shares,
    holm,
    p_text,
    stars,
)
from embedtool.evaluation.tasks import AnalogySet, Dataset, PairSet
from embedtool.model.vectors import WordVectors
from embedtool.search.batches import each, one_by_one
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.query import (
    Answers,
    WordScore,
    analogy,
    lookup,
    similar,
    similar_batch,
)

WORDS = ("king", "queen")
EXPRESSIONS = ("king - man + woman",)
N_SHOWN = 5
"""Neighbours shown of a word that moved."""


@dataclass(frozen=True)
class ModelAnswer:
    """What one model answers.

    missing     : the words of the query without a vector in it, or with one of zeros
    from_ngrams : those whose vectors it makes of their character n-grams, as they are not in its
                  vocabulary
    """

    model: str
    answers: tuple[WordScore, ...]
    missing: tuple[str, ...]
    from_ngrams: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryAnswers:
    """A word or an expression and each model's answer, in the order of the models."""

    query: str
    models: tuple[ModelAnswer, ...]


@dataclass(frozen=True)
class MovedWord(Moved):
    """A word that moved, and the neighbours that each of the two models gives it."""

    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class ModelPair:
    """How far the neighbourhoods of two models overlap, and where they do not."""

    first: str
    second: str
    overlap: Overlap
    bands: tuple[Band, ...]
    moved: tuple[MovedWord, ...]


@dataclass(frozen=True)
class DatasetScores:
    """A dataset and each model's result, in the order of the models."""

    dataset: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Contrast:
    """Which of two models is better on a dataset of analogies or of pairs.

    measure     : what is compared: accuracy, or Spearman's correlation
    p_corrected : the p-value by Holm's method, for all contrasts of the comparison
    stars       : *, ** or *** where that is below 0.05, 0.01 or 0.001
    verdict     : the same in words
    """

    dataset: str
    first: str
    second: str
    measure: str
    difference: Difference
    p_corrected: float
    stars: str
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Models side by side."""

    models: tuple[str, ...]
    neighbours: tuple[QueryAnswers, ...]
    analogies: tuple[QueryAnswers, ...]
    overlaps: tuple[ModelPair, ...]
    scores: tuple[DatasetScores, ...]
    contrasts: tuple[Contrast, ...]


def compare_models(
    models: Mapping[str, WordVectors],
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
    """Put models side by side.

    words, expressions : queries; None: WORDS and EXPRESSIONS, as far as any model can answer them
    n                  : as for `similar` and `analogy`
    method, include_query_words : as for `evaluate_analogies`; expressions are answered by the same
                         method where it is one of theirs, else by 3cosadd
    k, n_frequent      : as for `neighbourhood_overlap`
    datasets           : what to score the models on, with `restrict_vocab` and `case_insensitive`;
                         each two models are contrasted on the questions that both know

    Raises EvaluationError on fewer than two models, NoAnswerError on queries that none of the
    models can answer for want of a word, or whose words cancel out, QueryError on one that is no
    expression.
    """
    if len(models) < 2:
        raise EvaluationError("a comparison needs at least two models")
    parsed = [
        parse_expression(e) if isinstance(e, str) else e
        for e in (EXPRESSIONS if expressions is None else expressions)
    ]

    by = next((each for each in METHODS if each == method), METHODS[0])
    neighbours = [
        _ask(models, word, (word,), partial(similar, word=word, n=n))
        for word in (WORDS if words is None else words)
    ]
    analogies = [
        _ask(models, str(e), e.words, partial(analogy, expression=e, n=n, method=by))
        for e in parsed
    ]
    scores, contrasts = judge_models(
        models,
        datasets,
        method=method,
        include_query_words=include_query_words,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
    )
    return Comparison(
        models=tuple(models),
        neighbours=_checked(models, neighbours, words is None),
        analogies=_checked(models, analogies, expressions is None),
        overlaps=tuple(
            _compare_pair(models, a, b, k, n_frequent) for a, b in combinations(models, 2)
        ),
        scores=scores,
        contrasts=contrasts,
    )


def judge_models(
    models: Mapping[str, WordVectors],
    datasets: Sequence[Dataset],
    *,
    method: AnalogyMethod = METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> tuple[tuple[DatasetScores, ...], tuple[Contrast, ...]]:
    """The scores of models, and of each two which is better; options as for `compare_models`."""
    judged = [
        _judge(models, dataset, method, include_query_words, restrict_vocab, case_insensitive)
        for dataset in datasets
    ]
    raw = [each for _, contrasts in judged for each in contrasts]
    return tuple(scores for scores, _ in judged), _contrasts(raw)


def _compare_pair(
    models: Mapping[str, WordVectors], first: str, second: str, k: int, n_frequent: int | None
) -> ModelPair:
    found = compare_neighbourhoods(models[first], models[second], k=k, n_frequent=n_frequent)
    words = [each.word for each in found.moved]
    near = [
        [
            () if isinstance(row, NoAnswerError) else tuple(answer.word for answer in row)
            for row in each(partial(similar_batch, models[name], n=N_SHOWN), words)
        ]
        for name in (first, second)
    ]
    moved = tuple(
        MovedWord(word.word, word.rank, word.overlap, word.move, *word_near)
        for word, *word_near in zip(found.moved, *near, strict=True)
    )
    return ModelPair(first, second, found.overlap, found.bands, moved)


def _ask(
    models: Mapping[str, WordVectors],
    query: str,
    words: Sequence[str],
    answer: Callable[[WordVectors], Answers],
) -> QueryAnswers:
    """Each model's answer to a query that is made of `words`."""
    found = []
    for name, vectors in models.items():
        missing = tuple(word for word in dict.fromkeys(words) if not _is_known(vectors, word))
        answers = Answers() if missing else answer(vectors)
        found.append(ModelAnswer(name, answers, missing, answers.from_ngrams))
    return QueryAnswers(query, tuple(found))


def _is_known(vectors: WordVectors, word: str) -> bool:
    """Whether a word has a vector, and that a direction."""
    return vectors.has_vector(word) and bool(have_directions(vectors.vector(word)[None])[0])


def _checked(
    models: Mapping[str, WordVectors], queries: Sequence[QueryAnswers], is_default: bool
) -> tuple[QueryAnswers, ...]:
    """The queries that a model can answer; it is an error to have asked for another."""
    lost = [query for query in queries if all(answer.missing for answer in query.models)]
    if lost and not is_default:
        firsts = [query.models[0] for query in lost]
        one_by_one(lambda each: lookup(models[each.model], each.missing, directed=True), firsts)
    return tuple(query for query in queries if query not in lost)


Raw = tuple[str, str, str, str, Difference]
"""A contrast while it is not known how many there are: dataset, both models, what is measured."""


def _judge(
    models: Mapping[str, WordVectors],
    dataset: Dataset,
    method: AnalogyMethod,
    include_query_words: bool,
    restrict_vocab: int | None,
    case_insensitive: bool,
) -> tuple[DatasetScores, list[Raw]]:
    """Each model's result on a dataset, and how each two differ, where that can be told."""
    results: list[Result] = []
    differences: dict[tuple[str, str], Difference | None] = {}
    if isinstance(dataset, AnalogySet):
        measure = "accuracy"
        outcomes = {
            name: answer_analogies(
                vectors, dataset, method=method, include_query_words=include_query_words,
                restrict_vocab=restrict_vocab, case_insensitive=case_insensitive,
            )
            for name, vectors in models.items()
        }  # fmt: skip
        results += [score_analogies(dataset, each) for each in outcomes.values()]
        for (a, first), (b, second) in combinations(outcomes.items(), 2):
            both = first.known & second.known
            differences[a, b] = compare_shares(
                first.correct[both], second.correct[both], first.groups(both)
            )
    elif isinstance(dataset, PairSet):
        measure = "Spearman"
        cosines = {
            name: pair_similarities(
                vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
            )
            for name, vectors in models.items()
        }
        results += [
            score_pairs(
                dataset, each, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
            )
            for each in cosines.values()
        ]
        for (a, x), (b, y) in combinations(cosines.items(), 2):
            both = np.isfinite(x) & np.isfinite(y)
            differences[a, b] = compare_correlations(
                dataset.scores[both], x[both], y[both], "spearman"
            )
    else:
        measure = ""
        results += [
            evaluate(
                vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
            )
            for vectors in models.values()
        ]
    raw = [(dataset.name, a, b, measure, d) for (a, b), d in differences.items() if d is not None]
    return DatasetScores(dataset.name, tuple(results)), raw


def _contrasts(raw: Sequence[Raw]) -> tuple[Contrast, ...]:
    """The differences with their p-values corrected for how many there are."""
    corrected = holm([difference.p for *_, difference in raw])
    return tuple(
        Contrast(
            dataset, a, b, measure, difference, p, stars(p), _verdict(dataset, a, b, difference, p)
        )
        for (dataset, a, b, measure, difference), p in zip(raw, corrected, strict=True)
    )


def _verdict(dataset: str, first: str, second: str, difference: Difference, p: float) -> str:
    scores = {first: difference.first, second: difference.second}
    better, worse = (second, first) if difference.difference > 0 else (first, second)
    found = f"{scores[better]:.3f} against {scores[worse]:.3f}"
    shown = f"p {p_text(p)}"
    if p >= SIGNIFICANT:
        return f"{dataset}: no significant difference between {first} and {second} ({shown})"
    return f"{dataset}: {better} is better than {worse} ({found}, {shown})"
