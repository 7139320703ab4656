"""Texts of vectors: no number of a vector becomes part of a word, and no part of a word a number.

And binary files, which are told from text whatever their numbers look like.
"""

from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.checking import check
from embedtool.model.vectors import VectorTable
from tests.conftest import Run

BOM = b"\xef\xbb\xbf"
ROWS = b"king 0.1256 0.2 -0.3\nqueen 0.4 0.5123 6e-05\nman 0.7 0.8 0.9123\n"
SWALLOWED = {
    "a first row with fewer numbers": (b"a 1\nb 1 2\nc 3 4\n", 1),
    "a row with fewer": (b"a 1 2\nb 1\nc 3 4\n", 2),
    "a row with more": (b"a 1 2\nb 1 2 3\nc 3 4\n", 2),
    "a first row with more": (b"a 1 2 3\nb 1 2\nc 3 4\n", 1),
    "a row with one more of many digits": (ROWS + b"x 0.1256 0.1256 0.1 0.2\n", 4),
    "a row with one more in e notation": (ROWS + b"x 1e-05 0.1256 0.1 0.2\n", 4),
    "a header of three numbers": (b"12 10 5\n" + ROWS, 1),
    "a header of one number": (b"3\n" + ROWS, 1),
    "a tab in the header": (b"3\t3\n" + ROWS, 1),
    "two spaces in the header": (b"3  3\n" + ROWS, 1),
    "a header of other numbers": (b"3 2\n" + ROWS, 1),
    "a header that fits no row": (b"3 1\na 1 2 3\nb 4 5 6\nc 7 8 9\n", 1),
    "a tab after each word": (b"a\t1 2 3\nb\t4 5 6\n", 1),
    "a tab after each word, with a header": (b"2 3\na\t1 2 3\nb\t4 5 6\n", 2),
    "a tab after one word": (ROWS + b"x\t0.1 0.2 0.3\n", 4),
    "a tab and a number too many": (ROWS + b"x\t0.5 0.1 0.2555 0.3\n", 4),
    "tabs all over": (b"a\t1\t2\nb\t3\t4\n", 1),
    "two spaces after a word": (ROWS + b"x  0.1 0.2 0.3\n", 4),
    "two spaces after each word": (b"a  1 2\nb  3 4\n", 1),
    "two spaces after a phrase": (ROWS + b"new york  0.1 0.2 0.3\n", 4),
    "two spaces between numbers": (ROWS + b"x 0.1  0.2 0.3\n", 4),
    "a space before the word": (ROWS + b" x 0.1 0.2 0.3\n", 4),
    "a comma after each word": (b"a,0.1 0.2 3\nb,0.3 0.4 5\n", 1),
    "the index of a table": (b"0 a 0.1234 2\n1 b 0.1234 2\n2 c 0.1234 2\n", 1),
    "two rows in a line": (ROWS + b"x 0.1234 0.2 0.3 y 0.1 0.2 0.3\n", 4),
    "line ends of the old Macintosh": (b"a 1 2\rb 3 4\rc 5 6\r", 1),
    "numbers without a space between": (ROWS + b"x 0.1-0.2 0.3\n", 4),
    "numbers without a space and an empty field": (ROWS + b"x  0.1-0.2 0.3\n", 4),
    "a blank line": (b"a 1 2\n\nb 3 4\n", 2),
}  # fmt: skip


def words_of(path: Path, name: str | None = None) -> list[str]:
    return list(formats.read(path, name)[0].words)


@pytest.mark.parametrize("case", SWALLOWED)
def test_a_row_that_does_not_fit_is_an_error_with_its_line(
    case: str, run: Run, tmp_path: Path
) -> None:
    content, line = SWALLOWED[case]
    (tmp_path / "file").write_bytes(content)
    result = run("import", tmp_path / "file", tmp_path / "model")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {tmp_path / 'file'}, line {line}: ")
    assert not (tmp_path / "model").exists()
    assert check(tmp_path / "file").errors


REFUSED = {
    "words and counts": (b"the 500\nof 300\n", "most lines hold a word and one number, as a list"),
    "words and counts with tabs": (b"the\t500\nof\t300\n", "most lines hold a word and one number"),
    "pairs and scores": (b"king\tqueen\t7.5\nman\tboy\t3\n", "most lines hold a word and one n"),
    "commas": (b"king,0.1,0.2\nqueen,0.3,0.4\n", "has commas between its fields"),
    "commas and spaces": (b"a, 1, 2\nb, 3, 4\n", "has commas between its fields"),
    "semicolons": (b"king;0.1;0.2\n", "has semicolons between its fields"),
    "UTF-16": ("king 1 2\n".encode("utf-16"), "is UTF-16, not UTF-8; read it with --encoding utf"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_text_of_vectors_is_named(case: str, run: Run, tmp_path: Path) -> None:
    content, message = REFUSED[case]
    (tmp_path / "file").write_bytes(content)
    for command in (
        ["import", tmp_path / "file", tmp_path / "model"],
        ["check", tmp_path / "file"],
    ):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: {tmp_path / 'file'}: {message}")


def test_vectors_of_one_dimension_are_read_with_a_warning_where_the_format_is_named(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"the 500\nof 300\n")
    result = run("import", tmp_path / "file", tmp_path / "model", "--format", "glove")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Warning: {tmp_path / 'file'}: the vectors have one dimension; a file of words and counts "
        "looks so too\n"
    )


@pytest.mark.parametrize(
    ("rows", "warns"),
    [
        (b"0.5 1 2\n1.5 3 4\n", True),
        (b"2 2\n-5e-05 1 2\n.5 3 4\n", True),
        (b"1 1 2\n2 3 4\n", False),
        (b"0.5 1 2\nhalf 3 4\n", False),
    ],
)
def test_vectors_without_words_are_read_with_a_warning(
    run: Run, tmp_path: Path, rows: bytes, warns: bool
) -> None:
    (tmp_path / "file").write_bytes(rows)
    result = run("import", tmp_path / "file", tmp_path / "model")
    assert result.exit_code == 0
    assert ("all words are numbers" in result.stderr) == warns


WORDS = {
    "a header and trailing spaces": (b"2 2 \na 1 2 \nb 3 4 \n", ["a", "b"]),
    "CR LF": (b"2 2\r\na 1 2\r\nb 3 4\r\n", ["a", "b"]),
    "trailing spaces and CR LF": (b"a 1 2 \r\nb 3 4 \r\n", ["a", "b"]),
    "blank lines at the end": (b"a 1 2\nb 3 4\n\n \n", ["a", "b"]),
    "blank lines of CR LF at the end": (b"2 2\r\na 1 2\r\nb 3 4\r\n\r\n", ["a", "b"]),
    "no line end at the end": (b"a 1 2\nb 3 4", ["a", "b"]),
    "words that are numbers": (b"2000 1 2\n3.14159 3 4\n1e5 5 6\n-1 7 8\nnan 9 0\n",
                               ["2000", "3.14159", "1e5", "-1", "nan"]),
    "words that are numbers, with a header": (b"2 2\n2000 1 2\n2 3 4\n", ["2000", "2"]),
    "a row of zeros first": (b"0 0 0\na 0.5 2\n", ["0", "a"]),
    "whole numbers": (b"7 1 2\n8 3 4\n", ["7", "8"]),
    "words with commas": (b"1,000 1 2\n0,5 3 4\n, 5 6\n", ["1,000", "0,5", ","]),
    "GloVe's words with spaces": (
        b". . . 0.1256 2\nat name@domain.com 3 0.1256\n. . . . . 5 6\nthe 7 8\n",
        [". . .", "at name@domain.com", ". . . . .", "the"],
    ),
    "GloVe's words with spaces first": (
        b"to the email of name@domain.com 0.1256 2\nthe 7 8\nof 1 2\n",
        ["to the email of name@domain.com", "the", "of"],
    ),
    "no-break spaces": ("10\u00a0000 1 2\na\u20281 3 4\n".encode(), ["10\u00a0000", "a\u20281"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_words_of_any_kind_are_read(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content, words = WORDS[case]
    (tmp_path / "file").write_bytes(content)
    loaded, _ = formats.read(tmp_path / "file")
    assert list(loaded.words) == words
    assert loaded.vector_size == 2
    assert not caplog.text
    assert not check(tmp_path / "file").errors


def test_a_number_in_a_phrase_is_read_with_a_warning(run: Run, tmp_path: Path) -> None:
    """It could be one number too many; that it has few digits where others have many says no."""
    (tmp_path / "file").write_bytes(ROWS + b"windows 95 0.1256 2 3\nversion 2.0 1 0.1256 3\n")
    result = run("import", tmp_path / "file", tmp_path / "model")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Warning: {tmp_path / 'file'}: 2 words hold a number between spaces, the first in line 4, "
        "b'windows 95'; a row with a number too many looks so too\n"
    )
    assert run("similar", tmp_path / "model", "windows 95").exit_code == 0
    report = run("check", tmp_path / "file").stdout
    assert (
        "  2 x words with a number between spaces, as where a row has a number too many\n" in report
    )


@pytest.mark.parametrize("content", [b"3 3\n" + ROWS, ROWS])
def test_a_byte_order_mark_is_no_part_of_the_first_word(
    content: bytes, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(BOM + content)
    result = run("import", path, tmp_path / "model")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Warning: {path}: begins with a byte order mark, which is ignored\n"
    )
    assert words_of(path) == ["king", "queen", "man"]
    assert "a byte order mark, which other tools take as part" in run("check", path).stdout


def test_a_binary_file_is_not_taken_for_text_whatever_its_numbers_look_like(tmp_path: Path) -> None:
    """Bytes of numbers that are digits, spaces and line ends, as in one of 4,000 files."""
    starts = [b"5\n", b"5 1\n", b" 5\n1", b"1.5\n", b"\n5 6", b"0 0 0 0\n"]
    for n, start in enumerate(starts):
        for size in (2, 3, 25):
            rows = np.frombuffer(start.ljust(4 * size, b"?") + b"?" * 4 * size, "<f4")
            matrix = rows.reshape(2, size)
            source = VectorTable(["word", "other"], matrix)
            path = tmp_path / f"{n}-{size}"
            formats.write(source, path, "word2vec-binary")
            gensims = tmp_path / "gensim"
            gensims.write_bytes(
                b"2 %d\n" % size
                + b"".join(word + b" " + row.tobytes() for word, row in
                           zip((b"word", b"other"), matrix, strict=True))
            )  # fmt: skip
            for file in (path, gensims):
                for name in (None, "word2vec-binary"):
                    loaded, found = formats.read(file, name)
                    assert found == "word2vec-binary"
                    assert loaded.rows.tobytes() == matrix.tobytes()
                    assert not check(file, name).errors


def test_any_first_row_of_binary_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    alphabet = np.frombuffer(b"0123456789 \n.-e\x80?", np.uint8)
    for _ in range(500):
        size = int(rng.integers(2, 5))
        raw = rng.choice(alphabet, 12 * size).tobytes()
        matrix = np.frombuffer(raw, "<f4").reshape(3, size)
        if not np.isfinite(matrix).all():
            continue
        formats.write(VectorTable(["a", "b", "c"], matrix), tmp_path / "file", "word2vec-binary")
        try:
            loaded, _ = formats.read(tmp_path / "file")
        except FormatError as error:
            pytest.fail(f"{raw!r}: {error}")
        assert loaded.rows.tobytes() == raw


@pytest.mark.parametrize("word", ["PAR1", "FiFu", "ARROW1", "BZh9", "PK"])
def test_a_first_word_that_looks_like_another_format_is_a_word(word: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(word.encode() + b" 1 2\nb 3 4\n")
    assert words_of(tmp_path / "file") == [word, "b"]


@pytest.mark.parametrize("name", ["glove", "tensorboard"])
def test_a_first_word_with_a_byte_order_mark_is_not_written_where_it_would_be_lost(
    name: str, tmp_path: Path
) -> None:
    matrix = np.ones((2, 2), np.float32)
    with pytest.raises(FormatError, match=r"cannot hold the word .* first, as it begins with a by"):
        formats.write(VectorTable(["\ufeffa", "b"], matrix), tmp_path / "file", name)
    assert list(tmp_path.iterdir()) == []
    formats.write(VectorTable(["b", "\ufeffa"], matrix), tmp_path / "file", name)
    assert words_of(tmp_path / "file", name) == ["b", "\ufeffa"]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [("tensors.tsv", "metadata.tsv"), ("X_tensor.tsv", "X_metadata.tsv"),
     ("vectors.tsv", "metadata.tsv"), ("x.tsv", "x.metadata.tsv"), ("vecs.tsv", "meta.tsv")],
)  # fmt: skip
def test_names_of_tensorboards_pair(numbers: str, words: str, tmp_path: Path) -> None:
    (tmp_path / numbers).write_bytes(b"1\t2\n3\t4\n\n")
    (tmp_path / words).write_bytes(BOM + b"a\nb\n\n")
    loaded, name = formats.read(tmp_path / numbers)
    assert (name, list(loaded.words)) == ("tensorboard", ["a", "b"])
    assert not check(tmp_path / numbers).errors


def test_the_missing_file_of_tensorboards_words_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_bytes(b"1\t2\n3\t4\n")
    with pytest.raises(FormatError) as caught:
        formats.read(tmp_path / "x.tsv")
    assert str(caught.value) == (
        f"{tmp_path / 'x.metadata.tsv'}: there is no such file, which holds the words; of "
        "X_tensor.tsv it may be X_metadata.tsv, of tensors.tsv or vectors.tsv metadata.tsv"
    )


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"1.5\n3\t4.5\n5\t6.5\n", 1), (b"1\t2\n3\t4\t5\n5\t6\n", 2), (b"1.5\t2\n\n5.5\t6\n", 2),
     (b"1\t2\n3\t1_0\n5\t6\n", 2), (b"1\t2\n3\t4\t\n5\t6\n", 2)],
)  # fmt: skip
def test_a_row_of_tensorboards_that_does_not_fit_is_named(
    content: bytes, line: int, tmp_path: Path
) -> None:
    (tmp_path / "x.tsv").write_bytes(content)
    (tmp_path / "x.metadata.tsv").write_bytes(b"a\nb\nc\n")
    with pytest.raises(FormatError, match=f"line {line}: expected 2 numbers between tabs"):
        formats.read(tmp_path / "x.tsv")
    assert check(tmp_path / "x.tsv").errors


def test_a_first_row_that_may_be_a_header_of_another_kind_is_read_with_a_warning(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12 10 5 7\n" + ROWS)
    result = run("import", path, tmp_path / "model")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Warning: {path}, line 1: whole numbers only, unlike the other lines; it is read as a "
        "row, not as a header, which has two numbers\n"
    )
    assert "a first row of whole numbers only, unlike the others" in run("check", path).stdout
