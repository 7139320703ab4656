"""What a check promises of every format: it ends, it agrees with the reader, it repairs."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.checking import ROW_WRITERS, WORDLESS, check, repair
from embedtool.formats.registry import FORMATS, READERS
from embedtool.formats.tensorboard import metadata_path
from tests.contracts.test_formats import parts, vectors, words_for, written

each_reader = pytest.mark.parametrize("name", [name for name in READERS if name != WORDLESS])
BOM = "\ufeff"
"""No fault within a file, but one at its start."""
TEXT_PIECES = [
    b" ", b"\n", b"\t", b"\r\n", b"a", b"b", b"\xff", b"\0", b"1", b"0.1255", b"nan", b"2 2\n",
    b"a 1 2\n", b"b 3 4\n", b"<unk> 5 6\n", b"the \xc2\xa0 7 8\r\n",
]  # fmt: skip
BINARY_PIECES = [
    b" ", b"\n", b"a", b"\xff", b"\0\0\xc0\x7f", b"\0\0\x80?",
    b"a \0\0\x80?\0\0\0@", b"b \0\0\x80?\0\0\0@\n",
]  # fmt: skip
"""Rows, and what rows are made of. Numbers in which no digit stands: else they are text."""

each_by_rows = pytest.mark.parametrize("name", ROW_WRITERS)


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def agrees(path: Path, name: str, out: Path) -> None:
    """Check a file, which may be damaged: what is sound can be read; what is not, repaired."""
    findings = check(path, name)
    if not findings.errors:
        assert len(formats.read(path, name)[0].words) == findings.n_kept
    elif findings.n_kept:
        if not FORMATS[name].is_folder:
            assert repair(findings, out) == name
            again = check(out, name)
            assert not again.errors
            assert again.n_rows == findings.n_kept
            loaded, _ = formats.read(out, name)
            assert len(loaded.words) == findings.n_kept
            assert np.isfinite(loaded.rows).all()
    else:
        with pytest.raises(FormatError, match="no row of it can be saved"):
            repair(findings, out)


@each_reader
def test_what_is_written_is_sound(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    for given_name in (name, None):
        findings = check(path, given_name)
        assert not findings.kinds
        assert (findings.n_rows, findings.n_kept, findings.vector_size) == (3, 3, 3)


@each_by_rows
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_words_are_written_are_no_fault(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = data.draw(st.lists(words_for(name), min_size=1, max_size=5, unique=True))
    path = tmp_path_factory.getbasetemp() / f"written-{name}"
    assume(not words[0].startswith(BOM))
    formats.write(vectors(words), path, name)
    findings = check(path, name)
    assert not findings.errors
    assert findings.n_kept == len(words)


@each_reader
def test_cut_anywhere(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    for part in parts(path):
        whole = part.read_bytes()
        for length in range(1, len(whole)):
            part.write_bytes(whole[:length])
            agrees(path, name, tmp_path / "out")
        part.write_bytes(whole)


@each_reader
def test_any_byte_flipped(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    for part in parts(path):
        whole = bytearray(part.read_bytes())
        for position in range(len(whole)):
            whole[position] ^= 0xFF
            part.write_bytes(whole)
            whole[position] ^= 0xFF
            agrees(path, name, tmp_path / "out")
        part.write_bytes(whole)


@each_by_rows
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_bytes_at_all(
    name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Rows in pieces: what a reader may meet, and more."""
    piece = st.sampled_from(BINARY_PIECES if name == "word2vec-binary" else TEXT_PIECES)
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"pieces-{name}"
    start = data.draw(
        st.sampled_from([b"2 2\n", b"3 2\n"] if name == "word2vec-binary" else [b"", b"2 2\n"])
    )
    path.write_bytes(start + b"".join(data.draw(st.lists(piece, min_size=1, max_size=12))))
    agrees(path, name, folder / f"pieces-out-{name}")


@pytest.mark.parametrize("content", [b"2 2\n  0.1255", b"2 2\n  1"])
def test_a_row_of_fewer_numbers_confirms_no_header(content: bytes, tmp_path: Path) -> None:
    """Found by drawing bytes: the reader took for a header what check took for a row."""
    (tmp_path / "file").write_bytes(content)
    assert not check(tmp_path / "file", "glove").errors
    agrees(tmp_path / "file", "glove", tmp_path / "out")


@each_reader
@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n", b"\n\n\n", b" ", b"\0"])
def test_files_that_hold_nothing(name: str, content: bytes, tmp_path: Path) -> None:
    if FORMATS[name].is_folder:
        (tmp_path / "file").mkdir()
    else:
        (tmp_path / "file").write_bytes(content)
        metadata_path(tmp_path / "file").write_bytes(content)
    findings = check(tmp_path / "file", name)
    assert findings.errors
    assert not findings.n_kept


@pytest.mark.parametrize("name", ["word2vec", "fasttext-vec", "word2vec-binary"])
@pytest.mark.parametrize("content", [b"0 1\n", b"3 2\n"])
def test_a_header_and_nothing_else(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    findings = check(tmp_path / "file", name)
    assert findings.errors
    assert not findings.n_kept


@each_by_rows
@pytest.mark.parametrize("step", range(3))
def test_a_gap_is_found_and_the_rest_is_saved(name: str, step: int, tmp_path: Path) -> None:
    """Bytes that a disk has lost."""
    words = [f"word{i}" for i in range(40)]
    matrix = np.random.default_rng(3).standard_normal((40, 30), dtype=np.float32)
    formats.write(vectors(words, matrix), tmp_path / "file", name)
    data = (tmp_path / "file").read_bytes()
    start = len(data) // 4 + 7 * step
    (tmp_path / "file").write_bytes(data[:start] + data[start + len(data) // 9 :])
    findings = check(tmp_path / "file", name)
    assert findings.errors
    repair(findings, tmp_path / "out")
    saved, _ = formats.read(tmp_path / "out", name)
    whole = [row for row, word in enumerate(saved.words) if word in words]
    assert len(whole) >= 32
    good = [
        row for row in whole
        if saved.rows[row].tobytes() == matrix[words.index(saved.words[row])].tobytes()
    ]  # fmt: skip
    assert len(good) >= len(saved.words) - 2
