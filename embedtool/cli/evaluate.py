"""embedtool evaluate: how good word vectors are."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options import json_option, model_argument, tsv_option
from embedtool.cli.output import Cell, print_json, print_table, print_tsv
from embedtool.cli.scores import (
    analogy_parts,
    pair_measures,
    read_datasets,
    rules,
    score_options,
)

if TYPE_CHECKING:
    from embedtool.evaluation.analogy import AnalogyResult
    from embedtool.evaluation.similarity import PairResult

COLUMNS = ("dataset", "part", "found", "total", "score", "unknown as wrong")


@click.command()
@model_argument
@score_options
@json_option
@tsv_option
def evaluate(
    model: Path,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    method: Any,
    restrict_vocab: int,
    case_sensitive: bool,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Score MODEL on analogies and on pairs of words.

    Analogies: the share of right answers. Pairs: the correlation with people's judgement. Without
    --analogies and --pairs: the Google analogies, WordSim-353 and SimLex-999. `score` is over the
    questions whose words are all in the vocabulary, the last column over all questions.
    """
    datasets = read_datasets(analogies, pairs)

    from embedtool import store
    from embedtool.evaluation.analogy import evaluate_analogies
    from embedtool.evaluation.datasets import AnalogySet
    from embedtool.evaluation.similarity import evaluate_pairs

    vectors = store.load(model).vectors
    results: list[AnalogyResult | PairResult] = []
    for dataset in datasets:
        if isinstance(dataset, AnalogySet):
            results.append(
                evaluate_analogies(
                    vectors, dataset, method=method, restrict_vocab=restrict_vocab,
                    case_insensitive=not case_sensitive,
                )
            )  # fmt: skip
        else:
            results.append(
                evaluate_pairs(
                    vectors, dataset, restrict_vocab=restrict_vocab,
                    case_insensitive=not case_sensitive,
                )
            )  # fmt: skip
    if as_json:
        print_json([asdict(result) for result in results])
    elif as_tsv:
        rows = [(result.dataset, *row) for result in results for row in _rows(result)]
        print_tsv(COLUMNS, rows)
    else:
        for i, result in enumerate(results):
            if i:
                click.echo()
            title = f"{result.dataset}: {rules(result)}"
            print_table(COLUMNS[1:], _rows(result), title)


def _rows(result: "AnalogyResult | PairResult") -> list[tuple[Cell, ...]]:
    from embedtool.evaluation.similarity import PairResult

    if isinstance(result, PairResult):
        return [
            (name, result.found, result.total, score, over_total)
            for name, score, over_total in pair_measures(result)
        ]
    return [
        (part.name, part.found, part.total, part.accuracy, part.accuracy_over_total)
        for part in analogy_parts(result)
    ]
