"""Files of tokens with their vectors in context: npz, safetensors or Parquet.

They contain `tokens`, `lines` (int64, the index of each token's line) and `vectors` (float32).
Memory does not grow with the text, except for npz, whose tokens are one array of strings.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.contextual.encoders import ContextualEncoder
from embedtool.corpus.scanning import BYTE
from embedtool.corpus.string_table import StringTable
from embedtool.errors import OutputError
from embedtool.formats.arrow_table import import_pyarrow
from embedtool.io.array_file import map_file
from embedtool.io.atomic import TEMPORARY_PREFIX, atomic_write
from embedtool.io.blocks import slices
from embedtool.io.safetensors_io import write_tensors
from embedtool.messages import brief

LINE_DTYPE, VECTOR_DTYPE = np.dtype("<i8"), np.dtype("<f4")
SEPARATOR = "\n"
"""Separator of tokens; no token contains it, because a sentence is one line."""
BATCH_ROWS = 2**14


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """Tokens and vectors, in memory-mapped files.

    Attributes
    ----------
    text : ndarray of uint8
        The tokens in UTF-8, each followed by SEPARATOR.
    lines : ndarray of int64, shape (n_tokens,)
    vectors : ndarray of float32, shape (n_tokens, vector_size)
    """

    __repr__ = brief

    text: NDArray[np.uint8]
    lines: NDArray[np.int64]
    vectors: NDArray[np.float32]


def check_suffix(path: Path) -> None:
    """Check that tokens can be written to a file of this name.

    Raises
    ------
    OutputError
        If the suffix is not one of WRITERS.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    if path.suffix.lower() not in WRITERS:
        raise OutputError(f"{path}: tokens are written as {', '.join(WRITERS)}; name such a file")
    if path.suffix.lower() == PARQUET:
        import_pyarrow("Parquet")


def write(encoder: ContextualEncoder, lines: Iterable[str], path: Path) -> int:
    """Encode lines, write their tokens with vectors, and return the number of tokens."""
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=path.parent) as folder:
        tokens = _encode_to_files(encoder, lines, Path(folder))
        WRITERS[path.suffix.lower()](tokens, path)
        return len(tokens.lines)


def _encode_to_files(
    encoder: ContextualEncoder, lines: Iterable[str], folder: Path
) -> TokenVectors:
    names = ("text", "lines", "vectors")
    paths = {name: folder / name for name in names}
    with (
        paths["text"].open("wb") as text,
        paths["lines"].open("wb") as numbers,
        paths["vectors"].open("wb") as vectors,
    ):
        for number, sentence in enumerate(encoder.encode(lines)):
            text.write("".join(token + SEPARATOR for token in sentence.tokens).encode())
            numbers.write(np.full(len(sentence.tokens), number, LINE_DTYPE).data)
            vectors.write(sentence.vectors.astype(VECTOR_DTYPE).data)
    rows = map_file(paths["vectors"], VECTOR_DTYPE).reshape(-1, encoder.vector_size)
    return TokenVectors(map_file(paths["text"], BYTE), map_file(paths["lines"], LINE_DTYPE), rows)


def _write_npz(tokens: TokenVectors, path: Path) -> None:
    with atomic_write(path) as file:
        np.savez(
            file, tokens=np.array(_texts(tokens), np.str_), lines=tokens.lines,
            vectors=tokens.vectors,
        )  # fmt: skip


def _write_safetensors(tokens: TokenVectors, path: Path) -> None:
    tensors: dict[str, Any] = {
        "tokens": tokens.text, "lines": tokens.lines, "vectors": tokens.vectors
    }  # fmt: skip
    with atomic_write(path) as file:
        write_tensors(file, tensors, {"format": "embedtool tokens and vectors"})


def _write_parquet(tokens: TokenVectors, path: Path) -> None:
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


def _blocks(tokens: TokenVectors) -> Iterator[tuple[slice, list[str]]]:
    words = StringTable.from_lines(tokens.text)
    for rows in slices(len(tokens.lines), BATCH_ROWS):
        yield rows, words[rows]


def _texts(tokens: TokenVectors) -> list[str]:
    return [text for _, texts in _blocks(tokens) for text in texts]


PARQUET = ".parquet"
WRITERS: dict[str, Callable[[TokenVectors, Path], None]] = {
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
    PARQUET: _write_parquet,
}
"""Writers by the suffix of the file's name."""
