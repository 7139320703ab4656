"""embedtool similarity: how near two words are."""

from pathlib import Path

from embedtool.cli.output import print_json, print_table, print_tsv
from embedtool.cli.queries import query_command, read_queries
from embedtool.errors import QueryError


@query_command("[WORD OTHER...]")
def similarity(model: Path, queries: tuple[str, ...], as_json: bool, as_tsv: bool) -> None:
    """Print the cosine of WORD with each OTHER, from -1 to 1.

    Without words, or with -, the words come from standard input, a line for each WORD OTHER...
    """
    pairs = [pair for line in read_queries(queries, whole_line=True) for pair in _pairs(line)]

    from embedtool import store
    from embedtool.search import query

    vectors = store.load(model).vectors
    rows = [(first, second, query.similarity(vectors, first, second)) for first, second in pairs]
    columns = ("word", "other", "similarity")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif as_tsv:
        print_tsv(columns, rows)
    else:
        print_table(columns, rows)


def _pairs(line: str) -> list[tuple[str, str]]:
    from embedtool.corpus.tokens import split_spaces

    first, *others = split_spaces(line)
    if not others:
        raise QueryError(f"{line!r} is one word; similarity is between two, as in: king queen")
    return [(first, other) for other in others]
