"""Folders that lie, and TensorBoard's pair of files."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from embedtool import formats
from embedtool.corpus.string_table import StringTable
from embedtool.errors import FormatError, OutputError
from embedtool.formats.options import ReadOptions
from embedtool.formats.spacy_keys import keys_of, read_key2row
from embedtool.model.vectors import VectorTable

Change = Callable[[Path], object]


@pytest.fixture
def small() -> VectorTable:
    words = ["king", "queen", "größe"]
    return VectorTable(words, np.arange(6, dtype=np.float32).reshape(3, 2))


def fault(path: Path, name: str | None = None) -> str:
    with pytest.raises(FormatError) as caught:
        formats.read(path, name)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def tensors(**arrays: Any) -> Change:
    return lambda folder: save_file(arrays, folder / "model.safetensors")


def text(name: str, content: str) -> Change:
    return lambda folder: (folder / name).write_text(content)


def tokenizer(**model: Any) -> Change:
    return text("tokenizer.json", json.dumps({"model": {"type": "WordLevel", **model}}))


def module(kind: str, path: str = "") -> Change:
    return text("modules.json", json.dumps([{"type": kind, "path": path}]))


def bfloat16(folder: Path) -> None:
    entry = {"embeddings": {"dtype": "BF16", "shape": [4, 2], "data_offsets": [0, 16]}}
    header = json.dumps(entry).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))


FOUR = np.ones((4, 2), np.float32)
STATIC = "sentence_transformers.models.StaticEmbedding"
MODEL2VEC_FAULTS: dict[str, tuple[Change, str]] = {
    "other tensors": (tensors(weight=FOUR), "expected the tensor 'embeddings' or 'embedding.we"),
    "flat": (tensors(embeddings=np.ones(4, np.float32)), "'embeddings' is not a table of numbers"),
    "fewer rows": (tensors(embeddings=FOUR[:3]), "4 tokens, but 3 rows"),
    "more rows": (tensors(embeddings=np.ones((5, 2), np.float32)), "4 tokens, but 5 rows"),
    "NaN": (tensors(embeddings=FOUR * np.nan), "the vector of 'king' holds a number that is not"),
    "short mapping": (tensors(embeddings=FOUR, mapping=np.arange(2)), "'mapping' does not hold a"),
    "mapping of numbers that are not whole": (tensors(embeddings=FOUR, mapping=np.ones(4)), "mapp"),
    "mapping to nowhere": (
        tensors(embeddings=FOUR, mapping=np.array([0, 9, 0, 0])), "'queen' has none of the 4 rows",
    ),
    "mapping below": (
        tensors(embeddings=FOUR, mapping=np.array([0, -1, 0, 0])), "'queen' has none of the 4 rows",
    ),
    "short weights": (tensors(embeddings=FOUR, weights=np.ones(2)), "'weights' does not hold a"),
    "weights of another kind": (tensors(embeddings=FOUR, weights=np.ones((4, 1))), "'weights' do"),
    "weights too large": (tensors(embeddings=FOUR, weights=np.full(4, 1e200)), "not finite"),
    "bfloat16": (bfloat16, "the numbers of 'embeddings' are of type 'BF16', which cannot be read"),
    "no tensors": (lambda folder: (folder / "model.safetensors").unlink(), "there is no such file"),
    "a pickle": (
        lambda folder: (folder / "model.safetensors").write_bytes(pickle.dumps([1] * 9)), "damaged",
    ),
    "a long header": (
        lambda folder: (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**63 - 1)),
        "damaged",
    ),
    "no tokenizer": (text("tokenizer.json", "{}"), "is not a tokenizer with a vocabulary"),
    "no JSON": (text("tokenizer.json", "{"), "not JSON"),
    "deep JSON": (text("tokenizer.json", "[" * 10**6), "nested too deep"),
    "vocabulary of nothing": (tokenizer(vocab=None), "is not a tokenizer with a vocabulary"),
    "list of no pieces": (tokenizer(vocab=[1, 2]), "is not a tokenizer with a vocabulary"),
    "id of another kind": (tokenizer(vocab={"a": True}), "the token 'a' has no id, but True"),
    "id below": (tokenizer(vocab={"a": -1}), "the token 'a' has no id, but -1"),
    "id beyond": (tokenizer(vocab={w: i + 1 for i, w in enumerate("abcd")}), "'d' has none of the"),
    "huge id": (tokenizer(vocab={"a": 2**70}), "the token 'a' has no id"),
    "half a character": (tokenizer(vocab={"a\ud800": 0}), "half a surrogate pair"),
    "only the unknown": (
        lambda folder: (
            tokenizer(vocab={"?": 0}, unk_token="?")(folder), tensors(embeddings=FOUR[:1])(folder)
        ), "holds no words",
    ),
    "another module": (module("models.Transformer"), "where a module is a StaticEmbedding; found"),
    "no modules": (text("modules.json", "3"), "is not a list of modules"),
    "a path out": (module(STATIC, "../x"), "the path '../x' leaves the folder"),
    "an absolute path": (module(STATIC, "/etc"), "the path '/etc' leaves the folder"),
    "a path to nothing": (module(STATIC, "x"), "x/tokenizer.json: there is no such file"),
    "NUL in the path": (module(STATIC, "a\0b"), "leaves the folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", MODEL2VEC_FAULTS)
def test_an_invalid_model2vec_folder(case: str, small: VectorTable, tmp_path: Path) -> None:
    change, message = MODEL2VEC_FAULTS[case]
    formats.write(small, tmp_path / "m", "model2vec")
    change(tmp_path / "m")
    assert message in fault(tmp_path / "m")


def key2row(content: bytes) -> Change:
    return lambda folder: (folder / "vocab" / "key2row").write_bytes(content)


def array(value: Any) -> Change:
    return lambda folder: np.save((folder / "vocab" / "vectors").open("wb"), value)


def npy_header(shape: str) -> Change:
    def change(folder: Path) -> None:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
        head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
        (folder / "vocab" / "vectors").write_bytes(head)

    return change


KING = b"\xcf" + struct.pack(">Q", int(keys_of(StringTable.from_words(["king"]))[0]))
SPACY_FAULTS: dict[str, tuple[Change, str]] = {
    "row beyond": (key2row(b"\x81" + KING + b"\x03"), "the word 'king' has row 3 of 3"),
    "row below": (key2row(b"\x81" + KING + b"\xd0\xff"), "the word 'king' has row -1 of 3"),
    "no key of a word": (key2row(b"\x81\xcd\xff\xff\x00"), "holds no words"),
    "no map": (key2row(b"\x91\x00"), "cut short or no map"),
    "empty": (key2row(b""), "cut short or no map"),
    "map beyond the file": (key2row(b"\xdf\xff\xff\xff\xff" + b"\0" * 99), "cut short or no map"),
    "text in the map": (key2row(b"\x81\xa1k\x00"), "key2row, byte 1: expected a whole number"),
    "more after the map": (key2row(b"\x80\x00"), "key2row, byte 1: more follows than 0 entries"),
    "no array": (text("vocab/vectors", "abc"), "is not an array of NumPy"),
    "one axis": (array(np.ones(3, np.float32)), "is not a table, but has 1 axes"),
    "whole numbers": (array(np.ones((3, 2), int)), "not a table of floating-point numbers"),
    "infinity": (array(np.full((3, 2), np.inf)), "the vector of 'king' holds a number"),
    "objects": (array(np.array([["a"]], dtype=object)), "cannot be read as npy"),
    "shape beyond the file": (npy_header("(1000000000, 300)"), "cannot be read as npy"),
    "shape beyond memory": (npy_header("(4611686018427387904, 300)"), "cannot be read as npy"),
    "shape that overflows": (npy_header("(4611686018427387907, 4)"), "cannot be read as npy"),
    "shape below": (npy_header("(-1, 2)"), "cannot be read as npy"),
    "header without end": (npy_header("((("), "cannot be read as npy"),
    "strings of another kind": (text("vocab/strings.json", "[1]"), "is not a list of strings"),
    "no strings": (text("vocab/strings.json", '{"a": 1}'), "is not a list of strings"),
    "half a character": (text("vocab/strings.json", r'["\ud800"]'), "half a surrogate pair"),
    "no rows": (lambda folder: (folder / "vocab" / "vectors").unlink(), "there is no such file"),
    "another kind": (text("vocab/vectors.cfg", '{"mode": "new"}'), "vectors of mode 'new' are of"),
    "no kind": (text("vocab/vectors.cfg", "7"), "vectors of mode 7 are of no words"),
}


@pytest.mark.parametrize("case", SPACY_FAULTS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_invalid_spacy_folder(case: str, small: VectorTable, tmp_path: Path) -> None:
    change, message = SPACY_FAULTS[case]
    formats.write(small, tmp_path / "m", "spacy")
    change(tmp_path / "m")
    assert message in fault(tmp_path / "m")


def test_every_whole_number_of_messagepack(tmp_path: Path) -> None:
    """Each from the smallest that has its mark."""
    numbers = [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**64 - 1]
    marks = ["", "", "cc", "cc", "cd", "cd", "ce", "ce", "cf", "cf"]
    lengths = [1, 1, 1, 1, 2, 2, 4, 4, 8, 8]
    entries = b"".join(
        bytes.fromhex(mark) + number.to_bytes(length, "big") + struct.pack(">bh", -47, -row)
        for row, (number, mark, length) in enumerate(zip(numbers, marks, lengths, strict=True))
    )
    for head in (b"\x8a", b"\xde\x00\x0a", b"\xdf\x00\x00\x00\x0a"):
        (tmp_path / "key2row").write_bytes(head + entries)
        assert read_key2row(tmp_path / "key2row") == {n: -row for row, n in enumerate(numbers)}


def test_words_that_share_a_hash_are_not_written(small: VectorTable, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        keys = np.array([5, 9, 5], np.uint64)
        patch.setattr("embedtool.formats.spacy_vectors.keys_of", lambda words: keys)
        with pytest.raises(FormatError, match="another word has the hash of 'größe'"):
            formats.write(small, tmp_path / "m", "spacy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model2vec", "spacy"])
def test_a_pipe_in_a_folder_is_not_waited_for(
    name: str, small: VectorTable, tmp_path: Path
) -> None:
    formats.write(small, tmp_path / "m", name)
    part = tmp_path / "m" / ("tokenizer.json" if name == "model2vec" else "vocab/key2row")
    part.unlink()
    os.mkfifo(part)
    assert "there is no such file" in fault(tmp_path / "m", name)


@pytest.mark.parametrize("name", ["model2vec", "spacy"])
def test_a_folder_that_holds_something_stays(name: str, small: VectorTable, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OutputError, match="is there already; name a new folder, or an empty one"):
        formats.write(small, tmp_path, name)
    assert [each.name for each in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize("name", ["model2vec", "spacy"])
def test_a_file_is_no_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("king 1 2\n")
    assert f"is a file, but {name} is a folder" in fault(tmp_path / "file", name)


def pair(folder: Path, numbers: bytes, words: bytes) -> Path:
    (folder / "v.tsv").write_bytes(numbers)
    (folder / "v.metadata.tsv").write_bytes(words)
    return folder / "v.tsv"


def test_metadata_of_several_columns_has_a_header(tmp_path: Path) -> None:
    path = pair(tmp_path, b"1\t2\n3\t4\n", "word\tcount\nkönig\t7\nqueen\t5\n".encode())
    loaded, name = formats.read(path)
    assert name == "tensorboard"
    assert list(loaded.words) == ["könig", "queen"]
    assert loaded.rows.tolist() == [[1, 2], [3, 4]]


def test_one_number_a_row(tmp_path: Path) -> None:
    loaded, name = formats.read(pair(tmp_path, b"1\n3", b"a\r\nb"))
    assert name == "tensorboard"
    assert list(loaded.words) == ["a", "b"]
    assert loaded.rows.tolist() == [[1], [3]]


def test_the_first_of_the_same_labels_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded, _ = formats.read(pair(tmp_path, b"1\t1\n2\t2\n3\t3\n", b"a\nb\na\n"))
    assert list(loaded.words) == ["a", "b"]
    assert loaded.rows.tolist() == [[1, 1], [2, 2]]
    assert "1 word occurs twice; the first is kept" in caplog.text


TENSORBOARD_FAULTS = {
    "fewer rows": (b"1.5\t2.5\n", b"a\nb\n", "2 words, but 1 row of numbers"),
    "more rows": (b"1\t2\n3\t4\n5\t6\n", b"a\nb\n", "2 words, but more rows of numbers"),
    "many words": (b"1\t2\n", b"a\n" * 10**4, "cannot be in 4 bytes"),
    "short row": (b"1.5\t2\n3\n", b"a\nb\n", "line 2: expected 2 numbers between tabs, found b'3"),
    "words among them": (b"1\t2\nx\t4\n", b"a\nb\n", "line 2: expected 2 numbers between tabs"),
    "NaN": (b"1\t2\n3\tnan\n", b"a\nb\n", "line 2: the vector of 'b' holds a number that is not"),
    "too large": (b"1\t2\n3\t1e39\n", b"a\nb\n", "line 2: the vector of 'b' holds a number"),
    "no word": (b"1\t2\n3\t4\n", b"a\n\n", "v.metadata.tsv, line 2: the word is missing"),
    "invalid UTF-8": (b"1\t2\n3\t4\n", b"a\tb\n\xff\t1\nb\t1\n", "line 2: the word is not UTF-8"),
}


@pytest.mark.parametrize("case", TENSORBOARD_FAULTS)
def test_a_pair_that_does_not_fit(case: str, tmp_path: Path) -> None:
    numbers, words, message = TENSORBOARD_FAULTS[case]
    path = pair(tmp_path, numbers, words)
    with pytest.raises(FormatError) as caught:
        formats.read(path)
    assert message in str(caught.value)


def test_a_pair_without_its_words(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_bytes(b"1\t2\n")
    with pytest.raises(FormatError, match=r"v\.metadata\.tsv: there is no such file"):
        formats.read(tmp_path / "v.tsv")


def test_the_rules_of_reading_hold_for_a_pair(tmp_path: Path) -> None:
    path = pair(tmp_path, b"1\tnan\n", b"a\xff\n")
    loaded, _ = formats.read(
        path, None, ReadOptions(allow_nonfinite=True, encoding_errors="replace")
    )
    assert list(loaded.words) == ["a\ufffd"]
    assert np.isnan(loaded.rows[0, 1])
