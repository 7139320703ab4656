"""What every entry of TRAINERS promises."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.corpus.corpus import Corpus
from embedtool.errors import EmbedtoolError, TrainingError, VocabularyError
from embedtool.io.progress import Progress
from embedtool.trainers import TRAINERS
from embedtool.trainers.count_tables import negative_cdf
from embedtool.training import train
from tests.contracts.small_trainings import (
    MODES,
    NATIVE,
    config,
    supported,
    trained,
    with_option,
)


@pytest.fixture(params=TRAINERS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_vectors_belong_to_the_words_by_falling_count(algorithm: str, text: Path) -> None:
    vectors = trained(algorithm, text).vectors
    assert list(vectors.words) == ["the", "rules", "king", "land", "queen", "sea"]
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [240, 120, 60, 60, 60, 60]
    assert vectors.rows.shape == (6, 12)
    assert vectors.rows.dtype == np.float32
    assert np.isfinite(vectors.rows).all()


@pytest.mark.parametrize(("algorithm", "options"), with_option(MODES, "learning_rate"))
def test_training_moves_the_vectors_in_every_mode(
    algorithm: str, options: dict[str, Any], text: Path
) -> None:
    rate = supported(algorithm, learning_rate=1e-8, min_learning_rate=1e-9)
    still = trained(algorithm, text, **rate, **options).vectors.rows
    moved = trained(algorithm, text, **options).vectors.rows
    assert np.abs(moved - still).max(axis=1).min() > 1e-4


def test_one_worker_and_one_seed_give_the_same_vectors(algorithm: str, text: Path) -> None:
    first, second = (trained(algorithm, text).vectors.rows for _ in range(2))
    assert np.array_equal(first, second)


def test_another_seed_gives_other_vectors(algorithm: str, text: Path) -> None:
    first, second = (trained(algorithm, text, seed=seed).vectors.rows for seed in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("vector_size", [1, 2, 7, 33, 101])
def test_any_vector_size(algorithm: str, vector_size: int, text: Path) -> None:
    vectors = trained(algorithm, text, vector_size=vector_size).vectors
    assert vectors.vector_size == vector_size
    assert np.isfinite(vectors.rows).all()


def test_each_epoch_ends_once_and_the_work_only_grows(algorithm: str, text: Path) -> None:
    seen: list[Progress] = []
    train(config(algorithm), Corpus([str(text)]), report=seen.append)
    training = [message for message in seen if message.stage == "training"]
    epochs = list(supported(algorithm, epochs=[1, 2]).values()) or [[1]]
    assert [message.epoch for message in training if message.epoch_ended] == epochs[0]
    assert [message.done for message in training] == sorted(m.done for m in training)
    assert training[-1].done == training[-1].total


def test_the_description_holds_every_option(algorithm: str, text: Path) -> None:
    model = trained(algorithm, text)
    assert model.description["algorithm"] == algorithm
    assert model.description["options"] == asdict(config(algorithm))
    assert model.description["vocabulary"]["tokens_seen"] == 600
    assert model.description["corpus"]["sentences"] == 120


def test_a_long_line_is_used_to_its_end(algorithm: str, tmp_path: Path) -> None:
    """Words that occur only beyond the 10,000th token of a line are trained as well as others."""
    path = tmp_path / "long.txt"
    path.write_text("alpha beta " * 6000 + "gamma delta " * 6000)
    vectors = trained(algorithm, path, **supported(algorithm, learning_rate=0.02)).vectors
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [6000] * 4
    still = np.zeros_like(vectors.rows)
    if rate := supported(algorithm, learning_rate=1e-8, min_learning_rate=1e-9):
        still = trained(algorithm, path, **rate).vectors.rows
    assert np.abs(vectors.rows - still).max(axis=1).min() > 1e-2


def test_no_word_left_is_said_with_the_numbers(algorithm: str, tmp_path: Path) -> None:
    path = tmp_path / "rare.txt"
    path.write_text("each word once only here\n")
    with pytest.raises(VocabularyError, match=r"no word is left: of 5 distinct tokens \(5 in all"):
        trained(algorithm, path)


def test_one_word_is_not_enough(algorithm: str, tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("word word word\n")
    with pytest.raises(VocabularyError, match="only 'word' is left"):
        trained(algorithm, path)


@pytest.mark.parametrize(("algorithm", "options"), NATIVE)
def test_any_number_of_workers_gives_the_same_bytes(
    algorithm: str,
    options: dict[str, Any],
    kingdoms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embedtool.trainers.kernel_job.n_cores", lambda: 8)
    monkeypatch.setattr("embedtool.trainers.word2vec.n_streams_for", lambda config, n_tokens: 4)
    path = tmp_path / "some.txt"
    path.write_text(kingdoms.read_text()[:100_000])
    # at a learning rate of 0.05 four streams of so little text diverge
    options = {**options, **supported(algorithm, learning_rate=0.02)}
    alone = trained(algorithm, path, **options).vectors
    for workers in (2, 3, 8):
        many = trained(algorithm, path, workers=workers, **options).vectors
        assert np.array_equal(many.rows, alone.rows)
        for one, other in (
            (many.output_matrix, alone.output_matrix), (many.subwords, alone.subwords)
        ):  # fmt: skip
            assert (one is None) == (other is None)
        if alone.output_matrix is not None and many.output_matrix is not None:
            assert np.array_equal(many.output_matrix, alone.output_matrix)
        if alone.subwords is not None and many.subwords is not None:
            assert np.array_equal(many.subwords.ngram_rows, alone.subwords.ngram_rows)


@pytest.mark.parametrize(("algorithm", "mode"), [("word2vec", "skipgram"), ("fasttext", "cbow")])
def test_the_streams_decide_the_bytes_and_the_workers_do_not(
    algorithm: str, mode: str, kingdoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.trainers.kernel_job.n_cores", lambda: 8)
    monkeypatch.setattr(
        "embedtool.trainers.word2vec.n_streams_for", lambda config, n_tokens: config.streams
    )
    path = tmp_path / "some.txt"
    path.write_text(kingdoms.read_text()[:100_000])
    options = {"mode": mode, "learning_rate": 0.01}
    found = {}
    for streams in (1, 16, 64):
        models = [
            trained(algorithm, path, workers=workers, streams=streams, **options)
            for workers in (1, 2, 3, 8)
        ]
        found[streams] = {model.vectors.rows.tobytes() for model in models}
        assert len(found[streams]) == 1
        assert models[0].description["training"]["streams"] == streams
    assert len(set.union(*found.values())) == 3
    default = trained(algorithm, path, **options).vectors.rows.tobytes()
    assert found[16] == {default}


def test_a_text_too_short_for_the_streams_gets_a_warning(
    kingdoms: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "some.txt"
    path.write_text(kingdoms.read_text()[:100_000])
    model = trained("word2vec", path, streams=64)
    assert model.description["training"]["streams"] == 1
    assert model.description["options"]["streams"] == 64
    (line,) = (message for message in caplog.messages if "streams" in message)
    assert re.fullmatch(
        r"streams=64: a text of \d\d,\d{3} tokens is read in 1, because more would cost accuracy",
        line,
    )
    caplog.clear()
    trained("word2vec", path)
    trained("word2vec", path, streams=64, hogwild=True)
    assert not any("streams" in message for message in caplog.messages)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
def test_the_streams_of_a_text_follow_from_its_length_and_not_from_the_workers(
    algorithm: str, kingdoms: Path, tmp_path: Path
) -> None:
    found = {}
    for n_bytes in (200_000, None):
        path = tmp_path / "some.txt"
        path.write_text(kingdoms.read_text()[:n_bytes])
        for workers in (1, 3):
            description = trained(algorithm, path, workers=workers).description
            found[n_bytes, workers] = description["training"]["streams"]
    assert found == {(200_000, 1): 1, (200_000, 3): 1, (None, 1): 4, (None, 3): 4}
    hogwild = trained(algorithm, path, workers=2, hogwild=True).description["training"]
    assert "streams" not in hogwild and hogwild["epochs"][0]["untrained"] > 3


@pytest.mark.stress  # what hogwild workers learn depends on how the system runs their threads
@pytest.mark.parametrize(("algorithm", "options"), with_option(NATIVE, "hogwild"))
def test_hogwild_workers_learn_as_much(
    algorithm: str, options: dict[str, Any], kingdoms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.trainers.kernel_job.n_cores", lambda: 8)
    options = {**options, "learning_rate": 0.02}  # at 0.05 sums of contexts overshoot at first
    last, hogwild = (
        trained(algorithm, kingdoms, workers=3, hogwild=hogwild, **options).description["training"]
        for hogwild in (False, True)
    )
    expected = pytest.approx(last["epochs"][-1]["loss"], rel=0.1)
    assert hogwild["epochs"][-1]["loss"] == expected


@pytest.mark.parametrize(("algorithm", "options"), with_option(NATIVE, "learning_rate"))
def test_the_mean_loss_falls(
    algorithm: str, options: dict[str, Any], kingdoms: Path, tmp_path: Path
) -> None:
    path = tmp_path / "some.txt"
    path.write_text(kingdoms.read_text()[:600_000])
    history = trained(algorithm, path, epochs=4, **options).description["training"]["epochs"]
    losses = [epoch["loss"] for epoch in history]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < history[0]["untrained"]


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("fraction", [0.02, 0.1, 0.4])
def test_hierarchical_softmax_learns_little_text_from_the_first_epoch_on(
    algorithm: str, mode: str, fraction: float, kingdoms: Path, tmp_path: Path
) -> None:
    path, text = tmp_path / "some.txt", kingdoms.read_text()
    path.write_text(text[: int(fraction * len(text))])
    options = {"mode": mode, "loss": "hierarchical-softmax", "learning_rate": 0.05}
    model = trained(algorithm, path, **options, vector_size=50, epochs=4)
    epochs = model.description["training"]["epochs"]
    losses = [epochs[0]["untrained"], *(epoch["loss"] for epoch in epochs)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("exponent", [-10, -0.5, -0.1])
def test_words_without_counts_are_no_negatives_of_a_negative_exponent(exponent: float) -> None:
    with np.errstate(all="raise"):
        cdf = negative_cdf(np.array([100, 10, 1, 0, 0]), exponent)
    probabilities = np.diff(cdf, prepend=0)
    assert (probabilities[:3] > 0).all() and probabilities[:3].argmax() == 2
    assert probabilities[3:].max() < 1e-15


@pytest.mark.parametrize(("size", "rate"), [(50, 0.2), (100, 0.15)])
def test_glove_converges_at_a_high_learning_rate_as_the_authors_program_does(
    size: int, rate: float, kingdoms: Path
) -> None:
    """At 100 dimensions and a rate of 0.2 most seeds diverge."""
    options = {"learning_rate": rate, "vector_size": size, "epochs": 5}
    one, three = (trained("glove", kingdoms, **options, workers=n) for n in (1, 3))
    losses = [epoch["loss"] for epoch in one.description["training"]["epochs"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2
    assert one.vectors.rows.tobytes() == three.vectors.rows.tobytes()


def test_a_glove_training_that_diverges_is_an_error_though_it_stays_finite(kingdoms: Path) -> None:
    """Clipped gradients keep the vectors finite, as in the authors' program."""
    model = trained("glove", kingdoms, learning_rate=0.05, vector_size=50)
    assert model.description["training"]["epochs"][-1]["loss"] < 0.2
    with pytest.raises(TrainingError, match=r"a pair; choose a smaller learning_rate than 2\b"):
        trained("glove", kingdoms, learning_rate=2.0, vector_size=50)


def test_glove_has_the_same_bytes_however_little_memory(kingdoms: Path) -> None:
    roomy = trained("glove", kingdoms).vectors.rows
    assert np.array_equal(trained("glove", kingdoms, memory=16).vectors.rows, roomy)


def test_a_new_word_has_a_vector_in_fasttext_only(text: Path) -> None:
    assert trained("fasttext", text).vectors.vector("kingly").any()
    with pytest.raises(EmbedtoolError, match=r"'kings' is not in the vocabulary; nearest .* king"):
        trained("word2vec", text).vectors.vector("kings")


def test_a_words_fasttext_vector_is_the_mean_of_its_rows(text: Path) -> None:
    vectors = trained("fasttext", text).vectors
    assert vectors.subwords is not None
    n_grams = sum(len("<king>") - n + 1 for n in range(3, 7))
    row = vectors.string_table.find("king")
    from_grams = vectors.subwords.vector("king") * n_grams
    mean = (vectors.subwords.word_rows[row] + from_grams) / (n_grams + 1)
    np.testing.assert_allclose(vectors.rows[row], mean, atol=1e-6)
