"""embedtool similar: nearest neighbours."""

from pathlib import Path

import click

from embedtool.cli.queries import (
    candidates,
    index_of,
    print_answers,
    query_command,
    read_queries,
    search_options,
)


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
    include_query_words: bool,
    approximate: bool,
    stable: bool,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print the words nearest to each WORD of MODEL, by cosine.

    Without WORD, or with -, the words come from standard input, one a line.
    """
    words = read_queries(queries, whole_line=False)
    if stable:
        if approximate:
            raise click.UsageError("--stable compares all words; leave out --approximate")
        from embedtool.cli.stability import print_neighbours
        from embedtool.experiments.runs import open_runs
        from embedtool.experiments.stability import stable_neighbours

        runs = open_runs(model)
        among = candidates(runs[0], restrict_vocab, min_count, word_file)
        found = stable_neighbours(
            runs, words, n, candidates=among, exclude_query_words=not include_query_words
        )
        print_neighbours(words, found, len(runs), as_json, as_tsv)
        return

    from embedtool import store
    from embedtool.search.query import similar_batch

    vectors = store.load(model).vectors
    answers = similar_batch(
        vectors,
        words,
        n,
        candidates=candidates(vectors, restrict_vocab, min_count, word_file),
        exclude_query_words=not include_query_words,
        index=index_of(model, vectors, approximate),
    )
    print_answers(words, answers, as_json, as_tsv)
