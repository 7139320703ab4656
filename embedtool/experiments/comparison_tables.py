"""The tables and the verdicts of a comparison of models."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from embedtool.evaluation.analogy import AnalogyResult
from embedtool.evaluation.results import DATA_COLUMNS
from embedtool.evaluation.similarity import PairResult
from embedtool.evaluation.statistics import format_interval, format_p
from embedtool.search.answers import ngrams_message
from embedtool.tables import Cell, Table

if TYPE_CHECKING:
    from embedtool.evaluation.paired_tests import DatasetScores
    from embedtool.experiments.model_comparison import Comparison, ModelPair, QueryAnswers


def tables(result: "Comparison") -> Iterator[Table]:
    """Yield the tables of neighbours and answers, of neighbourhoods, and of scores."""
    for query in (*result.neighbours, *result.analogies):
        yield _answer_table(result.models, query)
    yield _overlap_table(result)
    for pair in result.overlaps:
        if pair.moved:
            yield _drift_table(pair)
    for scores in result.scores:
        yield _score_table(result.models, scores)
    if result.contrasts:
        yield _difference_table(result)


def verdicts(result: "Comparison") -> Iterator[str]:
    """Yield for each dataset and pair of models which is better, or why that is unknown."""
    known = {(each.dataset, each.first, each.second): each.verdict for each in result.contrasts}
    for scores in result.scores:
        if not isinstance(scores.results[0], AnalogyResult | PairResult):
            continue
        for first, second in combinations(result.models, 2):
            yield known.get(
                (scores.dataset, first, second),
                f"{scores.dataset}: {first} and {second} both know too few of its questions for a "
                "verdict",
            )


def score_data(result: "Comparison") -> Table:
    """Return all scores of all models, with all digits."""
    rows = [
        (model, *row)
        for scores in result.scores
        for model, each in zip(result.models, scores.results, strict=True)
        for row in each.data().rows
    ]
    return Table(("model", *DATA_COLUMNS), rows)


def _answer_table(models: Sequence[str], query: "QueryAnswers") -> Table:
    columns: list[list[str]] = []
    for each in query.models:
        if each.missing:
            columns.append([f"({', '.join(each.missing)} unknown)"])
        else:
            columns.append([f"{answer.word} {answer.score:.3f}" for answer in each.answers])
    rows = tuple(
        (str(rank + 1), *(column[rank] if rank < len(column) else "" for column in columns))
        for rank in range(max(map(len, columns)))
    )
    title = query.query
    for each in query.models:
        if each.from_ngrams:
            title += f"; {each.model}: {ngrams_message(each.from_ngrams)}"
    return Table(("", *models), rows, title)


def _overlap_table(result: "Comparison") -> Table:
    """Return a row for the most frequent words and one for each band of frequency."""
    first = result.overlaps[0]
    rows: list[tuple[Cell, ...]] = [
        (f"{first.overlap.n_words:,} most frequent", *(p.overlap.mean for p in result.overlaps))
    ]
    bands: dict[tuple[int, int], dict[int, float]] = {}
    for i, pair in enumerate(result.overlaps):
        for band in pair.bands:
            bands.setdefault((band.first, band.last), {})[i] = band.overlap
    rows += [
        (f"ranks {low:,} to {high:,}", *(found.get(i) for i in range(len(result.overlaps))))
        for (low, high), found in sorted(bands.items())
    ]
    columns = ("words", *(f"{pair.first}, {pair.second}" for pair in result.overlaps))
    return Table(columns, tuple(rows), f"overlap of the {first.overlap.k} nearest neighbours")


def _drift_table(pair: "ModelPair") -> Table:
    return Table(
        ("word", "rank", "shared", "distance", pair.first, pair.second),
        tuple(
            (
                each.word, each.rank, each.overlap, each.move,
                " ".join(each.first), " ".join(each.second),
            )
            for each in pair.moved
        ),
        f"words whose neighbours differ most, {pair.first} and {pair.second}",
    )  # fmt: skip


def _score_table(models: Sequence[str], scores: "DatasetScores") -> Table:
    """Return a row for each score, followed by one for its intervals if it has them."""
    rows: list[tuple[Cell, ...]] = []
    for same in zip(*(result.metrics for result in scores.results), strict=True):
        rows.append((same[0].name, *(part.score for part in same)))
        if any(part.interval for part in same):
            rows.append(("  95% interval", *(format_interval(part.interval) for part in same)))
    rows.append(("found", *(f"{part.found:,}/{part.total:,}" for part in same)))
    return Table(("", *models), tuple(rows), f"{scores.dataset}: {scores.results[0].settings}")


def _difference_table(result: "Comparison") -> Table:
    """Return the statistics of the verdicts; the last column has a standard test."""
    return Table(
        ("", "difference", "95% interval", "corrected p", "effect", "standard test"),
        tuple(
            (
                f"{each.dataset}: {each.first}, {each.second}",
                f"{each.difference.difference:+.4f}",
                format_interval(each.difference.interval),
                f"{format_p(each.p_corrected).removeprefix('= ')}{each.stars}",
                f"{each.difference.effect} {each.difference.size:+.3f}",
                f"{each.difference.test} {format_p(each.difference.p_test).removeprefix('= ')}",
            )
            for each in result.contrasts
        ),
        "differences, on the questions that both models know",
    )
