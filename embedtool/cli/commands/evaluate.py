"""The `evaluate` command: how good word vectors are."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.classify_options import (
    WEIGHTINGS,
    check_exclusive_options,
    classify_options,
)
from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.score_options import ScoreOptions, score_options
from embedtool.cli.options.shared import json_option, model_argument, tsv_option
from embedtool.cli.output.console import print_json, print_table, print_tsv
from embedtool.cli.output.scores import report_low_coverage
from embedtool.config.choices import ANALOGY_METHODS
from embedtool.config.tasks import ClassifyConfig
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.evaluation.scoring import Result


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
    help="Score transformed vectors too, as by embedtool transform: add-contexts, center, "
    "all-but-the-top[:N], pca:N, normalize, several joined by +; may be repeated.",
)  # fmt: skip
@classify_options
@json_option
@tsv_option
def evaluate(
    model: Path,
    methods: tuple[Any, ...],
    names: tuple[str, ...],
    classify: str | None,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Score MODEL on analogies, word pairs and other datasets.

    Analogies: accuracy. Pairs: Spearman's and Pearson's correlation with human scores. Categories:
    purity of the clusters that the vectors form. Outliers: how often the word that does not belong
    is found. By default: the Google analogies, WordSim-353 and SimLex-999. `score` is over
    the questions that the vocabulary can answer, with its 95% confidence interval; the last column
    is over all questions.

    --classify: cross-validated accuracy and F1 of a logistic regression on documents.
    """
    check_exclusive_options(classify)
    if classify is not None:
        _classify_documents(model, classify, options, as_json, as_tsv)
        return
    scoring = ScoreOptions.from_options(options)
    datasets = scoring.datasets()

    from embedtool.evaluation.coverage import check_coverage
    from embedtool.evaluation.scoring import evaluate
    from embedtool.evaluation.tasks import AnalogySet
    from embedtool.model import store
    from embedtool.model.transforms import variants

    if not any(isinstance(dataset, AnalogySet) for dataset in datasets):
        warn_ignored(dict.fromkeys(("methods", "include_query_words"), "without analogies"))
    vocabulary = scoring.vocabulary_arguments()
    opened = store.load(model)
    tasks = [
        (dataset, method)
        for dataset in datasets
        for method in (methods if isinstance(dataset, AnalogySet) else methods[:1])
    ]
    results = {
        name: [
            evaluate(
                vectors, dataset, method=method, include_query_words=scoring.include_query_words,
                **vocabulary,
            )
            for dataset, method in tasks
        ]
        for name, vectors in variants(opened, names)
    }  # fmt: skip
    low_coverages = {
        dataset.name: check_coverage(opened.vectors, dataset, result.primary_metric, **vocabulary)
        for (dataset, _), result in zip(tasks, next(iter(results.values())), strict=True)
    }
    _print_results(results, bool(names), as_json, as_tsv)
    report_low_coverage(list(low_coverages.values()))


def _classify_documents(
    model: Path, source: str, options: dict[str, Any], as_json: bool, as_tsv: bool
) -> None:
    """Classify the documents of a file by the vectors of a model, and print the scores."""
    config = ClassifyConfig.from_options(options)

    from embedtool.cli.output.classification_tables import print_classification
    from embedtool.cli.output.progress_display import progress_reporter
    from embedtool.contextual.loading import is_encoder, is_pretrained, open_encoder
    from embedtool.corpus.tokens import TOKENIZERS
    from embedtool.evaluation.classification import classify, read_labelled
    from embedtool.evaluation.coverage import low_coverage
    from embedtool.evaluation.documents import has_capitals
    from embedtool.model import store
    from embedtool.sklearn import DocumentVectorizer

    modes: dict[str, dict[str, Any]] = {}
    if not is_pretrained(model):
        modes["vectors"] = {"model": store.load(model).vectors, "tokenizer": "whitespace"}
    if is_encoder(model):
        modes["in context"] = {"model": open_encoder(model), "mode": "contextual"}
    labelled = read_labelled(source, config, options["encoding"])
    documents = labelled.tokenized(TOKENIZERS[config.tokenizer]())
    vectorizers = {
        f"{name}: {weighting}": DocumentVectorizer(weighting=weighting, **mode)
        for name, mode in modes.items()
        for weighting in options["weightings"] or WEIGHTINGS
    }
    first = next(iter(modes.values()))
    coverage = DocumentVectorizer(**first).fit(documents.texts).coverage_
    tokens = coverage.n_known, coverage.n_tokens
    report_low_coverage([low_coverage(documents.name, *tokens, "token", bool(coverage.n_known))])
    with progress_reporter() as report:
        result = classify(
            documents, vectorizers, folds=config.folds, seed=config.seed, report=report
        )
    vectors = None if is_pretrained(model) else first["model"]
    settings = {
        "tokenizer": config.tokenizer,
        "lowercase": None if vectors is None else not has_capitals(vectors),
    }
    print_classification(result, coverage, settings, as_json, as_tsv)


def _print_results(
    results: "Mapping[str, Sequence[Result]]", has_variants: bool, as_json: bool, as_tsv: bool
) -> None:
    """Print the results of each variant, by its name."""
    if as_json:
        print_json([
            {**({"variant": name} if has_variants else {}), **asdict(result)}
            for name, of_variant in results.items()
            for result in of_variant
        ])  # fmt: skip
    elif as_tsv:
        from embedtool.evaluation.results import DATA_COLUMNS

        print_tsv(
            (*(["variant"] if has_variants else []), *DATA_COLUMNS),
            [
                (*([name] if has_variants else []), *row)
                for name, of_variant in results.items()
                for result in of_variant
                for row in result.data().rows
            ],
        )
    else:
        for i, of_task in enumerate(zip(*results.values(), strict=True)):
            if i:
                click.echo()
            _print_table(of_task, list(results))


def _print_table(results: "Sequence[Result]", variants: Sequence[str]) -> None:
    """Print the parts of one result, or the scores of all variants side by side."""
    first = results[0]
    if len(results) == 1:
        for table in first.tables():
            print_table(table.columns, table.rows, table.title)
        return
    rows: list[tuple[Cell, ...]] = [
        (same[0].name, same[0].found, same[0].total, *(p.score for p in same))
        for same in zip(*(result.metrics for result in results), strict=True)
    ]
    print_table(("part", "found", "total", *variants), rows, f"{first.dataset}: {first.settings}")
