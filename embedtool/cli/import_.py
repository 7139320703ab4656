"""embedtool import: a vector file of another tool as a model."""

from pathlib import Path

import click

from embedtool.cli.options import FILE, overwrite_option, reading_options
from embedtool.cli.output import note
from embedtool.errors import DamagedError
from embedtool.formats import READERS
from embedtool.formats.reading import EncodingErrors


@click.command("import")
@click.argument("file", type=FILE)
@click.argument("model", type=FILE)
@click.option(
    "--format", "name", metavar="FORMAT", type=click.Choice(list(READERS)),
    help=f"{', '.join(READERS)}.",
)  # fmt: skip
@click.option(
    "--words", type=FILE, help="floret has vectors for any words: those of this file, one a line."
)
@reading_options
@overwrite_option
def import_(
    file: Path,
    model: Path,
    name: str | None,
    words: Path | None,
    allow_nonfinite: bool,
    encoding_errors: EncodingErrors,
    overwrite: bool,
) -> None:
    """Make a MODEL of the vectors in FILE, which may be a folder.

    Without --format the content of FILE says it.
    """
    from embedtool import formats, store
    from embedtool.formats.reading import Reading
    from embedtool.vectors import Model

    store.check_target(model, overwrite)
    reading = Reading(allow_nonfinite, encoding_errors, scratch=model.parent, words=words)
    try:
        vectors, name = formats.read(file, name, reading)
    except DamagedError as error:
        raise DamagedError(
            f"{error}; `embedtool check {file} --repair OUT` tells all faults and writes the good "
            "rows to OUT"
        ) from None
    store.save(
        Model(vectors, {"algorithm": "imported", "source": str(file), "read_as": name}), model
    )
    note(f"{model}: {name}, {vectors.n_words:,} words x {vectors.vector_size}")
