"""Files that gensim saved: its own come back as gensim has them; damaged ones are errors."""

import bz2
import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.options import ReadOptions
from embedtool.gensim import KeyedVectors, Word2Vec
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.unit.pickles import COUNTS, ROWS, WORDS, gensim_pickle, vectors_state

SEPARATE = [10 * 2**20, 0]
"""Sizes from which gensim saves an array beside the file: none here, and all."""
NEW_WORDS = ["humans", "größer", "x", "日本語"]


def trained(kind: str, **options: Any) -> Any:
    models = pytest.importorskip("gensim.models")
    from gensim.test.utils import common_texts

    given = {"vector_size": 5, "min_count": 1, "epochs": 2, "workers": 1, "seed": 3}
    if kind == "FastText":
        given["bucket"] = 50
    texts = [*common_texts, ["größe", "日本", "</s>", "a"]]
    if kind == "Doc2Vec":
        from gensim.models.doc2vec import TaggedDocument

        texts = [TaggedDocument(words, [i]) for i, words in enumerate(texts)]
    return getattr(models, kind)(texts, **given, **options)


def assert_same(found: VectorTable, wv: Any, atol: float = 0) -> None:
    assert sorted(found.words) == sorted(wv.index_to_key)
    for word, row in zip(found.words, found.rows, strict=True):
        np.testing.assert_allclose(row, wv[word], rtol=0, atol=atol)
    assert found.counts is not None
    assert found.counts.tolist() == [wv.get_vecattr(word, "count") for word in found.words]


@pytest.mark.parametrize("limit", SEPARATE)
@pytest.mark.parametrize("name", ["vectors.kv", "vectors", "vectors.kv.gz", "vectors.kv.bz2"])
def test_keyed_vectors(name: str, limit: int, tmp_path: Path) -> None:
    wv = trained("Word2Vec").wv
    wv.save(str(tmp_path / name), sep_limit=limit)
    assert len(list(tmp_path.iterdir())) > 1 or limit
    found, format = formats.read(tmp_path / name)
    assert format == "gensim"
    assert_same(found, wv)
    assert formats.describe(tmp_path / name, "gensim") == {}


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("limit", SEPARATE)
@pytest.mark.parametrize("loss", ["negative", "hs"])
def test_a_model_with_its_output_layer(
    loss: str, limit: int, protocol: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"hs": 1, "negative": 0} if loss == "hs" else {}
    model = trained("Word2Vec", sg=1, window=3, **options)
    path = tmp_path / "w2v.model"
    model.save(str(path), sep_limit=limit, pickle_protocol=protocol)
    found, _ = formats.read(path)
    assert_same(found, model.wv)
    assert list(found.words) == model.wv.index_to_key
    assert found.output_rows == "words"
    if loss == "hs":
        assert found.output_matrix is None
        assert "the output layer of hierarchical softmax is left out" in caplog.text
    else:
        np.testing.assert_array_equal(found.output_matrix, model.syn1neg)
    about = formats.describe(path, "gensim")
    assert about["options"].items() >= {
        "mode": "skipgram", "window": 3, "epochs": 2, "min_count": 1, "vector_size": 5, "seed": 3,
        "loss": "hierarchical-softmax" if loss == "hs" else "negative-sampling",
        "learning_rate": 0.025, "sample": 1e-3, "ns_exponent": 0.75,
    }.items()  # fmt: skip
    assert about["vocabulary"]["tokens_seen"] == model.corpus_total_words


@pytest.mark.parametrize("limit", SEPARATE)
@pytest.mark.parametrize("part", ["model", "vectors"])
@pytest.mark.parametrize("lengths", [(3, 6), (1, 2), (5, 4)])
def test_fasttext_with_its_ngrams(
    lengths: tuple[int, int], part: str, limit: int, tmp_path: Path
) -> None:
    model = trained("FastText", min_n=lengths[0], max_n=lengths[1])
    (model if part == "model" else model.wv).save(str(tmp_path / "ft"), sep_limit=limit)
    found, _ = formats.read(tmp_path / "ft", options=ReadOptions(scratch=tmp_path))
    assert_same(found, model.wv, atol=1e-6)
    if lengths == (5, 4):  # none
        assert found.from_subwords("humans") is None
        return
    for word in NEW_WORDS:
        expected, vector = model.wv[word], found.from_subwords(word)
        assert vector is not None or not expected.any()
        np.testing.assert_allclose(0 if vector is None else vector, expected, rtol=0, atol=1e-6)
    if part == "model":
        np.testing.assert_array_equal(found.output_matrix, model.syn1neg)
    assert found.subwords is not None
    rows = [model.wv.key_to_index[word] for word in found.words]
    np.testing.assert_array_equal(found.subwords.word_rows, model.wv.vectors_vocab[rows])


def test_doc2vec_has_the_vectors_of_its_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for options, message in (({}, "those of words are read"), ({"dm": 0}, "words are random, b")):
        model = trained("Doc2Vec", **options)
        model.save(str(tmp_path / "d2v"))
        found, _ = formats.read(tmp_path / "d2v")
        assert_same(found, model.wv)
        assert message in caplog.messages[-1]


def test_arrays_in_other_files_are_mapped(tmp_path: Path) -> None:
    wv = trained("Word2Vec").wv
    wv.save(str(tmp_path / "kv"), sep_limit=0)
    found, _ = formats.read(tmp_path / "kv")
    assert not found.rows.flags.owndata
    assert not found.rows.flags.writeable


def test_the_model_is_imported(run: Run, tmp_path: Path) -> None:
    model = trained("FastText", window=4)
    model.save(str(tmp_path / "ft.model"), sep_limit=0)
    result = run("import", tmp_path / "ft.model", tmp_path / "model")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{tmp_path / 'model'}: gensim, {len(model.wv)} words x 5\n",
    )
    assert run("vector", tmp_path / "model", "humans").exit_code == 0
    info = run("info", tmp_path / "model").stdout
    assert "gensim" in info
    result = run("export", tmp_path / "model", tmp_path / "out.kv")
    assert result.exit_code == 1
    assert "gensim cannot be written: it is a pickle" in result.stderr
    (tmp_path / "ft.model.wv.vectors_ngrams.npy").unlink()
    result = run("import", tmp_path / "ft.model", tmp_path / "other")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path / 'ft.model'}: gensim saved its array 'vectors_ngrams' beside it, as "
        "ft.model.wv.vectors_ngrams.npy, which is missing; put it in the same folder, under this "
        "name\n",
    )


def test_gensims_names_load_the_vectors(tmp_path: Path) -> None:
    (tmp_path / "small.kv").write_bytes(gensim_pickle(vectors_state()))
    np.testing.assert_array_equal(KeyedVectors.load(tmp_path / "small.kv")["queen"], ROWS[1])
    with pytest.raises(FormatError, match=r"is a file that gensim saved, .* KeyedVectors\.load"):
        Word2Vec.load(tmp_path / "small.kv")


OLD = {
    "word2vec_old_sep": (12, "words"), "word2vec_pre_kv_sep_py2": (9, "words"),
    "word2vec_pre_kv_py3_4": (9, "words"), "old_keyedvectors_320.dat": (12, None),
    "w2v-lee-v0.12.0": (806, None), "d2v-lee-v0.13.0": (1750, None),
    "old_w2v_models/w2v_3.4.0.mdl": (3, "words"), "old_d2v_models/d2v_2.0.0.mdl": (3, "words"),
    "compatible-hash-true.model": (22, "words"), "fasttext_old_sep": (12, "words"),
    "lee_fasttext": (1762, None), "ft_kv_3.6.0.model.gz": (12, None),
}  # fmt: skip
"""Models in gensim's tests, of versions 0.12 to 3.8: their words, and the kind of output rows."""


@pytest.mark.parametrize("name", OLD)
def test_files_of_old_versions(name: str, caplog: pytest.LogCaptureFixture) -> None:
    utils = pytest.importorskip("gensim.test.utils")
    found, format = formats.read(utils.datapath(name))
    n_words, kind = OLD[name]
    assert (format, found.n_words) == ("gensim", n_words)
    assert (None if found.output_matrix is None else found.output_rows) == kind
    assert found.counts is not None
    assert found.counts.min() > 0
    if name == "lee_fasttext":
        text, _ = formats.read(utils.datapath("lee_fasttext.vec"))
        rows = [text.words.index(word) for word in found.words]
        np.testing.assert_allclose(found.rows, text.rows[rows], atol=1e-4)
    if name == "compatible-hash-true.model":
        assert found.from_subwords("humans") is not None
    elif "f" in name[:6]:
        assert "of a version of gensim before 3.8, with another hash" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index_to_key": None}, "holds no words"),
        ({"index_to_key": []}, "holds no words"),
        ({"index_to_key": [1, 2, 3]}, "the key 1 is not a word"),
        ({"index_to_key": ["a", "a", "b"], "key_to_index": None}, "a word occurs twice"),
        ({"key_to_index": {"king": 1}}, "words and their rows do not agree"),
        ({"index_to_key": [b"a", b"\xff", b"b"]}, "word 2: the word is not UTF-8"),
        ({"index_to_key": ["a", "", "b"], "key_to_index": None}, "a word is empty"),
        ({"vectors": None}, "holds no vectors of words"),
        ({"vectors": ROWS[:2]}, "3 words, but 2 vectors"),
        ({"vectors": ROWS[0]}, "is not a table of floating-point numbers"),
        ({"vectors": ROWS * np.float32(np.nan)}, "a number that is not finite"),
        ({"expandos": {"count": COUNTS[:2]}}, "3 words, but 2 counts"),
        ({"__numpys": ["vectors"]}, "saved its array 'vectors' beside it, as file.vectors.npy"),
        ({"__numpys": ["../vectors"], "vectors": None}, "holds no vectors of words"),
    ],
)
def test_a_damaged_state(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(gensim_pickle(vectors_state() | changes))
    with pytest.raises(FormatError, match=message) as caught:
        formats.read(tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_numbers_that_are_not_finite_are_kept_if_allowed(tmp_path: Path) -> None:
    rows = ROWS * np.float32(np.nan)
    (tmp_path / "file").write_bytes(gensim_pickle(vectors_state() | {"vectors": rows}))
    found, _ = formats.read(tmp_path / "file", options=ReadOptions(allow_nonfinite=True))
    assert np.isnan(found.rows).all()


def fasttext_state(**changes: Any) -> bytes:
    state = vectors_state() | {
        "vectors": None, "vectors_vocab": ROWS, "vectors_ngrams": np.ones((4, 3), np.float32),
        "min_n": 3, "max_n": 4, "bucket": 4, "compatible_hash": True,
    }  # fmt: skip
    return gensim_pickle(state | changes, "FastTextKeyedVectors", "gensim.models.fasttext")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bucket": 5}, "4 rows of n-grams for 5 buckets"),
        ({"bucket": -1}, "bucket is -1"),
        ({"bucket": 2**40}, "is damaged"),
        ({"max_n": 10**9}, "n-grams of 1,000,000,000 characters"),
        ({"min_n": "a"}, "min_n is a"),
        ({"vectors_vocab": ROWS[:2]}, "there is not one row of 'vectors_vocab' a word"),
        ({"vectors_ngrams": ROWS[:, :2]}, "'vectors_ngrams' has no rows of 3"),
        ({"vectors_ngrams": np.full((4, 3), np.inf, np.float32)}, "that is not finite"),
        ({"compatible_hash": False}, "holds no vectors of words"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 3: 9}, "bucket": 9}, "does not number the rows"),
        ({"hash2index": {0: 0, 1: 1, 2: 2, 9: 3}, "bucket": 9}, "is not in the buckets"),
    ],
)
def test_damaged_ngrams(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(fasttext_state(**changes))
    with pytest.raises(FormatError, match=message):
        formats.read(tmp_path / "file")


def test_rows_of_ngrams_that_are_zeros_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(
        fasttext_state(vectors_ngrams=np.array([[0] * 3, [1] * 3, [0] * 3, [2] * 3], np.float32))
    )
    found = formats.read(tmp_path / "file")[0].subwords
    assert found is not None
    assert found.buckets.tolist() == [1, 3]
    assert found.ngram_rows[:, 0].tolist() == [1, 2]


def test_arrays_beside_the_file_that_lie(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gensim_pickle(vectors_state() | {"__numpys": ["vectors"], "vectors": None}))
    beside = tmp_path / "file.vectors.npy"
    np.save(beside, ROWS)
    assert formats.read(path)[0].rows.tolist() == ROWS.tolist()
    content = beside.read_bytes()
    for damaged in (content[:-1], content + b"a", b"", content[:40], b"text\n"):
        beside.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"file\.vectors\.npy") as caught:
            formats.read(path)
        assert "\n" not in str(caught.value)
    np.save(beside, np.array([None, {}], object), allow_pickle=True)
    with pytest.raises(FormatError, match="holds Python objects, which can run code"):
        formats.read(path)


def test_other_objects_of_gensim_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gensim_pickle({}, "LdaModel", "gensim.models.ldamodel"))
    with pytest.raises(FormatError, match="is gensim's LdaModel, which is not read; vectors are"):
        formats.read(tmp_path / "a")
    path = shutil.copy(tmp_path / "a", tmp_path / "b")
    with pytest.raises(FormatError, match="is a pickle, which can run code when it is opened"):
        formats.read(path, "word2vec")


@pytest.mark.parametrize("packer", [gzip, bz2])
def test_a_compressed_file_that_is_cut(packer: Any, tmp_path: Path) -> None:
    whole = packer.compress(gensim_pickle(vectors_state()) * 2)
    path = tmp_path / "file"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            formats.read(path, "gensim")
    path.write_bytes(packer.compress(gensim_pickle(vectors_state())))
    assert list(formats.read(path)[0].words) == WORDS
    assert list(tmp_path.iterdir()) == [path]
