"""What a Python user holds: word vectors and models, their queries, files and types."""

import doctest
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

import embedtool
from embedtool.api.model import Model
from embedtool.api.word_vectors import WordVectors
from embedtool.config.tasks import CompressConfig, TransformConfig
from embedtool.errors import (
    ConfigError,
    NoAnswerError,
    QueryError,
    UnknownWordError,
)
from embedtool.model.compression import compress
from embedtool.model.transforms import transform
from embedtool.search.answers import WordScore
from tests.factories import (
    random_vectors,
    saved_model,
    subword_vectors,
    with_one_ngram,
    word_vectors,
)

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wv() -> WordVectors:
    return WordVectors.of(random_vectors())


@pytest.fixture(scope="module")
def peer(wv: WordVectors) -> Any:
    pytest.importorskip("gensim")
    return wv.to_gensim()


def test_words_are_looked_up_as_in_a_dictionary(wv: WordVectors) -> None:
    assert "w7" in wv
    assert "unseen" not in wv
    assert len(wv) == wv.n_words == 400
    assert list(wv)[:2] == ["w0", "w1"]
    assert wv["w7"].shape == (20,)
    assert wv["w7"].dtype == np.float32
    np.testing.assert_array_equal(wv[["w7", "w3", "w7"]], wv.vectors[[7, 3, 7]])
    assert wv[[]].shape == (0, 20)
    with pytest.raises(UnknownWordError, match="'unseen' is not in the vocabulary"):
        wv["unseen"]
    with pytest.raises(KeyError):
        wv["unseen"]
    with pytest.raises(UnknownWordError, match=r"'unseen' is not .*'other' is not"):
        wv[["w7", "unseen", "other"]]
    for key in 3, [3], b"w7":
        with pytest.raises(TypeError, match=r"a word is a str, not (int|bytes)"):
            wv[key]


def test_the_vectors_of_a_compressed_model_are_an_array(wv: WordVectors) -> None:
    small = WordVectors.of(compress(wv, CompressConfig(precision="int8")))
    assert isinstance(small.vectors, np.ndarray)
    np.testing.assert_array_equal(small.vectors[3], small["w3"])


def test_a_matrix_has_a_row_for_each_word(wv: WordVectors) -> None:
    words = ["w5", "unseen", "w2"]
    for unknown, row in (("zeros", np.zeros(20)), ("mean", wv.vectors.mean(axis=0))):
        matrix = wv.matrix(words, unknown=unknown)
        assert matrix.dtype == np.float32
        np.testing.assert_array_equal(matrix[[0, 2]], wv[["w5", "w2"]])
        np.testing.assert_allclose(matrix[1], row, atol=1e-6)
    with pytest.raises(UnknownWordError, match="'unseen' is not in the vocabulary"):
        wv.matrix(words)
    with pytest.raises(QueryError, match="unknown must be error, zeros, mean, not 'skip'"):
        wv.matrix(words, unknown="skip")
    with pytest.raises(TypeError, match="expected several words, not the one str 'w5'"):
        wv.matrix("w5")
    assert wv.matrix(iter(["w5"])).shape == (1, 20)


def test_a_new_word_has_a_vector_from_its_subwords_in_every_query() -> None:
    wv = WordVectors.of(with_one_ngram(random_vectors()))
    assert "zz" not in wv
    np.testing.assert_array_equal(wv["zz"], np.full(20, 0.25, np.float32) * 4 / 3)
    for matrix in wv[["w1", "zz"]], wv.matrix(["w1", "zz", "new"], unknown="zeros"):
        np.testing.assert_array_equal(matrix[1], wv["zz"])
    answers = wv.most_similar("zz", topn=2)
    assert answers.from_ngrams == wv.most_similar(["zz", wv["w1"]]).from_ngrams == ("zz",)
    title = "'zz' is not in the vocabulary; its vector is from character n-grams"
    assert repr(answers).splitlines()[0] == title
    assert wv.similarity("zz", "zz") == pytest.approx(1)
    with pytest.raises(UnknownWordError):
        wv.most_similar("new")


def agrees(answers: Sequence[WordScore], expected: Sequence[tuple[str, float]]) -> None:
    assert [word for word, _ in answers] == [word for word, _ in expected]
    scores = [score for _, score in answers]
    np.testing.assert_allclose(scores, [score for _, score in expected], atol=1e-5)


def test_most_similar_is_called_as_in_gensim(wv: WordVectors, peer: Any) -> None:
    vector = np.arange(20, dtype=np.float32)
    for positive, negative in [
        ("w7", []),
        (["w7"], []),
        (["w0", "w2"], ["w1"]),
        (["w0", "w2"], "w1"),
        ("w0", vector),
        ([vector, "w0"], ["w0"]),
        ([("w0", 0.5), ("w2", -2.0), "w3"], []),
        (vector, []),
        ([vector], []),
        ([vector, "w4"], ["w1"]),
        ([(vector, 0.1), ("w4", -1.5)], [vector[::-1]]),
        ([], ["w1"]),
        (wv[["w1", "w2"]], []),
    ]:
        expected = peer.most_similar(positive, negative, topn=6)
        agrees(wv.most_similar(positive, negative, topn=6), expected)
    expected = peer.most_similar_cosmul(["w0", "w2"], ["w1"], topn=6)
    agrees(wv.most_similar(["w0", "w2"], ["w1"], 6, method="3cosmul"), expected)
    array = np.array(["w1", "w2"])
    assert wv.most_similar(array) == wv.most_similar(array.tolist())
    assert wv.similarity("w1", "w2") == pytest.approx(peer.similarity("w1", "w2"), abs=1e-6)
    assert wv.doesnt_match(["w1", "w2", "w3"]) == peer.doesnt_match(["w1", "w2", "w3"])


def test_only_the_direction_of_a_vector_counts(wv: WordVectors) -> None:
    vector = wv["w7"] + wv["w9"]
    expected = wv.most_similar(vector)
    for same in (1e30 * vector, 900.0), (1e-37 * vector, 0.01), (1e-60 * vector.astype(float), 1.0):
        agrees(wv.most_similar([same]), expected)


def test_options_say_which_words_may_answer(wv: WordVectors) -> None:
    near = [word for word, _ in wv.most_similar("w0", topn=400)]
    assert [w for w, _ in wv.most_similar("w0", topn=400, restrict_vocab=50)] == [
        word for word in near if int(word[1:]) < 50
    ]
    assert {w for w, _ in wv.most_similar("w0", among=["w5", "w9", "new"])} == {"w5", "w9"}
    assert len(wv.analogy("w0 - w1 + w2", topn=400, min_count=3900)) == 8
    assert wv.most_similar("w0", include_query_words=True)[0].word == "w0"
    vector = wv["w0"] + wv["w1"]
    for given in (["w0", vector], {}), (["w0", vector], {"include_query_words": True}):
        found = [word for word, _ in wv.most_similar(given[0], topn=400, **given[1])]
        assert ("w0" in found) == bool(given[1])
    for method in wv.most_similar, wv.analogy:
        with pytest.raises(TypeError, match="restict_vocab"):
            method("w0 - w1", restict_vocab=3)


def test_batches_answer_as_single_queries(wv: WordVectors) -> None:
    words = ["w3", "w300"]
    assert wv.most_similar_batch(words, 4) == [wv.most_similar(word, topn=4) for word in words]
    texts = ["w0 - w1 + w2", "w3 + w4"]
    assert wv.analogy_batch(texts, 4) == [wv.analogy(text, 4) for text in texts]
    with pytest.raises(NoAnswerError) as caught:
        wv.most_similar_batch(["w3", "unseen"])
    assert list(caught.value.failures or ()) == [1]


@pytest.mark.parametrize(
    ("positive", "negative", "options", "message"),
    [
        ([], [], {}, "positive is empty; name a word"),
        (["w0"], [("w1", 1.0)], {}, "negative holds a tuple; expected words and vectors"),
        (["w0", 3], [], {}, "positive holds a int; expected words"),
        ([("w0", 1.0, 2.0)], [], {}, "positive holds a tuple; expected words"),
        ([("w0", "x")], [], {}, "positive holds the weight 'x'; expected a number from -1000 to"),
        ([("w0", np.nan)], [], {}, "positive holds the weight nan; expected a number"),
        (3, [], {}, "positive holds a int; expected words"),
        (np.ones(3), [], {}, r"positive holds a vector of the shape \(3,\); expected \(20,\)"),
        ("w0", np.full(20, np.nan), {}, "negative holds a vector with numbers that float32"),
        (np.zeros(20), [], {}, "the query vector is all zeros"),
        ([np.arange(20), "w0"], ["w0", np.arange(20.0)], {}, "the query vector is all zeros"),
        (np.arange(20) / 3, np.arange(20, dtype=np.float32) / 3, {}, "the query vector is all"),
        (np.ones(20), [], {"method": "3cosmul"}, "vectors need method='3cosadd'"),
        ("w0", [], {"method": "cosmul"}, "method must be 3cosadd or 3cosmul, not 'cosmul'"),
        (["w0"], ["w0"], {}, "w0 - w0 is zero: the words cancel out"),
        ("w0", [], {"topn": 0}, "topn must be 1 or more, not 0"),
        ("w0 - w1", [], {}, "sums and differences of words are for analogy"),
    ],
)
def test_invalid_queries_are_explained(
    wv: WordVectors, positive: Any, negative: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        wv.most_similar(positive, negative, **options)


@pytest.mark.parametrize("transformed", [False, True])
def test_gensim_gets_vectors_counts_and_subwords(transformed: bool) -> None:
    pytest.importorskip("gensim")
    plain = WordVectors.of(random_vectors())
    peer = plain.to_gensim()
    assert peer.get_vecattr("w3", "count") == plain.counts[3]
    np.testing.assert_array_equal(peer["w3"], plain["w3"])
    table = subword_vectors(["river", "liver", "delivery"], 8, 500)
    if transformed:
        table = transform(Model(table, {}), TransformConfig(center=True)).vectors
        assert table.subwords is not None
        assert table.subwords.offset is not None
    wv = WordVectors.of(table)
    peer = wv.to_gensim()
    assert type(peer).__name__ == "FastTextKeyedVectors"
    np.testing.assert_allclose(peer["rivers"], wv["rivers"], atol=1e-6)
    peer.adjust_vectors()
    np.testing.assert_allclose(peer.vectors, wv.vectors, atol=1e-6)


def test_vectors_are_written_and_read(wv: WordVectors, tmp_path: Path) -> None:
    assert wv.write(tmp_path / "vectors.bin") == "word2vec-binary"
    again = embedtool.read(tmp_path / "vectors.bin")
    np.testing.assert_array_equal(again.vectors, wv.vectors)
    assert again.description["read_as"] == "word2vec-binary"
    assert wv.write(str(tmp_path / "data"), format="glove") == "glove"
    assert list(embedtool.read(tmp_path / "data", "glove").words) == list(wv.words)
    with pytest.raises(ConfigError, match="word_column is only for"):
        embedtool.read(tmp_path / "vectors.bin", word_column="word")
    with pytest.raises(TypeError, match="colum"):
        embedtool.read(tmp_path / "vectors.bin", colum="word")


def test_a_file_of_fasttext_keeps_the_options_of_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = subword_vectors(["river", "liver"], 8, 50, counts=np.array([2, 1]))
    description = {"algorithm": "fasttext", "options": {"epochs": 7, "window": 4}}
    model = Model(table, description)
    model.wv.write(tmp_path / "vectors.bin")
    assert not caplog.records
    again = embedtool.read(tmp_path / "vectors.bin")
    assert again.description["options"]["epochs"] == 7
    again.write(tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "vectors.bin").read_bytes()


def test_a_model_is_saved_and_loaded(wv: WordVectors, tmp_path: Path) -> None:
    model = Model(wv, {"algorithm": "glove"})
    model.save(tmp_path / "model")
    again = embedtool.load(tmp_path / "model")
    assert again.algorithm == again.wv.description["algorithm"] == "glove"
    assert again.wv.most_similar("w0") == wv.most_similar("w0")
    with pytest.raises(embedtool.EmbedtoolError, match="exists"):
        model.save(tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)


def test_representations_are_one_line_and_say_the_size(wv: WordVectors) -> None:
    assert repr(wv) == "WordVectors(n_words=400, vector_size=20)"
    shown = repr(Model(wv, {"algorithm": "glove"}))
    assert shown == "Model(algorithm='glove', n_words=400, vector_size=20)"
    html = Model(wv, {"algorithm": "glove", "checksum": "1f", "seed": 7})._repr_html_()
    assert "glove: 400 words x 20" in html
    assert ">7<" in html
    assert "1f" not in html
    html = wv._repr_html_()
    assert "400 words x 20; the first 10:" in html
    assert html.count("<tr>") == 11
    assert ">4,000<" in html


def test_loading_and_asking_imports_neither_scipy_nor_numba(tmp_path: Path) -> None:
    model = saved_model(tmp_path / "model", word_vectors(["king", "man", "woman", "queen"]))
    code = f"""if True:
        import sys, embedtool
        wv = embedtool.load({str(model)!r}).wv
        wv.most_similar("king", topn=2), wv.similarity("king", "man"), repr(wv)
        wv.doesnt_match(["king", "man", "woman"]), wv.matrix(["king", "new"], unknown="zeros")
        wv._repr_html_(), wv.analogy("king - man + woman")
        slow = {{"scipy", "numba", "pandas", "gensim", "sklearn", "click", "rich", "tomllib"}}
        print(sorted(slow & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("module", ["word_vectors", "queries", "model", "judging"])
def test_the_examples_of_the_docstrings_run(
    module: str, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, algorithm in (("model", "word2vec"), ("sg", "word2vec"), ("ft", "fasttext")):
        copytree(models[algorithm], tmp_path / name)
    (tmp_path / "corpora").symlink_to(PROJECT / "corpora")
    monkeypatch.chdir(tmp_path)
    wv = embedtool.load("model").wv
    tested = doctest.testmod(import_module(f"embedtool.api.{module}"), extraglobs={"wv": wv})
    assert tested.attempted > 0
    assert tested.failed == 0


MISTAKES = """
import embedtool
wv = embedtool.load("m").wv
wv.most_similar("king", restict_vocab=3)
wv.most_similar(3)
wv.matrix(["a"], unknown="skip")
wv.evaluate("google", methd="3cosmul")
embedtool.similar
embedtool.Word2Vec(vectorsize=100)
embedtool.Word2Vec(vector_size="100")
embedtool.FastText(x_max=3.0)
embedtool.Glove().nothing
"""


@pytest.mark.slow
def test_types_let_a_users_code_pass_strictly_and_find_mistakes(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "mistakes.py").write_text(MISTAKES)
    user = Path(__file__).with_name("typed_user.py")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", user,
         "mistakes.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    faults = [line.split(":")[:2] for line in checked.stdout.splitlines() if ": error:" in line]
    assert faults == [["mistakes.py", str(line)] for line in range(4, 13)]
