"""A model knows its own bytes: check finds whatever has changed, and readers see whole models."""

import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtool.io.atomic import atomic_directory
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search import ann
from tests.conftest import Run
from tests.factories import random_vectors, saved_model

N_FLIPS = 40


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "model", random_vectors(200, seed=3), algorithm="none")


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << position % 8
    path.write_bytes(data)


def test_a_model_that_nobody_touched_is_sound(run: Run, model: Path) -> None:
    result = run("check", model)
    assert (result.exit_code, result.stdout) == (0, f"{model}: model: sound\n")
    assert json.loads(run("check", model, "--json").stdout)["faults"] == []


@pytest.mark.parametrize("name", store.FILES)
def test_each_changed_byte_is_found(model: Path, name: str) -> None:
    good = (model / name).read_bytes()
    for position in random.Random(1).sample(range(len(good)), N_FLIPS):
        flip(model / name, position)
        faults = list(store.verify(model))
        white = name == store.CONFIG and json_of(good) == json_of((model / name).read_bytes())
        assert bool(faults) != white, (position, faults)
        (model / name).write_bytes(good)


def json_of(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


def test_what_is_wrong_is_said(run: Run, model: Path) -> None:
    flip(model / store.VECTORS, -5)
    result = run("check", model)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0] == f"{model}: model: broken"
    assert lines[1].startswith("  vectors.safetensors has the SHA-256 ")
    with (model / store.VECTORS).open("ab") as file:
        file.write(b"!")
    found = json.loads(run("check", model, "--json").stdout)
    assert not found["sound"] and " bytes, not " in found["faults"][0]
    assert run("check", model, "--repair", model.parent / "out").exit_code == 2


def test_a_changed_setting_is_found(model: Path) -> None:
    description = json.loads((model / store.CONFIG).read_text())
    (model / store.CONFIG).write_text(json.dumps(description | {"algorithm": "glove"}))
    assert list(store.verify(model)) == [
        "config.json has been changed: its checksum does not match"
    ]


def test_a_model_without_checksums_is_looked_at(model: Path) -> None:
    description = json.loads((model / store.CONFIG).read_text())
    del description["files"], description["checksum"]
    (model / store.CONFIG).write_text(json.dumps(description))
    assert list(store.verify(model)) == []


def test_faults_that_were_saved_are_found(tmp_path: Path) -> None:
    matrix = random_vectors(9, seed=1).rows.copy()
    matrix[3] = np.nan
    lengths = np.full(9, 7, dtype=np.float32)
    lengths[3] = np.nan
    words = [f"w{i}" for i in range(9)]
    store.save(
        ModelRecord(VectorTable(words, matrix, stored_norms=lengths), {}), tmp_path / "model"
    )
    assert list(store.verify(tmp_path / "model")) == [
        "1 vector holds numbers that are not finite",
        "the stored norms are not those of the vectors",
    ]


def test_a_model_saved_again_has_checksums_of_its_own(model: Path, tmp_path: Path) -> None:
    loaded = store.load(model)
    smaller = VectorTable(loaded.vectors.words[:5], loaded.vectors.rows[:5])
    store.save(ModelRecord(smaller, loaded.description), tmp_path / "again")
    assert list(store.verify(tmp_path / "again")) == []


def test_a_changed_index_is_found(run: Run, model: Path) -> None:
    assert run("index", model).exit_code == 0
    assert run("check", model).exit_code == 0
    flip(model / ann.GRAPH, 1000)
    result = run("check", model)
    assert result.exit_code == 1
    assert "neighbours.usearch has the SHA-256 " in result.stdout


def test_what_a_file_must_be(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        hashed = HashingWriter(file)
        hashed.write(b"words")
    assert mismatch(path, hashed.checksum()) is None
    assert hashed.checksum()["bytes"] == 5
    path.write_bytes(b"Words")
    assert str(mismatch(path, hashed.checksum())).startswith("has the SHA-256 ")
    path.write_bytes(b"word")
    assert mismatch(path, hashed.checksum()) == "has 4 bytes, not 5"
    path.unlink()
    assert mismatch(path, hashed.checksum()) == "is missing"


READER = """
import sys
from embedtool.model import store
print("ready", flush=True)
seen = set()
while len(seen) < 3:
    model = store.load(sys.argv[1])
    n = model.description["n"]
    assert (model.vectors.rows[:] == n).all() and model.vectors.n_words == 10 + n, n
    seen.add(n)
"""


def test_a_reader_sees_the_old_model_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "model"

    def save(n: int) -> None:
        words = [f"w{i}" for i in range(10 + n)]
        matrix = np.full((10 + n, 4), n, dtype=np.float32)
        store.save(ModelRecord(VectorTable(words, matrix), {"n": n}), path, overwrite=True)

    save(0)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == b"ready\n"
        n = 0
        while reader.poll() is None:
            n = (n + 1) % 5
            save(n)
        assert reader.stderr is not None
        assert reader.returncode == 0, reader.stderr.read().decode()


def test_a_folder_is_replaced_where_names_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.io.atomic._exchange", lambda *_: False)
    path = tmp_path / "folder"
    for text in ("old", "new"):
        with atomic_directory(path) as fresh:
            (fresh / "file").write_text(text)
    assert (path / "file").read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
