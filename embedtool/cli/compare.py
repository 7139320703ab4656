"""embedtool compare: models side by side."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options import FILE, json_option
from embedtool.cli.output import Cell, print_json, print_table
from embedtool.cli.scores import (
    analogy_parts,
    pair_measures,
    read_datasets,
    rules,
    score_options,
    share,
)
from embedtool.errors import EvaluationError

if TYPE_CHECKING:
    from embedtool.evaluation.compare import Comparison, DatasetScores, QueryAnswers


@click.command()
@click.argument("models", metavar="MODEL MODEL...", nargs=-1, required=True, type=FILE)
@click.option(
    "--word", "words", multiple=True, metavar="WORD",
    help="Show the neighbours of WORD; may be repeated. Default: king and queen.",
)  # fmt: skip
@click.option(
    "--expression", "expressions", multiple=True, metavar="EXPRESSION",
    help="Show the answers to EXPRESSION; may be repeated. Default: king - man + woman.",
)  # fmt: skip
@click.option(
    "-n", "n", type=click.IntRange(min=1), default=8, show_default=True,
    help="Number of answers shown.",
)  # fmt: skip
@score_options
@json_option
def compare(
    models: tuple[Path, ...],
    words: tuple[str, ...],
    expressions: tuple[str, ...],
    n: int,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    method: Any,
    restrict_vocab: int,
    case_sensitive: bool,
    as_json: bool,
) -> None:
    """Put two or more models side by side.

    Prints the neighbours of some words, the answers to some expressions, how far the models'
    neighbourhoods overlap, and a table of scores; the datasets are those of `embedtool evaluate`.
    """
    datasets = read_datasets(analogies, pairs)
    names = _names(models)

    from embedtool import store
    from embedtool.evaluation.compare import compare_models

    result = compare_models(
        {name: store.load(path).vectors for name, path in zip(names, models, strict=True)},
        words=words or None,
        expressions=expressions or None,
        n=n,
        method=method,
        datasets=datasets,
        restrict_vocab=restrict_vocab,
        case_insensitive=not case_sensitive,
    )
    if as_json:
        print_json(asdict(result))
        return
    for query in (*result.neighbours, *result.analogies):
        _print_answers(result.models, query, n)
    _print_overlaps(result)
    for scores in result.scores:
        _print_scores(result.models, scores)


def _names(models: Sequence[Path]) -> list[str]:
    """The last part of each path, or the whole path where that does not tell models apart."""
    if len(set(models)) < len(models):
        raise EvaluationError("a model stands there twice; compare different ones")
    names = [path.name for path in models]
    return names if len(set(names)) == len(names) else [str(path) for path in models]


def _print_answers(models: Sequence[str], query: "QueryAnswers", n: int) -> None:
    columns: list[list[str]] = []
    for each in query.models:
        if each.missing:
            columns.append([f"({', '.join(each.missing)} unknown)"])
        else:
            columns.append([f"{answer.word} {answer.score:.3f}" for answer in each.answers])
    rows = [
        [str(rank + 1), *(column[rank] if rank < len(column) else "" for column in columns)]
        for rank in range(max(map(len, columns)))
    ]
    print_table(["", *models], rows, query.query)
    click.echo()


def _print_overlaps(result: "Comparison") -> None:
    first = result.overlaps[0].overlap
    rows: list[list[Cell]] = [
        [pair.first, pair.second, pair.overlap.mean, pair.overlap.n_words, pair.overlap.n_shared]
        for pair in result.overlaps
    ]
    print_table(
        ["", "", "overlap", "words", "shared words"],
        rows,
        f"share of the {first.k} nearest neighbours in common",
    )
    click.echo()


def _print_scores(models: Sequence[str], scores: "DatasetScores") -> None:
    from embedtool.evaluation.similarity import PairResult

    rows: list[list[Cell]] = []
    first = scores.results[0]
    if isinstance(first, PairResult):
        measures = [pair_measures(r) for r in scores.results if isinstance(r, PairResult)]
        for same in zip(*measures, strict=True):
            rows.append([same[0][0], *(score for _, score, _ in same)])
        rows.append(["found", *(share(result.found, first.total) for result in scores.results
                                if isinstance(result, PairResult))])  # fmt: skip
    else:
        parts = [analogy_parts(r) for r in scores.results if not isinstance(r, PairResult)]
        for section in zip(*parts, strict=True):
            rows.append([section[0].name, *(part.accuracy for part in section)])
        rows.append(["found", *(share(part[-1].found, part[-1].total) for part in parts)])
    print_table(["", *models], rows, f"{scores.dataset}: {rules(first)}")
    click.echo()
