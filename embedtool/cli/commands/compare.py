"""The `compare` command: models side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.score_options import ScoreOptions, score_options
from embedtool.cli.options.shared import MODEL, NEW_FILE, IntRange, json_option
from embedtool.cli.output.comparison_markdown import markdown
from embedtool.cli.output.console import echo_err, print_json, print_table
from embedtool.config.choices import ANALOGY_METHODS, N_COMPARED
from embedtool.errors import EvaluationError
from embedtool.io.atomic import atomic_write, check_writable, text_bytes
from embedtool.messages import display_names, escape_unprintable

if TYPE_CHECKING:
    from embedtool.experiments.model_comparison import Comparison
    from embedtool.model.vectors import VectorTable


@click.command()
@click.argument("models", metavar="MODEL MODEL...", nargs=-1, required=True, type=MODEL)
@click.option(
    "--word", "words", multiple=True, metavar="WORD",
    help="Show the neighbours of WORD; may be repeated. Default: king and queen.",
)  # fmt: skip
@click.option(
    "--expression", "expressions", multiple=True, metavar="EXPRESSION",
    help="Show the answers to EXPRESSION; may be repeated. Default: king - man + woman.",
)  # fmt: skip
@click.option(
    "-n", "n", type=IntRange(min=1), default=N_COMPARED, show_default=True,
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
    help="Write a self-contained page with charts.",
)  # fmt: skip
@click.option(
    "--overlaps", type=NEW_FILE, metavar="FILE",
    help="Write a TSV row for each of the most frequent words and each pair of models: the overlap "
    "of its neighbours.",
)  # fmt: skip
def compare(
    models: tuple[Path, ...],
    words: tuple[str, ...],
    expressions: tuple[str, ...],
    n: int,
    method: Any,
    as_json: bool,
    as_markdown: bool,
    html: Path | None,
    overlaps: Path | None,
    **options: Any,
) -> None:
    """Compare two or more models, and say which is better.

    Prints the neighbours of some words, the answers to some expressions, how far the models'
    neighbourhoods overlap and where they do not, scores with confidence intervals, and for each
    pair of models whether the difference is significant; the datasets are those of `embedtool
    evaluate`.
    """
    for path in (html, overlaps):
        if path is not None:
            check_writable(path)
    scoring = ScoreOptions.from_options(options)
    datasets = scoring.datasets()
    names = _names(models)

    from embedtool.experiments.model_comparison import compare_models, low_coverages
    from embedtool.model import store

    loaded = {name: store.load(path).vectors for name, path in zip(names, models, strict=True)}
    result = compare_models(
        loaded, words=words or None, expressions=expressions or None, n=n, method=method,
        include_query_words=scoring.include_query_words, datasets=datasets,
        **scoring.vocabulary_arguments(),
    )  # fmt: skip
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
        _print_tables(result)
    for message in low_coverages(loaded, datasets, result, **scoring.vocabulary_arguments()):
        echo_err(f"Warning: {message}")


def _print_tables(result: "Comparison") -> None:
    for table in result.tables():
        print_table(table.columns, table.rows, table.title)
        click.echo()
    for verdict in result.verdicts:
        click.echo(escape_unprintable(verdict))


def _write_overlaps(path: Path, models: "Mapping[str, VectorTable]") -> None:
    """Write for each pair of models and each word: its rank, overlap and distance."""
    from embedtool.analysis.neighbours import word_overlaps
    from embedtool.io.encodings import SURROGATE_ERRORS

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
    """Return a name for each model. Raise EvaluationError if a model is given twice."""
    if len(set(models)) < len(models):
        raise EvaluationError("a model is given twice; compare different ones")
    return display_names(models)
