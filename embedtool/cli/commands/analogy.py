"""embedtool analogy: words added and subtracted."""

from functools import partial
from pathlib import Path
from typing import Any

from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.queries import (
    approximate_index,
    candidates,
    locate_errors,
    query_command,
    read_queries,
    search_options,
)
from embedtool.cli.options.shared import method_option
from embedtool.cli.output.query_results import Unknown, answer_queries, print_answers


@query_command("[EXPRESSION]...")
@method_option
@search_options
def analogy(
    model: Path,
    queries: tuple[str, ...],
    method: Any,
    n: int,
    min_count: int | None,
    restrict_vocab: int | None,
    word_file: Path | None,
    encoding: str,
    include_query_words: bool,
    approximate: bool,
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print the words nearest to EXPRESSION, or to each of several in quotes.

    EXPRESSION is words joined by + and - with spaces around them, weighted if you like (king - man
    + woman, 0.5*king + queen), or three words: man king woman asks what is to woman as king is to
    man. One that begins with - stands after --, as in: analogy MODEL -- '- man + king + woman'.
    Without it, or with a lone -, expressions come from standard input, one a line.
    """
    if word_file is None:
        warn_ignored({"encoding": "without --words"})
    given = read_queries(queries, whole_line=True)

    from embedtool.model import store
    from embedtool.search.expression import parse_expression
    from embedtool.search.query import analogy_batch

    asked = []
    for query in given:
        with locate_errors(query):
            parse_expression(query.text)
        asked.append((query, query.text))
    vectors = store.load(model).vectors
    nearest = partial(
        analogy_batch,
        vectors,
        n=n,
        method=method,
        candidates=candidates(vectors, restrict_vocab, min_count, word_file, encoding),
        exclude_query_words=not include_query_words,
        index=approximate_index(model, vectors, approximate),
    )
    print_answers(answer_queries(nearest, asked, unknown), as_json, as_tsv, unknown)
