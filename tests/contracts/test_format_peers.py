"""Each export is read by the tool that it is for, and what those tools write is read here."""

from base64 import b64decode
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from embedtool import formats
from embedtool.formats.options import ReadOptions
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from embedtool.search.query import similar
from tests.conftest import Run
from tests.factories import word_vectors

FINALFUSION = {
    "words": (
        "RmlGdQAAAAAEAAAABQAAAAEAAAACAAAABgAAAAUAAAAGAAAAAAAAAGEgPSAxCgEAAAAbAAAAAAAAAAIAAAAAAAAA"
        "BAAAAGtpbmcHAAAAZ3LDtsOfZQIAAAAjAAAAAAAAAAIAAAAAAAAAAgAAAAoAAAAAAAC8724/G8y3PsPQED5UbX2/"
        "BgAAABgAAAAAAAAAAgAAAAAAAAAKAAAAAAAAAK7a3j8wRmI/",
        ["king", "größe"], [[1.625, 0.625], [0.125, -0.875]], None,
    ),
    "no lengths": (
        "RmlGdQAAAAACAAAAAQAAAAIAAAABAAAAGwAAAAAAAAACAAAAAAAAAAQAAABraW5nBwAAAGdyw7bDn2UCAAAAIQAA"
        "AAAAAAACAAAAAAAAAAIAAAAKAAAAAAAAYL8AAPC/AADwvwAA8L8=",
        ["king", "größe"], [[-0.875, -1.875], [-1.875, -1.875]], None,
    ),
    "buckets of its own": (
        "RmlGdQAAAAADAAAAAwAAAAIAAAAGAAAAAwAAACcAAAAAAAAAAgAAAAAAAAADAAAABAAAAAIAAAAEAAAAa2luZwcA"
        "AABncsO2w59lAgAAAEEAAAAAAAAABgAAAAAAAAACAAAACgAAAAB4XCW/SG1DPxt4kD76mHU/AAAAPgAAID8AAAhA"
        "AACQPwAAID8AAAA+AAAgPwAACEAGAAAAGAAAAAAAAAACAAAAAAAAAAoAAAAAAAAALzwIQKfCDUA=",
        ["king", "größe"], [[-1.375, 1.6249998807907104], [0.625, 2.125]], None,
    ),
    "fastText's buckets": (
        "RmlGdQAAAAADAAAABwAAAAIAAAAGAAAABwAAACcAAAAAAAAAAgAAAAAAAAADAAAABAAAAAUAAAAEAAAAa2luZwcA"
        "AABncsO2w59lAgAAAEkAAAAAAAAABwAAAAAAAAACAAAACgAAAAA2vfK+jmZhP/+1Az+phFu/AADAvgAA0D8AAAA+"
        "AADwvwAAkD8AAJA/AADQPwAAsL8AAPC/AADQPwYAAAAYAAAAAAAAAAIAAAAAAAAACgAAAAAAAAC3POw/XvELQA==",
        ["king", "größe"], [[-0.875, 1.625], [1.125, -1.8750001192092896]],
        [0.16647523641586304, 0.9860456585884094],
    ),
}  # fmt: skip
"""Files that finalfusion 0.7.1 for Python wrote; what it says of their words, and of `kings`."""
FLORET = (
    b"10 2 2 3 2 2166136261 < >\n0 -12.648 6.3784 \n1 3.9758 -0.96881 \n2 -7.6449 2.3722 \n"
    b"3 4.5587 -2.3771 \n4 -2.7382 5.368 \n5 3.3915 3.7221 \n6 -9.7694 7.2354 \n"
    b"7 -6.7511 2.4729 \n8 27.294 -16.053 \n9 1.2888 6.5521 \n"
)
FLORET_WORDS = {
    "king": [-0.7946428656578064, 2.202146291732788],
    "größe": [-1.6153888702392578, 2.246159791946411],
    "東京": [4.880260467529297, -1.8471463918685913],
    "kings": [-1.0854771137237549, 1.8267531394958496],
    "a": [2.9270167350769043, 0.5321376323699951],
    "unbelievableness-unbelievable": [-0.4239906668663025, 2.0174922943115234],
}
"""A table that floret 0.10.5 trained and wrote with five digits, and its own answers."""


@pytest.fixture
def small() -> VectorTable:
    words = ["king", "queen", "größe", "a\u00a0b", "東京"]
    return word_vectors(words, 7)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("word2vec", {"binary": False}),
        ("fasttext-vec", {"binary": False}),
        ("word2vec-binary", {"binary": True}),
        ("glove", {"binary": False, "no_header": True}),
    ],
)
def test_gensim_reads_what_is_written(
    name: str, options: dict[str, bool], small: VectorTable, tmp_path: Path
) -> None:
    gensim = pytest.importorskip("gensim.models")
    formats.write(small, tmp_path / "file", name)
    loaded = gensim.KeyedVectors.load_word2vec_format(str(tmp_path / "file"), **options)
    words = list(small.words)
    if not options["binary"]:
        words[3] = "a"  # gensim cuts text at a no-break space
    assert loaded.index_to_key[:3] == words[:3]
    np.testing.assert_array_equal(loaded["king"], small.vector("king"))
    np.testing.assert_array_equal(loaded["東京"], small.vector("東京"))


@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(binary: bool, small: VectorTable, tmp_path: Path) -> None:
    theirs = pytest.importorskip("gensim.models").KeyedVectors(small.vector_size)
    theirs.add_vectors(list(small.words), small.rows)
    theirs.save_word2vec_format(str(tmp_path / "file"), binary=binary)
    loaded, name = formats.read(tmp_path / "file")
    assert name == ("word2vec-binary" if binary else "word2vec")
    assert list(loaded.words) == list(small.words)
    np.testing.assert_array_equal(loaded.rows, small.rows)


def mean_of_rows(model: Any, word: str) -> np.ndarray:
    """What fastText calls a word's vector; its `get_word_vector` here scales it to length 1."""
    _, ids = model.get_subwords(word)
    return np.mean([model.get_input_vector(i) for i in ids], axis=0)


def test_facebooks_fasttext_answers_as_our_model_does(
    models: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    assert run("export", models["fasttext"], path).exit_code == 0
    theirs = fasttext.load_model(str(path))
    ours = store.load(models["fasttext"]).vectors
    assert theirs.words == list(ours.words)
    for word in ("king", "paris", "kingsy", "unheard-of"):
        np.testing.assert_allclose(mean_of_rows(theirs, word), ours.vector(word), atol=2e-6)
    for word in ("king", "taller"):
        neighbours = similar(ours, word, 10)
        their_neighbours = theirs.get_nearest_neighbors(word, 10)
        assert [answer.word for answer in neighbours] == [other for _, other in their_neighbours]
        np.testing.assert_allclose(
            [answer.score for answer in neighbours],
            [score for score, _ in their_neighbours],
            atol=1e-5,
        )


def test_gensim_loads_our_bin(models: dict[str, Path], run: Run, tmp_path: Path) -> None:
    gensim = pytest.importorskip("gensim.models.fasttext")
    path = tmp_path / "model.bin"
    assert run("export", models["fasttext"], path).exit_code == 0
    theirs = gensim.load_facebook_model(str(path))
    ours = store.load(models["fasttext"]).vectors
    for word in ("king", "kingsy"):
        np.testing.assert_allclose(theirs.wv[word], ours.vector(word), atol=2e-6)
    assert theirs.epochs == 5
    assert theirs.sg == 1


@pytest.mark.parametrize("options", [{}, {"loss": "hs"}, {"model": "cbow"}, {"maxn": 0}])
def test_what_facebooks_fasttext_writes_is_read(options: dict[str, object], tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the king rules the größe of 東京\nthe queen rules the sea\n" * 30)
    chosen = {"model": "skipgram", "dim": 8, "bucket": 500, "minCount": 1, "epoch": 1, **options}
    theirs = fasttext.train_unsupervised(str(text), verbose=0, thread=1, **chosen)
    theirs.save_model(str(tmp_path / "m.bin"))
    ours, name = formats.read(tmp_path / "m.bin")
    assert name == "fasttext-bin"
    assert list(ours.words) == theirs.words
    assert "</s>" in ours.words
    for word in theirs.words:
        np.testing.assert_allclose(ours.vector(word), mean_of_rows(theirs, word), atol=1e-6)
    if options != {"maxn": 0}:
        for word in ("kings", "größer", "東京都"):
            np.testing.assert_allclose(ours.vector(word), mean_of_rows(theirs, word), atol=1e-6)


def test_a_vec_in_fasttexts_own_writing_is_read(tmp_path: Path) -> None:
    """A space ends each row, and numbers have five digits or an exponent."""
    (tmp_path / "m.vec").write_text("2 3\nking 0.12345 -1e-05 3 \nqueen 1 2 3 \n")
    loaded, _ = formats.read(tmp_path / "m.vec")
    np.testing.assert_array_equal(loaded.vector("king"), np.float32([0.12345, -1e-05, 3]))


def test_the_projectors_files_have_as_many_lines_as_words(
    small: VectorTable, tmp_path: Path
) -> None:
    formats.write(small, tmp_path / "out.tsv")
    numbers = np.loadtxt(tmp_path / "out.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(numbers, small.rows)
    metadata = (tmp_path / "out.metadata.tsv").read_text(encoding="utf-8")
    assert metadata == "".join(f"{word}\n" for word in small.words)


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_pyarrow_opens_our_columns(suffix: str, small: VectorTable, tmp_path: Path) -> None:
    counted = VectorTable(small.words, small.rows, np.arange(5, 0, -1))
    formats.write(counted, tmp_path / f"out.{suffix}")
    opened = {"parquet": parquet.read_table, "arrow": feather.read_table}[suffix]
    table = opened(tmp_path / f"out.{suffix}")
    assert table.column("word").to_pylist() == list(small.words)
    assert table.column("count").to_pylist() == [5, 4, 3, 2, 1]
    assert table.schema.field("vector").type == pa.list_(pa.float32(), 7)
    rows = table.column("vector").combine_chunks().flatten().to_numpy().reshape(5, 7)
    np.testing.assert_array_equal(rows, small.rows)


@pytest.mark.parametrize("compression", ["zstd", None])
@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
@pytest.mark.parametrize("list_of", [pa.list_, pa.large_list, lambda kind: pa.list_(kind, 2)])
@pytest.mark.parametrize("strings", [pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_columns_as_others_write_them_are_read(
    strings: pa.DataType, list_of: Any, kind: pa.DataType, compression: str, tmp_path: Path
) -> None:
    rows = np.float16([[1, 2], [3, 4], [0.5, -1]])
    table = pa.table({
        "id": [1, 2, 3],
        "vector": pa.array(list(rows), list_of(kind)),
        "word": pa.array(["a", "größe", "b"]).cast(strings),
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2, compression=compression)
    feather.write_feather(
        table, str(tmp_path / "a.feather"), chunksize=2, compression=compression or "uncompressed"
    )
    for path in (tmp_path / "a.parquet", tmp_path / "a.feather"):
        for scratch in (None, tmp_path):
            loaded, _ = formats.read(path, None, ReadOptions(scratch=scratch))
            assert list(loaded.words) == ["a", "größe", "b"]
            np.testing.assert_array_equal(loaded.rows, np.float32(rows))


@pytest.mark.parametrize("case", FINALFUSION)
def test_what_finalfusion_writes_is_read(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, words, rows, unseen = FINALFUSION[case]
    (tmp_path / "a.fifu").write_bytes(b64decode(file))
    loaded, name = formats.read(tmp_path / "a.fifu")
    assert name == "finalfusion"
    assert list(loaded.words) == words
    np.testing.assert_array_equal(loaded.rows, np.float32(rows))
    if unseen:
        ours = loaded.vector("kings")
        np.testing.assert_allclose(ours / np.linalg.norm(ours), unseen, rtol=1e-6)
    lost = "words outside the vocabulary get no vector" in caplog.text
    assert lost == (case == "buckets of its own")


def test_what_floret_says_of_a_word_is_what_its_table_gives(tmp_path: Path) -> None:
    (tmp_path / "a.floret").write_bytes(FLORET)
    (tmp_path / "words").write_text("\n".join(FLORET_WORDS) + "\n\nking\n")
    loaded, name = formats.read(tmp_path / "a.floret", None, ReadOptions(words=tmp_path / "words"))
    assert name == "floret"
    assert list(loaded.words) == list(FLORET_WORDS)
    np.testing.assert_allclose(loaded.rows, list(FLORET_WORDS.values()), atol=3e-4)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
@pytest.mark.parametrize(
    "suffix", ["txt", "bin", "glove", "vec", "safetensors", "npz", "parquet", "arrow", "fifu"]
)
def test_export_and_import_on_the_command_line(
    algorithm: str, suffix: str, models: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    path, model = tmp_path / f"vectors.{suffix}", tmp_path / "model"
    assert run("export", models[algorithm], path).exit_code == 0
    result = run("import", path, model)
    assert result.exit_code == 0, result.stderr
    before, after = store.load(models[algorithm]).vectors, store.load(model).vectors
    assert list(after.words) == list(before.words)
    np.testing.assert_allclose(after.rows, before.rows, atol=1e-6)
    question = ["king - man + woman", "-n", "3"]
    assert (
        run("analogy", model, *question).stdout
        == run("analogy", models[algorithm], *question).stdout
    )
    assert run("import", path, model).exit_code == 1
    assert run("import", path, model, "--overwrite").exit_code == 0
    assert run("info", model).exit_code == 0
