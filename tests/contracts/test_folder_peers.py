"""Each folder is opened by the tools that it is for, and what those tools save is read here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from model2vec import StaticModel
from spacy.strings import get_string_id
from spacy.symbols import IDS
from spacy.vectors import Vectors
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from embedtool import formats
from embedtool.corpus.string_table import StringTable
from embedtool.errors import FormatError
from embedtool.formats.spacy_keys import SYMBOLS, keys_of
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.factories import word_vectors

TEXTS = ["king queen", " king\n\tmark größe ", "a\u00a0b 東京", "U.S.A. don't", "", "king " * 2000]


@pytest.fixture
def small() -> VectorTable:
    words = [
        "king",
        "queen",
        "größe",
        "a\u00a0b",
        "東京",
        "U.S.A.",
        "don't",
        "mark",
        "[UNK]",
        "NUM",
    ]
    return word_vectors(words, 7)


def means(vectors: VectorTable) -> np.ndarray:
    """The mean vector of each text, over the words that are known."""
    rows = []
    for text in TEXTS:
        known = [
            vectors.vector(word)
            for word in text.replace("\n", " ").replace("\t", " ").split(" ")
            if word
        ]
        rows.append(np.mean(known or [np.zeros(vectors.vector_size)], axis=0))
    return np.array(rows, np.float32)


def test_model2vec_opens_our_folder(small: VectorTable, tmp_path: Path) -> None:
    formats.write(small, tmp_path / "m", "model2vec")
    theirs = StaticModel.from_pretrained(tmp_path / "m")
    np.testing.assert_allclose(theirs.encode(TEXTS), means(small), atol=1e-6)
    np.testing.assert_allclose(theirs.encode("king unheard-of"), small.vector("king"), atol=1e-6)
    assert theirs.encode("[UNK]").tolist() == small.vector("[UNK]").tolist()


def test_sentence_transformers_opens_our_folder(small: VectorTable, tmp_path: Path) -> None:
    sentence_transformers = pytest.importorskip(
        "sentence_transformers", reason="it needs torch, which is too heavy to install for a test"
    )
    formats.write(small, tmp_path / "m", "model2vec")
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "m"), device="cpu")
    np.testing.assert_allclose(theirs.encode(TEXTS), means(small), atol=1e-6)
    half = theirs.encode("king unheard-of")
    np.testing.assert_allclose(half, small.vector("king") / 2, atol=1e-6)
    theirs.save(str(tmp_path / "saved"))
    loaded, name = formats.read(tmp_path / "saved")
    assert name == "model2vec"
    assert list(loaded.words) == small.words
    assert loaded.rows.tobytes() == small.rows.tobytes()


def word_level(words: list[str]) -> Tokenizer:
    ids = {word: i for i, word in enumerate(words)}
    return Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int8"])
def test_what_model2vec_saves_is_read(kind: str, tmp_path: Path) -> None:
    words = ["[UNK]", "king", "queen", "東京"]
    matrix = (10 * np.random.default_rng(1).standard_normal((4, 5))).astype(kind)
    StaticModel(matrix, word_level(words)).save_pretrained(tmp_path / "m")
    loaded, name = formats.read(tmp_path / "m")
    assert name == "model2vec"
    assert list(loaded.words) == words[1:]
    np.testing.assert_array_equal(loaded.rows, matrix[1:].astype(np.float32))


def test_mapping_and_weights_of_model2vec_are_applied(tmp_path: Path) -> None:
    words = ["[UNK]", "king", "queen", "rex"]
    matrix = np.random.default_rng(1).standard_normal((2, 5), dtype=np.float32)
    weights = np.array([1, 0.5, 2, 3])
    theirs = StaticModel(
        matrix, word_level(words), weights=weights, token_mapping=np.array([0, 1, 0, 1])
    )
    theirs.save_pretrained(tmp_path / "m")
    loaded, _ = formats.read(tmp_path / "m")
    assert list(loaded.words) == words[1:]
    for word in loaded.words:
        np.testing.assert_allclose(loaded.vector(word), theirs.encode(word), rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "trainer"),
    [
        (models.BPE(unk_token="[UNK]"), trainers.BpeTrainer),
        (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
        (models.Unigram(), trainers.UnigramTrainer),
    ],
)
def test_tokenizers_of_pieces_are_read(
    model: Any, trainer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    options = {"unk_token": "[UNK]"} if trainer is trainers.UnigramTrainer else {}
    learning = trainer(
        vocab_size=40, special_tokens=["[UNK]", "[PAD]"], show_progress=False, **options
    )
    tokenizer.train_from_iterator(
        ["the king rules the land", "the queen rules the sea"] * 9, learning
    )
    tokenizer.add_tokens(["brand-new"])
    size = tokenizer.get_vocab_size()
    matrix = np.random.default_rng(1).standard_normal((size, 3), dtype=np.float32)
    theirs = StaticModel(matrix, tokenizer)
    theirs.save_pretrained(tmp_path / "m")
    loaded, _ = formats.read(tmp_path / "m")
    ids = tokenizer.get_vocab()
    assert set(loaded.words) == set(ids) - {"[UNK]"}
    for word in loaded.words:
        np.testing.assert_array_equal(loaded.vector(word), matrix[ids[word]])
    assert "words and pieces of words, are read as words" in caplog.text


def test_a_sentence_transformers_folder_with_its_module_below_is_read(tmp_path: Path) -> None:
    """Another layout of it, in which model2vec looks too."""
    from safetensors.numpy import save_file

    below = tmp_path / "0_StaticEmbedding"
    below.mkdir()
    matrix = np.random.default_rng(1).standard_normal((3, 5), dtype=np.float32)
    save_file({"embedding.weight": matrix}, below / "model.safetensors")
    word_level(["king", "queen", "[UNK]"]).save(str(below / "tokenizer.json"))
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(
            [(below.name, "StaticEmbedding"), ("1_Normalize", "Normalize")]
        )
    ]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    loaded, name = formats.read(tmp_path)
    assert name == "model2vec"
    assert list(loaded.words) == ["king", "queen"]
    assert loaded.rows.tobytes() == matrix[:2].tobytes()


def test_keys_are_spacys() -> None:
    assert {"": 0, **SYMBOLS} == IDS
    words = [
        "king",
        "größe",
        "mark",
        "_",
        "東京",
        "a\u00a0b",
        "\0",
        *("x" * n for n in range(1, 40)),
    ]
    assert keys_of(StringTable.from_words(words)).tolist() == [
        get_string_id(word) for word in words
    ]


def test_spacy_loads_our_folder(small: VectorTable, tmp_path: Path) -> None:
    formats.write(small, tmp_path / "m", "spacy")
    nlp = spacy.load(tmp_path / "m")
    for word in small.words:
        np.testing.assert_array_equal(nlp.vocab[word].vector, small.vector(word))
    assert not nlp.vocab["unheard-of"].has_vector
    tokens = nlp("the king don't mark U.S.A.")
    assert [token.text for token in tokens] == ["the", "king", "don't", "mark", "U.S.A."]
    assert [token.has_vector for token in tokens] == [False, True, True, True, True]


def test_spacy_loads_the_vectors_alone(small: VectorTable, tmp_path: Path) -> None:
    formats.write(small, tmp_path / "m", "spacy")
    theirs = Vectors().from_disk(tmp_path / "m" / "vocab")
    for word in small.words:
        np.testing.assert_array_equal(theirs[word], small.vector(word))
    english = spacy.blank("en").from_disk(tmp_path / "m", exclude=["tokenizer"])
    assert [token.has_vector for token in english("Say king, queen.")] == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("part", [".", "vocab"])
def test_what_spacy_saves_is_read(part: str, small: VectorTable, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    for word in small.words:
        nlp.vocab.set_vector(word, small.vector(word))
    nlp.to_disk(tmp_path / "m")
    loaded, name = formats.read(tmp_path / "m" / part)
    assert name == "spacy"
    assert list(loaded.words) == small.words
    assert loaded.rows.tobytes() == small.rows.tobytes()


def test_words_that_share_a_row_and_keys_without_words(
    small: VectorTable, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = Vectors(data=small.rows[:3])
    for word, row in (("king", 1), ("rex", 1), ("mark", 0), ("forgotten", 2)):
        theirs.add(word, row=row)
    for word in ("never", "rex", "king"):
        theirs.strings.add(word)
    theirs.to_disk(tmp_path / "v")
    loaded, _ = formats.read(tmp_path / "v")
    assert loaded.words[0] == "mark"
    assert set(loaded.words) == {"mark", "king", "rex"}
    for word, row in (("king", 1), ("rex", 1), ("mark", 0)):
        np.testing.assert_array_equal(loaded.vector(word), small.rows[row])
    assert "1 keys belong to no known word and are left out" in caplog.text


def test_floret_vectors_in_spacys_folder_are_refused_by_name(tmp_path: Path) -> None:
    data = np.ones((4, 2), np.float32)
    Vectors(data=data, mode="floret", minn=2, maxn=3, hash_count=2).to_disk(tmp_path / "v")
    with pytest.raises(FormatError, match="vectors of mode 'floret' are of no words"):
        formats.read(tmp_path / "v")


@pytest.mark.parametrize("name", ["model2vec", "spacy"])
def test_export_as_a_folder_and_import(
    name: str, models: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    folder, model = tmp_path / "folder", tmp_path / "model"
    result = run("export", models["word2vec"], folder, "--format", name)
    assert result.exit_code == 0, result.stderr
    assert run("export", models["word2vec"], folder, "--format", name).exit_code == 1
    assert run("import", folder, model).exit_code == 0
    before, after = store.load(models["word2vec"]).vectors, store.load(model).vectors
    assert list(after.words) == list(before.words)
    assert after.rows.tobytes() == before.rows.tobytes()
    again = run("import", model, tmp_path / "again")
    assert again.exit_code == 1
    assert "is a model already; other formats are made of it with: embedtool export" in again.stderr
