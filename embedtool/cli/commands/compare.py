"""embedtool compare: models side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.score_options import read_datasets, score_options
from embedtool.cli.options.shared import FILE, NEW_FILE, IntRange, json_option
from embedtool.cli.output.comparison import markdown, tables, verdicts
from embedtool.cli.output.console import echo_err, escape_unprintable, print_json, print_table
from embedtool.config.tasks import ANALOGY_METHODS
from embedtool.errors import EvaluationError
from embedtool.io.atomic import atomic_write, check_writable, display_names, text_bytes

if TYPE_CHECKING:
    from embedtool.evaluation.tasks import Dataset
    from embedtool.experiments.model_comparison import Comparison
    from embedtool.model.vectors import WordVectors


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
    "-n", "n", type=IntRange(min=1), default=8, show_default=True,
    help="Number of answers shown.",
)  # fmt: skip
@score_options
@click.option(
    "--method", type=click.Choice(ANALOGY_METHODS), default=ANALOGY_METHODS[0], show_default=True,
    help="How analogies are answered.",
)  # fmt: skip
@json_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option(
    "--html", type=NEW_FILE, metavar="FILE",
    help="Write one page that needs no other file, with charts.",
)  # fmt: skip
@click.option(
    "--overlaps", type=NEW_FILE, metavar="FILE",
    help="Write a line for each of the most frequent words and each two models: how far its "
    "neighbours agree.",
)  # fmt: skip
def compare(
    models: tuple[Path, ...],
    words: tuple[str, ...],
    expressions: tuple[str, ...],
    n: int,
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    categories: tuple[str, ...],
    outliers: tuple[str, ...],
    include_query_words: bool,
    restrict_vocab: int,
    case_sensitive: bool,
    encoding: str,
    method: Any,
    as_json: bool,
    as_markdown: bool,
    html: Path | None,
    overlaps: Path | None,
) -> None:
    """Put two or more models side by side, and say which is better.

    Prints the neighbours of some words, the answers to some expressions, how far the models'
    neighbourhoods overlap and where they do not, scores with intervals, and for each two models
    whether they differ by more than chance; the datasets are those of `embedtool evaluate`.
    """
    for path in (html, overlaps):
        if path is not None:
            check_writable(path)
    datasets = read_datasets(analogies, pairs, categories, outliers, encoding)
    names = _names(models)

    from embedtool.experiments.model_comparison import compare_models
    from embedtool.model import store

    known: dict[str, Any] = {
        "restrict_vocab": restrict_vocab,
        "case_insensitive": not case_sensitive,
    }
    loaded = {name: store.load(path).vectors for name, path in zip(names, models, strict=True)}
    result = compare_models(
        loaded,
        words=words or None,
        expressions=expressions or None,
        n=n,
        method=method,
        include_query_words=include_query_words,
        datasets=datasets,
        **known,
    )
    if html is not None:
        from embedtool.cli.output.comparison_page import page

        with atomic_write(html) as file:
            file.write(text_bytes(page(result)))
        echo_err(f"{html}: written")
    if overlaps is not None:
        _write_overlaps(overlaps, loaded)
        echo_err(f"{overlaps}: written")
    if as_json:
        print_json(asdict(result))
    elif as_markdown:
        click.echo(markdown(result))
    else:
        for table in tables(result):
            print_table(table.columns, table.rows, table.title)
            click.echo()
        for verdict in verdicts(result):
            click.echo(escape_unprintable(verdict))
    _note_shortfalls(loaded, datasets, result, known)


def _note_shortfalls(
    models: "Mapping[str, WordVectors]",
    datasets: "Sequence[Dataset]",
    result: "Comparison",
    known: Mapping[str, Any],
) -> None:
    """Warn of datasets that a model covers badly; `known` are options of `check_coverage`."""
    from embedtool.evaluation.coverage import check_coverage
    from embedtool.evaluation.scoring import primary_metric

    for i, (name, vectors) in enumerate(models.items()):
        for dataset, scores in zip(datasets, result.scores, strict=True):
            if fault := check_coverage(
                vectors, dataset, primary_metric(scores.results[i]), **known
            ):
                echo_err(f"Warning: {name}: {fault.message}")


def _write_overlaps(path: Path, models: "Mapping[str, WordVectors]") -> None:
    """Each word's rank, the share of its neighbours in common, and how far it moved, by pair."""
    from embedtool.analysis.neighbours import word_overlaps
    from embedtool.corpus.string_table import SURROGATE_ERRORS

    with atomic_write(path) as file:
        file.write(b"first\tsecond\tword\trank\tshared\tdistance\n")
        for a, b in combinations(models, 2):
            found = word_overlaps(models[a], models[b])
            for word, rank, shared, move in zip(
                found.words, found.ranks.tolist(), found.overlaps.tolist(), found.drift.tolist(),
                strict=True,
            ):  # fmt: skip
                line = f"{a}\t{b}\t{word}\t{rank + 1}\t{shared:g}\t{move:.6f}\n"
                file.write(line.encode("utf-8", SURROGATE_ERRORS))


def _names(models: Sequence[Path]) -> list[str]:
    """The names of `names_of`; a model that is given twice is an error."""
    if len(set(models)) < len(models):
        raise EvaluationError("a model stands there twice; compare different ones")
    return display_names(models)
