"""What a person chooses of how a file is read: encodings, names of columns, words; nothing is
ignored in silence.
"""

import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from safetensors.numpy import save_file

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMAT_OPTIONS, FORMATS
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.contracts.test_formats import written

WORDS = ["a", "größe"]
ROWS = np.array([[1, 2], [0.5, -4]], np.float32)
OPTIONS = {
    "words": "--words",
    "encoding": "--encoding",
    "encoding_errors": "--encoding-errors",
    "word_column": "--word-column",
    "vector_column": "--vector-column",
    "word_prefix": "--word-prefix",
}
VALUES = {"encoding": "latin-1", "encoding_errors": "replace"}


@pytest.mark.parametrize("field", FORMAT_OPTIONS)
@pytest.mark.parametrize("name", FORMATS)
def test_an_option_that_a_format_would_ignore_is_refused(
    name: str, field: str, run: Run, tmp_path: Path
) -> None:
    if field in FORMATS[name].read_options:
        pytest.skip("the format takes it")
    path = written(name, tmp_path)
    option = OPTIONS[field]
    result = run("import", path, tmp_path / "model", option, VALUES.get(field, "none"))
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {option} is only for ")
    assert result.stderr.endswith(f"; {path} is read as {formats.detect_format(path)}\n")
    assert not (tmp_path / "model").exists()


def test_a_member_of_a_file_that_is_no_archive_is_refused(run: Run, tmp_path: Path) -> None:
    path = written("glove", tmp_path)
    result = run("import", path, tmp_path / "model", "--member", "a.txt")
    assert (result.exit_code, result.stderr) == (
        2, f"Error: --member is only for archives; {path} is none\n",
    )  # fmt: skip


def test_json_without_a_report_is_refused(run: Run, models: dict[str, Path]) -> None:
    result = run("compress", models["word2vec"], "out", "--words", 5, "--no-report", "--json")
    assert result.exit_code == 2
    assert "--json prints the report, which --no-report leaves out" in result.stderr


def test_ngrams_of_a_model_without_any_are_refused(
    run: Run, models: dict[str, Path], tmp_path: Path
) -> None:
    result = run("compress", models["word2vec"], tmp_path / "out", "--ngrams", 0)
    assert (result.exit_code, result.stderr) == (
        2, "Error: --ngrams is for FastText models, and this one has no n-grams\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    "codec", ["latin-1", "cp1252", "utf-16", "utf-16-be", "utf-32", "utf-8-sig"]
)
@pytest.mark.parametrize(
    ("content", "name"),
    [("2 2\na 1 2\ngröße 0.5 -4\n", "word2vec"), ("a 1 2\ngröße 0.5 -4\n", "glove")],
)
def test_text_in_any_encoding(
    codec: str, content: str, name: str, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content.encode(codec))
    result = run("import", tmp_path / "file", tmp_path / "model", "--encoding", codec)
    assert (result.exit_code, result.stderr) == (0, f"{tmp_path / 'model'}: {name}, 2 words x 2\n")
    vectors = store.load(tmp_path / "model").vectors
    assert list(vectors.words) == WORDS
    assert vectors.rows.tolist() == ROWS.tolist()
    described = json.loads(run("info", tmp_path / "model", "--json").stdout)
    assert described["encoding"] == codec


def test_words_of_binary_and_of_tensorboard_in_another_encoding(tmp_path: Path) -> None:
    raw = "größe".encode("latin-1")
    (tmp_path / "a").write_bytes(b"1 2\n" + raw + b" " + struct.pack("<2f", 1, 2))
    (tmp_path / "b.tsv").write_bytes(b"1\t2\n")
    (tmp_path / "b.metadata.tsv").write_bytes(raw + b"\n")
    np.savez(tmp_path / "c.npz", words=np.array([raw]), vectors=ROWS[:1])
    parquet.write_table(pa.table({"word": [raw], "vector": ROWS[:1].tolist()}), tmp_path / "d")
    for file in ("a", "b.tsv", "c.npz", "d"):
        with pytest.raises(FormatError, match="the word is not UTF-8"):
            formats.read(tmp_path / file)
        loaded, _ = formats.read(tmp_path / file, None, ReadOptions(encoding="latin-1"))
        assert list(loaded.words) == ["größe"]


def test_bytes_that_are_not_of_the_encoding_are_named_with_their_line(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a 1 2\nb\x81 3 4\n")
    result = run("import", path, tmp_path / "model", "--encoding", "cp1252")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {path}, line 2: is not cp1252: character maps to <undefined>\n",
    )  # fmt: skip
    result = run("import", path, tmp_path / "model", "--encoding", "cp1252", "--encoding-errors",
               "replace")  # fmt: skip
    assert result.exit_code == 0
    assert list(store.load(tmp_path / "model").vectors.words) == ["a", "b\ufffd"]


NPZ = {
    "positions": {"arr_0": ROWS, "arr_1": np.array(WORDS)},
    "positions the other way round": {"arr_0": np.array(WORDS), "arr_1": ROWS},
    "bytes": {"words": np.array([word.encode() for word in WORDS]), "vectors": ROWS},
    "known names": {"vocab": np.array(WORDS), "embeddings": ROWS, "pca": ROWS[:, :1],
                    "classes": np.array(["x", "y"])},
    "the only ones of their kind": {"w": np.array(WORDS), "e": ROWS, "epochs": np.array(5)},
}  # fmt: skip


@pytest.mark.parametrize("case", NPZ)
def test_arrays_of_other_names(case: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **NPZ[case])
    loaded, _ = formats.read(tmp_path / "a.npz")
    assert list(loaded.words) == WORDS
    assert loaded.rows.tolist() == ROWS.tolist()


def test_arrays_that_leave_a_choice_are_named(run: Run, tmp_path: Path) -> None:
    path, model = tmp_path / "a.npz", tmp_path / "model"
    np.savez(path, words=np.array(WORDS), x=ROWS, y=ROWS * 2)
    result = run("import", path, model)
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {path}: expected the arrays 'words' and 'vectors'; found words, x, y; names such "
        "as token, vocab and embeddings are known too, others are given with --word-column and "
        "--vector-column\n",
    )
    assert run("import", path, model, "--vector-column", "y").exit_code == 0
    assert store.load(model).vectors.rows.tolist() == (ROWS * 2).tolist()
    result = run("import", path, model, "--overwrite", "--word-column", "z")
    assert result.stderr == f"Error: {path}: has no array 'z'; found words, x, y\n"
    result = run("import", path, model, "--overwrite", "--word-column", "x", "--vector-column", "y")
    assert result.stderr == f"Error: {path}: 'x' is not a one-dimensional array of strings\n"


def test_tensors_of_other_names(tmp_path: Path) -> None:
    words = np.frombuffer("\n".join(WORDS).encode(), np.uint8)
    save_file({"words": words, "embedding": ROWS}, tmp_path / "a")
    save_file({"text": words, "x": ROWS, "y": ROWS}, tmp_path / "b")
    assert formats.read(tmp_path / "a")[0].rows.tolist() == ROWS.tolist()
    with pytest.raises(FormatError, match=r"found .*; others are given with word_column"):
        formats.read(tmp_path / "b")
    chosen = ReadOptions(word_column="text", vector_column="x")
    assert list(formats.read(tmp_path / "b", None, chosen)[0].words) == WORDS


COLUMNS = {
    "known names": {"token": WORDS, "embedding": ROWS.tolist()},
    "the only ones of their kind": {"w": WORDS, "e": ROWS.tolist(), "rank": [1, 2]},
    "a column a dimension": {"w": WORDS, "d0": ROWS[:, 0], "d1": ROWS[:, 1]},
    "numbered columns": {"0": ROWS[:, 0], "1": ROWS[:, 1], "__index_level_0__": WORDS},
    "numbered columns and counts": {"word": WORDS, "count": [2, 1], "0": ROWS[:, 0],
                                    "1": ROWS[:, 1]},
}  # fmt: skip


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_of_other_names(case: str, tmp_path: Path) -> None:
    table = pa.table(COLUMNS[case])
    parquet.write_table(table, tmp_path / "a.parquet")
    feather.write_feather(table, str(tmp_path / "a.arrow"))
    for file in ("a.parquet", "a.arrow"):
        loaded, _ = formats.read(tmp_path / file)
        assert list(loaded.words) == WORDS
        assert loaded.rows.tolist() == ROWS.tolist()


def test_columns_that_leave_a_choice_are_named(run: Run, tmp_path: Path) -> None:
    path, model = tmp_path / "a.parquet", tmp_path / "model"
    dimensions = {"d0": ROWS[:, 0], "d1": ROWS[:, 1]}
    parquet.write_table(
        pa.table({"w": WORDS, "note": ["", ""], "idf": [0.5, 0.6], **dimensions}), path
    )
    result = run("import", path, model)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        f"Error: {path}: expected the columns 'word' and 'vector'; found w, note, idf, d0, d1; "
    )
    named = ["--word-column", "w", "--vector-column", "d*"]
    assert run("import", path, model, *named).exit_code == 0
    assert store.load(model).vectors.rows.tolist() == ROWS.tolist()
    result = run(
        "import", path, model, "--overwrite", "--word-column", "w", "--vector-column", "x*"
    )
    assert result.stderr == f"Error: {path}: has no column 'x*'; found w, note, idf, d0, d1\n"
    result = run(
        "import", path, model, "--overwrite", "--word-column", "w", "--vector-column", "n*"
    )
    assert (
        result.stderr
        == f"Error: {path}: 'note' holds string, not lists of floating-point numbers\n"
    )


def test_a_fifu_that_counts_fewer_chunks_than_follow(tmp_path: Path) -> None:
    path = tmp_path / "a.fifu"
    formats.write(VectorTable(WORDS, ROWS), path)
    whole = path.read_bytes()
    assert whole[8:12] == struct.pack("<I", 3)
    path.write_bytes(whole[:8] + struct.pack("<I", 2) + whole[12:20] + whole[24:])
    loaded, _ = formats.read(path)
    np.testing.assert_allclose(loaded.rows, ROWS, rtol=1e-6)
    path.write_bytes(whole + bytes(12))
    with pytest.raises(FormatError, match="more follows than 3 chunks"):
        formats.read(path)
