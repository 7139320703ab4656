"""Tokens with their vectors as files that other programs read.

In: lines of text and an encoder. Out: npz, safetensors or Parquet with `tokens`, `lines` (int64,
the number of each token's line, from 0) and `vectors` (float32). Memory does not grow with the
text, but for npz, whose tokens are one array of strings.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.contextual.encoders import ContextualEncoder
from embedtool.corpus.encoding import BYTE, map_file
from embedtool.corpus.string_table import StringTable
from embedtool.errors import OutputError
from embedtool.formats.arrow_table import import_pyarrow
from embedtool.io.atomic import TEMPORARY_PREFIX, atomic_write
from embedtool.io.safetensors_io import write_tensors
from embedtool.messages import brief

NUMBER, REAL = np.dtype("<i8"), np.dtype("<f4")
BETWEEN = "\n"
"""No token holds a line end, for it is of one line."""
BATCH_ROWS = 2**14


@dataclass(frozen=True, eq=False)
class Tokens:
    """Tokens on disk.

    text    : uint8, the tokens in UTF-8, a line end after each
    lines   : int64 (n_tokens,)
    vectors : float32 (n_tokens, vector_size)
    """

    __repr__ = brief

    text: NDArray[np.uint8]
    lines: NDArray[np.int64]
    vectors: NDArray[np.float32]


def check_kind(path: Path) -> None:
    """Raise OutputError unless tokens can be written as such a file, MissingExtraError as well."""
    if path.suffix.lower() not in WRITERS:
        raise OutputError(f"{path}: tokens are written as {', '.join(WRITERS)}; name such a file")
    if path.suffix.lower() == PARQUET:
        import_pyarrow("Parquet")


def write(encoder: ContextualEncoder, lines: Iterable[str], path: Path) -> int:
    """Encode lines and write their tokens; returns how many there are."""
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=path.parent) as folder:
        tokens = _gathered(encoder, lines, Path(folder))
        WRITERS[path.suffix.lower()](tokens, path)
        return len(tokens.lines)


def _gathered(encoder: ContextualEncoder, lines: Iterable[str], folder: Path) -> Tokens:
    names = ("text", "lines", "vectors")
    paths = {name: folder / name for name in names}
    with (
        paths["text"].open("wb") as text,
        paths["lines"].open("wb") as numbers,
        paths["vectors"].open("wb") as vectors,
    ):
        for number, sentence in enumerate(encoder.encode(lines)):
            text.write("".join(token + BETWEEN for token in sentence.tokens).encode())
            numbers.write(np.full(len(sentence.tokens), number, NUMBER).data)
            vectors.write(sentence.vectors.astype(REAL).data)
    rows = map_file(paths["vectors"], REAL).reshape(-1, encoder.vector_size)
    return Tokens(map_file(paths["text"], BYTE), map_file(paths["lines"], NUMBER), rows)


def _write_npz(tokens: Tokens, path: Path) -> None:
    with atomic_write(path) as file:
        np.savez(
            file, tokens=np.array(_texts(tokens), np.str_), lines=tokens.lines,
            vectors=tokens.vectors,
        )  # fmt: skip


def _write_safetensors(tokens: Tokens, path: Path) -> None:
    tensors: dict[str, Any] = {
        "tokens": tokens.text, "lines": tokens.lines, "vectors": tokens.vectors
    }  # fmt: skip
    with atomic_write(path) as file:
        write_tensors(file, tensors, {"format": "embedtool tokens and vectors"})


def _write_parquet(tokens: Tokens, path: Path) -> None:
    arrow = import_pyarrow("Parquet")
    from pyarrow.parquet import ParquetWriter

    size = tokens.vectors.shape[1]
    schema = arrow.schema([
        ("token", arrow.string()), ("line", arrow.int64()),
        ("vector", arrow.list_(arrow.float32(), size)),
    ])  # fmt: skip
    with atomic_write(path) as file, ParquetWriter(file, schema) as writer:
        for rows, texts in _blocks(tokens):
            flat = arrow.array(np.ascontiguousarray(tokens.vectors[rows]).reshape(-1))
            columns = [
                arrow.array(texts, arrow.string()),
                arrow.array(np.ascontiguousarray(tokens.lines[rows])),
                arrow.FixedSizeListArray.from_arrays(flat, size),
            ]
            writer.write_batch(arrow.record_batch(columns, schema=schema))


def _blocks(tokens: Tokens) -> Iterator[tuple[slice, list[str]]]:
    words = StringTable.from_lines(tokens.text)
    for first in range(0, len(tokens.lines), BATCH_ROWS):
        rows = slice(first, first + BATCH_ROWS)
        yield rows, words[rows]


def _texts(tokens: Tokens) -> list[str]:
    return [text for _, texts in _blocks(tokens) for text in texts]


PARQUET = ".parquet"
WRITERS: dict[str, Callable[[Tokens, Path], None]] = {
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
    PARQUET: _write_parquet,
}
"""What writes a file whose name ends so."""
