"""The `bias` command: associations between sets of words, and where words lie along a direction."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.query_options import read_queries, unknown_option
from embedtool.cli.options.shared import (
    FILE,
    Decorator,
    config_options,
    encoding_option,
    json_option,
    model_argument,
    tsv_option,
)
from embedtool.cli.output.console import echo_err, emit, print_json
from embedtool.cli.output.query_results import (
    Unknown,
    answer_queries,
    from_ngrams_field,
    print_annotated_rows,
)
from embedtool.config.tasks import WeatConfig
from embedtool.errors import NoAnswerError
from embedtool.search.answers import ngrams_message
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.analysis.bias import Projections, WeatResult, WordSet

weat_options: Decorator[Any] = config_options(WeatConfig)
COLUMNS = ("test", "targets", "attributes", "effect size", "p", "permutations")


@click.command()
@model_argument
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--weat", "weat_file", type=FILE, metavar="FILE",
    help="Run the association tests of FILE, TOML or JSON: named targets and attributes.",
)  # fmt: skip
@click.option(
    "--direction", "pairs", multiple=True, metavar="EXPRESSION",
    help="Project each WORD on a difference such as 'he - she'; may be repeated, for the "
    "principal direction of several.",
)  # fmt: skip
@encoding_option
@weat_options
@unknown_option
@json_option
@tsv_option
def bias(
    model: Path,
    words: tuple[str, ...],
    weat_file: Path | None,
    pairs: tuple[str, ...],
    encoding: str,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Measure associations between words in MODEL.

    --weat: whether one set of targets is nearer to some attributes than another set, with effect
    size and p-value (WEAT). --direction: the cosine of each WORD, or each line of standard input,
    with a direction.
    """
    if (weat_file is None) == (not pairs):
        raise click.UsageError("give either --weat FILE or --direction EXPRESSION")
    if weat_file is None:
        warn_ignored(dict.fromkeys(("permutations", "seed", "encoding"), "with --direction"))
        queries = read_queries(words, whole_line=False)
    elif words:
        raise click.UsageError("words go with --direction; those of --weat are in its file")
    else:
        warn_ignored({"unknown": "with --weat"})
    config = WeatConfig.from_options(options)

    from embedtool.analysis.bias import project, read_weat, weat
    from embedtool.model import store

    if weat_file is None:
        from embedtool.search.lookup import from_ngrams, lookup

        vectors = store.load(model).vectors
        asked = [(query, query.text) for query in queries]
        answers = answer_queries(partial(lookup, vectors, need_direction=True), asked, unknown)
        failures = [(word, row) for word, row in answers if isinstance(row, NoAnswerError)]
        known = [word for word, row in answers if not isinstance(row, NoAnswerError)]
        new_words = from_ngrams(vectors, known)
        result = project(vectors, pairs, known)
        _print_projections(result, failures, new_words, as_json, as_tsv, unknown)
        return
    tests = read_weat(weat_file, encoding)
    vectors = store.load(model).vectors
    _print_tests([weat(vectors, test, config) for test in tests], as_json, as_tsv)


def _print_projections(
    result: "Projections",
    failures: Sequence[tuple[str, NoAnswerError]],
    new_words: Sequence[str],
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown,
) -> None:
    """Print the projections, and for the words in `failures` why they have none."""
    if as_json:
        words: list[dict[str, Any]] = [
            {**each._asdict(), **from_ngrams_field([each.word] if each.word in new_words else [])}
            for each in result.words
        ]
        words += [{"word": word, "score": None, **error.details()} for word, error in failures]
        print_json({**asdict(result), "words": words})
        return
    columns = ("word", "projection")
    rows: list[tuple[Cell, ...]] = [
        (each.word, each.score, ngrams_message([each.word] if each.word in new_words else []))
        for each in result.words
    ]
    rows += [(word, None, str(error)) for word, error in failures]
    print_annotated_rows(columns, rows, as_tsv, unknown)
    if len(result.pairs) > 1:
        echo_err(f"the direction has {result.shares[0]:.1%} of the {len(result.pairs)} differences")


def _print_tests(results: "Sequence[WeatResult]", as_json: bool, as_tsv: bool) -> None:
    from embedtool.evaluation.statistics import SIGNIFICANT

    rows: list[tuple[Cell, ...]] = [
        (
            each.name, _sizes(each.targets), _sizes(each.attributes), each.effect_size,
            each.p_value if as_tsv else f"{each.p_value:.2g}",
            each.permutations if as_tsv else _permutations(each),
        )
        for each in results
    ]  # fmt: skip
    emit([asdict(each) for each in results], COLUMNS, rows, as_json=as_json, as_tsv=as_tsv)
    if as_json:
        return
    for each in results:
        if each.missing:
            echo_err(f"{each.name}: not in the vocabulary: {', '.join(each.missing)}")
        if each.smallest_p > SIGNIFICANT:
            echo_err(
                f"{each.name}: p cannot be below {each.smallest_p:.2g}, because only "
                f"{each.permutations:,} partitions of the targets were tested"
            )


def _sizes(sets: "Sequence[WordSet]") -> str:
    return " : ".join(f"{each.name} ({len(each.words)})" for each in sets)


def _permutations(result: "WeatResult") -> str:
    return f"{result.permutations:,} ({'all' if result.exact else 'drawn'})"
