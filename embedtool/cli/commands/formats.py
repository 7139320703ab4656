"""The `formats` command: the formats of vector files."""

import click

from embedtool.cli.options.shared import json_option, tsv_option
from embedtool.cli.output.console import emit
from embedtool.formats.registry import FORMATS, READERS, WRITERS

COLUMNS = ("format", "names", "use", "keeps", "opened by")


@click.command()
@json_option
@tsv_option
def formats(as_json: bool, as_tsv: bool) -> None:
    """List the formats that `export` writes and `import` reads.

    Parts of a model that a format does not store are lost. Without --format, the names imply the
    format.
    """
    rows = [
        (name, _names(name), _use(name), each.contents, each.readers)
        for name, each in FORMATS.items()
    ]
    records = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    emit(records, COLUMNS, rows, as_json=as_json, as_tsv=as_tsv)


def _names(name: str) -> str:
    each = FORMATS[name]
    return ", ".join([*each.suffixes, *filter(None, [each.aliases])])


def _use(name: str) -> str:
    verbs = {"read": READERS, "write": WRITERS}
    return ", ".join(verb for verb, names in verbs.items() if name in names)
