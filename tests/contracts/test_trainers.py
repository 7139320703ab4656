"""What every entry of TRAINERS promises."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.tasks import CompressConfig
from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError, EmbedtoolError, TrainingError, VocabularyError
from embedtool.io.progress import Progress
from embedtool.model.compression import compress
from embedtool.model.vectors import Model, WordVectors
from embedtool.trainers import TRAINERS
from embedtool.trainers.count_tables import negative_cdf
from embedtool.training import train

SMALL: dict[str, dict[str, Any]] = {
    "word2vec": {"epochs": 2, "sample": 0.0},
    "fasttext": {"epochs": 2, "sample": 0.0, "bucket": 1000},
    "glove": {"iterations": 2},
}
MODES = [
    ("word2vec", {"mode": mode, "loss": loss, "cbow_mean": mean})
    for mode, mean in (("skipgram", True), ("cbow", True), ("cbow", False))
    for loss in ("negative-sampling", "hierarchical-softmax")
]
MODES += [("fasttext", options) for _, options in MODES]
MODES += [(name, {**options, "engine": "gensim"}) for name, options in MODES]
MODES += [
    ("fasttext", {"max_n": 0}),
    *(("glove", {"output_vectors": output}) for output in ("words", "sum", "both")),
    ("glove", {"symmetric": False}),
    ("glove", {"distance_weighting": False}),
]


def config(algorithm: str, **options: Any) -> TrainerConfig:
    chosen = {"vector_size": 12, "min_count": 2, "workers": 1, **SMALL[algorithm], **options}
    return TRAINERS[algorithm].config(**chosen)


def trained(algorithm: str, *inputs: Path, **options: Any) -> Model:
    return train(config(algorithm, **options), Corpus(map(str, inputs)))


@pytest.fixture(params=TRAINERS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_small_options_are_given_for_every_trainer() -> None:
    assert SMALL.keys() == TRAINERS.keys()


def test_vectors_belong_to_the_words_by_falling_count(algorithm: str, text: Path) -> None:
    vectors = trained(algorithm, text).vectors
    assert list(vectors.words) == ["the", "rules", "king", "land", "queen", "sea"]
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [240, 120, 60, 60, 60, 60]
    assert vectors.matrix.shape == (6, 12)
    assert vectors.matrix.dtype == np.float32
    assert np.isfinite(vectors.matrix).all()


@pytest.mark.parametrize(("algorithm", "options"), MODES)
def test_training_moves_the_vectors_in_every_mode(
    algorithm: str, options: dict[str, Any], text: Path
) -> None:
    rate = {"min_learning_rate": 1e-9} if algorithm != "glove" else {}
    still = trained(algorithm, text, learning_rate=1e-8, **rate, **options).vectors.matrix
    moved = trained(algorithm, text, **options).vectors.matrix
    assert np.abs(moved - still).max(axis=1).min() > 1e-4


def test_one_worker_and_one_seed_give_the_same_vectors(algorithm: str, text: Path) -> None:
    first, second = (trained(algorithm, text).vectors.matrix for _ in range(2))
    assert np.array_equal(first, second)


def test_another_seed_gives_other_vectors(algorithm: str, text: Path) -> None:
    first, second = (trained(algorithm, text, seed=seed).vectors.matrix for seed in (1, 2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("vector_size", [1, 2, 7, 33, 101])
def test_any_vector_size(algorithm: str, vector_size: int, text: Path) -> None:
    vectors = trained(algorithm, text, vector_size=vector_size).vectors
    assert vectors.vector_size == vector_size
    assert np.isfinite(vectors.matrix).all()


def test_each_epoch_ends_once_and_the_work_only_grows(algorithm: str, text: Path) -> None:
    seen: list[Progress] = []
    train(config(algorithm), Corpus([str(text)]), report=seen.append)
    training = [message for message in seen if message.stage == "training"]
    assert [message.epoch for message in training if message.epoch_ended] == [1, 2]
    assert [message.done for message in training] == sorted(m.done for m in training)
    assert training[-1].done == training[-1].total


def test_the_description_holds_every_option(algorithm: str, text: Path) -> None:
    model = trained(algorithm, text)
    assert model.description["algorithm"] == algorithm
    assert model.description["options"] == asdict(config(algorithm))
    assert model.description["vocabulary"]["tokens_seen"] == 600
    assert model.description["corpus"]["sentences"] == 120


def test_a_long_line_is_used_to_its_end(algorithm: str, tmp_path: Path) -> None:
    """Words that stand only beyond the 10,000th token of a line learn as well as the others."""
    path = tmp_path / "long.txt"
    path.write_text("alpha beta " * 6000 + "gamma delta " * 6000)
    rate = {"min_learning_rate": 1e-9} if algorithm != "glove" else {}
    still = trained(algorithm, path, learning_rate=1e-8, **rate).vectors.matrix
    vectors = trained(algorithm, path, learning_rate=0.02).vectors
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [6000] * 4
    assert np.abs(vectors.matrix - still).max(axis=1).min() > 1e-2


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


NATIVE = [(name, options) for name, options in MODES if options.get("engine") != "gensim"]


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize(("algorithm", "options"), NATIVE)
def test_any_number_of_workers_gives_the_same_bytes(
    algorithm: str,
    options: dict[str, Any],
    workers: int,
    kingdoms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embedtool.trainers.kernel_job.n_cores", lambda: 8)
    monkeypatch.setattr("embedtool.trainers.word2vec.n_streams_for", lambda n_tokens: 4)
    path = tmp_path / "some.txt"
    path.write_text(kingdoms.read_text()[:200_000])
    alone = trained(algorithm, path, **options).vectors
    many = trained(algorithm, path, workers=workers, **options).vectors
    assert np.array_equal(many.matrix, alone.matrix)
    for one, other in ((many.output_matrix, alone.output_matrix), (many.subwords, alone.subwords)):
        assert (one is None) == (other is None)
    if alone.output_matrix is not None and many.output_matrix is not None:
        assert np.array_equal(many.output_matrix, alone.output_matrix)
    if alone.subwords is not None and many.subwords is not None:
        assert np.array_equal(many.subwords.ngram_rows, alone.subwords.ngram_rows)


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


@pytest.mark.parametrize(("algorithm", "options"), [mode for mode in NATIVE if mode[0] != "glove"])
def test_workers_that_race_learn_as_much(
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


@pytest.mark.parametrize(("algorithm", "options"), NATIVE)
def test_the_mean_loss_falls(algorithm: str, options: dict[str, Any], kingdoms: Path) -> None:
    epochs = {"iterations": 4} if algorithm == "glove" else {"epochs": 4}
    history = trained(algorithm, kingdoms, **epochs, **options).description["training"]["epochs"]
    losses = [epoch["loss"] for epoch in history]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < history[0]["untrained"]


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_little_text_teaches_a_tree_of_words_from_the_first_epoch_on(
    algorithm: str, mode: str, share: float, kingdoms: Path, tmp_path: Path
) -> None:
    path, text = tmp_path / "some.txt", kingdoms.read_text()
    path.write_text(text[: int(share * len(text))])
    options = {"mode": mode, "loss": "hierarchical-softmax", "learning_rate": 0.05}
    model = trained(algorithm, path, **options, vector_size=50, epochs=4)
    epochs = model.description["training"]["epochs"]
    losses = [epochs[0]["untrained"], *(epoch["loss"] for epoch in epochs)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


INITIAL = [("word2vec", {}), ("word2vec", {"mode": "skipgram"}), ("fasttext", {}), ("glove", {})]


def grown(
    algorithm: str, model: Model, path: Path, freeze: bool = False, **options: Any
) -> WordVectors:
    """Train on from a model."""
    chosen = config(algorithm, **options)
    return train(chosen, Corpus([str(path)]), init=model, freeze=freeze).vectors


@pytest.mark.parametrize(("algorithm", "options"), INITIAL)
def test_training_goes_on_from_a_model(
    algorithm: str, options: dict[str, Any], text: Path, tmp_path: Path
) -> None:
    """Old words keep their place and their counts are added up; new ones join them."""
    model = trained(algorithm, text, **options)
    more = tmp_path / "more.txt"
    more.write_text("the prince rules the land\n" * 40 + "rare king\n")
    slow = {"learning_rate": 1e-6, **({} if algorithm == "glove" else {"min_learning_rate": 1e-7})}
    vectors = grown(algorithm, model, more, **slow, **options)
    assert vectors.counts is not None
    counts = dict(zip(vectors.words, vectors.counts.tolist(), strict=True))
    assert counts == {
        "the": 320, "rules": 160, "land": 100, "king": 61, "queen": 60, "sea": 60, "prince": 40,
    }  # fmt: skip
    for word in model.vectors.words:
        np.testing.assert_allclose(vectors.vector(word), model.vectors.vector(word), atol=2e-4)


@pytest.mark.parametrize(("algorithm", "options"), INITIAL)
def test_frozen_words_stay_and_new_words_learn(
    algorithm: str, options: dict[str, Any], text: Path, tmp_path: Path
) -> None:
    model = trained(algorithm, text, **options)
    more = tmp_path / "more.txt"
    more.write_text("the xylophone rules the land\n" * 40)
    vectors = grown(algorithm, model, more, freeze=True, **options)
    for word in model.vectors.words:
        np.testing.assert_allclose(vectors.vector(word), model.vectors.vector(word), atol=1e-6)
    again = grown(algorithm, model, more, freeze=True, **options, **_longer(algorithm))
    assert np.abs(again.vector("xylophone") - vectors.vector("xylophone")).max() > 1e-4


FORMS = [
    ("word2vec", {}),
    ("word2vec", {"loss": "hierarchical-softmax"}),
    ("fasttext", {}),
    ("fasttext", {"loss": "hierarchical-softmax"}),
    ("glove", {"output_vectors": "sum"}),
    ("glove", {"output_vectors": "words"}),
    ("glove", {"output_vectors": "both"}),
]
"""What a model can be that a training begins with, and that comes of it."""


def _form(each: tuple[str, dict[str, Any]]) -> str:
    return " ".join([each[0], *each[1].values()])


@pytest.mark.parametrize("begin", FORMS, ids=_form)
@pytest.mark.parametrize("after", FORMS, ids=_form)
def test_frozen_words_of_any_model_keep_their_bytes_in_any_training(
    begin: tuple[str, dict[str, Any]], after: tuple[str, dict[str, Any]], text: Path, tmp_path: Path
) -> None:
    if after[0] == "fasttext" != begin[0]:
        pytest.skip("FastText begins with n-grams only")
    model = trained(begin[0], text, **begin[1])
    more = tmp_path / "more.txt"
    more.write_text("the xylophone rules the land\n" * 40)
    rate = 0.1 if after[0] == "glove" else 0.05
    vectors = grown(after[0], model, more, freeze=True, learning_rate=rate, **after[1])
    for word in model.vectors.words:
        assert np.array_equal(vectors.vector(word), model.vectors.vector(word)), word
    untrained = grown(after[0], model, more, freeze=True, learning_rate=1e-6,
                      **({} if after[0] == "glove" else {"min_learning_rate": 1e-7}),
                      **after[1])  # fmt: skip
    assert not np.allclose(vectors.vector("xylophone"), untrained.vector("xylophone"), atol=1e-4)


@pytest.mark.parametrize(("algorithm", "options"), FORMS[:4])
def test_inner_nodes_are_not_taken_for_the_words_of_a_training(
    algorithm: str, options: dict[str, Any], text: Path
) -> None:
    """Two models that differ in their inner nodes alone begin the same training."""
    model = trained(algorithm, text, loss="hierarchical-softmax")
    assert model.vectors.output_rows == "inner-nodes"
    assert model.vectors.context_vectors is None
    without = replace(model, vectors=replace(model.vectors, output_matrix=None))
    for target in ({"algorithm": algorithm, **options}, {"algorithm": "glove"}):
        one, other = (grown(path=text, model=each, **target) for each in (model, without))
        assert np.array_equal(one.matrix, other.matrix)


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("ngrams", [None, 0, 5])
def test_frozen_words_of_a_compressed_fasttext_stay(
    precision: str, ngrams: int | None, text: Path, tmp_path: Path
) -> None:
    """Even where n-grams that the compression left out are those of new words as well."""
    vectors = trained("fasttext", text).vectors
    small = compress(vectors, CompressConfig(ngrams=ngrams, precision=precision))
    more = tmp_path / "more.txt"
    more.write_text("the kings rule the lands\n" * 40)
    after = grown("fasttext", Model(small, {}), more, freeze=True)
    for word in small.words:
        assert np.array_equal(after.vector(word), small.vector(word))


@pytest.mark.parametrize("exponent", [-10, -0.5, -0.1])
def test_words_without_counts_are_no_negatives_of_a_negative_exponent(exponent: float) -> None:
    with np.errstate(all="raise"):
        cumulative = negative_cdf(np.array([100, 10, 1, 0, 0]), exponent)
    shares = np.diff(cumulative, prepend=0)
    assert (shares[:3] > 0).all() and shares[:3].argmax() == 2
    assert shares[3:].max() < 1e-15


@pytest.mark.parametrize("size", [50, 100])
def test_glove_converges_at_a_high_rate_as_the_authors_program_does(
    size: int, kingdoms: Path
) -> None:
    options = {"learning_rate": 0.2, "vector_size": size, "iterations": 5}
    one, three = (trained("glove", kingdoms, **options, workers=n) for n in (1, 3))
    losses = [epoch["loss"] for epoch in one.description["training"]["epochs"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2
    assert one.vectors.matrix.tobytes() == three.vectors.matrix.tobytes()


def test_a_glove_training_that_diverges_is_an_error_though_it_stays_finite(kingdoms: Path) -> None:
    """Clipped gradients keep the vectors finite, as in the authors' program."""
    model = trained("glove", kingdoms, learning_rate=0.05, vector_size=50)
    assert model.description["training"]["epochs"][-1]["loss"] < 0.2
    with pytest.raises(TrainingError, match=r"a pair; choose a smaller --learning-rate than 2\b"):
        trained("glove", kingdoms, learning_rate=2.0, vector_size=50)


def _longer(algorithm: str) -> dict[str, int]:
    return {"iterations": 6} if algorithm == "glove" else {"epochs": 6}


def test_what_a_model_must_have_to_go_on_from_it(algorithm: str, text: Path) -> None:
    model = trained(algorithm, text)
    with pytest.raises(ConfigError, match="init has vectors of 12 dimensions"):
        grown(algorithm, model, text, vector_size=13)


def test_fasttext_goes_on_from_the_same_n_grams_only(text: Path) -> None:
    model = trained("fasttext", text)
    with pytest.raises(ConfigError, match="use min_n=3 max_n=6 bucket=1000"):
        grown("fasttext", model, text, bucket=999)
    with pytest.raises(ConfigError, match="init has no n-grams"):
        grown("fasttext", trained("word2vec", text), text)


def test_gensim_does_not_go_on_from_a_model(text: Path) -> None:
    with pytest.raises(ConfigError, match="init needs engine='native'"):
        grown("word2vec", trained("word2vec", text), text, engine="gensim")


def test_glove_has_the_same_bytes_however_little_memory(kingdoms: Path) -> None:
    roomy = trained("glove", kingdoms).vectors.matrix
    assert np.array_equal(trained("glove", kingdoms, memory=16).vectors.matrix, roomy)


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
    np.testing.assert_allclose(vectors.matrix[row], mean, atol=1e-6)
