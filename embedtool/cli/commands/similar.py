"""The `similar` command: nearest neighbours."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.query_options import (
    SearchOptions,
    query_command,
    read_queries,
    search_options,
)
from embedtool.cli.output.query_results import Query, Unknown, answer_queries, print_answers


@query_command("[WORD...]")
@search_options
@click.option(
    "--stable", is_flag=True,
    help="MODEL is a folder of `embedtool stability`: the mean over its runs, with intervals.",
)  # fmt: skip
def similar(
    model: Path,
    queries: tuple[str, ...],
    stable: bool,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Print the nearest neighbours of each WORD by cosine similarity.

    Without WORD, or with -, the words are read from standard input, one a line.
    """
    search = SearchOptions.from_options(options)
    search.warn_ignored()
    asked = [(query, query.text) for query in read_queries(queries, whole_line=False)]
    if stable:
        _print_stable(model, asked, search, unknown, as_json, as_tsv)
        return

    from embedtool.model import store
    from embedtool.search.query import similar_batch

    vectors = store.load(model).vectors
    nearest = partial(similar_batch, vectors, **search.arguments(vectors, model))
    print_answers(answer_queries(nearest, asked, unknown), as_json, as_tsv, unknown)


def _print_stable(
    folder: Path,
    asked: list[tuple[Query, str]],
    search: SearchOptions,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print neighbours over the runs of `embedtool stability`."""
    if search.approximate:
        raise click.UsageError("--stable compares all words; leave out --approximate")
    from embedtool.cli.output.stable_neighbours import print_neighbours
    from embedtool.experiments.runs import open_runs
    from embedtool.experiments.stability import stable_neighbours
    from embedtool.search.lookup import from_ngrams

    runs = open_runs(folder)
    nearest = partial(
        stable_neighbours, runs, n=search.n, candidates=search.candidates(runs[0]),
        include_query_words=search.include_query_words,
    )  # fmt: skip
    answers = answer_queries(nearest, asked, unknown)
    new_words = from_ngrams(runs[0], [word for word, _ in answers])
    print_neighbours(answers, len(runs), as_json, as_tsv, unknown, new_words)
