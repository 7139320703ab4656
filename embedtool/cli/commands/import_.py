"""The `import` command: a vector file of another tool as a model."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import (
    FILE,
    NEW_FILE,
    READABLE,
    IntRange,
    encoding_option,
    overwrite_option,
    vector_read_options,
)
from embedtool.cli.output.console import echo_err
from embedtool.errors import DamagedError
from embedtool.formats.registry import READERS
from embedtool.io.encodings import is_utf8
from embedtool.messages import counted


@click.command("import")
@click.argument("file", type=READABLE)
@click.argument("model", type=NEW_FILE)
@click.option(
    "--format", "name", metavar="FORMAT", type=click.Choice(list(READERS)),
    help=f"{', '.join(READERS)}.",
)  # fmt: skip
@click.option(
    "--words",
    type=FILE,
    help="Words to import from floret, which has a vector for any word: a file, one a line.",
)
@click.option(
    "--word-column",
    metavar="NAME",
    help="Array or column of the words, in npz, safetensors, parquet and arrow.",
)
@click.option(
    "--vector-column",
    metavar="NAME",
    help="Array or column of the vectors; 'd*' if each dimension has a column: d0, d1, ...",
)
@click.option(
    "--member",
    metavar="NAME",
    help="Which vectors of an archive or folder of several: a name or a pattern, such as 1990 or "
    "'*.100d.txt'.",
)
@click.option(
    "--max-words",
    "limit",
    type=IntRange(1),
    help="Import only the first words; what follows them is not read or downloaded.",
)
@click.option(
    "--word-prefix",
    metavar="PREFIX",
    help="Import only words that begin with PREFIX, and without it, such as /c/de/.",
)
@encoding_option
@vector_read_options
@overwrite_option
def import_(
    file: Path | str, model: Path, name: str | None, overwrite: bool, **chosen: Any
) -> None:
    """Read the vectors of FILE, and save them as MODEL.

    FILE may be a folder, a compressed file (gzip, bzip2, xz, zstd), a zip or tar archive, a URL,
    hf:OWNER/NAME for a repository of Hugging Face's or, as -, standard input. Without --format the
    format is detected by content.
    """
    import numpy as np

    from embedtool import formats
    from embedtool.cli.output.progress_display import delayed_bars
    from embedtool.formats.options import ReadOptions
    from embedtool.model import store
    from embedtool.model.vectors import ModelRecord
    from embedtool.pretrained.hub import is_repository, local_copy

    store.check_target(model, overwrite)
    with ExitStack() as stack:
        report = stack.enter_context(delayed_bars())
        reading = ReadOptions(scratch=model.parent, report=report, **chosen)
        source: Path | str = file
        origin: dict[str, Any] = {}
        if is_repository(repository := Path(file).as_posix()):
            copy = local_copy(repository, model.parent, report)
            source, origin = stack.enter_context(copy)
        try:
            vectors, description = formats.read_described(source, name, reading)
        except DamagedError as error:
            if not (is_utf8(reading.encoding) and _has_row_checker(file, name)):
                raise
            raise DamagedError(
                f"{error}; `embedtool check {file} --repair OUT` reports all faults and writes the "
                "good rows to OUT",
                parameters=error.parameters,
            ) from None
        store.save(ModelRecord(vectors, description | origin), model, report, overwrite=True)
    n_without = int((~np.isfinite(vectors.norms)).sum())
    if n_without:
        silent = counted(n_without, "vector has", "vectors have")
        echo_err(f"Warning: {silent} no finite length; their words answer no query")
    facts = f"{counted(vectors.n_words, 'word')} x {vectors.vector_size}"
    echo_err(f"{model}: {description['read_as']}, {facts}")


def _has_row_checker(file: Path | str, name: str | None) -> bool:
    """Return whether `embedtool check` can repair a file, which reads plain files in UTF-8."""
    from embedtool import formats
    from embedtool.formats.checking import ROW_CHECKERS
    from embedtool.io.compression import is_compressed

    if isinstance(file, str) or not file.is_file() or is_compressed(file):
        return False
    return formats.detect_format(file, name) in ROW_CHECKERS
