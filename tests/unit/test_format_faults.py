"""Vector files that lie: about sizes, about characters, about what they are."""

import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMATS, READERS, WRITERS
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.factories import without_ngrams


def plain(words: list[str], rows: np.ndarray | None = None) -> VectorTable:
    matrix = np.ones((len(words), 2), dtype=np.float32) if rows is None else rows
    return without_ngrams(words, matrix)


def fault(path: Path, name: str | None = None) -> str:
    with pytest.raises(FormatError) as caught:
        formats.read(path, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_half_a_character_is_refused(name: str, tmp_path: Path) -> None:
    """A lone surrogate, which is no character and has no UTF-8."""
    with pytest.raises(FormatError, match=r"cannot hold the word 'b.ud800'"):
        formats.write(plain(["a", "b\ud800"]), tmp_path / "file", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [0xD800, 0x110000, 0xFFFFFFFF])
def test_npz_with_what_is_no_character(code: int, tmp_path: Path) -> None:
    words = np.array(["ab", "cd"])
    words.view(np.uint32)[1] = code
    np.savez(tmp_path / "a.npz", words=words, vectors=np.ones((2, 2), np.float32))
    assert "'words' holds what is no character" in fault(tmp_path / "a.npz")


@pytest.mark.parametrize("raw", ["words", "vectors", "counts"])
def test_npz_with_a_member_that_is_no_array(raw: str, tmp_path: Path) -> None:
    arrays = {"words": np.array(["a"]), "vectors": np.ones((1, 2), np.float32)}
    arrays.pop(raw, None)
    np.savez(tmp_path / "a.npz", **arrays)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr(raw, b"abc")
    assert f"'{raw}' is not an array" in fault(tmp_path / "a.npz")


def test_npy_is_not_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    assert "not a zip archive" in fault(tmp_path / "a.npy", "npz")


ARRAY_FAULTS = {
    "no words": ([], np.ones((0, 2), np.float32), None, "holds no words"),
    "counts of another length": (["a"], np.ones((1, 2)), np.array([1, 2]), "1 word, but 2 counts"),
    "one count": (
        ["a"],
        np.ones((1, 2)),
        np.array(1),
        "'counts' is not a one-dimensional array of integers",
    ),
    "count too large": (["a"], np.ones((1, 2)), np.array([2**64 - 1], np.uint64), "below 0"),
    "count below 0": (["a"], np.ones((1, 2)), np.array([-1]), "below 0"),
    "fewer vectors": (["a", "b"], np.ones((1, 2)), None, "2 words, but 1 vector"),
    "flat": (["a"], np.ones(1), None, "'vectors' is not a table"),
    "whole numbers": (["a"], np.ones((1, 2), int), None, "'vectors' is not a table"),
    "NaN": (["a"], np.full((1, 2), np.nan), None, "the vector of 'a' holds a number"),
    "empty": (["a", ""], np.ones((2, 2)), None, "a word is empty"),
}


@pytest.mark.parametrize("case", ARRAY_FAULTS)
def test_arrays_that_do_not_fit_each_other(case: str, tmp_path: Path) -> None:
    words, matrix, counts, message = ARRAY_FAULTS[case]
    arrays = {"words": np.array(words, dtype=str), "vectors": matrix}
    if counts is not None:
        arrays["counts"] = counts
    np.savez(tmp_path / "a.npz", **arrays)
    assert message in fault(tmp_path / "a.npz")


def test_one_long_word_does_not_fill_memory(tmp_path: Path) -> None:
    """NumPy pads every word to the longest."""
    words = [*map(str, range(50_000)), "x" * 20_000]
    with pytest.raises(FormatError, match="pads every word to the longest, 20,000 characters"):
        formats.write(plain(words), tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [("glove", b"word " * 200_000), ("word2vec", b"1 200000\na " + b"1 " * 200_000)],
)
def test_wide_rows_take_memory_like_the_file(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    tracemalloc.start()
    try:
        formats.read(tmp_path / "file", name)
    except FormatError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 60 * len(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 2\na 1 x\nb 3 4\n", "line 2: expected a word and 2 numbers"),
        (b"2 3\na 0.1 0.2\nb 0.3 0.4 0.5\n", "line 2: expected a word and 3 numbers"),
        (b"2 2\na 0.1 0.2 0.3x\nb 0.3 0.4\n", "line 2: expected a word and 2 numbers"),
        (b"a 1 1e\nb 3 4\n", "line 1: expected a word and 2 numbers"),
    ],
)
def test_text_with_a_faulty_first_row_is_still_taken_for_text(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert message in fault(tmp_path / "file")


@pytest.mark.parametrize("name", READERS)
def test_a_format_that_is_named_need_not_be_named(name: str, tmp_path: Path) -> None:
    """No advice to say what has been said."""
    (tmp_path / "file").write_bytes(b"\n\n\n\n\n\n")
    message = fault(tmp_path / "file", name)
    assert "name it with" not in message
    assert "allow_pickle" not in message


def test_one_row_more_than_the_header_says_is_for_the_unknown_word_last(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("glove", "word2vec"):
        (tmp_path / "file").write_bytes(b"2 1\na 1\nb 2\n<unk> 3\n")
        formats.read(tmp_path / "file", name)
        assert "the header says" not in caplog.text
        (tmp_path / "file").write_bytes(b"2 1\n<unk> 1\nb 2\nc 3\n")
        formats.read(tmp_path / "file", name)
        assert "the header says 2 rows, but there are 3" in caplog.text
        caplog.clear()


@pytest.mark.parametrize(
    ("file", "expected"),
    [("glove.6B.50d.txt", "glove"), ("GloVe.txt", "glove"), ("gloves/x.txt", "word2vec"),
     ("X.TXT", "word2vec"), ("x.VEC", "fasttext-vec"), ("X.BIN", "word2vec-binary")],
)  # fmt: skip
def test_names_of_files_in_the_wild(file: str, expected: str) -> None:
    vectors = VectorTable(["a"], np.ones((1, 2), np.float32))
    assert formats.format_from_name(Path(file), vectors) == expected


@pytest.mark.parametrize("name", ["word2vec", "glove", "word2vec-binary", "tensorboard"])
def test_a_table_of_many_blocks_comes_back(name: str, tmp_path: Path) -> None:
    """Large enough for the kernels, and for more blocks than there are threads."""
    rows = np.random.default_rng(0).standard_normal((30_000, 60)).astype(np.float32)
    rows[7], rows[29_999] = 1e-40, -0.0
    source = VectorTable([f"w{i}" for i in range(len(rows))], rows)
    formats.write(source, tmp_path / "a.tsv", name)
    for scratch in (None, tmp_path):
        loaded, _ = formats.read(tmp_path / "a.tsv", name, ReadOptions(scratch=scratch))
        assert loaded.words == list(source.words)
        assert loaded.rows.tobytes() == rows.tobytes()
    assert {path.name for path in tmp_path.iterdir()} <= {"a.tsv", "a.metadata.tsv"}


def large_text(tmp_path: Path, line: int, content: bytes) -> Path:
    """A file for the kernels with one line of one's own."""
    lines = [b"w%d %s" % (i, b" ".join([b"0.12345678"] * 20)) for i in range(80_000)]
    lines[line - 1] = content
    (tmp_path / "large.txt").write_bytes(b"\n".join(lines) + b"\n")
    return tmp_path / "large.txt"


NUMBERS = b" 1" * 20


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"word 1 2 3", "line 70,000: expected a word and 20 numbers between single spaces"),
        (b"word" + NUMBERS + b"x", "line 70,000: expected a word and 20 numbers"),
        (b"", "line 70,000: expected a word and 20 numbers"),
        (b"\xff" + NUMBERS, "line 70,000: the word is not UTF-8: b'\\xff'"),
        (b"word" + NUMBERS[:-2] + b" nan", "line 70,000: the vector of 'word' holds a number that"),
        (b"word" + NUMBERS[:-2] + b" 1e39", "line 70,000: the vector of 'word' holds a number"),
    ],
)
def test_a_fault_in_a_large_file_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    assert message in fault(large_text(tmp_path, 70_000, content), "glove")


def test_unusual_lines_in_a_large_file_are_read(tmp_path: Path) -> None:
    unusual = "a\u2028b \u00a0 c".encode() + b" 1e-40" + b" 0.1234567890123456789012" * 19
    path = large_text(tmp_path, 50_000, unusual + b" \r")
    loaded, _ = formats.read(path, "glove")
    assert loaded.words[49_999] == "a\u2028b \u00a0 c"
    expected = np.array([1e-40] + [0.12345678901234568] * 19).astype(np.float32)
    assert loaded.rows[49_999].tobytes() == expected.tobytes()


@pytest.mark.slow
def test_lines_too_short_for_their_header_do_not_fill_memory(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a" + b" 1" * 2**19 + b"\n" + b"b\n" * 2**22)
    tracemalloc.start()
    try:
        assert "line 2: expected a word and 524,288 numbers" in fault(tmp_path / "a.txt", "glove")
        assert tracemalloc.get_traced_memory()[1] < 2**29
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", READERS)
def test_numbers_that_are_not_finite_are_kept_if_allowed(name: str, tmp_path: Path) -> None:
    rows = np.array([[1, np.nan], [np.inf, 2], [3, 4]], np.float32)
    if name in ("finalfusion", "fasttext-bin") or FORMATS[name].read_only_reason:
        pytest.skip("what is read is computed from what is written, or nothing is written")
    formats.write(plain(["a", "b", "c"], rows), tmp_path / "file", name)
    with pytest.raises(FormatError, match=r"'a'.* not finite"):
        formats.read(tmp_path / "file", name)
    loaded, _ = formats.read(tmp_path / "file", name, ReadOptions(allow_nonfinite=True))
    assert np.array_equal(loaded.rows, rows, equal_nan=True)


@pytest.mark.parametrize(
    ("errors", "word"),
    [("replace", "a\ufffd"), ("backslashreplace", "a\\xff"), ("ignore", "a")],
)
def test_words_that_are_not_utf8_are_read_as_one_chooses(
    errors: Any, word: str, tmp_path: Path
) -> None:
    (tmp_path / "text").write_bytes(b"a\xff 1 2\nb 3 4\n")
    (tmp_path / "binary").write_bytes(b"1 2\na\xff " + bytes(8))
    reading = ReadOptions(encoding_errors=errors)
    assert formats.read(tmp_path / "text", "glove", reading)[0].words == [word, "b"]
    assert formats.read(tmp_path / "binary", "word2vec-binary", reading)[0].words == [word]


def test_words_that_become_equal_count_as_duplicates(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "text").write_bytes(b"a\xff 1 2\na\xfe 3 4\n")
    loaded, _ = formats.read(tmp_path / "text", "glove", ReadOptions(encoding_errors="replace"))
    assert loaded.rows.tolist() == [[1, 2]]
    assert "1 word occurs twice; the first is kept" in caplog.text


@pytest.mark.parametrize("name", ["npz", "safetensors", "parquet", "arrow"])
def test_the_first_of_duplicates_in_a_container_is_kept(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    twins = VectorTable(["a", "b", "a"], rows, np.array([3, 2, 1]))
    formats.write(twins, tmp_path / "file", name)
    loaded, _ = formats.read(tmp_path / "file", name)
    assert list(loaded.words) == ["a", "b"]
    assert loaded.rows.tolist() == [[0, 1], [2, 3]]
    assert loaded.counts is not None
    assert loaded.counts.tolist() == [3, 2]
    assert "1 word occurs twice; the first is kept" in caplog.text


def test_words_whose_vector_is_not_finite_answer_no_query(tmp_path: Path, run: Run) -> None:
    (tmp_path / "v.txt").write_text("a 1 2\nb nan 1\nc 2 1\nd inf 1\n")
    model = tmp_path / "model"
    assert run("import", tmp_path / "v.txt", model).exit_code == 1
    assert run("import", tmp_path / "v.txt", model, "--allow-nonfinite").exit_code == 0
    assert run("similar", model, "a", "--tsv").stdout == "query\tword\tscore\na\tc\t0.8\n"
    (tmp_path / "pairs").write_text("a\tc\t3\na\tb\t2\nc\td\t1\n")
    scored = run("evaluate", model, "--pairs", tmp_path / "pairs", "--json").stdout
    assert json.loads(scored)[0]["found"] == 1
    asked = run("similar", model, "b")
    assert (asked.exit_code, asked.stderr) == (
        1, "Error: the vector of 'b' holds a number that is not finite\n",
    )  # fmt: skip


@pytest.mark.filterwarnings("error")
def test_vectors_whose_norm_exceeds_float32_answer_no_query_and_are_reported(
    tmp_path: Path, run: Run
) -> None:
    """Each number is one of float32, but not the root of the sum of their squares."""
    path, model = tmp_path / "v.txt", tmp_path / "model"
    path.write_text("a 3e38 3e38\nb 3 4\nc 5 1\nd 1e20 2e20\ne 1e-30 1e-30\n")
    result = run("import", path, model)
    assert (result.exit_code, result.stderr) == (
        0,
        "Warning: 1 vector has no finite length; their words answer no query\n"
        f"{model}: glove, 5 words x 2\n",
    )
    assert run("similar", model, "b", "--tsv").stdout.count("\n") == 4
    result = run("similarity", model, "a", "b")
    assert (result.exit_code, result.stderr) == (
        1, "Error: the vector of 'a' is too long: its length is beyond float32\n",
    )  # fmt: skip
    assert "\t0.98386" in run("similarity", model, "d", "b", "--tsv").stdout
    assert run("check", model).exit_code == 0
    result = run("check", path)
    assert result.exit_code == 0
    assert "  1 x vectors whose length is beyond float32, which answer no query\n" in result.stdout
    for command in (["compress", model, tmp_path / "s", "--precision", "int8"],
                    ["transform", model, tmp_path / "t", "--center"]):  # fmt: skip
        assert "a vector or its length is not finite" in run(*command).stderr
    for name in ("out.txt", "out.fifu", "out.npz"):
        assert run("export", model, tmp_path / name).exit_code == 0


LARGE_CASES = {
    "a tab after each word": (lambda lines: [b.replace(b" ", b"\t", 1) for b in lines], 1),
    "a comma after each word": (lambda lines: [b.replace(b" ", b",", 1) for b in lines], 1),
    "two spaces after a word": (lambda lines: [*lines[:-1], b"x  " + NUMBERS[1:]], 80_000),
    "a number too many": (lambda lines: [*lines[:-1], b"x 0.1255" + NUMBERS], 80_000),
    "an index": (lambda lines: [b"%d " % i + b for i, b in enumerate(lines)], 1),
    "a header of three numbers": (lambda lines: [b"12 10 5", *lines], 1),
    "a blank line": (lambda lines: [*lines[:-1], b"", lines[-1]], 80_000),
}


@pytest.mark.parametrize("case", LARGE_CASES)
def test_a_number_in_a_word_of_a_large_file_is_an_error(case: str, tmp_path: Path) -> None:
    change, line = LARGE_CASES[case]
    path = large_text(tmp_path, 1, b"first" + NUMBERS.replace(b"1", b"0.1255"))
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())) + b"\n")
    assert f"line {line:,}: expected a word and " in fault(path)


def test_a_large_file_in_another_encoding_with_a_mark_and_blank_lines_at_its_end(
    tmp_path: Path,
) -> None:
    path = large_text(tmp_path, 1, "größe".encode() + NUMBERS)
    text = path.read_bytes().decode() + "\n\n \n"
    for encoding in ("utf-8-sig", "utf-16", "latin-1"):
        path.write_bytes(text.encode(encoding))
        loaded, _ = formats.read(path, None, ReadOptions(encoding=encoding))
        assert loaded.n_words == 80_000
        assert loaded.words[0] == "größe"
