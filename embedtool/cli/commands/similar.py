"""embedtool similar: nearest neighbours."""

from functools import partial
from pathlib import Path

import click

from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.queries import (
    approximate_index,
    candidates,
    query_command,
    read_queries,
    search_options,
)
from embedtool.cli.output.query_results import Unknown, answer_queries, print_answers


@query_command("[WORD...]")
@search_options
@click.option(
    "--stable", is_flag=True,
    help="MODEL is a folder of `embedtool stability`: the mean over its runs, with intervals.",
)  # fmt: skip
def similar(
    model: Path,
    queries: tuple[str, ...],
    n: int,
    min_count: int | None,
    restrict_vocab: int | None,
    word_file: Path | None,
    encoding: str,
    include_query_words: bool,
    approximate: bool,
    stable: bool,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print the words nearest to each WORD of MODEL, by cosine.

    Without WORD, or with -, the words come from standard input, one a line.
    """
    if word_file is None:
        warn_ignored({"encoding": "without --words"})
    asked = [(query, query.text) for query in read_queries(queries, whole_line=False)]
    if stable:
        if approximate:
            raise click.UsageError("--stable compares all words; leave out --approximate")
        from embedtool.cli.commands.stability import print_neighbours
        from embedtool.experiments.runs import open_runs
        from embedtool.experiments.stability import stable_neighbours
        from embedtool.search.query import from_ngrams

        runs = open_runs(model)
        among = candidates(runs[0], restrict_vocab, min_count, word_file, encoding)
        near = partial(
            stable_neighbours, runs, n=n, candidates=among,
            exclude_query_words=not include_query_words,
        )  # fmt: skip
        found = answer_queries(near, asked, unknown)
        new = from_ngrams(runs[0], [word for word, _ in found])
        print_neighbours(found, len(runs), as_json, as_tsv, unknown, new)
        return

    from embedtool.model import store
    from embedtool.search.query import similar_batch

    vectors = store.load(model).vectors
    nearest = partial(
        similar_batch,
        vectors,
        n=n,
        candidates=candidates(vectors, restrict_vocab, min_count, word_file, encoding),
        exclude_query_words=not include_query_words,
        index=approximate_index(model, vectors, approximate),
    )
    print_answers(answer_queries(nearest, asked, unknown), as_json, as_tsv, unknown)
