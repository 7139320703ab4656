"""TensorBoard's projector: a table of numbers and, beside it, a list of words.

NAME.tsv has a row a line, numbers between tabs, and NAME.metadata.tsv a word a line. Neither has
a header: metadata of one column must have none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.array_builder import vectors_from_rows
from embedtool.formats.layout import SAMPLE_LINES
from embedtool.formats.options import ReadOptions
from embedtool.formats.text_rows import number_lines
from embedtool.formats.word_checks import check_first_word
from embedtool.io.atomic import atomic_write
from embedtool.io.encodings import UTF8
from embedtool.io.progress import Progress, Report, silent
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

OTHER_NAMES = {
    "tensors": "metadata",
    "tensor": "metadata",
    "vectors": "metadata",
    "embeddings": "metadata",
    "vecs": "meta",
}
"""Ends of the stems of the two names in other programs: gensim's script writes X_tensor.tsv and
X_metadata.tsv, the projector tensors.tsv and metadata.tsv."""
PROGRESS_ROWS = 2**12
LONGEST_UTF8 = 4
"""Maximum bytes of UTF-8 for a byte of another encoding."""


class _UnnamedRowError(DamagedError):
    """A row of numbers after the last word."""


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read both files. Metadata of several columns has a header; its first column is the words.

    Of a word that occurs twice the first row is kept.

    Raises
    ------
    FormatError
        If the files are not valid; it names the line and the word.
    """
    numbered = word_lines(path, options)
    filled = without_blanks(numbered)
    words = [
        options.decoded(raw, f"{words_path(path)}, line {number:,}", UTF8) for number, raw in filled
    ]
    size = path.stat().st_size
    with options.opened(path) as file:
        lines = list(islice(file, SAMPLE_LINES))
        vector_size = size_of(lines)
        if 2 * len(words) * vector_size > size + 1:
            raise DamagedError(
                f"{path}: {counted(len(words), 'row')} of {counted(vector_size, 'number')}, one "
                f"for each word, cannot be in {counted(size, 'byte')}"
            )
        rows = _rows(path, chain(lines, file), words, vector_size, options)
        try:
            return vectors_from_rows(str(path), rows, vector_size, options)
        except _UnnamedRowError:
            if len(filled) == len(numbered):
                raise
            line = numbered[len(filled)][0]
            raise DamagedError(f"{words_path(path)}, line {line:,}: the word is missing") from None


def without_blanks(words: Sequence[tuple[int, bytes]]) -> Sequence[tuple[int, bytes]]:
    """Return the lines of words without blank ones at the end."""
    end = len(words)
    while end and not words[end - 1][1]:
        end -= 1
    return words[:end]


def size_of(lines: Sequence[bytes]) -> int:
    """Return the number of fields that most lines have; 0 if all are blank."""
    sizes = Counter(line.count(b"\t") + 1 for line in lines if line.strip())
    return max(sizes, key=sizes.__getitem__, default=0)


def _rows(
    path: Path, lines: Iterable[bytes], words: list[str], vector_size: int, options: ReadOptions
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each word and its numbers; blank lines at the end are ignored."""
    blank, number = 0, 0
    for line_number, line in enumerate(lines, 1):
        if not line.strip():
            blank = blank or line_number
            continue
        numbers = numbers_of(line)
        if numbers is None or len(numbers) != vector_size or blank:
            raise DamagedError(
                f"{path}, line {blank or line_number:,}: expected "
                f"{counted(vector_size, 'number')} between tabs, found "
                f"{b'' if blank else line[:40]!r}"
            )
        number += 1
        if number % PROGRESS_ROWS == 0:
            options.report(Progress("reading", number, len(words), "words"))
        if number > len(words):
            raise _UnnamedRowError(
                f"{path}: {counted(len(words), 'word')}, but more rows of numbers"
            )
        with np.errstate(over="ignore"):
            values = np.array(numbers).astype(np.float32)
        word = words[number - 1]
        if not (np.isfinite(values).all() or options.allow_nonfinite):
            raise DamagedError(
                f"{path}, line {number:,}: the vector of {word!r} holds a number that is not finite"
            )
        yield word, values
    if number != len(words):
        raise DamagedError(
            f"{path}: {counted(len(words), 'word')}, but {counted(number, 'row')} of numbers"
        )


def word_lines(path: Path, options: ReadOptions) -> list[tuple[int, bytes]]:
    """Return the number of each line of the metadata that holds a word, and the word, in UTF-8.

    Parameters
    ----------
    path : Path
        The file of the numbers.
    """
    metadata = words_path(path)
    if not metadata.is_file():
        raise FormatError(
            f"{metadata}: there is no such file, which holds the words; of X_tensor.tsv it may "
            "be X_metadata.tsv, of tensors.tsv or vectors.tsv metadata.tsv"
        )
    with options.opened(metadata) as file:
        lines = file.read(metadata.stat().st_size * LONGEST_UTF8).removesuffix(b"\n").split(b"\n")
    first = int(b"\t" in lines[0])
    words = (line.removesuffix(b"\r").partition(b"\t")[0] for line in lines[first:])
    return list(enumerate(words, first + 1))


def numbers_of(line: bytes) -> list[float] | None:
    """Return the numbers between the tabs of a line, or None if there is anything else."""
    if b"_" in line:  # Python reads 1_000 as a number
        return None
    try:
        return [float(field) for field in line.split(b"\t")]
    except ValueError:
        return None


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write both files. A word with a tab or a line end cannot be written."""
    check_first_word(vectors, path)
    with atomic_write(metadata_path(path)) as words, atomic_write(path) as numbers:
        words.writelines(f"{word}\n".encode() for word in vectors.words)
        for lines in number_lines(vectors.rows, "\t", report):
            numbers.writelines(lines)


def metadata_path(path: Path) -> Path:
    """Return the path for writing the words of `path`: NAME.metadata.tsv beside NAME.tsv."""
    return path.with_name(f"{path.stem}.metadata{path.suffix}")


def words_path(path: Path) -> Path:
    """Return the path of the existing words of `path`, also by names that other programs use."""
    own = metadata_path(path)
    if not own.is_file():
        for numbers, words in OTHER_NAMES.items():
            other = path.with_name(f"{path.stem.removesuffix(numbers)}{words}{path.suffix}")
            if path.stem.endswith(numbers) and other.is_file():
                return other
    return own
