"""embedtool odd-one-out: the word that does not belong."""

from pathlib import Path

from embedtool.cli.queries import print_answers, query_command, read_queries


@query_command("[WORD...]")
def odd_one_out(model: Path, queries: tuple[str, ...], as_json: bool, as_tsv: bool) -> None:
    """Print the words, the odd one first.

    The score is the cosine with the mean of all. Without words, or with -, the words come from
    standard input, a line for each question.
    """
    lines = read_queries(queries, whole_line=True)

    from embedtool import store
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search import query

    vectors = store.load(model).vectors
    answers = [query.odd_one_out(vectors, split_spaces(line)) for line in lines]
    print_answers(lines, answers, as_json, as_tsv)
