"""The library takes a str or a Path where a path is meant, and a Model where vectors are."""

from pathlib import Path

import numpy as np
import pytest

import embedtool
from embedtool import formats
from embedtool.analysis.alignment import align, drift
from embedtool.analysis.bias import WeatTest, WordSet, project, read_weat, weat
from embedtool.analysis.translation import Translator
from embedtool.config.tasks import DriftConfig, TranslateConfig
from embedtool.evaluation.dataset_readers import read_dictionary
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.tasks import PairSet
from embedtool.formats.checking import check
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search import query
from embedtool.search.ann import build, open_index

WORDS = [f"w{i}" for i in range(40)]
VECTORS = VectorTable(WORDS, np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32))
OTHERS = VectorTable(WORDS, np.random.default_rng(1).standard_normal((40, 6)).astype(np.float32))
MODEL, OTHER = ModelRecord(VECTORS, {}), ModelRecord(OTHERS, {})


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_may_be_a_str(tmp_path: Path, kind: type) -> None:
    file = kind(tmp_path / "vectors.txt")
    assert formats.write(VECTORS, file) == "word2vec"
    vectors, name = formats.read(file)
    assert (list(vectors.words), name) == (WORDS, "word2vec")
    assert formats.detect_format(file) == "word2vec"
    assert formats.describe(file, "word2vec") == {}
    assert check(file).n_kept == 40
    folder = kind(tmp_path / "model")
    store.save(MODEL, folder)
    assert store.is_model(folder)
    assert not store.has_encoder(folder)
    assert list(store.verify(folder)) == []
    assert store.load(folder).vectors.n_words == 40
    assert "files" in store.describe(folder)
    build(VECTORS, folder, 0.9)
    assert open_index(VECTORS, folder) is not None
    (tmp_path / "pairs.txt").write_text("w1 w2\n")
    assert read_dictionary(kind(tmp_path / "pairs.txt")) == (("w1", "w2"),)
    (tmp_path / "tests.json").write_text("{}")
    with pytest.raises(embedtool.EmbedtoolError, match="holds no tests"):
        read_weat(kind(tmp_path / "tests.json"))


def test_a_model_may_stand_for_its_vectors(tmp_path: Path) -> None:
    formats.write(MODEL, tmp_path / "model.txt")
    formats.write(VECTORS, tmp_path / "vectors.txt")
    assert (tmp_path / "model.txt").read_bytes() == (tmp_path / "vectors.txt").read_bytes()
    pairs = PairSet("some", (("w0", "w1", 1.0), ("w2", "w3", 2.0), ("w4", "w5", 3.0)))
    assert evaluate(MODEL, pairs) == evaluate(VECTORS, pairs)
    assert align(MODEL, OTHER).residual == align(VECTORS, OTHERS).residual
    assert drift(MODEL, OTHER, DriftConfig()) == drift(VECTORS, OTHERS, DriftConfig())
    seeds, config = [(word, word) for word in WORDS], TranslateConfig()
    asked = Translator.fit(MODEL, OTHER, seeds, config).translate(["w1"])
    assert asked == Translator.fit(VECTORS, OTHERS, seeds, config).translate(["w1"])
    assert project(MODEL, ["w1 - w2"], ["w3"]) == project(VECTORS, ["w1 - w2"], ["w3"])
    sets = [WordSet(str(i), tuple(WORDS[4 * i : 4 * i + 4])) for i in range(4)]
    test = WeatTest("test", (sets[0], sets[1]), (sets[2], sets[3]))
    assert weat(MODEL, test) == weat(VECTORS, test)


def test_what_is_neither_is_a_type_error(tmp_path: Path) -> None:
    asked = [
        lambda: query.similar("model", "w1"),
        lambda: query.similarity(tmp_path, "w1", "w2"),
        lambda: query.odd_one_out([MODEL], ["w1", "w2", "w3"]),
        lambda: query.analogy({}, "w1 - w2"),
        lambda: formats.write("model", tmp_path / "file.txt"),
        lambda: align("old", "new"),
    ]
    for ask in asked:
        with pytest.raises(TypeError, match="expected a Model or its WordVectors, not "):
            ask()
    with pytest.raises(TypeError, match="expected a Model, not VectorTable"):
        store.save(VECTORS, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_word_is_a_str() -> None:
    for word in (["w0", "w1"], 3, b"w0", None):
        with pytest.raises(TypeError, match=f"a word is a str, not {type(word).__name__}"):
            query.similar(MODEL, word)
