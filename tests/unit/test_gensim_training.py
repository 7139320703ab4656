"""Training by gensim's names: step by step, with callbacks, and in subclasses."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedtool.gensim
from embedtool.gensim import (
    RULE_DEFAULT,
    RULE_DISCARD,
    RULE_KEEP,
    CallbackAny2Vec,
    FastText,
    KeyedVectors,
    LineSentence,
    Word2Vec,
    load_facebook_model,
    save_facebook_model,
)
from tests.unit.gensim_models import NEW_SENTENCES, ROWS, SENTENCES, SIZE, small


@pytest.mark.parametrize("options", [{}, {"sg": 1}, {"hs": 1, "negative": 0}], ids=str)
@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_building_and_training_is_the_same_as_both_at_once(
    kind: Any, options: dict[str, int]
) -> None:
    if kind is FastText:
        options = {**options, "bucket": 100}
    once = small(kind, **options)
    stepwise = small(kind, None, **options)
    stepwise.build_vocab(iter(SENTENCES))
    assert stepwise.train(iter(SENTENCES), total_examples=stepwise.corpus_count, epochs=5) == (
        once.corpus_total_words * 5, once.corpus_total_words * 5
    )  # fmt: skip
    np.testing.assert_array_equal(once.wv.vectors, stepwise.wv.vectors)
    assert once.wv.get_vecattr("the", "count") == 24


def test_training_is_that_of_embedtool(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("".join(" ".join(sentence) + "\n" for sentence in SENTENCES))
    rate = 0.0001 + (0.025 - 0.0001) / 5  # the last of five jobs
    config = embedtool.Word2VecConfig(
        vector_size=SIZE, min_count=1, sample=0, learning_rate=0.025, min_learning_rate=rate,
        workers=1,
    )  # fmt: skip
    expected = embedtool.train(config, path)
    for model in (small(), small(sentences=None, corpus_file=path)):
        assert model.wv.index_to_key == list(expected.vectors.words)
        np.testing.assert_array_equal(model.wv.vectors, expected.vectors.rows)


@pytest.mark.parametrize("options", [{}, {"hs": 1, "negative": 0}], ids=str)
def test_a_vocabulary_grows_and_keeps_its_vectors(options: dict[str, int]) -> None:
    model = small(**options)
    before = model.wv.vectors.copy()
    model.build_vocab(NEW_SENTENCES, update=True)
    assert model.wv.index_to_key[-1] == "harbour"
    assert model.wv.get_vecattr("the", "count") == 24 + 8
    np.testing.assert_array_equal(model.wv.vectors[:-1], before)
    model.train(NEW_SENTENCES, total_examples=8, epochs=2)
    assert not np.array_equal(model.wv["harbour"], before[-1])


def test_training_goes_on_where_it_stopped_with_hierarchical_softmax() -> None:
    model = small(hs=1, negative=0, compute_loss=True)
    first = model.get_latest_training_loss()
    model.train(SENTENCES, total_examples=24, epochs=5, compute_loss=True)
    assert 0 < model.get_latest_training_loss() < first


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
@pytest.mark.parametrize("options", [{}, {"hs": 1, "negative": 0}], ids=str)
def test_a_saved_model_trains_on_as_if_it_had_not_been_saved(
    kind: Any, options: dict[str, int], tmp_path: Path
) -> None:
    if kind is FastText:
        options = {**options, "bucket": 100}
    model = small(kind, **options)
    model.build_vocab(NEW_SENTENCES, update=True)
    model.save(tmp_path / "model")
    loaded = kind.load(tmp_path / "model")
    for each in (model, loaded):
        each.train(NEW_SENTENCES, total_examples=each.corpus_count, epochs=3)
    assert loaded.wv.index_to_key == model.wv.index_to_key
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)


def test_a_model_that_embedtool_trained_can_be_trained_on(tmp_path: Path) -> None:
    config = embedtool.Word2VecConfig(vector_size=SIZE, min_count=1, mode="skipgram", workers=1)
    embedtool.train(config, SENTENCES, output=tmp_path / "model")
    model = Word2Vec.load(tmp_path / "model")
    assert (model.sg, model.alpha, model.negative) == (1, 0.025, 5)
    model.train(SENTENCES, total_examples=24, epochs=1)
    with pytest.raises(AttributeError, match="not a model of FastText"):
        FastText.load(tmp_path / "model")


class Recorder(CallbackAny2Vec):
    """Notes what it is called for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.norms: list[float] = []

    def on_train_begin(self, model: Word2Vec) -> None:
        self.calls.append("train begins")

    def on_train_end(self, model: Word2Vec) -> None:
        self.calls.append("train ends")

    def on_epoch_begin(self, model: Word2Vec) -> None:
        self.calls.append("epoch begins")

    def on_epoch_end(self, model: Word2Vec) -> None:
        self.calls.append("epoch ends")
        self.norms.append(float(np.linalg.norm(model.wv.vectors)))


def test_callbacks_see_the_vectors_of_each_epoch() -> None:
    recorder = Recorder()
    model = small(epochs=3, callbacks=[recorder], sg=1)
    epochs = ["epoch begins", "epoch ends"] * 3
    assert recorder.calls == ["train begins", *epochs, "train ends"]
    assert len(set(recorder.norms)) == 3
    assert recorder.norms[-1] == float(np.linalg.norm(model.wv.vectors))
    np.testing.assert_array_equal(model.wv.vectors, small(epochs=3, sg=1).wv.vectors)


def test_locked_vectors_stay_as_they_are() -> None:
    model = small(sentences=None)
    model.build_vocab(SENTENCES)
    model.wv.vectors_lockf = np.ones(len(model.wv), np.float32)
    model.wv.vectors_lockf[1] = 0
    before = model.wv.vectors.copy()
    model.train(SENTENCES, total_examples=24, epochs=2)
    np.testing.assert_array_equal(model.wv.vectors[1], before[1])
    assert not np.array_equal(model.wv.vectors[0], before[0])
    model.wv.vectors_lockf[1] = 0.5
    with pytest.raises(NotImplementedError, match="a lock factor is 0"):
        model.train(SENTENCES, total_examples=24, epochs=2)


def test_vectors_of_a_file_replace_those_of_shared_words(tmp_path: Path) -> None:
    other = KeyedVectors(SIZE)
    other.add_vectors(["sea", "unseen"], ROWS[:2])
    other.save_word2vec_format(tmp_path / "text")
    model = small(sentences=None)
    model.build_vocab(SENTENCES)
    model.wv.intersect_word2vec_format(tmp_path / "text", lockf=0.0)
    model.train(SENTENCES, total_examples=24, epochs=1)
    np.testing.assert_array_equal(model.wv["sea"], ROWS[0])
    assert "unseen" not in model.wv


def test_a_rule_and_a_limit_choose_the_words() -> None:
    def rule(word: str, count: int, min_count: int) -> int:
        return {"the": RULE_DISCARD, "road": RULE_KEEP}.get(word, RULE_DEFAULT)

    model = small(min_count=10, trim_rule=rule)
    assert model.wv.index_to_key == ["sea", "ship", "road"]
    limited = small(max_final_vocab=3)
    assert limited.wv.index_to_key == ["the", "sea", "ship"]
    assert limited.effective_min_count == 9
    unsorted = small(sorted_vocab=0)
    assert unsorted.wv.index_to_key[:5] == ["the", "sea", "and", "ship", "at"]


def test_fasttext_gives_new_words_a_vector() -> None:
    model = small(FastText, bucket=100)
    assert "ships" in model.wv
    assert not model.wv.has_index_for("ships")
    assert "ships" in dict(model.wv.most_similar("ship")) or model.wv.most_similar("ships")
    assert model.wv["ships"].any()
    without = small(FastText, bucket=0)
    assert "ships" not in without.wv
    with pytest.raises(KeyError):
        without.wv["ships"]


@pytest.mark.parametrize("bucket", [100, 0])
def test_given_vectors_of_fasttext_are_written_and_trained_on(tmp_path: Path, bucket: int) -> None:
    model = small(FastText, bucket=bucket, epochs=1)
    model.wv.add_vectors(["sea", "ship"], ROWS[:2], replace=True)
    model.wv.add_vector("the", ROWS[2])  # is known, and stays
    expected = model.wv.vectors.copy()
    save_facebook_model(model, tmp_path / "model.bin")
    written = load_facebook_model(tmp_path / "model.bin").wv
    np.testing.assert_allclose(written.vectors, expected, atol=1e-5)
    model.train(SENTENCES, total_examples=24, epochs=1, start_alpha=1e-4)
    np.testing.assert_allclose(model.wv.vectors, expected, atol=1e-2)
    model.wv.add_vector("harbour", ROWS[3])
    assert model.wv.vectors_vocab.shape == model.wv.vectors.shape


@pytest.mark.parametrize("options", [{"sg": 1}, {"sg": 0}, {"sg": 0, "cbow_mean": 0}], ids=str)
def test_scores_are_those_of_gensim_on_the_same_weights(options: dict[str, int]) -> None:
    peers = pytest.importorskip("gensim.models")
    # Counts of 18, 9, 4, 2, 1 have one Huffman tree only.
    text = [list("abac")] * 4 + [list("abad")] * 2 + [list("bababe"), list("aaaa")]
    mine, peer = (
        small(kind, text, hs=1, negative=0, **options) for kind in (Word2Vec, peers.Word2Vec)
    )
    order = [peer.wv.key_to_index[word] for word in mine.wv.index_to_key]
    mine.wv.vectors, mine.syn1 = peer.wv.vectors[order], peer.syn1
    asked = [*text, ["unseen"], ["c", "unseen", "e", "a"]]
    # gensim looks logarithms up in a table of 1,000 numbers.
    np.testing.assert_allclose(mine.score(asked), peer.score(asked, len(asked)), rtol=0.03)


def test_predicted_words_are_those_of_gensim_on_the_same_weights() -> None:
    peers = pytest.importorskip("gensim.models")
    mine, peer = small(), small(peers.Word2Vec)
    order = [peer.wv.key_to_index[word] for word in mine.wv.index_to_key]
    mine.wv.vectors, mine.syn1neg = peer.wv.vectors[order], peer.syn1neg[order]
    found, expected = (each.predict_output_word(["the", "sea"], topn=3) for each in (mine, peer))
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], rtol=1e-4)


def generator() -> Iterator[list[str]]:
    yield from SENTENCES


def test_a_generator_and_arrays_of_words_will_do() -> None:
    expected = small().wv.vectors
    np.testing.assert_array_equal(small(sentences=generator()).wv.vectors, expected)
    arrays = [np.array(sentence) for sentence in SENTENCES]
    np.testing.assert_array_equal(small(sentences=arrays).wv.vectors, expected)


WRONG: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "a str in place of a sentence": (TypeError, "sentence 1 is str", {"sentences": ["the sea"]}),
    "a str in place of sentences": (TypeError, "iterable of lists", {"sentences": "the sea"}),
    "tokens that are numbers": (TypeError, "is int, not str", {"sentences": [[1, 2]]}),
    "no sentences": (RuntimeError, "no sentences", {"sentences": []}),
    "sentences of one word": (RuntimeError, "a lower min_count", {"sentences": [["a"], ["b"]]}),
    "no frequent word": (RuntimeError, "lower min_count", {"min_count": 1000}),
    "no file": (TypeError, "path of a file", {"sentences": None, "corpus_file": "none"}),
    "two texts": (TypeError, "either sentences or", {"corpus_file": __file__}),
    "no loss": (ValueError, "hs and negative are both 0", {"hs": 0, "negative": 0}),
    "a callback of numbers": (TypeError, "int has no on_train_begin", {"callbacks": [3]}),
    "jobs of no words": (ValueError, "batch_words must be at least 1", {"batch_words": 0}),
    "a rising rate": (ValueError, "min_alpha=1 is above alpha=0.025", {"min_alpha": 1}),
    "a null word": (NotImplementedError, "null_word", {"null_word": 1}),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_refused_in_a_line(case: str) -> None:
    kind, message, options = WRONG[case]
    with pytest.raises(kind, match=message):
        small(**{"sentences": SENTENCES, **options})


IGNORED = {
    "hashfxn": {"hashfxn": len},
    "max_vocab_size": {"max_vocab_size": 2},
    "only hierarchical softmax is trained": {"hs": 1},
}


@pytest.mark.parametrize("word", IGNORED)
def test_arguments_that_are_ignored_are_named(word: str, caplog: pytest.LogCaptureFixture) -> None:
    small(**IGNORED[word])
    assert word in caplog.text


def test_the_log_tells_what_was_read_and_trained(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "embedtool.gensim"):
        model = small(epochs=1)
        model.train([*SENTENCES, []], total_examples=24, total_words=88, epochs=2, start_alpha=1e-4)
    assert caplog.messages == [
        "88 tokens, 7 distinct words, 24 sentences",
        "epoch 1 of 1: 88 tokens",
        "total_examples=24, but the text has 25",
        "epoch 1 of 2: 88 tokens",
        "epoch 2 of 2: 88 tokens",
    ]


def test_missing_arguments_of_train_are_named() -> None:
    model = small(sentences=None)
    with pytest.raises(RuntimeError, match="vocabulary has 0 words"):
        model.train(SENTENCES, total_examples=24, epochs=1)
    model.build_vocab(SENTENCES)
    with pytest.raises(ValueError, match="train needs epochs"):
        model.train(SENTENCES, total_examples=24)
    with pytest.raises(RuntimeError, match="no vocabulary to update"):
        small(sentences=None).build_vocab(SENTENCES, update=True)


def test_a_subclass_can_train_on_words_that_were_counted_once() -> None:
    class Walks(Word2Vec):
        def train(self, walks: Any, **options: Any) -> Any:
            return super().train(walks, total_examples=24, epochs=2, **options)

    model = Walks(vector_size=SIZE, min_count=1, sg=1, workers=1)
    model.build_vocab([word] for word in sorted({w for s in SENTENCES for w in s}))
    before = model.wv.vectors.copy()
    model.train(generator())
    assert not np.array_equal(before, model.wv.vectors)


def test_a_subclass_may_make_its_sentences_in_jobs_as_fastnode2vec_does() -> None:
    jobs: list[int] = []

    class Walks(Word2Vec):
        def _do_train_job(self, sentences: Any, alpha: float, inits: Any) -> tuple[int, int]:
            jobs.append(len(sentences))
            return super()._do_train_job([SENTENCES[i] for i, *_ in sentences], alpha, inits)

    model = Walks(vector_size=SIZE, min_count=1, workers=1, sample=0, batch_words=50)
    model.build_vocab(SENTENCES)
    starts = ([i] * (60 if i == 1 else 10) for i in range(len(SENTENCES)))
    model.train(starts, total_examples=24, epochs=5)
    assert jobs == [1, 1, 5, 5, 5, 5, 2]  # of gensim's sizes
    np.testing.assert_array_equal(model.wv.vectors, small(batch_words=50).wv.vectors)


def test_the_learning_rate_falls_to_that_of_gensims_last_job() -> None:
    def vectors(**options: Any) -> Any:
        return small(epochs=1, **options).wv.vectors

    of_one_job = vectors()
    np.testing.assert_array_equal(of_one_job, vectors(min_alpha=0.025))
    of_many = vectors(batch_words=1)
    assert np.linalg.norm(of_many) < np.linalg.norm(of_one_job)
    assert not np.array_equal(of_many, vectors(batch_words=1, min_alpha=0.025))


def test_a_seed_of_none_is_drawn() -> None:
    assert not np.array_equal(small(seed=None).wv.vectors, small(seed=None).wv.vectors)


def test_lines_of_a_file_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("the sea\n\na b c\n")
    assert list(LineSentence(path)) == [["the", "sea"], ["a", "b", "c"]]
    assert list(LineSentence(path, max_sentence_length=2, limit=3))[1:] == [["a", "b"], ["c"]]
