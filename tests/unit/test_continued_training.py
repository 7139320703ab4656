"""Training that continues a model of Facebook's program: its rows, its counts, its options."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from embedtool import formats
from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.vocabulary import Vocabulary, merge_vocabularies
from embedtool.distributed.slices import shared_context
from embedtool.errors import ConfigError, ModelError, StoppedError
from embedtool.io.progress import Progress, silent
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.checkpoint import StopRequest
from embedtool.trainers.local_backend import LocalBackend
from embedtool.trainers.same_training import check_same_training
from embedtool.trainers.subwords import build_subword_index
from embedtool.trainers.training_dir import read_interrupted
from embedtool.trainers.warm_start import WarmStart
from embedtool.training import train
from tests.conftest import Run
from tests.factories import zipf_sentences

SIZE, BUCKET = 8, 500
STILL: dict[str, Any] = {"learning_rate": 1e-9, "min_learning_rate": 0, "sample": 0}
"""Options with which training changes nothing that can be seen."""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text long enough for several streams, with a word that fastText gives no n-grams."""
    path = tmp_path_factory.mktemp("text") / "text"
    lines = [" ".join(f"word{i:x}" for i in each) for each in zipf_sentences(140_000, 300)]
    path.write_text("\n".join(["</s> ends word1 here", *lines]))
    return path


@pytest.fixture(scope="module")
def theirs(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CBOW with negative sampling and n-grams of 5 characters, as the crawl vectors are."""
    path = tmp_path_factory.mktemp("theirs") / "m.bin"
    model = fasttext.train_unsupervised(
        str(text), model="cbow", dim=SIZE, bucket=BUCKET, minn=5, maxn=5, minCount=1, epoch=2,
        verbose=0, thread=1, lr=0.1,
    )  # fmt: skip
    model.save_model(str(path))
    return path


@pytest.fixture(scope="module")
def init(theirs: Path) -> ModelRecord:
    return ModelRecord(formats.read(theirs)[0], {})


@pytest.fixture
def more(tmp_path: Path) -> Path:
    path = tmp_path / "more"
    path.write_text("the word1 ruled the word2 of words\nword1 and newword1 </s> here\n" * 40)
    return path


def config(**options: Any) -> FastTextConfig:
    known = {"vector_size": SIZE, "min_n": 5, "max_n": 5, "bucket": BUCKET, "mode": "cbow"}
    return FastTextConfig(**{**known, "epochs": 1, "min_count": 2, "workers": 1, **options})


def first_words(init: ModelRecord, n: int) -> ModelRecord:
    """The model without its rarer words, but with all its n-grams, as a limited import has it."""
    return ModelRecord(init.vectors.select(np.arange(n)), {})


@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_all_rows_of_a_model_arrive(init: ModelRecord, theirs: Path, more: Path, mode: str) -> None:
    """Those of words, contexts, and n-grams, also of the n-grams that only other words have."""
    start = first_words(init, 30)
    after = train(config(mode=mode, **STILL), more, init=start).vectors
    before, program = start.vectors, fasttext.load_model(str(theirs))
    assert before.subwords is not None
    assert after.subwords is not None
    assert after.output_matrix is not None
    assert before.output_matrix is not None
    np.testing.assert_array_equal(after.subwords.buckets, before.subwords.buckets)
    np.testing.assert_allclose(after.subwords.ngram_rows, before.subwords.ngram_rows, atol=1e-6)
    new = after.word_ids(before.words)
    np.testing.assert_allclose(after.rows[new], before.rows, atol=1e-6)
    np.testing.assert_allclose(after.output_matrix[new], before.output_matrix, atol=1e-6)
    for word in ["word12f", "unheard", "ending", "</s>"]:
        rows = [program.get_input_vector(i) for i in program.get_subwords(word)[1]]
        if word in before.words or word == "</s>":
            np.testing.assert_allclose(
                after.vector(word), init.vectors.vector(word), atol=1e-6, err_msg=word
            )
        else:
            ngrams = rows[1:] if word in program.words else rows
            np.testing.assert_allclose(after.vector(word), np.mean(ngrams, axis=0), atol=1e-6)


def test_the_end_of_a_sentence_has_no_n_grams(init: ModelRecord, more: Path) -> None:
    """As in fastText, so that its row alone is its vector, before and after."""
    after = train(config(sample=0), more, init=init).vectors
    assert after.subwords is not None
    row = after.word_ids(["</s>"])[0]
    np.testing.assert_array_equal(after.rows[row], after.subwords.word_rows[row])
    assert not np.allclose(after.vector("</s>"), init.vectors.vector("</s>"), atol=1e-5)


def test_without_the_output_layer_training_starts_worse(
    init: ModelRecord, text: Path, caplog: pytest.LogCaptureFixture
) -> None:
    losses = []
    bare = ModelRecord(replace(init.vectors, output_matrix=None), {})
    with caplog.at_level("INFO", "embedtool"):
        for start in (init, bare):
            train(config(**STILL), text, init=start,
                  callbacks=[lambda epoch: losses.append(epoch.loss)])  # fmt: skip
    assert losses[0] < 0.97 * losses[1]
    lines = [each.message for each in caplog.records if "output layer" in each.message]
    assert lines == ["the output layer starts at zero: init has none"]


@pytest.mark.parametrize(("begin", "loss", "reason"), [
    ("negative-sampling", "hierarchical-softmax",
     "that of init has a row for each word, not for each inner node"),
    ("hierarchical-softmax", "negative-sampling", "that of init is of hierarchical softmax"),
    ("hierarchical-softmax", "hierarchical-softmax",
     "that of init is of hierarchical softmax, and new counts change its tree"),
])  # fmt: skip
def test_a_line_tells_that_the_output_layer_starts_at_zero(
    begin: str, loss: str, reason: str, more: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start = train(config(loss=begin), more)
    caplog.set_level("INFO", "embedtool")
    train(config(loss=loss), more, init=start)
    assert f"the output layer starts at zero: {reason}" in caplog.messages
    assert len([each for each in caplog.messages if "output layer" in each]) == 1


def test_the_same_bytes_with_any_number_of_workers(init: ModelRecord, text: Path) -> None:
    one, two, three = (
        train(config(workers=n), text, init=first_words(init, 100)).vectors for n in (1, 2, 3)
    )
    for other in (two, three):
        assert np.array_equal(one.rows, other.rows)
        assert np.array_equal(one.output_matrix, other.output_matrix)  # type: ignore[arg-type]
        assert one.subwords is not None
        assert other.subwords is not None
        assert np.array_equal(one.subwords.ngram_rows, other.subwords.ngram_rows)


@pytest.mark.parametrize("sample", [0, 0.01])
def test_earlier_counts_change_neither_subsampling_nor_noise(
    init: ModelRecord, text: Path, sample: float
) -> None:
    """Billions of tokens of an earlier text would drown what is frequent in this one."""
    falling = np.arange(init.vectors.n_words, 0, -1) * 10**6
    one, other = (
        train(
            config(sample=sample),
            text,
            init=ModelRecord(replace(init.vectors, counts=falling + lowest), {}),
        ).vectors
        for lowest in (0, 10**9)
    )
    assert one.counts is not None
    assert other.counts is not None
    assert one.counts[0] + 10**9 == other.counts[0]
    assert list(one.words) == list(other.words)
    np.testing.assert_array_equal(one.rows, other.rows)


def test_the_counts_of_the_text_alone_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "embedtool")
    text = Vocabulary(["land", "king"], np.array([5, 3]), 3, 9)
    merged, rows = merge_vocabularies(
        text, np.array([0, 1]), ["land", "king", "sea"], np.array([5, 3, 1]),
        ["sea", "land", "lake"], np.array([9, 8, 1]),
    )  # fmt: skip
    assert list(merged.words) == ["land", "sea", "king", "lake"]
    assert merged.counts.tolist() == [13, 10, 3, 1]
    assert merged.text_counts.tolist() == [5, 1, 3, 0]
    assert rows.tolist() == [0, 2, 1, -1]
    assert text.text_counts is text.counts
    assert caplog.messages == ["init has 2 of the 3 words of the text, 66.7% of their tokens"]


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_replicas_subsample_and_draw_by_the_counts_of_the_text(loss: str) -> None:
    """The tree is that of all counts, which are saved with it."""
    words, counts, own = ["sea", "land", "king"], np.array([90, 80, 9]), np.array([1, 8, 9])
    chosen = Word2VecConfig(loss=loss, sample=0.01)
    rows = build_subword_index(words, chosen)
    frozen = np.zeros(3, np.bool_)
    merged = shared_context(chosen, Vocabulary(words, counts, 3, 179, own), rows, frozen, 1)
    alone = shared_context(chosen, Vocabulary(words, own, 3, 18), rows, frozen, 1)
    np.testing.assert_array_equal(merged.keep_prob, alone.keep_prob)
    np.testing.assert_array_equal(merged.negative_cdf, alone.negative_cdf)
    if loss == "hierarchical-softmax":
        of_all = shared_context(chosen, Vocabulary(words, counts, 3, 179), rows, frozen, 1)
        np.testing.assert_array_equal(merged.tree[0].parents, of_all.tree[0].parents)


def test_the_estimate_has_the_n_grams_of_the_model(init: ModelRecord, more: Path) -> None:
    corpus, start = Corpus([str(more)]), first_words(init, 30).vectors
    estimates = [
        LocalBackend(config(), warm_start=each).estimate(corpus, silent)[0]
        for each in (WarmStart(start), WarmStart(start, freeze=True))
    ]
    assert estimates[0].tables >= 4 * SIZE * (2 * 30 + BUCKET)
    assert estimates[1].memory - estimates[0].memory == 4 * SIZE * 30


@pytest.fixture
def imported(run: Run, theirs: Path, tmp_path: Path) -> Path:
    assert run("import", theirs, tmp_path / "model").exit_code == 0
    return tmp_path / "model"


def test_options_that_a_model_determines_are_taken_from_it(
    run: Run, imported: Path, more: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    arguments = ["train", "fasttext", more, "--init", imported, "-o", new, "--workers", 1]
    result = run(*arguments, "--max-n", 5, "--epochs", 1)
    assert result.exit_code == 0, result.output
    line = f"Info: from {imported}: --vector-size {SIZE} --min-n 5 --bucket {BUCKET}"
    assert result.stderr.splitlines()[0] == line
    options = store.describe(new)["options"]
    assert {name: options[name] for name in ("vector_size", "min_n", "max_n", "bucket")} == {
        "vector_size": SIZE, "min_n": 5, "max_n": 5, "bucket": BUCKET,
    }  # fmt: skip
    assert (options["mode"], options["negative"]) == ("skipgram", 5)
    checksum = store.describe(imported)["checksum"]
    told = {"path": str(imported), "checksum": checksum, "freeze": False}
    assert store.describe(new)["init"] == told


@pytest.mark.parametrize(("option", "message"), [
    (("--bucket", 77), f"--init has other n-grams; use --min-n 5 --max-n 5 --bucket {BUCKET}"),
    (("--vector-size", 100), f"--init has vectors of {SIZE} dimensions; use --vector-size {SIZE}"),
])  # fmt: skip
def test_an_option_that_contradicts_the_model_is_an_error(
    run: Run, imported: Path, more: Path, tmp_path: Path, option: tuple[str, int], message: str
) -> None:
    result = run("train", "fasttext", more, "--init", imported, "-o", tmp_path / "new", *option)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"Error: {message}"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("algorithm", ["word2vec", "glove"])
def test_other_algorithms_take_the_vector_size(
    run: Run, imported: Path, more: Path, tmp_path: Path, algorithm: str
) -> None:
    result = run("train", algorithm, more, "--init", imported, "-o", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert f"Info: from {imported}: --vector-size {SIZE}" in result.stderr.splitlines()


def test_a_model_without_n_grams_gives_none(more: Path, tmp_path: Path, run: Run) -> None:
    """fastText has no buckets then, for which there is no value of the option."""
    model = fasttext.train_unsupervised(
        str(more), dim=SIZE, maxn=0, minn=0, minCount=1, epoch=1, verbose=0, thread=1
    )
    model.save_model(str(tmp_path / "m.bin"))
    assert run("import", tmp_path / "m.bin", tmp_path / "old").exit_code == 0
    result = run("train", "fasttext", more, "--init", tmp_path / "old", "-o", tmp_path / "new")
    assert result.exit_code == 0, result.output
    assert f"Info: from {tmp_path / 'old'}: --vector-size 8 --max-n 0" in result.stderr


def test_vectors_of_a_text_file_start_word2vec(more: Path, tmp_path: Path) -> None:
    """They have no counts, no output layer and words with any characters except line ends."""
    words = ["word1", "a b", "x\N{NO-BREAK SPACE}y", "\N{NEXT LINE}", "and"]
    start = VectorTable(words, np.eye(5, SIZE, dtype=np.float32))
    still = Word2VecConfig(vector_size=SIZE, min_count=2, workers=1, **STILL)
    after = train(still, more, init=ModelRecord(start, {}), output=tmp_path / "m")
    np.testing.assert_allclose(
        after.vectors.rows[after.vectors.word_ids(words)], start.rows, atol=1e-6
    )


def test_a_word_with_a_line_end_is_refused(more: Path) -> None:
    """It would be two words in the training directory, from which training is resumed."""
    start = VectorTable(["word1", "x\ny", "and"], np.eye(3, SIZE, dtype=np.float32))
    with pytest.raises(ConfigError, match=r"init has a word with a line end, 'x\\ny'; leave it"):
        train(Word2VecConfig(vector_size=SIZE, min_count=2), more, init=ModelRecord(start, {}))


@pytest.mark.parametrize("part", ["ngrams", "counts"])
def test_an_interrupted_training_from_other_n_grams_or_counts_is_another(
    init: ModelRecord, more: Path, tmp_path: Path, part: str
) -> None:
    """Although all words have the same vectors."""
    output, stop = tmp_path / "model", StopRequest()

    def report(progress: Progress) -> None:
        stop.requested = bool(progress.epoch_ended)

    with pytest.raises(StoppedError):
        train(config(epochs=2), more, init=init, output=output, report=report, stop=stop)
    vectors = init.vectors
    assert vectors.subwords is not None
    assert vectors.counts is not None
    other = {
        "ngrams": {"subwords": replace(vectors.subwords, ngram_rows=-vectors.subwords.ngram_rows)},
        "counts": {"counts": vectors.counts + 1},
    }[part]
    manifest = read_interrupted(output)
    assert manifest is not None
    check_same_training(output, manifest, config(epochs=2), init, freeze=False)
    changed = ModelRecord(replace(vectors, **other), {})
    with pytest.raises(ModelError, match="has an interrupted training with another init"):
        check_same_training(output, manifest, config(epochs=2), changed, freeze=False)
