"""The `analogy` command: words added and subtracted."""

from functools import partial
from pathlib import Path
from typing import Any

from embedtool.cli.options.query_options import (
    SearchOptions,
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
    unknown: Unknown,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Print the words nearest to a sum such as king - man + woman.

    EXPRESSION is words joined by + and - with spaces around them, optionally weighted (king - man +
    woman, 0.5*king + queen), or three words: man king woman asks what is to woman as king is to
    man. Quote each of several expressions. Put one that begins with - after --, as in: analogy
    MODEL -- '- man + king + woman'. Without EXPRESSION, or with a single -, expressions are read
    from standard input, one a line.
    """
    search = SearchOptions.from_options(options)
    search.warn_ignored()
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
    nearest = partial(analogy_batch, vectors, method=method, **search.arguments(vectors, model))
    print_answers(answer_queries(nearest, asked, unknown), as_json, as_tsv, unknown)
