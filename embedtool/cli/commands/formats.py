"""embedtool formats: which formats there are."""

import click

from embedtool.cli.options.shared import json_option, tsv_option
from embedtool.cli.output.console import print_json, print_table, print_tsv
from embedtool.formats import FORMATS, READERS, WRITERS

COLUMNS = ("format", "names", "use", "keeps", "opened by")


@click.command()
@json_option
@tsv_option
def formats(as_json: bool, as_tsv: bool) -> None:
    """List the formats of vectors that `export` writes and `import` reads.

    What a format does not keep of a model is lost in it. The names are those that say the format
    where --format does not.
    """
    rows = [
        (name, _names(name), _use(name), each.contents, each.readers)
        for name, each in FORMATS.items()
    ]
    if as_json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif as_tsv:
        print_tsv(COLUMNS, rows)
    else:
        print_table(COLUMNS, rows)


def _names(name: str) -> str:
    each = FORMATS[name]
    return ", ".join([*each.suffixes, *filter(None, [each.aliases])])


def _use(name: str) -> str:
    verbs = {"read": READERS, "write": WRITERS}
    return ", ".join(verb for verb, names in verbs.items() if name in names)
