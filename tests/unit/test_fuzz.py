"""Whatever is typed or lies in a file: an answer, or an error of embedtool's own."""

import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedtool import store
from embedtool.config import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EmbedtoolError
from embedtool.evaluation.bias import read_weat
from embedtool.evaluation.reading import READERS, read_dictionary
from embedtool.search.expression import parse_expression
from embedtool.search.query import analogy
from embedtool.vectors import Model
from tests.unit.test_search_query import random_vectors

VECTORS = random_vectors(30, seed=1)
PIECES = st.sampled_from([
    "w1", "w2", " ", "+", "-", " + ", " - ", "2", "0.5", "*", "(", ")", "\t", "\n", "\x00", ":",
    "é", "\u2028", "1e309", "nan", ",", "#", "/", '"', "{", "}", "[", "]", "\ufeff", "word",
])  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=30).map("".join))
FILES = st.one_of(st.binary(max_size=200), TEXTS.map(lambda text: text.encode("utf-8", "replace")))
QUIET = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=int(os.environ.get("EXAMPLES", 200)),
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


@pytest.mark.parametrize("task", READERS)
@given(data=FILES)
@QUIET
def test_files_of_questions(task: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with suppress(EmbedtoolError):
        found = READERS[task](path, "name")
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
        blocks = list(corpus.spaced_blocks())
        assert sum(map(len, blocks)) <= 4 * len(data) + 4 * len(blocks)


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
@QUIET
def test_models(place: int, byte: int, cut: bool, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if not path.exists():
        store.save(Model(VECTORS, {"algorithm": "none"}), path)
    for name in store.FILES:
        good = (path / name).read_bytes()
        at = place % len(good)
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
