"""The `odd-one-out` command: the word that does not belong."""

from functools import partial
from pathlib import Path

from embedtool.cli.options.query_options import locate_errors, query_command, read_queries
from embedtool.cli.output.query_results import Unknown, answer_queries, print_answers


@query_command("[WORD...]")
def odd_one_out(
    model: Path, queries: tuple[str, ...], unknown: Unknown, as_json: bool, as_tsv: bool
) -> None:
    """Print the words, the one that does not belong first.

    The score is the cosine with the mean of all. Without words, or with -, they are read from
    standard input, a line for each question.
    """
    given = read_queries(queries, whole_line=True)

    from embedtool.corpus.tokens import split_spaces
    from embedtool.model import store
    from embedtool.search import query as search

    asked = []
    for query in given:
        group = split_spaces(query.text)
        with locate_errors(query):
            search.check_group(group)
        asked.append((query, group))
    vectors = store.load(model).vectors
    answers = answer_queries(partial(search.odd_one_out_batch, vectors), asked, unknown)
    print_answers(
        [(" ".join(group), ranked) for group, ranked in answers], as_json, as_tsv, unknown
    )
