"""Each export is read by the tool that it is for, and what those tools write is read here."""

from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest
from gensim.models import KeyedVectors
from gensim.models.fasttext import load_facebook_model

from embedtool import formats, store
from embedtool.search.query import similar
from embedtool.vectors import WordVectors
from tests.conftest import Run


@pytest.fixture
def small() -> WordVectors:
    words = ["king", "queen", "größe", "a\u00a0b", "東京"]
    matrix = np.random.default_rng(1).standard_normal((5, 7), dtype=np.float32)
    return WordVectors(words, matrix)


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
    name: str, options: dict[str, bool], small: WordVectors, tmp_path: Path
) -> None:
    formats.write(small, tmp_path / "file", name)
    loaded = KeyedVectors.load_word2vec_format(str(tmp_path / "file"), **options)
    words = list(small.words)
    if not options["binary"]:
        words[3] = "a"  # gensim cuts text at a no-break space
    assert loaded.index_to_key[:3] == words[:3]
    np.testing.assert_array_equal(loaded["king"], small.vector("king"))
    np.testing.assert_array_equal(loaded["東京"], small.vector("東京"))


@pytest.mark.parametrize("binary", [False, True])
def test_what_gensim_writes_is_read(binary: bool, small: WordVectors, tmp_path: Path) -> None:
    theirs = KeyedVectors(small.vector_size)
    theirs.add_vectors(list(small.words), small.matrix)
    theirs.save_word2vec_format(str(tmp_path / "file"), binary=binary)
    loaded, name = formats.read(tmp_path / "file")
    assert name == ("word2vec-binary" if binary else "word2vec")
    assert list(loaded.words) == list(small.words)
    np.testing.assert_array_equal(loaded.matrix, small.matrix)


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
    path = tmp_path / "model.bin"
    assert run("export", models["fasttext"], path).exit_code == 0
    theirs = load_facebook_model(str(path))
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
    small: WordVectors, tmp_path: Path
) -> None:
    formats.write(small, tmp_path / "out.tsv")
    numbers = np.loadtxt(tmp_path / "out.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(numbers, small.matrix)
    metadata = (tmp_path / "out.metadata.tsv").read_text(encoding="utf-8")
    assert metadata == "".join(f"{word}\n" for word in small.words)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
@pytest.mark.parametrize("suffix", ["txt", "bin", "glove", "vec", "safetensors", "npz"])
def test_a_model_goes_out_and_comes_back_from_the_command_line(
    algorithm: str, suffix: str, models: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    path, model = tmp_path / f"vectors.{suffix}", tmp_path / "model"
    assert run("export", models[algorithm], path).exit_code == 0
    result = run("import", path, model)
    assert result.exit_code == 0, result.stderr
    before, after = store.load(models[algorithm]).vectors, store.load(model).vectors
    assert list(after.words) == list(before.words)
    np.testing.assert_allclose(after.matrix, before.matrix, atol=1e-6)
    question = ["king - man + woman", "-n", "3"]
    assert (
        run("analogy", model, *question).stdout
        == run("analogy", models[algorithm], *question).stdout
    )
    assert run("import", path, model).exit_code == 1
    assert run("import", path, model, "--overwrite").exit_code == 0
    assert run("info", model).exit_code == 0
