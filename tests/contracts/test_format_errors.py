"""Errors in files of text and of word2vec's binary name the line or the byte."""

import struct
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError

TEXT_FAULTS = {
    "header of other dimensions": (b"99999 300\na 1 2\n", "says 300 numbers a row, but most"),
    "header of 2**63 - 1": (b"9223372036854775807 2\na 1 2\n", "line 1: not the number of rows"),
    "negative header": (b"-1 2\na 1 2\n", "line 1: not the number of rows"),
    "no header": (b"a 1 2\nb 3 4\n", "if the file has no such line, use format='glove'"),
    "row too wide": (b"2 2\na 1 2\nb 3 4 5 6x\n", "line 3: expected a word and 2 numbers"),
    "row too short": (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers"),
    "not a number": (b"2 2\na 1 2\nb 3 four\n", "line 3: expected a word and 2 numbers"),
    "two spaces": (b"2 2\na 1 2\nb 3  4\n", "line 3: expected a word and 2 numbers"),
    "NaN": (b"2 2\na 1 2\nb nan 4\n", "line 3: the vector of 'b' holds a number that is not f"),
    "infinity": (b"2 2\na 1 2\nb 3 -inf\n", "line 3: the vector of 'b' holds a number"),
    "too large": (b"2 2\na 1 2\nb 3 1e39\n", "line 3: the vector of 'b' holds a number"),
    "invalid UTF-8": (b"2 2\na 1 2\n\xff 3 4\n", "line 3: the word is not UTF-8"),
    "binary": (b"2 2\na \0\0\0\0\0\0\x80?", "line 2: is not text; try format='word2vec-binary'"),
}


@pytest.mark.parametrize("fault", TEXT_FAULTS)
def test_a_faulty_line_of_text_is_named(fault: str, tmp_path: Path) -> None:
    content, message = TEXT_FAULTS[fault]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        formats.read(tmp_path / "file", "word2vec")
    assert message in str(caught.value)


def binary_row(word: bytes, *numbers: float) -> bytes:
    return word + b" " + struct.pack(f"<{len(numbers)}f", *numbers)


@pytest.mark.parametrize("said", [0, 1, 3, 10**17])
def test_a_header_that_counts_wrong_is_a_warning(
    said: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "vectors.vec"
    path.write_bytes(b"%d 2\na 1 2\nb 3 4\n" % said)
    vectors, _ = formats.read(path)
    assert list(vectors.words) == ["a", "b"]
    assert f"the header says {said:,} row" in caplog.text
    assert "but there are 2, which are read" in caplog.text


def test_an_empty_word_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "vectors.vec"
    path.write_bytes(b"3 2\na 1 2\n 3 4\n\xc2\xa0 5 6\n")
    vectors, _ = formats.read(path)
    assert list(vectors.words) == ["a", "\xa0"]
    assert "1 word is empty and is left out" in caplog.text


BINARY_FAULTS = {
    "header too high": (b"3 1\n" + binary_row(b"a", 1) * 2, "cannot be in 16 bytes"),
    "header beyond the file": (b"999999999 300\n" + binary_row(b"a", 1), "cannot be in"),
    "header too low": (b"1 1\n" + binary_row(b"a", 1) * 2, "byte 10: more follows than 1 row"),
    "no header": (b"a 1 2\n", "byte 0: no header line"),
    "NaN": (b"1 1\n" + binary_row(b"a", np.nan), "byte 6: the vector of 'a' holds a number"),
    "invalid UTF-8": (b"1 1\n" + binary_row(b"\xff", 1), "byte 4: the word is not UTF-8"),
    "no word": (b"1 1\n" + binary_row(b"", 1) + b"\n", "byte 4: the word is missing"),
    "text": (b"2 3\na 0.1 0.2 0.3\nb 0.1 0.2 0.3\n", "is text, not binary; use format='word2vec'"),
}


@pytest.mark.parametrize("fault", BINARY_FAULTS)
def test_a_faulty_byte_of_binary_is_named(fault: str, tmp_path: Path) -> None:
    content, message = BINARY_FAULTS[fault]
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        formats.read(tmp_path / "file", "word2vec-binary")
    assert message in str(caught.value)


def test_binary_without_line_ends_reads_like_binary_with_them(tmp_path: Path) -> None:
    rows = [binary_row(b"a", 1, 2), binary_row(b"b", 3, 4)]
    for between in (b"", b"\n"):
        (tmp_path / "file").write_bytes(b"2 2\n" + between.join(rows) + between)
        loaded, name = formats.read(tmp_path / "file")
        assert name == "word2vec-binary"
        assert loaded.words == ["a", "b"]
        assert loaded.rows.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word2vec", b"3 1\na 1\nb 2\na 3\n"),
        ("glove", b"a 1\nb 2\na 3\n"),
        ("word2vec-binary", b"3 1\n" + b"".join(
            binary_row(word, number) for word, number in ((b"a", 1), (b"b", 2), (b"a", 3)))),
    ],
)  # fmt: skip
def test_the_first_of_duplicates_is_kept_and_they_are_counted(
    name: str, content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(content)
    loaded, _ = formats.read(tmp_path / "file", name)
    assert loaded.words == ["a", "b"]
    assert loaded.rows.tolist() == [[1], [2]]
    assert "1 word occurs twice; the first is kept" in caplog.text


def test_glove_with_a_header_that_does_not_count_the_unknown_word(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"2 2\na 1 2\nb 3 4\n<unk> 5 6\n")
    assert formats.read(tmp_path / "file", "glove")[0].words == ["a", "b", "<unk>"]


def test_words_with_spaces_in_glove_are_read_from_the_right(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes("the 1 2\n. . . 3 4\na\u00a0b 5 6\n".encode())
    assert formats.read(tmp_path / "file")[0].words == ["the", ". . .", "a\u00a0b"]


def test_one_word_with_number_like_a_header_is_glove(tmp_path: Path) -> None:
    """The first line could be a header of 7 rows, but the second line does not confirm it."""
    (tmp_path / "file").write_bytes(b"7 2\n8 3\n9 4\n")
    loaded, _ = formats.read(tmp_path / "file", "glove")
    assert loaded.words == ["7", "8", "9"]
