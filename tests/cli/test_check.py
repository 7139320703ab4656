"""What `embedtool check` says of broken files, and what it saves of them."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.contracts.test_formats import written

BROKEN = (
    b"5 2\nking 0.1 0.2\nb 1\nqueen\t0.3\t0.4\n\xffx 1 2\nking 5 6\nd nan 2\ne  0 0\n 1 2\n\n"
    b"new york 1 2\nman 0.1234 1 2\nz 1.x 2\nq 1"
)
TOLD = """: word2vec, 12 rows x 2: broken; 4 rows are good
faults
  1 x a header that is missing or wrong
      line 1: it says 5 rows, but there are 12
  1 x a file that is cut short
      line 14: 'q' with 1 instead of 2
  2 x too few or too many numbers
      line 3: 'b' with 1 instead of 2
      line 12: 'man' with 3 instead of 2
  1 x something that is not a number
      line 13: 'z': '1.x'
  2 x tabs or several spaces between word and numbers
      line 4: 'queen\\t0.3\\t0.4'
      line 8: 'e  0 0'
  1 x blank lines
      line 10
  1 x words that are not UTF-8
      line 5: '\\xffx'
  1 x missing words
      line 9
  1 x numbers that are not finite
      line 7: 'd'
  1 x duplicate words
      line 6: 'king'
remarks
  1 x rows of zeros
      line 8: 'e'
  1 x words with white space, which other tools may cut
      line 11: 'new york'
"""


def binary_row(word: bytes, *numbers: float) -> bytes:
    return word + b" " + struct.pack(f"<{len(numbers)}f", *numbers)


def test_every_fault_of_a_text_is_reported_and_the_rest_saved(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BROKEN)
    result = run("check", tmp_path / "file", "--repair", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == f"{tmp_path / 'file'}{TOLD}"
    assert result.stderr == (f"{tmp_path / 'out'}: word2vec, 4 rows kept, 8 dropped, 2 repaired\n")
    assert (tmp_path / "out").read_bytes() == (
        b"4 2\nking 0.1 0.2\nqueen 0.3 0.4\ne 0 0\nnew york 1 2\n"
    )
    assert (tmp_path / "file").read_bytes() == BROKEN
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "out"]


def test_json(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"3 2\na 1 2\na 1 2\nb\t0\t0\n")
    result = run("check", tmp_path / "file", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "file": str(tmp_path / "file"),
        "format": "word2vec",
        "sound": False,
        "rows": 3,
        "vector_size": 2,
        "good_rows": 2,
        "mended_rows": 1,
        "faults": [
            {
                "kind": "separator",
                "text": "tabs or several spaces between word and numbers",
                "count": 1,
                "first": [{"line": 4, "detail": "'b\t0\t0'"}],
            },
            {
                "kind": "duplicate",
                "text": "duplicate words",
                "count": 1,
                "first": [{"line": 3, "detail": "'a'"}],
            },
        ],
        "remarks": [
            {
                "kind": "zero",
                "text": "rows of zeros",
                "count": 1,
                "first": [{"line": 4, "detail": "'b'"}],
            }
        ],
    }


def test_a_sound_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\r\nb 3 4")
    result = run("check", tmp_path / "file", "--repair", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stdout == (
        f"{tmp_path / 'file'}: glove, 2 rows x 2: sound\n"
        "remarks\n"
        "  1 x lines that end in CR LF\n"
        "      line 1\n"
        "  1 x no line end after the last row, whose last number may be cut short\n"
        "      line 2\n"
    )
    assert result.stderr == f"{tmp_path / 'file'} is sound; {tmp_path / 'out'} was not written\n"
    assert not (tmp_path / "out").exists()


def test_only_the_first_places_are_shown_but_all_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\n" * 1008)
    lines = run("check", tmp_path / "file").stdout.splitlines()
    assert lines[2] == "  1,007 x duplicate words"
    assert lines[3:] == [*(f"      line {number}: 'a'" for number in range(2, 7)), "      ..."]


TEXTS = {
    "mark": (None, b"\xef\xbb\xbf1 2\na 1 2\n", "a byte order mark", b"1 2\na 1 2\n"),
    "mark, no header": ("glove", b"\xef\xbb\xbfa 1 2\nb 1 2\n", "a byte order", b"a 1 2\nb 1 2\n"),
    "no header": ("word2vec", b"a 1 2\n", "no two whole numbers, but 'a 1 2'", b"1 2\na 1 2\n"),
    "tab in header": ("word2vec", b"1\t2\na 1 2\n", "with a space between", b"1 2\na 1 2\n"),
    "other size": (None, b"1 3\na 1 2\n", "says 3 numbers a row, but most have 2", b"1 2\na 1 2\n"),
    "first row": (None, b"1 2\na\nb 1 2\nc 3 4\n", "'a' with 0", b"2 2\nb 1 2\nc 3 4\n"),
    "first row of glove": (
        None, b"a .125\nb 0.125 1\nc 0.125 4\n", "'a' with 1", b"b 0.125 1\nc 0.125 4\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_texts_that_begin_badly(case: str, run: Run, tmp_path: Path) -> None:
    name, content, message, repaired = TEXTS[case]
    (tmp_path / "file").write_bytes(content)
    options = ["--format", name] if name else []
    result = run("check", tmp_path / "file", "--repair", tmp_path / "out", *options)
    assert result.exit_code == 1
    assert message in result.stdout
    assert (tmp_path / "out").read_bytes() == repaired
    assert run("check", tmp_path / "out").exit_code == 0


def test_a_row_for_the_unknown_word_that_the_header_does_not_count(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"1 2\na 1 2\n<unk> 3 4\n")
    assert run("check", tmp_path / "file").stdout.endswith("2 rows x 2: sound\n")


def test_a_line_without_end(run: Run, tmp_path: Path) -> None:
    """A hole of zeros, as an interrupted download leaves it."""
    (tmp_path / "file").write_bytes(b"a 1 2\nb 3" + bytes(2**23) + b"\nc 5 6\n")
    result = run("check", tmp_path / "file", "--repair", tmp_path / "out")
    assert "  1 x lines too long for a row\n      line 2: 8,388,612 bytes\n" in result.stdout
    assert (tmp_path / "out").read_bytes() == b"a 1 2\nc 5 6\n"


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_every_fault_of_a_binary_is_reported_and_the_rest_saved(
    end: bytes, run: Run, tmp_path: Path
) -> None:
    good = [binary_row(b"word%d" % i, i, 2, 3, 4) for i in range(12)]
    rows = [
        *good[:3], binary_row(b"\xff\xfe", 1, 2, 3, 4), good[3], binary_row(b"", 1, 2, 3, 4),
        *good[4:6], good[0], binary_row(b"n", 1, np.nan, 3, 4), *good[6:], binary_row(b"cut", 1),
    ]  # fmt: skip
    path = tmp_path / "file.bin"
    path.write_bytes(b"99 4\n" + end.join(rows))
    result = run("check", path, "--repair", tmp_path / "out.bin")
    assert result.exit_code == 1
    byte = [5 + len(end.join([*rows[:i], b""])) for i in range(len(rows))]
    assert result.stdout == (
        f"{path}: word2vec-binary, 16 rows x 4: broken; 12 rows are good\n"
        "faults\n"
        "  1 x a header that is missing or wrong\n"
        "      byte 0: it says 99 rows, but there are 16\n"
        "  1 x a file that is cut short\n"
        f"      row 17, byte {byte[16]}: the row ends after 8 bytes\n"
        "  1 x words that are not UTF-8\n"
        f"      row 4, byte {byte[3]}: '\\xff\\xfe'\n"
        "  1 x missing words\n"
        f"      row 6, byte {byte[5]}\n"
        "  1 x numbers that are not finite\n"
        f"      row 10, byte {byte[9]}: 'n'\n"
        "  1 x duplicate words\n"
        f"      row 9, byte {byte[8]}: 'word0'\n"
    )
    assert (tmp_path / "out.bin").read_bytes() == b"12 4\n" + b"".join(row + end for row in good)


def test_bytes_between_rows_of_binary(run: Run, tmp_path: Path) -> None:
    good = [binary_row(b"word%d" % i, i, 2, 3, 4) for i in range(12)]
    path = tmp_path / "file"
    path.write_bytes(b"12 4\n" + b"".join([*good[:5], b"\xff " * 20, *good[5:], b"\xff" * 2000]))
    result = run("check", path, "--repair", tmp_path / "out")
    assert result.stdout.endswith(
        "faults\n"
        "  2 x bytes that belong to no row\n"
        "      row 6, byte 115: 40 bytes\n"
        "      row 13, byte 311: 2,000 bytes to the end of the file\n"
    )
    assert (tmp_path / "out").read_bytes() == b"12 4\n" + b"".join(good)


def test_every_fault_of_tensorboards_pair(run: Run, tmp_path: Path) -> None:
    path, words = tmp_path / "file.tsv", tmp_path / "file.metadata.tsv"
    path.write_bytes(b"\xef\xbb\xbf1\t2\n3\tx\n5\n1\tinf\n7\t8\n9\t0\n5\t5\n0\t0\n4\t4\n")
    words.write_bytes(b"word\tcount\na\t9\nb\t8\nc\t7\nd\t6\na\t5\n\xff\t4\n\t3\n. .\t2\n")
    result = run("check", path, "--format", "tensorboard", "--repair", tmp_path / "out.tsv")
    assert result.exit_code == 1
    assert result.stdout == (
        f"{path}: tensorboard, 8 rows x 2: broken; 2 rows are good\n"
        "faults\n"
        "  1 x a byte order mark, which other tools take as part of the first line\n      line 1\n"
        "  1 x too few or too many numbers\n      line 3: 1 instead of 2\n"
        "  1 x something that is not a number\n      line 2: '3\\tx'\n"
        "  1 x words without numbers, or numbers without words\n"
        "      8 words, but 9 rows of numbers\n"
        "  1 x words that are not UTF-8\n      line 6: '\\xff'\n"
        "  1 x missing words\n      line 7\n"
        "  1 x numbers that are not finite\n      line 4: 'd'\n"
        "  1 x duplicate words\n      line 5: 'a'\n"
        "remarks\n"
        "  1 x rows of zeros\n      line 8: '. .'\n"
        "  1 x words with white space, which other tools may cut\n      line 8: '. .'\n"
    )
    assert (tmp_path / "out.tsv").read_bytes() == b"1\t2\n0\t0\n"
    assert (tmp_path / "out.metadata.tsv").read_bytes() == b"a\n. .\n"


def test_the_one_error_of_a_format_that_is_opened_as_a_whole(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", words=np.array(["a", ""]), vectors=np.ones((2, 2)))
    result = run("check", tmp_path / "a.npz", "--repair", tmp_path / "b.npz")
    assert result.exit_code == 1
    assert "  1 x the file cannot be read\n" in result.stdout
    assert "a word is empty" in result.stdout
    assert result.stderr == f"Error: {tmp_path / 'a.npz'}: no row of it can be saved\n"
    assert not (tmp_path / "b.npz").exists()


def test_duplicates_in_a_container_are_reported_and_no_fault(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", words=np.array(["a", "a"]), vectors=np.ones((2, 2)))
    result = run("check", tmp_path / "a.npz")
    assert result.exit_code == 0
    assert "1 word occurs twice; the first is kept" in result.stderr


def test_floret_has_no_words_to_check(run: Run, tmp_path: Path) -> None:
    path = written("floret", tmp_path)
    result = run("check", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {path}: is floret's, which has no vocabulary that could be checked; import it "
        "with --words\n"
    )


@pytest.mark.parametrize(
    ("out", "name"),
    [("out.npz", "npz"), ("out.bin", "word2vec-binary"), ("out.vec", "fasttext-vec"),
     ("out.txt", "glove"), ("out", "glove"), ("out.2", "glove")],
)  # fmt: skip
def test_the_end_of_the_name_chooses_another_format(
    out: str, name: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file.txt").write_bytes(b"a 1 2\na 1 2\nb  3 4\n")
    result = run("check", tmp_path / "file.txt", "--repair", tmp_path / out)
    assert result.stderr == f"{tmp_path / out}: {name}, 2 rows kept, 1 dropped, 1 repaired\n"
    loaded, _ = formats.read(tmp_path / out, name)
    assert list(loaded.words) == ["a", "b"]
    assert loaded.rows.tolist() == [[1, 2], [3, 4]]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder(run: Run, tmp_path: Path) -> None:
    matrix = np.array([[1, 2], [0, 0]], np.float32)
    formats.write(VectorTable(["a", "b"], matrix), tmp_path / "m", "model2vec")
    result = run("check", tmp_path / "m")
    assert result.exit_code == 0
    assert result.stdout == (
        f"{tmp_path / 'm'}: model2vec, 2 rows x 2: sound\n"
        "remarks\n  1 x rows of zeros\n      row 2: 'b'\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x80\x04\x95abc", "is a pickle, which can run code when it is opened"),
        (b"\x1f\x8babc", "the compressed data is damaged or cut short"),
        (b"nothing\n", "is none of the known formats; name one with --format"),
    ],
)
def test_formats_that_cannot_be_told_apart(
    content: bytes, message: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    result = run("check", tmp_path / "file", "--repair", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {tmp_path / 'file'}: {message}")
    assert not (tmp_path / "out").exists()


def test_files_that_do_not_exist_or_are_in_the_way(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1\na 1\n")
    result = run("check", tmp_path / "none")
    assert result.exit_code == 1
    assert "cannot be read: No such file" in result.stderr
    result = run("check", tmp_path / "file", "--repair", tmp_path / "file")
    assert result.exit_code == 1
    assert "is the file that is checked; name another to write to" in result.stderr
    result = run("check", tmp_path / "file", "--repair", tmp_path / "no" / "out")
    assert "does not exist; make it first" in result.stderr
    assert result.stdout == ""
