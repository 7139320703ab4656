"""The `vector` command: the components of vectors."""

from functools import partial
from pathlib import Path

from embedtool.cli.options.query_options import query_command, read_queries
from embedtool.cli.output.console import echo_err, print_json, print_line
from embedtool.cli.output.query_results import (
    Unknown,
    answer_queries,
    echo_ngrams,
    from_ngrams_field,
)
from embedtool.errors import NoAnswerError


@query_command("[WORD...]")
def vector(
    model: Path, queries: tuple[str, ...], unknown: Unknown, as_json: bool, as_tsv: bool
) -> None:
    """Print each WORD with its vector.

    Without WORD, or with -, the words are read from standard input, one a line.
    """
    asked = [(query, query.text) for query in read_queries(queries, whole_line=False)]

    from embedtool.model import store
    from embedtool.search.lookup import from_ngrams, lookup

    vectors = store.load(model).vectors
    answers = answer_queries(partial(lookup, vectors), asked, unknown)
    if as_json:
        print_json([
            {"word": word, "vector": None, **row.details()} if isinstance(row, NoAnswerError)
            else {
                "word": word, "vector": row.tolist(),
                **from_ngrams_field(from_ngrams(vectors, [word])),
            }
            for word, row in answers
        ])  # fmt: skip
        return
    separator = "\t" if as_tsv else " "
    for word, row in answers:
        if isinstance(row, NoAnswerError):
            print_line(word)
            echo_err(str(row))
        else:
            print_line(separator.join([word, *(f"{number:.9g}" for number in row.tolist())]))
    echo_ngrams(vectors, [word for word, row in answers if not isinstance(row, NoAnswerError)])
