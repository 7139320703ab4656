"""Whatever is typed or lies in a file: an answer, or an error of embedtool's own."""

import bz2
import gzip
import json
import lzma
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from embedtool import formats
from embedtool.analysis.bias import read_weat
from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EmbedtoolError
from embedtool.evaluation.dataset_readers import PARSERS, read_dictionary
from embedtool.formats.registry import READERS, WRITERS
from embedtool.io import compression
from embedtool.model import store
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.expression import parse_expression
from embedtool.search.query import analogy
from embedtool.trainers.checkpoint import last_state, load_state, save_state
from embedtool.trainers.state import State
from tests.factories import random_vectors, without_ngrams

VECTORS = random_vectors(30, seed=1)
WITHOUT_NGRAMS = without_ngrams(VECTORS.words, VECTORS.rows)
"""What every format can hold."""
PIECES = st.sampled_from([
    "w1", "w2", " ", "+", "-", " + ", " - ", "2", "0.5", "*", "(", ")", "\t", "\n", "\x00", ":",
    "é", "\u2028", "1e309", "nan", ",", "#", "/", '"', "{", "}", "[", "]", "\ufeff", "word",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join))
FILES = st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "replace")))
NASTY = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([
        b"", b"\n", b" ", b"\0" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 3, b"\0\0\xc0\x7f", b"nan",
        b"inf", b"1e39", b"-0", b"\xc3", b"\xed\xa0\x80", b"PK\x05\x06", b'"', b"{" * 2000,
        b"[" * 2000, b"99999999999999999999", b"../x", b"0x10", b"1_0", "٣".encode(), b"\r\n",
        b"\xef\xbb\xbf",
    ]),
)  # fmt: skip
"""What readers of files have stumbled over."""
QUIET = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=int(os.environ.get("EXAMPLES", 100)),
    deadline=None,
)


@given(TEXTS)
@QUIET
def test_expressions(text: str) -> None:
    with suppress(EmbedtoolError):
        expression = parse_expression(text)
        assert expression.words
        answers = analogy(VECTORS, expression, 3)
        assert all(-1 <= answer.score <= 1 for answer in answers)


@pytest.mark.parametrize("task", PARSERS)
@given(data=FILES)
@QUIET
def test_files_of_questions(task: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with suppress(EmbedtoolError):
        found = PARSERS[task](path, "name")
        assert found.sizes[0] > 0


@given(data=FILES)
@QUIET
def test_dictionaries_and_word_lists(data: bytes, tmp_path: Path) -> None:
    for name, read in (("file.txt", read_dictionary), ("f.toml", read_weat), ("f.json", read_weat)):
        path = tmp_path / name
        path.write_bytes(data)
        with suppress(EmbedtoolError):
            assert read(path)


@pytest.mark.parametrize("name", ["f.txt", "f.jsonl", "f.csv", "f.tsv", "f.parquet", "f.gz"])
@given(data=FILES)
@QUIET
def test_texts(name: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with suppress(EmbedtoolError):
        corpus = Corpus([str(path)], TextConfig(tokenizer="words", encoding_errors="replace"))
        blocks = list(corpus.tokenized_blocks())
        assert sum(map(len, blocks)) <= 4 * len(data) + 4 * len(blocks)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[float, int, bytes]]:
    """Where, as a share of a file, how many bytes are taken out, and what is put there."""
    places = st.floats(0, 1, exclude_max=True)
    sizes = st.sampled_from([0, 1, 2, 4, 8, 100, 10**6])
    return draw(st.lists(st.tuples(places, sizes, NASTY), min_size=1, max_size=4))


def edited(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for share, size, new in changes:
        at = int(share * len(data))
        data = data[:at] + new + data[at + size :]
    return data


SENTENCES = ["the king ruled", 'the queen, "wise"', "a river"] * 20
LINES = "\n".join(SENTENCES).encode()


def good_text(kind: str) -> bytes:
    """A sound file of text of a kind."""
    if kind == "parquet":
        sink = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.table({"text": SENTENCES}), sink)
        return bytes(sink.getvalue())
    if kind == "jsonl":
        return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in SENTENCES)
    if kind == "csv":
        return b"text,other\n" + b"".join(
            b'"%s",1\n' % s.encode().replace(b'"', b'""') for s in SENTENCES
        )
    return {"gz": gzip, "bz2": bz2, "xz": lzma, "zst": compression.zstd}[kind].compress(LINES)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst", "parquet", "jsonl", "csv"])
@given(changes=edits())
@QUIET
def test_texts_that_were_sound(
    kind: str, changes: list[tuple[float, int, bytes]], tmp_path: Path
) -> None:
    path = tmp_path / f"f.{kind}"
    path.write_bytes(edited(good_text(kind), changes))
    with suppress(EmbedtoolError):
        corpus = Corpus([str(path)], TextConfig(tokenizer="words", encoding_errors="replace"))
        assert sum(map(len, corpus.tokenized_blocks())) < 1000 * len(LINES)


@given(which=st.sampled_from(["tables.safetensors", "position.json"]), changes=edits())
@QUIET
def test_states_of_trainings(
    which: str, changes: list[tuple[float, int, bytes]], tmp_path: Path
) -> None:
    """Refused, or the tables that were saved, to the last bit."""
    tables = {"words": VECTORS.rows, "frozen": np.array([True, False])}
    save_state(State(tables, epoch=1, position=5, loss=0.5, pairs=7), tmp_path, {"window": 5})
    path = last_state(tmp_path) / which
    good = path.read_bytes()
    path.write_bytes(edited(good, changes))
    with suppress(EmbedtoolError):
        state, _ = load_state(path.parent, {"window": 5})
        if which == "tables.safetensors":
            assert path.read_bytes() == good
        for name, table in tables.items():
            assert state.tables[name].tobytes() == table.tobytes()


@pytest.mark.parametrize("name", sorted(READERS.keys() & WRITERS.keys()))
@given(changes=edits(), as_told=st.booleans())
@QUIET
def test_vector_files(
    name: str, changes: list[tuple[float, int, bytes]], as_told: bool, tmp_path: Path
) -> None:
    """A file of each format, cut and mixed with what is nasty; read as told and by its content."""
    good = tmp_path / "good"
    if not good.exists():
        rows = VECTORS.rows
        none = Subwords(
            3, 0, 0, rows, np.empty(0, np.int64), np.empty((0, rows.shape[1]), np.float32)
        )
        formats.write(VectorTable(VECTORS.words, rows, subwords=none), good, name)
    files = sorted(path for path in [good, *good.rglob("*")] if path.is_file())
    path = files[int(changes[0][0] * len(files))]
    before = path.read_bytes()
    path.write_bytes(edited(before, changes))
    try:
        with suppress(EmbedtoolError):
            vectors, _ = formats.read(good, name if as_told else None)
            assert np.isfinite(vectors.rows).all() and len(vectors.words) == len(vectors.rows)
    finally:
        path.write_bytes(before)


@given(position=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
@QUIET
def test_models(position: int, byte: int, cut: bool, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if not path.exists():
        store.save(ModelRecord(VECTORS, {"algorithm": "none"}), path)
    for name in store.FILES:
        good = (path / name).read_bytes()
        at = position % len(good)
        bad = good[:at] if cut else good[:at] + bytes([byte]) + good[at + 1 :]
        (path / name).write_bytes(bad)
        with suppress(EmbedtoolError):
            vectors = store.load(path).vectors
            for word in ("w3", "none"):
                with np.errstate(all="ignore"):
                    vectors.has_vector(word)
        faults = list(store.verify(path))
        (path / name).write_bytes(good)
        assert bad == good or same(good, bad) or faults


def same(good: bytes, bad: bytes) -> bool:
    """Whether both are JSON and say the same."""
    try:
        return bool(json.loads(good) == json.loads(bad))
    except ValueError:
        return False
