"""A training that is saved, loaded and gone on with comes to the same bytes."""

import logging
import math
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import (
    CheckpointConfig,
    FastTextConfig,
    VocabularyConfig,
    Word2VecConfig,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.errors import (
    ConfigError,
    DivergedError,
    ModelError,
    OutputError,
    StoppedError,
    TrainingError,
)
from embedtool.io.progress import Progress, silent
from embedtool.trainers import TRAINERS, streams, word2vec
from embedtool.trainers.checkpoint import (
    RETRY_LR_SCALE,
    Checkpointer,
    StopRequest,
    last_state,
    load_state,
    save_state,
)
from embedtool.trainers.history import History
from embedtool.trainers.state import EXPLOSION_RATIO, State
from embedtool.trainers.subwords import build_subword_index
from tests.factories import encoded_text


@pytest.fixture
def encoded(kingdoms: Path, tmp_path: Path) -> EncodedCorpus:
    (tmp_path / "encoded").mkdir()
    return encoded_text(kingdoms, tmp_path / "encoded", VocabularyConfig())


@pytest.mark.parametrize("make", [Word2VecConfig, FastTextConfig])
def test_word2vec_goes_on_where_it_stopped(
    make: Any, encoded: EncodedCorpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "CHUNK_TOKENS", 2**16)
    config = make(vector_size=10, epochs=2, workers=2)
    rows = build_subword_index(encoded.vocabulary.words, config)
    whole = word2vec.init_state(config, encoded.vocabulary, rows)

    def advance(state: State) -> Iterator[None]:
        work = word2vec.job_for(config, encoded, rows, state)
        return word2vec.train_chunks(config, encoded, work, state)

    n_stretches = sum(1 for _ in advance(whole))
    assert n_stretches > 6
    for n in (2, n_stretches // 2 + 1):
        state = word2vec.init_state(config, encoded.vocabulary, rows)
        for _ in islice(advance(state), n):
            pass
        save_state(state, tmp_path, {})
        state, _ = load_state(last_state(tmp_path), {})
        for _ in advance(state):
            pass
        assert state.epoch == 2
        for name, table in whole.tables.items():
            assert np.array_equal(state.tables[name], table)


def test_a_state_is_saved_to_the_last_bit(tmp_path: Path) -> None:
    tables = {
        "a": np.array([[0.1, -0.0]], np.float32),
        "b": np.array([True, False]),
        "c": np.array([[0.1, np.nan], [1 / 3, 1e300]]),
    }
    state = State(
        tables, False, 3, 7, loss=0.1 + 0.2, untrained_loss=0.7, pairs=11,
        initial_loss=1 / 3, lr_scale=0.5,
        chunks=[(0, 7, 0.3)], previous_chunks=[(0, 7, 0.1 + 0.2), (7, 9, 1e-300)],
    )  # fmt: skip
    save_state(state, tmp_path, {"window": 5}, {"seconds": 1.5})
    loaded, history = load_state(last_state(tmp_path), {"window": 5})
    for name, value in vars(state).items():
        if name not in ("tables", "chunks", "previous_chunks"):
            assert getattr(loaded, name) == value, name
    for name in ("chunks", "previous_chunks"):
        assert [tuple(each) for each in getattr(loaded, name)] == getattr(state, name)
    assert {name: table.tobytes() for name, table in loaded.tables.items()} == {
        name: table.tobytes() for name, table in tables.items()
    }
    assert loaded.mean_loss == (0.1 + 0.2) / 11 and history == {"seconds": 1.5}


def test_the_newest_state_stays_alone(tmp_path: Path) -> None:
    for epoch in range(3):
        save_state(State({"a": np.zeros(1)}, epoch=epoch), tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000003"]
    assert load_state(last_state(tmp_path), {})[0].epoch == 2


def test_the_mean_loss_of_nothing_is_unknown() -> None:
    assert State({}).mean_loss is None


def test_anything_else_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "position.json").write_text("[1]")
    for path in (tmp_path / "state", tmp_path / "missing"):
        with pytest.raises(ModelError, match="is not a checkpoint"):
            load_state(path, {})


def test_a_state_of_another_training_is_refused_by_name(tmp_path: Path) -> None:
    save_state(State({"a": np.zeros(1)}), tmp_path, {"window": 5, "text": "a"})
    path = last_state(tmp_path)
    with pytest.raises(
        ModelError, match="belongs to a training with other options: window was 5 and is now 6"
    ):
        load_state(path, {"window": 6, "text": "a"})


def test_a_loss_that_explodes_is_found_in_its_round() -> None:
    state = State({})
    state.add_loss(200.0, 100)
    state.add_loss(100.0 * EXPLOSION_RATIO, 100)
    for loss in (3 * 100.0 * EXPLOSION_RATIO, math.nan, math.inf):
        with pytest.raises(DivergedError, match="the loss of epoch 1 is"):
            state.add_loss(loss, 100)


def test_a_first_epoch_above_what_untrained_vectors_have_is_a_divergence() -> None:
    for loss, zero_scores, raises in (
        (10_300, True, True),
        (10_050, True, False),
        (10_300, False, False),
    ):
        state = State({}, zero_scores)
        state.end_chunk(7_000, 1_000, 5_000, done=1)  # what follows may make up for it
        with pytest.raises(DivergedError) if raises else nullcontext() as found:
            state.end_chunk(loss - 7_000, 1_000, 5_000, done=2, last=True)
        if raises:
            assert str(found.value) == (
                "the loss of epoch 1 is 5.15 a pair, that of untrained vectors is 5"
            )


def test_a_later_epoch_may_be_a_little_above_it() -> None:
    state = State({})
    state.end_chunk(30, 10, 30, done=1, last=True)
    for loss in (31, 37):
        state.end_epoch()
        state.end_chunk(loss, 10, 30, done=1, last=True)
    state.end_epoch()
    with pytest.raises(DivergedError, match=r"loss of epoch 4 is 3\.8 a pair, that of untr"):
        state.end_chunk(38, 10, 30, done=1, last=True)
    brought = State({}, starts_at_zero_scores=False)
    brought.end_chunk(99, 10, 30, done=1, last=True)
    brought.end_epoch()
    with pytest.raises(DivergedError, match="the loss of epoch 2 is 9"):
        brought.end_chunk(90, 10, 30, done=1, last=True)


def test_a_round_that_rises_by_half_is_a_divergence_named_by_its_tokens() -> None:
    state = State({})
    for done, loss in ((100, 2.0), (200, 3.5), (300, 0.1), (400, 0.0)):
        n = 1_000 if loss else 0
        state.end_chunk(loss * n, n, 5 * n, done=done, last=done == 400)
    state.end_epoch()
    for done, loss in ((100, 2.9), (200, 2.0), (300, 2.0), (500, 4.0)):
        # less than half more, less, small still, and a round that had no such text before
        state.end_chunk(loss * 1_000, 1_000, 5_000, done=done)
    state.end_epoch()
    state.end_chunk(4_300, 1_000, 5_000, done=100)
    state.end_chunk(2_900, 1_000, 5_000, done=200)
    with pytest.raises(DivergedError) as found:
        state.end_chunk(3_100, 1_000, 5_000, done=300)
    assert str(found.value) == (
        "the loss of tokens 201 to 300 of epoch 3 is 3.1 a pair, "
        "that of the same an epoch before is 2"
    )


def test_words_that_subsampling_keeps_and_few_pairs_are_no_rise() -> None:
    for pairs, before, now in ((1_000, 1.4, 3.5), (999, 4.0, 4.0)):
        state = State({})
        state.end_chunk(pairs * before, pairs, pairs * before, done=5)
        state.end_epoch()
        # the tree's paths to other words are longer
        state.end_chunk(pairs * now, pairs, pairs * now, done=5)
    state = State({})
    state.end_chunk(999.0, 999, 5_000, done=5)
    state.end_epoch()
    state.end_chunk(4_000.0, 999, 5_000, done=5)


def checkpoints(folder: Path, **options: Any) -> Checkpointer:
    return Checkpointer(folder, CheckpointConfig(**options))


def test_when_a_training_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("embedtool.trainers.checkpoint.time.monotonic", lambda: now[0])
    state = State({"a": np.zeros(1)})
    by_epochs = checkpoints(tmp_path, checkpoint_every="2-epochs")
    assert by_epochs.restore() is None
    for epochs, name in ((1, None), (2, "state-000000001"), (3, None), (4, "state-000000002")):
        before = last_state(tmp_path)
        by_epochs.maybe_save(state, epochs)
        after = last_state(tmp_path)
        assert (after and after.name) == (name or (before and before.name))
    by_time = checkpoints(tmp_path, checkpoint_every="5m")
    by_time.restore()
    for seconds, number in ((299, 2), (300, 3), (599, 3), (601, 4)):
        now[0] = seconds
        by_time.maybe_save(state, 9)
        assert last_state(tmp_path).name == f"state-{number:09d}"
    never = checkpoints(tmp_path)
    never.restore()
    now[0] = 1e9
    never.maybe_save(state, 99)
    assert last_state(tmp_path).name == "state-000000004"
    never.stop.requested = True
    with pytest.raises(StoppedError):
        never.maybe_save(state, 99)
    assert last_state(tmp_path).name == "state-000000005"
    Checkpointer(None, stop=StopRequest(requested=True)).maybe_save(state, 1)


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = checkpoints(tmp_path / "missing", checkpoint_every="1-epoch")
    missing.restore()
    with caplog.at_level(logging.WARNING):
        missing.maybe_save(State({"a": np.zeros(1)}), 1)
    assert "checkpoint not written" in caplog.text and "training continues" in caplog.text
    missing.stop.requested = True
    with pytest.raises(OutputError):
        missing.maybe_save(State({"a": np.zeros(1)}), 1)


@pytest.mark.parametrize("value", ["", "5", "0m", "-5m", "epochs", "0-epochs", "1.5m", "2 epochs"])
def test_times_between_checkpoints_that_are_none(value: str) -> None:
    with pytest.raises(ConfigError, match="checkpoint_every must be a duration such as"):
        CheckpointConfig(checkpoint_every=value)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_divergence_is_found_and_tried_again_once(
    algorithm: str, encoded: EncodedCorpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = TRAINERS[algorithm].config(vector_size=10), tmp_path / "work"
    folder.mkdir()
    trainer = TRAINERS[algorithm]
    rates = []

    def explode(state: State, loss: float, pairs: int, where: str = "") -> None:
        rates.append(state.lr_scale)
        if state.epoch:
            raise DivergedError(f"the loss of epoch {state.epoch + 1} is nan a pair")

    patch = pytest.MonkeyPatch()
    patch.setattr(State, "add_loss", explode)
    try:
        with pytest.raises(TrainingError, match="is nan a pair; choose a smaller"):
            trainer.train(config, encoded, folder, silent, None, checkpoints(folder))
        assert set(rates) == {1.0} and last_state(folder) is None
        again = checkpoints(folder, checkpoint_every="1-epoch", on_divergence="retry")
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(TrainingError, match="the last checkpoint is kept"),
        ):
            trainer.train(config, encoded, folder, silent, None, again)
    finally:
        patch.undo()
    assert set(rates) == {1.0, 0.5}
    assert "with half the learning rate" in caplog.text
    state, _ = load_state(last_state(folder), {})
    assert state.epoch <= 1 and all(np.isfinite(table).all() for table in state.tables.values())


def test_a_state_of_a_first_epoch_that_diverged_is_not_gone_on_with(tmp_path: Path) -> None:
    begun = []

    def run(state: State) -> None:
        begun.append((state.position, state.lr_scale))
        if len(begun) == 1:
            state.end_chunk(9_000, 1_000, 5_000, done=1)
            save_state(state, tmp_path, {})
            state.end_chunk(2_000, 1_000, 5_000, done=2, last=True)

    retrying = checkpoints(tmp_path, on_divergence="retry")
    retrying.run_with_retry(None, lambda: State({"a": np.zeros(1)}), run, 0.1)
    assert begun == [(0, 1.0), (0, RETRY_LR_SCALE)]


def test_steps_that_are_too_long_are_found(encoded: EncodedCorpus, tmp_path: Path) -> None:
    config = TRAINERS["glove"].config(vector_size=10, learning_rate=10.0, x_max=1e-6)
    with pytest.raises(TrainingError, match="choose a smaller learning_rate than 10"):
        TRAINERS["glove"].train(config, encoded, tmp_path)


def test_epochs_of_a_training_that_is_tried_anew_are_forgotten() -> None:
    history = History(silent)
    checkpoints = Checkpointer(config=CheckpointConfig(on_divergence="retry"), history=history)
    rates = []

    def run(state: State) -> None:
        rates.append(state.lr_scale)
        history(Progress("training", 1, 2, "words", 1, 0.5, epoch_ended=True))
        if len(rates) == 1:
            raise DivergedError("the loss of epoch 2 is nan")

    state = checkpoints.run_with_retry(None, lambda: State({}), run, 0.1)
    assert rates == [1, RETRY_LR_SCALE] == [1, state.lr_scale]
    assert [epoch["epoch"] for epoch in history.epochs] == [1]


@pytest.mark.parametrize("pairs", [0, 4])
def test_a_loss_that_is_not_finite_is_told(pairs: int) -> None:
    with pytest.raises(DivergedError, match="loss of epoch 1 is nan"):
        State({}).add_loss(math.nan, pairs)


def test_a_state_nested_too_deep_or_with_other_numbers_is_refused(tmp_path: Path) -> None:
    """Found by fuzzing: JSON of thousands of brackets ended in a RecursionError."""
    save_state(State({"a": np.zeros(3)}), tmp_path, {})
    path = last_state(tmp_path)
    position = (path / "position.json").read_text()
    (path / "position.json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match="is not a checkpoint"):
        load_state(path, {})
    (path / "position.json").write_text(position)
    tables = bytearray((path / "tables.safetensors").read_bytes())
    tables[-1] ^= 1
    (path / "tables.safetensors").write_bytes(tables)
    with pytest.raises(ModelError, match=r"has the SHA-256 .*; start over"):
        load_state(path, {})


def test_the_state_after_the_last_epoch_is_saved_once(tmp_path: Path) -> None:
    def run(state: State) -> None:
        state.end_epoch()

    def start() -> State:
        return State({"a": np.ones(3)})

    first = checkpoints(tmp_path)
    first.run_with_retry(first.restore(), start, run, 0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000001"]
    again = checkpoints(tmp_path)
    state = again.restore()
    assert state is not None and state.epoch == 1
    again.run_with_retry(state, start, lambda state: None, 0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000001"]
    every = checkpoints(tmp_path, checkpoint_every="1-epoch")

    def run_and_tell(state: State) -> None:
        state.end_epoch()
        every.maybe_save(state, state.epoch)

    every.run_with_retry(every.restore(), start, run_and_tell, 0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["state-000000002"]


def test_a_last_state_that_cannot_be_saved_costs_no_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = checkpoints(tmp_path / "missing")
    with caplog.at_level(logging.WARNING):
        state = missing.run_with_retry(
            missing.restore(), lambda: State({"a": np.ones(3)}), State.end_epoch, 0.1
        )
    assert state.epoch == 1
    assert "checkpoint not written: " in caplog.text and "the model is still written" in caplog.text
