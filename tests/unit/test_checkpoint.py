"""A training that is saved, loaded and gone on with comes to the same bytes."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config import FastTextConfig, VocabularyConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, encode, scan
from embedtool.corpus.vocabulary import choose_words
from embedtool.errors import ModelError
from embedtool.trainers import word2vec
from embedtool.trainers.checkpoint import State, load_state, save_state
from embedtool.trainers.subwords import rows_of_words


@pytest.fixture
def encoded(kingdoms: Path, tmp_path: Path) -> EncodedCorpus:
    (tmp_path / "encoded").mkdir()
    scanned = scan(Corpus([str(kingdoms)]), tmp_path / "encoded")
    chosen = choose_words(scanned.words, scanned.counts, VocabularyConfig())
    return encode(scanned, *chosen, tmp_path / "encoded")


@pytest.mark.parametrize("make", [Word2VecConfig, FastTextConfig])
def test_word2vec_goes_on_where_it_stopped(
    make: Any, encoded: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word2vec, "STRETCH_TOKENS", 2**16)
    config = make(vector_size=10, epochs=2, workers=2)
    rows = rows_of_words(encoded.vocabulary.words, config)
    whole = word2vec.start(config, encoded, rows)
    n_stretches = sum(1 for _ in word2vec.advance(config, encoded, rows, whole))
    assert n_stretches > 6
    for n in (2, n_stretches // 2 + 1):
        state = word2vec.start(config, encoded, rows)
        for _ in islice(word2vec.advance(config, encoded, rows, state), n):
            pass
        save_state(state, tmp_path / f"state-{n}")
        state = load_state(tmp_path / f"state-{n}")
        for _ in word2vec.advance(config, encoded, rows, state):
            pass
        assert state.epoch == 2
        for name, table in whole.tables.items():
            assert np.array_equal(state.tables[name], table)


def test_a_state_is_saved_to_the_last_bit(tmp_path: Path) -> None:
    tables = {"a": np.array([[0.1, -0.0]], np.float32), "b": np.array([True, False])}
    state = State(tables, epoch=3, done=7, loss=0.1 + 0.2, pairs=11)
    save_state(state, tmp_path / "state")
    loaded = load_state(tmp_path / "state")
    assert (loaded.epoch, loaded.done, loaded.loss, loaded.pairs) == (3, 7, 0.1 + 0.2, 11)
    assert {name: table.tobytes() for name, table in loaded.tables.items()} == {
        name: table.tobytes() for name, table in tables.items()
    }
    assert loaded.mean_loss == (0.1 + 0.2) / 11


def test_the_mean_loss_of_nothing_is_unknown() -> None:
    assert State({}).mean_loss is None


def test_anything_else_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "position.json").write_text("[1]")
    for path in (tmp_path / "state", tmp_path / "missing"):
        with pytest.raises(ModelError, match="is no saved state"):
            load_state(path)
