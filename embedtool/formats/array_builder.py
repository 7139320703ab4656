"""Arrays that grow while a file is read, in memory or memory-mapped from a temporary file."""

import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embedtool.errors import FormatError, OutputError
from embedtool.formats.options import ReadOptions
from embedtool.formats.word_checks import WordFilter
from embedtool.io.atomic import is_decompression_bomb
from embedtool.io.progress import Progress, Report
from embedtool.model.vectors import VectorTable

GATHERED_ROWS = 2**8
"""Number of rows that `vectors_from_rows` collects before they are appended."""
SMALL_BYTES = 2**28
"""Size in bytes up to which an array is read regardless of its compression."""


def check_expansion(path: Path, name: str, packed: int, n_bytes: int) -> None:
    """Raise FormatError if `packed` bytes cannot plausibly expand to `n_bytes`."""
    if is_decompression_bomb(packed, n_bytes, SMALL_BYTES):
        raise FormatError(
            f"{path}: '{name}' says that {packed:,} bytes become {n_bytes:,}, which is implausible "
            "for vectors"
        )


def watched(blocks: Iterable[slice], n_rows: int, report: Report) -> Iterator[slice]:
    """Yield blocks of the rows of a model, and report the progress after each is written."""
    for rows in blocks:
        yield rows
        report(Progress("writing", rows.stop, n_rows, "words"))


class ArrayBuilder:
    """An array whose number of rows is known only after the last one.

    Memory grows as rows arrive, regardless of any header. If `options.scratch` is a folder, the
    array is in an unnamed file there, which is deleted with the array.

    Parameters
    ----------
    dtype : dtype
        The type of the numbers.
    """

    def __init__(self, options: ReadOptions, dtype: DTypeLike = np.float32) -> None:
        self._dtype = np.dtype(dtype)
        self._blocks: list[NDArray[Any]] = []
        self._scratch = options.scratch
        with self._errors():
            self._file = None if options.scratch is None else _nameless(options.scratch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            with self._errors():
                self._file.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise write errors as OutputError: the file that is read is not at fault."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self._scratch}: temporary data cannot be written: {error.strerror or error}"
            ) from None

    def append(self, block: NDArray[Any]) -> None:
        """Add rows. Numbers that exceed the array's type become infinity."""
        with np.errstate(over="ignore"):
            rows = np.array(block, dtype=self._dtype, order="C")
        if self._file is None:
            self._blocks.append(rows)
            return
        with self._errors():
            self._file.write(rows.data)

    def array(self, *row_shape: int) -> NDArray[Any]:
        """Return all rows, each of the given shape."""
        if self._file is None:
            values = np.concatenate([block.ravel() for block in self._blocks] or [_nothing()])
            self._blocks.clear()
        elif self._file.tell():
            with self._errors():
                self._file.flush()
            data = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            values = np.frombuffer(data, np.uint8)
        else:
            values = _nothing()
        return values.view(self._dtype).reshape(-1, *row_shape)


def _nameless(folder: Path) -> IO[bytes]:
    return TemporaryFile(dir=folder)


def _nothing() -> NDArray[Any]:
    return np.empty(0, np.uint8)


def vectors_from_rows(
    name: str,
    rows: Iterable[tuple[str, NDArray[np.float32]]],
    vector_size: int,
    options: ReadOptions,
) -> VectorTable:
    """Make VectorTable of the words and vectors that are read, one by one.

    Empty words, and all but the first of equal words, are left out with a warning.
    """
    words = WordFilter(options)
    block: list[NDArray[np.float32]] = []
    with ArrayBuilder(options) as table:
        for word, values in rows:
            if words.takes(word):
                block.append(values)
            if len(block) == GATHERED_ROWS:
                table.append(np.stack(block))
                block.clear()
            if words.is_full:
                break
        if block:
            table.append(np.stack(block))
        matrix = table.array(vector_size)
    words.warn(name)
    return VectorTable(list(words.taken), matrix)
