"""Vector files that lie: about sizes, about characters, about what they are."""

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats import READERS, WRITERS
from embedtool.vectors import Subwords, WordVectors


def plain(words: list[str]) -> WordVectors:
    matrix = np.ones((len(words), 2), dtype=np.float32)
    no_grams = Subwords(3, 0, 0, matrix, np.empty(0, np.int64), np.empty((0, 2), np.float32))
    return WordVectors(words, matrix, subwords=no_grams)


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
    assert f"'{raw}' is no array" in fault(tmp_path / "a.npz")


def test_npy_is_not_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    assert "not a zip archive" in fault(tmp_path / "a.npy", "npz")


ARRAY_FAULTS = {
    "no words": ([], np.ones((0, 2), np.float32), None, "holds no words"),
    "counts of another length": (["a"], np.ones((1, 2)), np.array([1, 2]), "1 words, but 2 counts"),
    "one count": (["a"], np.ones((1, 2)), np.array(1), "'counts' holds no whole numbers in a row"),
    "count too large": (["a"], np.ones((1, 2)), np.array([2**64 - 1], np.uint64), "below 0"),
    "count below 0": (["a"], np.ones((1, 2)), np.array([-1]), "below 0"),
    "fewer vectors": (["a", "b"], np.ones((1, 2)), None, "2 words, but 1 vectors"),
    "flat": (["a"], np.ones(1), None, "'vectors' is no table"),
    "whole numbers": (["a"], np.ones((1, 2), int), None, "'vectors' is no table"),
    "NaN": (["a"], np.full((1, 2), np.nan), None, "the vector of 'a' holds a number"),
    "twice": (["a", "a"], np.ones((2, 2)), None, "twice"),
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


def test_one_row_more_than_the_header_says_is_for_the_unknown_word_last(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"2 1\n<unk> 1\nb 2\nc 3\n")
    for name in ("glove", "word2vec"):
        assert "the header says 2 rows, but there are 3" in fault(tmp_path / "file", name)


@pytest.mark.parametrize(
    ("file", "expected"),
    [("glove.6B.50d.txt", "glove"), ("GloVe.txt", "glove"), ("gloves/x.txt", "word2vec"),
     ("X.TXT", "word2vec"), ("x.VEC", "fasttext-vec"), ("X.BIN", "word2vec-binary")],
)  # fmt: skip
def test_names_of_files_in_the_wild(file: str, expected: str) -> None:
    vectors = WordVectors(["a"], np.ones((1, 2), np.float32))
    assert formats.format_of(Path(file), vectors) == expected
