"""embedtool bias: associations between sets of words, and where words lie along a direction."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.queries import read_queries
from embedtool.cli.options.shared import (
    FILE,
    Decorator,
    config_options,
    encoding_option,
    json_option,
    model_argument,
    tsv_option,
)
from embedtool.cli.output.console import Cell, echo_err, print_json, print_table, print_tsv
from embedtool.cli.output.query_results import (
    Unknown,
    answer_queries,
    from_ngrams_field,
    ngrams_message,
    print_annotated_rows,
    unknown_option,
)
from embedtool.config.tasks import WeatConfig
from embedtool.errors import NoAnswerError

if TYPE_CHECKING:
    from embedtool.analysis.bias import Projections, WeatResult, WordSet

weat_options: Decorator[Any] = config_options(WeatConfig)
COLUMNS = ("test", "targets", "attributes", "effect size", "p", "permutations")


@click.command()
@model_argument
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--weat", "weat_file", type=FILE, metavar="FILE",
    help="Run the association tests of FILE, TOML or JSON: targets and attributes by name.",
)  # fmt: skip
@click.option(
    "--direction", "pairs", multiple=True, metavar="EXPRESSION",
    help="Project each WORD on a difference such as 'he - she'; may be repeated, for the main "
    "direction of several.",
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
    """Measure which words MODEL holds for related.

    --weat: whether some targets lie nearer to some attributes than others do, with effect size and
    p-value (WEAT). --direction: the cosine of each WORD, or each line of standard input, with a
    direction.
    """
    if (weat_file is None) == (not pairs):
        raise click.UsageError("give either --weat FILE or --direction EXPRESSION")
    if weat_file is None:
        warn_ignored(dict.fromkeys(("permutations", "seed", "encoding"), "with --direction"))
        queries = read_queries(words, whole_line=False)
    elif words:
        raise click.UsageError("words go with --direction; those of --weat stand in its file")
    else:
        warn_ignored({"unknown": "with --weat"})
    config = WeatConfig.from_options(options)

    from embedtool.analysis.bias import project, read_weat, weat
    from embedtool.model import store

    if weat_file is None:
        from embedtool.search.query import from_ngrams, lookup

        vectors = store.load(model).vectors
        asked = [(query, query.text) for query in queries]
        found = answer_queries(partial(lookup, vectors, directed=True), asked, unknown)
        without = [(word, row) for word, row in found if isinstance(row, NoAnswerError)]
        known = [word for word, row in found if not isinstance(row, NoAnswerError)]
        new = from_ngrams(vectors, known)
        _print_projections(project(vectors, pairs, known), without, new, as_json, as_tsv, unknown)
        return
    tests = read_weat(weat_file, encoding)
    vectors = store.load(model).vectors
    _print_tests([weat(vectors, test, config) for test in tests], as_json, as_tsv)


def _print_projections(
    found: "Projections",
    without: Sequence[tuple[str, NoAnswerError]],
    new: Sequence[str],
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown,
) -> None:
    """Print projections, and the words `without` one; `new` are known by their n-grams alone."""
    if as_json:
        words: list[dict[str, Any]] = [
            {**asdict(each), **from_ngrams_field([each.word] if each.word in new else [])}
            for each in found.words
        ]
        words += [{"word": word, "score": None, **error.details()} for word, error in without]
        print_json({**asdict(found), "words": words})
        return
    columns = ("word", "projection")
    rows: list[tuple[Cell, ...]] = [
        (each.word, each.score, ngrams_message([each.word] if each.word in new else []))
        for each in found.words
    ]
    rows += [(word, None, str(error)) for word, error in without]
    print_annotated_rows(columns, rows, as_tsv, unknown)
    if len(found.pairs) > 1:
        echo_err(f"the direction has {found.shares[0]:.1%} of the {len(found.pairs)} differences")


def _print_tests(results: "Sequence[WeatResult]", as_json: bool, as_tsv: bool) -> None:
    from embedtool.evaluation.statistics import SIGNIFICANT

    if as_json:
        print_json([asdict(each) for each in results])
        return
    rows: list[tuple[Cell, ...]] = [
        (
            each.name, _sizes(each.targets), _sizes(each.attributes), each.effect_size,
            each.p_value if as_tsv else f"{each.p_value:.2g}",
            each.permutations if as_tsv else _ways(each),
        )
        for each in results
    ]  # fmt: skip
    (print_tsv if as_tsv else print_table)(COLUMNS, rows)
    for each in results:
        if each.missing:
            echo_err(f"{each.name}: not in the vocabulary: {', '.join(each.missing)}")
        if each.smallest_p > SIGNIFICANT:
            echo_err(
                f"{each.name}: p cannot be below {each.smallest_p:.2g}, for only "
                f"{each.permutations:,} ways to part the targets were tried"
            )


def _sizes(sets: "Sequence[WordSet]") -> str:
    return " : ".join(f"{each.name} ({len(each.words)})" for each in sets)


def _ways(result: "WeatResult") -> str:
    return f"{result.permutations:,} ({'all' if result.exact else 'drawn'})"
