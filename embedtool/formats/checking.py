"""Check and repair of vector files."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embedtool.errors import FormatError, OutputError
from embedtool.formats import detect_format, read, write
from embedtool.formats.checking_binary import check_binary, write_binary
from embedtool.formats.checking_fasttext import check_fasttext
from embedtool.formats.checking_tensorboard import check_tensorboard
from embedtool.formats.checking_text import check_text, write_text
from embedtool.formats.findings import Findings
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMATS, SUFFIXES
from embedtool.io.atomic import TEMPORARY_PREFIX, check_output_file, check_writable, is_special
from embedtool.io.compression import is_compressed
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import VectorTable

RowChecker = Callable[[Findings, Report], None]
RowWriter = Callable[[Findings, Path], None]

ROW_CHECKERS: dict[str, RowChecker] = {
    "word2vec": check_text,
    "fasttext-vec": check_text,
    "glove": check_text,
    "word2vec-binary": check_binary,
    "tensorboard": check_tensorboard,
    "fasttext-bin": check_fasttext,
}
"""The formats whose rows are checked one by one. Files of other formats are opened as a whole."""
WORDLESS = "floret"
ROW_WRITERS: dict[str, RowWriter] = {
    "word2vec": write_text,
    "fasttext-vec": write_text,
    "glove": write_text,
    "word2vec-binary": write_binary,
}
"""The formats whose good rows are copied byte by byte. The others are written again."""


def check(path: str | Path, name: str | None = None, report: Report = silent) -> Findings:
    """Find all faults of a file or folder.

    Raises
    ------
    FormatError
        If the format cannot be detected, or the file cannot be opened; everything else is a
        finding.
    """
    path = Path(path)
    if is_special(path):
        raise FormatError(
            f"{path}: is a pipe or a device, and a file is checked in several passes; save it to a "
            "file first"
        )
    findings = Findings(path, detect_format(path, name))
    if findings.format in ROW_CHECKERS and is_compressed(path):
        raise FormatError(f"{path}: is compressed or an archive; check reads unpacked files")
    try:
        if findings.format == WORDLESS:
            raise FormatError(
                f"{path}: is floret's, which has no vocabulary that could be checked; import it "
                "with words",
                parameters=("words",),
            )
        ROW_CHECKERS.get(findings.format, _check_whole)(findings, report)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not findings.n_kept and not findings.errors:
        findings.add("unreadable", {}, "it holds no vectors")
    return findings


def _check_whole(findings: Findings, report: Report) -> None:
    """Open a file; its only error is the finding, or else its rows are validated."""
    try:
        vectors, _ = read(findings.path, findings.format, ReadOptions(allow_nonfinite=True))
    except FormatError as error:
        findings.add("unreadable", {}, str(error))
        return
    findings.n_rows, findings.vector_size = vectors.rows.shape
    good = [
        row
        for row, (word, values) in enumerate(zip(vectors.words, vectors.rows, strict=True))
        if findings.validate_row({"row": row + 1}, word.encode("utf-8", "surrogatepass"), values)
    ]
    counts = vectors.counts
    findings.vectors = VectorTable(
        [vectors.words[row] for row in good],
        vectors.rows[np.array(good, dtype=np.int64)],
        None if counts is None else counts[good],
    )


def check_target(path: Path, out: Path) -> None:
    """Raise OutputError unless the good rows of `path` can be written to `out`."""
    if out.exists() and path.exists() and out.samefile(path):
        raise OutputError(f"{out}: is the file that is checked; name another to write to")
    if out.is_dir() or path.is_dir():
        check_writable(out)
    else:
        check_output_file(out)


def repair(findings: Findings, out: Path) -> str:
    """Write the good rows, the first of each word; return the format.

    It is the format of the file, unless the suffix of `out` implies another.

    Raises
    ------
    FormatError
        If there is no good row, or the other format cannot represent a word.
    OutputError
        If the file cannot be written.
    """
    if not findings.n_kept:
        raise FormatError(f"{findings.path}: no row of it can be saved")
    is_same = _is_same_format(findings, out)
    if findings.vectors is not None:
        name = findings.format if is_same else None
        return write(findings.vectors, out, name, findings.options)
    write_rows = ROW_WRITERS[findings.format]
    if is_same:
        write_rows(findings, out)
        return findings.format
    with TemporaryDirectory(prefix=TEMPORARY_PREFIX, dir=out.parent) as folder:
        rows = Path(folder) / "rows"
        write_rows(findings, rows)
        vectors, _ = read(rows, findings.format)
    return write(vectors, out)


def _is_same_format(findings: Findings, out: Path) -> bool:
    suffix = out.suffix.lower()
    own = (findings.path.suffix.lower(), *FORMATS[findings.format].suffixes)
    return suffix in own or not (suffix in SUFFIXES or suffix == ".bin")
