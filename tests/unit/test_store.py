"""A model on disk: what is saved is loaded, whole or not at all."""

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedtool.errors import ModelError, OutputError
from embedtool.io.safetensors_io import map_tensors, write_tensors
from embedtool.model import store
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import ModelRecord, OutputRows, VectorTable
from tests.factories import word_vectors

WORD = st.text(min_size=1)


def model(words: list[str], **tables: object) -> ModelRecord:
    return ModelRecord(word_vectors(words, 3, **tables), {"algorithm": "test"})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    words=st.lists(WORD, min_size=1, max_size=6, unique=True),
    number=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
def test_any_word_and_any_number_come_back(words: list[str], number: float, tmp_path: Path) -> None:
    saved = VectorTable(words, np.full((len(words), 2), number, dtype=np.float32))
    store.save(ModelRecord(saved, {}), tmp_path / "model", overwrite=True)
    loaded = store.load(tmp_path / "model").vectors
    assert list(loaded.words) == words
    assert loaded.counts is None
    assert loaded.rows.tobytes() == saved.rows.tobytes()


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_every_table_comes_back(data: st.DataObject) -> None:
    import tempfile

    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    n, rows = data.draw(st.integers(1, 4)), data.draw(st.integers(0, 4))

    def table(height: int) -> np.ndarray:
        return data.draw(arrays(np.float32, (height, 3), elements=floats))

    subwords = Subwords(3, 6, 100, table(n), np.arange(rows, dtype=np.int64), table(rows))
    words = [f"w{i}" for i in range(n)]
    counts = np.arange(n, 0, -1, dtype=np.int64)
    saved = VectorTable(words, table(n), counts, table(n), subwords)
    with tempfile.TemporaryDirectory() as folder:
        store.save(ModelRecord(saved, {"options": {"window": 5}}), Path(folder) / "model")
        loaded = store.load(Path(folder) / "model")
    vectors = loaded.vectors
    assert loaded.description["options"] == {"window": 5}
    assert vectors.counts is not None
    assert vectors.output_matrix is not None
    assert vectors.subwords is not None
    assert vectors.counts.tolist() == counts.tolist()
    assert vectors.output_matrix.tobytes() == saved.output_matrix.tobytes()  # type: ignore[union-attr]
    for name in ("word_rows", "ngram_rows", "buckets"):
        assert getattr(vectors.subwords, name).tobytes() == getattr(subwords, name).tobytes()


def test_a_model_of_the_first_format_is_read(tmp_path: Path) -> None:
    """Its words lay in a file of text, its vectors under another name."""
    counts = np.array([5, 3], np.int64)
    saved = model(["a b", "é"], counts=counts).vectors
    store.save(ModelRecord(saved, {"algorithm": "test"}), tmp_path / "model")
    config = tmp_path / "model" / "config.json"
    description = json.loads(config.read_text()) | {"format": 1, "counts_known": True}
    config.write_text(json.dumps(description))
    (tmp_path / "model" / "vocab.txt").write_text("a b 5\né 3\n", encoding="utf-8")
    with (tmp_path / "model" / "vectors.safetensors").open("wb") as file:
        write_tensors(file, {"words": saved.rows})
    loaded = store.load(tmp_path / "model").vectors
    assert list(loaded.words) == ["a b", "é"]
    assert loaded.counts is not None
    assert loaded.counts.tolist() == [5, 3]
    assert loaded.vector("é").tolist() == saved.rows[1].tolist()


def test_options_saved_under_their_old_names_have_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "m"
    saved = model(["a"])
    saved.description["cluster"] = {"lanes": 2, "rounds": 12}
    saved.description["options"] = {"racing": True, "iterations": 3}
    saved.description["options"]["mask_share"] = 0.15
    store.save(saved, path)
    assert list(store.verify(path)) == []
    assert store.load(path).description["cluster"] == {"replicas": 2, "syncs": 12}
    assert store.load(path).description["options"] == {
        "hogwild": True, "epochs": 3, "mask_probability": 0.15
    }  # fmt: skip
    store.save(store.load(path), path, overwrite=True)
    assert json.loads((path / "config.json").read_text())["cluster"] == {"replicas": 2, "syncs": 12}


def test_saving_again_replaces_the_whole_model(tmp_path: Path) -> None:
    store.save(model(["a", "b"], output_matrix=np.ones((2, 3), np.float32)), tmp_path / "model")
    store.save(model(["c"]), tmp_path / "model", overwrite=True)
    loaded = store.load(tmp_path / "model").vectors
    assert list(loaded.words) == ["c"]
    assert loaded.output_matrix is None
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_that_is_open_survives_its_replacement(tmp_path: Path) -> None:
    store.save(model(["a", "b"]), tmp_path / "model")
    opened = store.load(tmp_path / "model").vectors
    before = opened.rows.tolist()
    store.save(model(["c", "d", "e"]), tmp_path / "model", overwrite=True)
    assert opened.rows.tolist() == before


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    store.save(model(["a"]), tmp_path / "model")
    modes = {file.stat().st_mode & 0o777 for file in (tmp_path / "model").iterdir()}
    other = tmp_path / "other"
    other.touch()
    assert modes == {other.stat().st_mode & 0o777}


def test_rows_that_do_not_fit_the_words_are_noticed(tmp_path: Path) -> None:
    store.save(model(["a", "b"]), tmp_path / "model")
    mapped = map_tensors(tmp_path / "model" / "vectors.safetensors")
    tables = {name: table.copy() for name, table in mapped.items()}
    for name, table in [("vectors", tables["vectors"][:1]), ("norms", tables["vectors"])]:
        with (tmp_path / "model" / "vectors.safetensors").open("wb") as file:
            write_tensors(file, tables | {name: table})
        with pytest.raises(ModelError, match=rf"2 words, but {name} of shape \(., 3\)"):
            store.load(tmp_path / "model")


def test_a_target_is_checked_before_the_work(tmp_path: Path) -> None:
    store.check_target(tmp_path / "new", overwrite=False)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="does not exist; make it first"):
        store.check_target(tmp_path / "no" / "new", overwrite=False)
    store.save(model(["a"]), tmp_path / "model")
    with pytest.raises(ModelError, match="use overwrite=True"):
        store.check_target(tmp_path / "model", overwrite=False)
    store.check_target(tmp_path / "model", overwrite=True)
    with pytest.raises(ModelError, match="is not a model"):
        store.check_target(tmp_path, overwrite=True)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="is not a model"):
        store.check_target(tmp_path, overwrite=True)


def test_a_library_that_is_not_installed_has_no_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name in ("gensim", "numba"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr(importlib.metadata, "version", version)
    store.save(model(["a"]), tmp_path / "model")
    versions = store.describe(tmp_path / "model")["versions"]
    assert set(versions) == {"embedtool", "python", "numpy"}
    assert list(store.verify(tmp_path / "model")) == []


CONTEXTS = np.ones((3, 3), np.float32)
NODES = np.array([[1, 2, 3], [4, 5, 6], [0, 0, 0]], np.float32)


@pytest.mark.parametrize("output_rows", ["words", "inner-nodes"])
def test_the_kind_of_output_rows_is_saved(output_rows: OutputRows, tmp_path: Path) -> None:
    saved = model(["a", "b", "c"], output_matrix=CONTEXTS, output_rows=output_rows)
    store.save(saved, tmp_path / "model")
    assert store.describe(tmp_path / "model")["contexts"] == output_rows
    loaded = store.load(tmp_path / "model")
    assert loaded.vectors.output_rows == output_rows
    assert (loaded.vectors.context_vectors is None) == (output_rows == "inner-nodes")
    store.save(
        replace(loaded, vectors=replace(loaded.vectors, output_matrix=None)), tmp_path / "less"
    )
    assert "contexts" not in store.describe(tmp_path / "less")


@pytest.mark.parametrize(
    ("contexts", "description", "output_rows"),
    [
        (CONTEXTS, {"algorithm": "glove", "options": {"output_vectors": "both"}}, "words"),
        (CONTEXTS, {"options": {"loss": "hierarchical-softmax"}}, "inner-nodes"),
        (NODES, {"options": {"loss": "negative-sampling"}}, "words"),
        (CONTEXTS, {"algorithm": "imported", "read_as": "fasttext-bin"}, "words"),
        (NODES, {"algorithm": "imported", "read_as": "fasttext-bin"}, "inner-nodes"),
        (None, {"options": {"loss": "hierarchical-softmax"}}, "words"),
    ],
)
def test_the_loss_of_an_older_model_tells_its_kind_of_output_rows(
    contexts: np.ndarray | None, description: dict[str, Any], output_rows: str, tmp_path: Path
) -> None:
    """An imported file has a tree where the last row is zeros: nodes are one fewer than words."""
    saved = model(["a", "b", "c"], output_matrix=contexts)
    store.save(replace(saved, description=description), tmp_path / "model")
    config = tmp_path / "model/config.json"
    settings = json.loads(config.read_text())
    settings.pop("contexts", None)
    config.write_text(json.dumps(settings))
    assert store.load(tmp_path / "model").vectors.output_rows == output_rows


def test_an_output_layer_of_an_unknown_kind_or_another_shape_is_damage(tmp_path: Path) -> None:
    store.save(model(["a", "b", "c"], output_matrix=CONTEXTS), tmp_path / "model")
    config = tmp_path / "model/config.json"
    config.write_text(config.read_text().replace('"contexts": "words"', '"contexts": "leaves"'))
    with pytest.raises(ModelError, match=r"broken model: config\.json: contexts are of 'leaves'"):
        store.load(tmp_path / "model")
    store.save(model(["a", "b", "c"], output_matrix=CONTEXTS[:2]), tmp_path / "short")
    with pytest.raises(ModelError, match=r"3 words, but contexts of shape \(2, 3\)"):
        store.load(tmp_path / "short")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_not_a_model_is_never_replaced(overwrite: bool, tmp_path: Path) -> None:
    text, folder = tmp_path / "text.txt", tmp_path / "folder"
    text.write_text("mine")
    folder.mkdir()
    (folder / "notes").write_text("mine")
    for path in (text, folder):
        with pytest.raises(ModelError, match="already exists and is not a model"):
            store.save(model(["a"]), path, overwrite=overwrite)
    assert text.read_text() == (folder / "notes").read_text() == "mine"
    assert [each.name for each in folder.iterdir()] == ["notes"]


def test_a_model_is_replaced_only_if_asked(tmp_path: Path) -> None:
    store.save(model(["a"]), tmp_path / "model")
    with pytest.raises(ModelError, match=r"already exists; use overwrite=True or another name"):
        store.save(model(["b"]), tmp_path / "model")
    assert list(store.load(tmp_path / "model").vectors.words) == ["a"]
    store.save(model(["b"]), tmp_path / "model", overwrite=True)
    assert list(store.load(tmp_path / "model").vectors.words) == ["b"]
