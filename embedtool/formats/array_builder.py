"""Tables that grow while a file is read.

In: blocks of rows. Out: one array of them all, in memory, or on disk and mapped.
"""

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
from embedtool.io.atomic import is_decompression_bomb
from embedtool.io.progress import Progress, Report

BLOCK_BYTES = 2**22
"""As much is read, checked and written in one go."""

SMALL_BYTES = 2**28
"""An array of so many bytes does no harm, however much it was compressed."""


def check_expansion(path: Path, name: str, packed: int, n_bytes: int) -> None:
    """Raise FormatError where so many bytes of a file cannot honestly become `n_bytes`."""
    if is_decompression_bomb(packed, n_bytes, SMALL_BYTES):
        raise FormatError(
            f"{path}: '{name}' says that {packed:,} bytes become {n_bytes:,}, as in no file of "
            "vectors"
        )


def blocks_of(n_rows: int, row_bytes: int, n_bytes: int = BLOCK_BYTES) -> Iterator[slice]:
    """The rows in blocks of at most n_bytes, or of one row, first to last."""
    step = max(1, n_bytes // max(1, row_bytes))
    for first in range(0, n_rows, step):
        yield slice(first, min(first + step, n_rows))


def watched(blocks: Iterable[slice], n_rows: int, report: Report) -> Iterator[slice]:
    """Blocks of the rows of a model, with a report after each is written."""
    for rows in blocks:
        yield rows
        report(Progress("writing", rows.stop, n_rows, "words"))


class ArrayBuilder:
    """An array whose number of rows is known when the last has come.

    It takes memory as rows come, never as a header says. In `reading.scratch`, where that is a
    folder, it lies in a file without a name, which ends with the array.
    """

    def __init__(self, reading: ReadOptions, dtype: DTypeLike = np.float32) -> None:
        self._dtype = np.dtype(dtype)
        self._blocks: list[NDArray[Any]] = []
        self._scratch = reading.scratch
        with self._errors():
            self._file = None if reading.scratch is None else _nameless(reading.scratch)

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
        """Say of an error in writing that it is one: the file that is read is not at fault."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self._scratch}: what is read cannot be kept there: {error.strerror or error}"
            ) from None

    def append(self, block: NDArray[Any]) -> None:
        """Add rows. What is beyond the table's type becomes infinity."""
        with np.errstate(over="ignore"):
            rows = np.array(block, dtype=self._dtype, order="C")
        if self._file is None:
            self._blocks.append(rows)
            return
        with self._errors():
            self._file.write(rows.data)

    def array(self, *row_shape: int) -> NDArray[Any]:
        """All rows, each of the shape given."""
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
