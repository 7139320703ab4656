"""embedtool evaluate: how good word vectors are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.commands.classify import check_company, classify_documents, classify_options
from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.score_options import read_datasets, score_options
from embedtool.cli.options.shared import json_option, model_argument, tsv_option
from embedtool.cli.output.console import Cell, print_json, print_table, print_tsv
from embedtool.cli.output.scores import format_interval, report_shortfalls, settings_line
from embedtool.config.tasks import ANALOGY_METHODS

if TYPE_CHECKING:
    from embedtool.evaluation.scoring import Result

INTERVAL = "95% interval"
COLUMNS = ("part", "found", "total", "score", INTERVAL, "over total")
TSV_COLUMNS = ("dataset", "method", "part", "found", "total", "score", "low", "high", "over_total")


@click.command()
@model_argument
@score_options
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(ANALOGY_METHODS),
    default=ANALOGY_METHODS[:1], show_default=True,
    help="How analogies are answered; may be repeated.",
)  # fmt: skip
@click.option(
    "--variant", "names", multiple=True, metavar="NAME",
    help="Score the vectors transformed too, as by embedtool transform: add-contexts, center, "
    "all-but-the-top[:N], pca:N, normalize, several joined by +; may be repeated.",
)  # fmt: skip
@classify_options
@json_option
@tsv_option
def evaluate(
    model: Path,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    categories: tuple[str, ...],
    outliers: tuple[str, ...],
    include_query_words: bool,
    restrict_vocab: int,
    case_sensitive: bool,
    encoding: str,
    methods: tuple[Any, ...],
    names: tuple[str, ...],
    classify: str | None,
    as_json: bool,
    as_tsv: bool,
    **classifying: Any,
) -> None:
    """Score MODEL on analogies, pairs of words, categories and outliers, or on documents.

    Analogies: the share of right answers. Pairs: the correlation with people's judgement.
    Categories: how pure the clusters are that the vectors form. Outliers: how often the word that
    does not belong is found. Without any of them: the Google analogies, WordSim-353 and SimLex-999.
    `score` is over the questions that the vocabulary can answer, with the interval that holds its
    true value 95 times in 100; the last column is over all questions.

    --classify: how well a logistic regression tells the classes of documents, cross-validated.
    """
    check_company(classify)
    if classify is not None:
        classify_documents(model, classify, encoding, classifying, as_json, as_tsv)
        return
    datasets = read_datasets(analogies, pairs, categories, outliers, encoding)

    from embedtool.evaluation.coverage import check_coverage
    from embedtool.evaluation.scoring import evaluate, primary_metric
    from embedtool.evaluation.tasks import AnalogySet
    from embedtool.model import store
    from embedtool.model.transforms import variants

    if not any(isinstance(dataset, AnalogySet) for dataset in datasets):
        warn_ignored(dict.fromkeys(("methods", "include_query_words"), "without analogies"))
    words: dict[str, Any] = {
        "restrict_vocab": restrict_vocab,
        "case_insensitive": not case_sensitive,
    }
    opened = store.load(model)
    asked = [
        (dataset, method)
        for dataset in datasets
        for method in (methods if isinstance(dataset, AnalogySet) else methods[:1])
    ]
    scored = {
        name: [
            evaluate(
                vectors, dataset, method=method, include_query_words=include_query_words, **words
            )
            for dataset, method in asked
        ]
        for name, vectors in variants(opened, names)
    }
    shortfalls = {
        dataset.name: check_coverage(opened.vectors, dataset, primary_metric(result), **words)
        for (dataset, _), result in zip(asked, next(iter(scored.values())), strict=True)
    }
    _print_all(scored, bool(names), as_json, as_tsv)
    report_shortfalls(list(shortfalls.values()))


def _print_all(
    scored: "Mapping[str, Sequence[Result]]", has_variants: bool, as_json: bool, as_tsv: bool
) -> None:
    """Print the results of each variant by its name."""
    if as_json:
        print_json([
            {**({"variant": name} if has_variants else {}), **asdict(result)}
            for name, results in scored.items()
            for result in results
        ])  # fmt: skip
    elif as_tsv:
        print_tsv(
            (*(["variant"] if has_variants else []), *TSV_COLUMNS),
            [
                (*([name] if has_variants else []), *row)
                for name, results in scored.items()
                for result in results
                for row in _tsv_rows(result)
            ],
        )
    else:
        for i, same in enumerate(zip(*scored.values(), strict=True)):
            if i:
                click.echo()
            _print(same, list(scored))


def _tsv_rows(result: "Result") -> list[tuple[Cell, ...]]:
    from embedtool.evaluation.scoring import metrics

    return [
        (
            result.dataset, getattr(result, "method", None), p.name, p.found, p.total, p.score,
            p.interval.low if p.interval else None, p.interval.high if p.interval else None,
            p.over_total,
        )
        for p in metrics(result)
    ]  # fmt: skip


def _print(results: "Sequence[Result]", variants: Sequence[str]) -> None:
    """The metrics of one result, or the scores of all variants side by side."""
    from embedtool.evaluation.scoring import metrics

    title = f"{results[0].dataset}: {settings_line(results[0])}"
    if len(results) == 1:
        found = metrics(results[0])
        with_interval = any(p.interval for p in found)
        columns = [name for name in COLUMNS if with_interval or name != INTERVAL]
        lines = [
            (
                p.name, p.found, p.total, p.score,
                *([format_interval(p.interval)] if with_interval else []), p.over_total,
            )
            for p in found
        ]  # fmt: skip
        print_table(columns, lines, title)
        return
    rows: list[tuple[Cell, ...]] = [
        (same[0].name, same[0].found, same[0].total, *(p.score for p in same))
        for same in zip(*map(metrics, results), strict=True)
    ]
    print_table((*COLUMNS[:3], *variants), rows, title)
