"""The `similarity` command: how near two words are."""

from functools import partial
from pathlib import Path

from embedtool.cli.options.query_options import locate_errors, query_command, read_queries
from embedtool.cli.output.console import print_json
from embedtool.cli.output.query_results import (
    Query,
    Unknown,
    answer_queries,
    from_ngrams_field,
    print_annotated_rows,
)
from embedtool.errors import NoAnswerError, QueryError
from embedtool.search.answers import ngrams_message
from embedtool.tables import Cell

COLUMNS = ("word", "other", "similarity")


@query_command("[WORD OTHER...]")
def similarity(
    model: Path, queries: tuple[str, ...], unknown: Unknown, as_json: bool, as_tsv: bool
) -> None:
    """Print the cosine similarity of WORD and each OTHER.

    It is from -1 to 1. Without words, or with -, they are read from standard input, a line for each
    WORD OTHER...
    """
    asked = [
        (query, pair) for query in read_queries(queries, whole_line=True) for pair in _pairs(query)
    ]

    from embedtool.model import store
    from embedtool.search import query as search
    from embedtool.search.lookup import from_ngrams

    vectors = store.load(model).vectors
    answers = answer_queries(partial(search.similarity_batch, vectors), asked, unknown)
    if as_json:
        print_json([
            {**dict(zip(COLUMNS, (*pair, None), strict=True)), **cosine.details()}
            if isinstance(cosine, NoAnswerError)
            else {
                **dict(zip(COLUMNS, (*pair, cosine), strict=True)),
                **from_ngrams_field(from_ngrams(vectors, pair)),
            }
            for pair, cosine in answers
        ])  # fmt: skip
        return
    rows: list[tuple[Cell, ...]] = [
        (*pair, None, str(cosine)) if isinstance(cosine, NoAnswerError)
        else (*pair, cosine, ngrams_message(from_ngrams(vectors, pair)))
        for pair, cosine in answers
    ]  # fmt: skip
    print_annotated_rows(COLUMNS, rows, as_tsv, unknown)


def _pairs(query: Query) -> list[tuple[str, str]]:
    from embedtool.corpus.tokens import split_spaces

    first, *others = split_spaces(query.text) or [""]
    with locate_errors(query):
        if not others:
            raise QueryError(
                f"{query.text!r} is one word; similarity is between two, as in: king queen"
            )
    return [(first, other) for other in others]
