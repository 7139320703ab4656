"""embedtool vector: the numbers themselves."""

from pathlib import Path

from embedtool.cli.output import print_json, print_line
from embedtool.cli.queries import query_command, read_queries


@query_command("[WORD...]")
def vector(model: Path, queries: tuple[str, ...], as_json: bool, as_tsv: bool) -> None:
    """Print each WORD and the numbers of its vector.

    Without WORD, or with -, the words come from standard input, one a line.
    """
    words = read_queries(queries, whole_line=False)

    from embedtool import store
    from embedtool.search.query import lookup

    rows = lookup(store.load(model).vectors, words)
    if as_json:
        print_json(
            [{"word": word, "vector": row.tolist()} for word, row in zip(words, rows, strict=True)]
        )
        return
    between = "\t" if as_tsv else " "
    for word, row in zip(words, rows, strict=True):
        print_line(between.join([word, *(f"{number:.9g}" for number in row.tolist())]))
