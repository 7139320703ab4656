"""The `translate` command: words of one language translated by the model of another."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.query_options import read_queries, unknown_option
from embedtool.cli.options.shared import (
    FILE,
    MODEL,
    Decorator,
    IntRange,
    config_options,
    encoding_option,
    json_option,
    model_argument,
    tsv_option,
)
from embedtool.cli.output.console import echo_err, emit
from embedtool.cli.output.query_results import Unknown, answer_queries, print_answers
from embedtool.cli.output.scores import report_low_coverage
from embedtool.config.choices import N_ANSWERS
from embedtool.config.tasks import TranslateConfig
from embedtool.messages import counted
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.analysis.translation import TranslationScore

translate_options: Decorator[Any] = config_options(TranslateConfig)
COLUMNS = ("measure", "correct", "found", "total", "score", "over total")


@click.command()
@model_argument
@click.argument("other", metavar="OTHER", type=MODEL)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--dictionary", type=FILE, required=True, metavar="FILE",
    help="A few thousand pairs of a word and its translation, one a line, to align the models on.",
)  # fmt: skip
@click.option(
    "--test", type=FILE, metavar="FILE",
    help="Translate the words of FILE, another dictionary, and print the precision.",
)  # fmt: skip
@click.option(
    "-n", "n", type=IntRange(min=1), default=N_ANSWERS, show_default=True,
    help="Number of answers.",
)  # fmt: skip
@encoding_option
@translate_options
@unknown_option
@json_option
@tsv_option
def translate(
    model: Path,
    other: Path,
    words: tuple[str, ...],
    dictionary: Path,
    test: Path | None,
    n: int,
    encoding: str,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Translate each WORD of MODEL into words of OTHER.

    MODEL is rotated into the space of OTHER, so that the words of the dictionary are nearest to
    their translations. Without WORD and --test, words are read from standard input.
    """
    config = TranslateConfig.from_options(options)
    if words and test is not None:
        raise click.UsageError("give words or --test, not both")
    if config.method == "nearest":
        warn_ignored({"neighbours": "with --method nearest"})
    if test is not None:
        warn_ignored(dict.fromkeys(("n", "unknown"), "with --test"))
    queries = [] if test is not None else read_queries(words, whole_line=False)

    from embedtool.analysis.translation import Translator
    from embedtool.evaluation.coverage import low_coverage
    from embedtool.evaluation.dataset_readers import read_dictionary
    from embedtool.model import store

    seeds = read_dictionary(dictionary, encoding)
    tested = None if test is None else read_dictionary(test, encoding)
    source, target = (store.load(path).vectors for path in (model, other))
    translator = Translator.fit(source, target, seeds, config)
    fitted = translator.alignment
    echo_err(
        f"aligned on {fitted.n_pairs:,} of {counted(len(seeds), 'pair')}, mean cosine "
        f"{fitted.after:.4f}, residual {fitted.residual:.4f}"
    )
    if tested is None:
        asked = [(query, query.text) for query in queries]
        answers = answer_queries(partial(translator.translate, n=n), asked, unknown)
        print_answers(answers, as_json, as_tsv, unknown)
        return
    score = translator.score(tested)
    title = f"{config.method}, vocabulary limit {config.restrict_vocab:,}"
    emit(asdict(score), COLUMNS, _rows(score), as_json=as_json, as_tsv=as_tsv, title=title)
    missing = (word for pair in tested for word, known in zip(pair, (source, target), strict=True)
               if word not in known)  # fmt: skip
    report_low_coverage(
        [low_coverage(str(test), score.found, score.total, "word", bool(score.found), missing)]
    )


def _rows(score: "TranslationScore") -> list[tuple[Cell, ...]]:
    return [
        (
            f"precision@{each.k}", each.correct, score.found, score.total, each.precision,
            each.precision_over_total,
        )
        for each in score.precisions
    ]  # fmt: skip
