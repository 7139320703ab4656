"""Files that were made to do harm: bombs, links, pickles, escapes; and text that changes."""

import gzip
import os
import pickle
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.lib import format as npy
from pyarrow import parquet

from embedtool.corpus import corpus, records
from embedtool.model import store
from embedtool.model.store import TRAINING_SUFFIX
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.conftest import Run

MiB = 2**20
EVIL = ["\x1b]0;owned\x07king", "red\x1b[31m", "back\rward", "\u202eright", "c1\x9b5m", "queen"]
"""Words that would speak to a terminal: titles, colours, what goes back, what turns around."""


def bomb(path: Path, head: bytes, byte: bytes, n_bytes: int) -> Path:
    """A small file of gzip that becomes a large one."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(n_bytes // MiB):
            file.write(byte * MiB)
    assert path.stat().st_size < n_bytes / 100
    return path


@pytest.mark.parametrize(("name", "head"), [
    ("a.jsonl.gz", b'{"text": "'), ("a.csv.gz", b'text\n"'), ("a.tsv.gz", b"text\n"),
])  # fmt: skip
def test_a_record_without_end_is_given_up(
    name: str, head: bytes, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 256 * MiB == corpus.MAX_RECORD_BYTES
    monkeypatch.setattr(corpus, "MAX_RECORD_BYTES", 16 * MiB)
    text = bomb(tmp_path / name, head, b"a", 18 * MiB)
    result = run("vocab", text)
    assert result.exit_code == 1 and result.stdout == ""
    assert "a line of more than 16,777,216 bytes is too long for a record" in result.stderr


def test_a_quoted_field_of_many_lines_is_given_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_RECORD_BYTES", MiB)
    text = tmp_path / "a.csv"
    text.write_text('text\n"' + "king queen\n" * MiB)
    result = run("vocab", text)
    assert result.exit_code == 1 and "field larger than field limit" in result.stderr


def test_a_word_of_megabytes_does_not_fill_the_message(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text(f"{'a' * (MiB // 2)} " * 5)
    result = run("vocab", text)
    message = result.stderr.splitlines()[-1]
    assert result.exit_code == 1 and len(message) < 3000
    assert message.startswith("Error: only 'aaa") and "lower --min-count" in message


def npz(path: Path, n_rows: int, vector_size: int) -> Path:
    """An archive of zeros, compressed as far as it can be."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, kind, shape in (
            ("vectors", "<f4", (n_rows, vector_size)), ("words", "<U1", (n_rows,))
        ):  # fmt: skip
            with archive.open(f"{name}.npy", "w") as file:
                header = {"descr": kind, "fortran_order": False, "shape": shape}
                npy.write_array_header_1_0(file, header)
                for _ in range(n_rows // 1024):
                    file.write(b"\0" * 4 * int(np.prod(shape[1:])) * 1024)
    return path


def test_an_archive_that_becomes_a_thousand_times_as_large_is_refused(
    run: Run, tmp_path: Path
) -> None:
    result = run("import", npz(tmp_path / "v.npz", 2**18, 300), tmp_path / "model")
    assert result.exit_code == 1 and not (tmp_path / "model").exists()
    assert "'vectors' says that " in result.stderr and "implausible for vectors" in result.stderr


def test_a_table_that_says_one_number_a_billion_times_is_refused(run: Run, tmp_path: Path) -> None:
    path, n = tmp_path / "v.parquet", 2**14
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["a"]))
    rows = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(n * 100, np.float32)), 100)
    batch = pa.record_batch([words, rows], ["word", "vector"])
    with parquet.ParquetWriter(path, batch.schema, compression="zstd") as writer:
        for _ in range(64):
            writer.write_batch(batch)
    result = run("import", path, tmp_path / "model")
    assert result.exit_code == 1 and not (tmp_path / "model").exists()
    assert "'vector' says that " in result.stderr and "implausible for vectors" in result.stderr


def test_a_table_of_one_text_many_times_is_refused(run: Run, tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(4096, np.int32)), pa.array(["a " * 2**25])
    )
    parquet.write_table(pa.table({"text": texts}), tmp_path / "t.parquet", compression="zstd")
    result = run("vocab", tmp_path / "t.parquet")
    assert result.exit_code == 1 and result.stderr.endswith("implausible for text\n")


class Harm:
    """What a pickle of it runs when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["vectors.npz", "vectors.bin", "vectors.pt", "vectors.kv"])
def test_no_pickle_is_loaded(name: str, run: Run, tmp_path: Path) -> None:
    path, harmed = tmp_path / name, tmp_path / "harmed"
    if name.endswith(".npz"):
        np.savez(path, vectors=np.array([Harm(harmed)], object), words=np.array(["a"]))
    else:
        path.write_bytes(pickle.dumps(Harm(harmed)))
    for arguments in (
        ("import", path, tmp_path / "model"),
        ("check", path),
        ("similar", path, "a"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1, result.output
    assert not harmed.exists() and not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_what_stands_in_the_place_of_a_training_is_not_emptied(
    kind: str, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("precious")
    training_dir = tmp_path / f"model{TRAINING_SUFFIX}"
    theirs.rename(training_dir) if kind == "folder" else training_dir.symlink_to(theirs)
    result = run("train", "word2vec", kingdoms, "-o", tmp_path / "model", "--overwrite")
    assert result.exit_code == 1
    assert f"{training_dir}: already exists and was not created by embedtool" in result.stderr
    assert [path.name for path in training_dir.iterdir()] == ["thesis.txt"]


def test_a_link_to_a_model_is_replaced_and_not_followed(
    run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    vectors = VectorTable(["a", "b"], np.eye(2, dtype=np.float32))
    store.save(ModelRecord(vectors, {}), theirs)
    mine.symlink_to(theirs)
    options = ("--epochs", 1, "--vector-size", 4, "--overwrite")
    assert run("train", "word2vec", kingdoms, "-o", mine, *options).exit_code == 0
    assert not mine.is_symlink() and store.load(mine).vectors.vector_size == 4
    assert store.load(theirs).vectors.vector_size == 2


def test_a_folder_that_links_to_itself_is_read_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text("king queen king queen\n")
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "nothing")
    result = run("vocab", folder, "--min-count", 1)
    assert result.exit_code == 0 and result.stdout == "king 2\nqueen 2\n"


def test_files_named_in_a_model_are_those_of_its_folder(run: Run, tmp_path: Path) -> None:
    """A config.json that names others does not have them read."""
    model, secret = tmp_path / "model", tmp_path / "secret"
    secret.write_text("secret")
    vectors = VectorTable(["a", "b"], np.eye(2, dtype=np.float32))
    store.save(ModelRecord(vectors, {}), model)
    config = (model / store.CONFIG).read_text()
    for name in ("../secret", str(secret)):
        (model / store.CONFIG).write_text(config.replace(store.VECTORS, name))
        result = run("check", model)
        assert result.exit_code == 1 and "secret has" not in result.output


def test_text_that_changes_between_two_readings(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtool.corpus import phrases

    text, output = tmp_path / "text", tmp_path / "out"
    text.write_text("new york is a city\n" * 50)
    learn = phrases.Phrases.learn

    def meddle(*arguments: object) -> None:
        learn(*arguments)
        text.write_text("old york is a village\n" * 50)

    monkeypatch.setattr(phrases.Phrases, "learn", meddle)
    result = run("phrases", text, "-o", output)
    assert result.exit_code == 1
    assert result.stderr.endswith(f"{text}: has changed since it was first read; start over\n")
    assert not output.exists()


@pytest.mark.parametrize("arguments", [
    ("similar", "MODEL", "queen"), ("analogy", "MODEL", "queen + queen"),
    ("odd-one-out", "MODEL", *EVIL), ("vector", "MODEL", EVIL[0]), ("info", "MODEL"),
    ("similarity", "MODEL", EVIL[0], EVIL[1]), ("compare", "MODEL", "MODEL", "--pairs", "PAIRS"),
    ("drift", "MODEL", "MODEL"), ("similar", "MODEL", EVIL[0] + "x"), ("check", "TEXT"),
    ("evaluate", "MODEL", "--pairs", "PAIRS"), ("vocab", "PAIRS", "--min-count", "1"),
    ("translate", "MODEL", "MODEL", "queen"),
], ids=lambda arguments: arguments[0])  # fmt: skip
def test_words_do_not_speak_to_the_terminal(
    arguments: tuple[str, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(1).random((len(EVIL), 4), np.float32)
    store.save(ModelRecord(VectorTable(EVIL, rows), {}), tmp_path / "model")
    pairs, text = tmp_path / "pairs\x1b[31m.tsv", tmp_path / "vectors.txt"
    pairs.write_bytes("".join(f"{a}\t{b}\t{i}\n" for i, (a, b) in
                              enumerate(pairwise(EVIL))).encode())  # fmt: skip
    text.write_text("2 2\n\x1b[31mking 1 nan\n\x1b[31mking 1 2 3\n")
    places = {"MODEL": tmp_path / "model", "PAIRS": pairs, "TEXT": text}
    monkeypatch.setattr("embedtool.cli.output.console.is_terminal", lambda *_: True)
    result = run(*(places.get(each, each) for each in arguments))
    shown = result.output.replace("\r\n", "\n")
    assert shown and not set(shown) & set("\x1b\x07\r\x9b\u202e"), repr(shown)
