"""Containers: sizes that lie, tables on disk, columns of the wrong kind, lists of words."""

import builtins
import struct
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from embedtool import formats
from embedtool.errors import FormatError, MissingExtraError
from embedtool.formats.floret import murmur3
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import READERS
from embedtool.model import store
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.contracts.test_formats import FLORET, fasttext_vectors, parts, written
from tests.factories import word_vectors

HEADROOM = 2**29
"""Bytes that a reader may have beyond the program itself; the files have a thousand or so."""
LIES = """
import logging, os, resource, sys
from pathlib import Path
import pyarrow.parquet
from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.options import ReadOptions
logging.disable()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]),) * 2)
top = Path(sys.argv[2])
for part in map(Path, sys.argv[3:]):
    whole = part.read_bytes()
    folder = top / part.relative_to(top).parts[0]
    with part.open("r+b", buffering=0) as file:
        for offset in range(len(whole)):
            head, tail = whole[:offset], whole[offset:]
            for lie in (
                head + ((2**40).to_bytes(8, "little") + tail[8:])[: len(tail)],
                head + (b"\\xff" * 3 + b"\\x7f" + tail[4:])[: len(tail)],
                head + b"9999999" + tail,
            ):
                os.pwrite(file.fileno(), lie, 0)
                os.ftruncate(file.fileno(), len(lie))
                try:
                    formats.read(folder / "file", folder.name, ReadOptions(words=top / "words"))
                except FormatError:
                    pass
        os.pwrite(file.fileno(), whole, 0)
        os.ftruncate(file.fileno(), len(whole))
    print(part.relative_to(top))
"""


def small() -> VectorTable:
    return word_vectors(["king", "queen", "größe"], 4, counts=np.array([3, 2, 1]))


def fault(path: Path, reading: ReadOptions | None = None) -> str:
    with pytest.raises(FormatError) as caught:
        formats.read(path, None, reading)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_no_number_in_a_file_makes_a_reader_ask_for_memory_beyond_it(tmp_path: Path) -> None:
    """At each place of a file of each format comes a number that is far too large."""
    (tmp_path / "words").write_text("king\n")
    files = []
    for name in READERS:
        (tmp_path / name).mkdir()
        files += parts(written(name, tmp_path / name))
    command = [sys.executable, "-c", LIES, str(HEADROOM), str(tmp_path), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == [str(each.relative_to(tmp_path)) for each in files]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_array_that_says_it_is_a_tebibyte(compression: int, tmp_path: Path) -> None:
    head, words = BytesIO(), BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (2**36, 4)}
    np.lib.format.write_array_header_1_0(head, shape)
    np.save(words, np.array(["king"]))
    with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
        archive.writestr("words.npy", words.getvalue())
        archive.writestr("vectors.npy", head.getvalue() + bytes(16))
    assert "'vectors' says that its shape is (68719476736, 4)" in fault(tmp_path / "a.npz")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f2", ">f4", "<f8"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_as_numpy_writes_it(save: object, kind: str, order: str, tmp_path: Path) -> None:
    rows = np.array([[1, 2, 3], [4, 0.5, -6]], kind, order=order)
    save(tmp_path / "a.npz", words=np.array(["a", "größe"]), vectors=rows)
    for scratch in (None, tmp_path):
        loaded, _ = formats.read(tmp_path / "a.npz", None, ReadOptions(scratch=scratch))
        assert loaded.words == ["a", "größe"]
        np.testing.assert_array_equal(loaded.rows, np.float32(rows))
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_an_npz_of_the_same_vectors_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        formats.write(small(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["vectors"], small().rows)
        assert arrays["words"].tolist() == small().words
        assert arrays["counts"].tolist() == [3, 2, 1]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_safetensors_of_any_width(kind: type, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    rows = np.array([[1, 2], [0.5, -4]], kind)
    save_file({"vectors": rows, "words": np.frombuffer(b"a\nb", np.uint8)}, tmp_path / "a")
    loaded, name = formats.read(tmp_path / "a")
    assert name == "safetensors"
    np.testing.assert_array_equal(loaded.rows, rows)
    assert loaded.rows.dtype == np.float32


@pytest.mark.parametrize("name", ["safetensors", "parquet", "arrow", "finalfusion"])
def test_what_a_person_allows_is_read(name: str, tmp_path: Path) -> None:
    rows = np.array([[1, np.nan], [3, 4]], np.float32)
    formats.write(
        VectorTable(["ab", "cd"], rows, stored_norms=np.ones(2, np.float32)), tmp_path / "a", name
    )
    assert "the vector of 'ab' holds a number that is not finite" in fault(tmp_path / "a")
    loaded, _ = formats.read(tmp_path / "a", None, ReadOptions(allow_nonfinite=True))
    np.testing.assert_array_equal(loaded.rows, rows)
    data = (tmp_path / "a").read_bytes()
    if name != "parquet":  # whose pages have checksums
        (tmp_path / "a").write_bytes(data.replace(b"ab", b"a\xff"))
        strict = ReadOptions(allow_nonfinite=True)
        assert "not UTF-8" in fault(tmp_path / "a", strict)
        replacing = ReadOptions(allow_nonfinite=True, encoding_errors="replace")
        assert formats.read(tmp_path / "a", None, replacing)[0].words == ["a\ufffd", "cd"]


def test_columns_of_the_wrong_kind_are_named(tmp_path: Path) -> None:
    words, rows = ["a", "b"], [[1.0, 2.0], [3.0, 4.0]]
    for columns, message in (
        ({"word": words}, "expected the columns 'word' and 'vector'; found word"),
        ({"word": [1, 2], "vector": rows}, "'word' holds int64, not strings"),
        ({"word": words, "vector": [1.0, 2.0]}, "'vector' holds double, not lists"),
        ({"word": words, "vector": [[1, 2], [3, 4]]}, "not lists of floating-point numbers"),
        ({"word": words, "vector": [[1.0, 2.0], [3.0]]}, "'vector' changes its length"),
        ({"word": words, "vector": [[1.0, 2.0], None]}, "'vector' has a missing number"),
        ({"word": words, "vector": [[1.0, None], rows[1]]}, "'vector' has a missing number"),
        ({"word": words, "vector": [pa.scalar([], pa.list_(pa.float32()))] * 2}, "0 dimensions"),
        ({"word": ["a", None], "vector": rows}, "row 2 has no word"),
        ({"word": words, "vector": rows, "count": ["1", "2"]}, "'count' holds string"),
        ({"word": [], "vector": pa.array([], pa.list_(pa.float32()))}, "holds no words"),
    ):
        if columns["word"] == []:
            columns["word"] = pa.array([], pa.string())
        table = pa.table(columns)
        parquet.write_table(table, tmp_path / "a.parquet")
        feather.write_feather(table, str(tmp_path / "a.feather"))
        for file in ("a.parquet", "a.feather"):
            assert message in fault(tmp_path / file)


def test_lists_that_change_their_length_between_batches(tmp_path: Path) -> None:
    table = pa.table({"word": ["a", "b"], "vector": [[1.0, 2.0], [3.0]]})
    feather.write_feather(table, str(tmp_path / "a.feather"), chunksize=1)
    assert "'vector' changes its length after row 1" in fault(tmp_path / "a.feather")


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return whole(name, *rest)

    formats.write(small(), tmp_path / "a.parquet")
    monkeypatch.setattr(builtins, "__import__", without)
    for kind, name in (("Parquet", "a.parquet"), ("Arrow", "a.arrow")):
        with pytest.raises(MissingExtraError, match=rf"^{kind} needs: .*'embedtool\[parquet\]'"):
            formats.write(small(), tmp_path / name)
    with pytest.raises(MissingExtraError, match=r"pip install 'embedtool\[parquet\]'"):
        formats.read(tmp_path / "a.parquet")


def test_a_fasttext_model_comes_back_from_finalfusion_with_its_ngrams(tmp_path: Path) -> None:
    before = fasttext_vectors()
    formats.write(before, tmp_path / "m.fifu")
    after, _ = formats.read(tmp_path / "m.fifu", None, ReadOptions(scratch=tmp_path))
    assert isinstance(before.subwords, Subwords)
    assert isinstance(after.subwords, Subwords)
    assert after.subwords.buckets.tolist() == before.subwords.buckets.tolist()
    assert after.vector("kings").tobytes() == before.vector("kings").tobytes()
    np.testing.assert_allclose(after.rows, before.rows, rtol=2**-23, atol=0)
    np.testing.assert_allclose(after.subwords.word_rows, before.subwords.word_rows, atol=1e-5)


FIFU_FAULTS = {
    "another version": (4, struct.pack("<I", 1), "has version 1 of finalfusion's format"),
    "quantized": (16, struct.pack("<I", 4), "has quantized vectors, which cannot be read"),
    "explicit": (12, struct.pack("<I", 8), "has a list of n-grams, which cannot be read"),
    "no words": (12, struct.pack("<I", 6), "byte 24: chunk 1 where 6 should be"),
    "too many words": (36, struct.pack("<Q", 2**63), "words do not fit there"),
    "a word beyond its chunk": (44, struct.pack("<I", 2**31), "the file is cut short or damaged"),
    "no dimensions": (92, struct.pack("<I", 0), "vectors of 0 dimensions"),
    "too few rows": (84, struct.pack("<Q", 2), "more follows than 8 numbers"),
    "numbers of another type": (96, struct.pack("<I", 1), "numbers of the unknown type 1"),
}


@pytest.mark.parametrize("case", FIFU_FAULTS)
def test_a_fifu_that_is_damaged_says_where(case: str, tmp_path: Path) -> None:
    formats.write(small(), tmp_path / "a.fifu")
    offset, value, message = FIFU_FAULTS[case]
    data = bytearray((tmp_path / "a.fifu").read_bytes())
    data[offset : offset + len(value)] = value
    (tmp_path / "a.fifu").write_bytes(data)
    assert message in fault(tmp_path / "a.fifu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (FLORET.replace(b"4 3", b"5 3"), "the header says 5 rows, but there are 4"),
        (FLORET.replace(b"4 3", b"99999999 3"), "which cannot be in"),
        (FLORET.replace(b"8e-1", b"x"), "line 4: expected 2 and 3 numbers"),
        (FLORET.replace(b"8e-1", b"nan"), "the vector of 'king' holds a number that is not"),
        (FLORET.replace(b"\n2 7", b"\n3 7"), "line 4: expected 2 and 3 numbers"),
    ],
)
def test_a_faulty_floret_table(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.floret").write_bytes(content)
    (tmp_path / "words").write_text("king\nqueen\nthe\nrules\n")
    assert message in fault(tmp_path / "a.floret", ReadOptions(words=tmp_path / "words"))


def test_floret_needs_words_and_is_not_written(run: Run, tmp_path: Path) -> None:
    table, words, model = tmp_path / "a.floret", tmp_path / "words", tmp_path / "model"
    table.write_bytes(FLORET)
    assert "has no vocabulary" in fault(table)
    assert "none: cannot be read" in fault(table, ReadOptions(words=tmp_path / "none"))
    words.write_bytes(b"king\nki\xffng\n")
    assert "the word is not UTF-8" in fault(table, ReadOptions(words=words))
    words.write_bytes(b"king\r\n\r\nqueen\n")
    done = run("import", table, model, "--words", words)
    assert done.exit_code == 0, done.stderr
    assert list(store.load(model).vectors.words) == ["king", "queen"]
    with pytest.raises(FormatError, match="floret cannot be written: floret finds n-grams by"):
        formats.write(small(), tmp_path / "b.floret")


def test_murmur3_on_published_values() -> None:
    """Of 43 bytes: two blocks and a rest; of none."""
    key = b"The quick brown fox jumps over the lazy dog"
    assert murmur3([key, b""], 0).view("<u8").tolist() == [
        [0xE34BBC7BBC071B6C, 0x7A433CA9C49A9347],
        [0, 0],
    ]
