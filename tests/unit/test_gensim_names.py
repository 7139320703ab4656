"""gensim's names: the same answers as gensim's on the same vectors, and training step by step."""

import gzip
import logging
from collections.abc import Iterator
from importlib import import_module
from itertools import permutations
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
    FastTextKeyedVectors,
    KeyedVectors,
    LineSentence,
    Word2Vec,
    load_facebook_model,
    save_facebook_model,
)

N_WORDS, SIZE = 60, 8
WORDS = [f"w{i}" for i in range(N_WORDS - 2)] + ["Sea", "sea"]
ROWS = np.random.default_rng(3).normal(size=(N_WORDS, SIZE)).astype(np.float32)
SENTENCES = [["the", "sea", "and", "the", "ship"], ["the", "ship", "at", "sea"], ["a", "road"]] * 8
NEW_SENTENCES = [["the", "harbour", "at", "the", "sea"], ["harbour", "and", "ship"]] * 4


def filled(wv: Any) -> Any:
    wv.add_vectors(WORDS, ROWS)
    return wv


@pytest.fixture
def ours() -> KeyedVectors:
    return filled(KeyedVectors(SIZE))


@pytest.fixture
def theirs() -> Any:
    return filled(pytest.importorskip("gensim.models").KeyedVectors(SIZE))


def small(kind: Any = Word2Vec, sentences: Any = SENTENCES, **options: Any) -> Any:
    given = {"vector_size": SIZE, "min_count": 1, "workers": 1, "sample": 0, **options}
    return kind(sentences, **given)


QUERIES: dict[str, tuple[Any, ...]] = {
    "most_similar": ("w1",),
    "most_similar with both signs": (["w1", "w2"], ["w3"]),
    "most_similar with weights": ([("w1", 0.5), "w2"], [("w3", -2.0)]),
    "most_similar of a vector": ([ROWS[5], "w7"],),
    "most_similar of a row": (4,),
    "most_similar of many": ("w1", None, 200),
    "most_similar among some": (["w1"], [], 7, 10, 40),
    "most_similar restricted": (["w1"], [], 7, 0, None, 20),
    "most_similar without the last": (["w1"], [], 100, 0, -7),
    "most_similar among the last": (["w1"], [], 100, -7),
    "most_similar restricted from the end": (["w1"], [], 100, 0, None, -7),
    "most_similar among none": (["w1"], [], 7, 40, 10),
    "most_similar_cosmul": (["w1", "w2"], ["w3"]),
    "most_similar_cosmul of one": ("w1", None, 5),
    "similar_by_word": ("w9", 4, 30),
    "similar_by_vector": (ROWS[3], 5),
    "rank_by_centrality": (["w1", "w2", "w3", "w4"],),
    "rank_by_centrality of long vectors": (["w1", "w2", "w3", "w4"], False),
}


@pytest.mark.parametrize("query", QUERIES)
def test_rankings_are_those_of_gensim(query: str, ours: KeyedVectors, theirs: Any) -> None:
    method = query.partition(" ")[0]
    mine, expected = (getattr(wv, method)(*QUERIES[query]) for wv in (ours, theirs))
    named = 0 if method != "rank_by_centrality" else 1
    assert [pair[named] for pair in mine] == [pair[named] for pair in expected]
    scores = [[pair[1 - named] for pair in found] for found in (mine, expected)]
    np.testing.assert_allclose(*scores, rtol=1e-4, atol=1e-6)
    assert isinstance(mine, list)
    assert all(isinstance(pair, tuple) for pair in mine)


def test_a_restriction_is_a_slice_in_all_queries(ours: KeyedVectors) -> None:
    for method in (ours.most_similar, ours.most_similar_cosmul):
        for restrict in (20, -7):
            scores = method("w1", topn=None, restrict_vocab=restrict)
            answers = dict(method("w1", topn=N_WORDS, restrict_vocab=restrict))
            expected = [word for word in WORDS[:restrict] if word != "w1"]
            assert sorted(answers) == sorted(expected)
            found = [scores[WORDS.index(word)] for word in expected]
            np.testing.assert_allclose(found, [answers[word] for word in expected], atol=1e-6)
            assert len(scores) == len(expected) + 1


NUMBERS: dict[str, tuple[Any, ...]] = {
    "most_similar": ("w1", None, None),
    "most_similar_cosmul": (["w1"], ["w2"], None),
    "similarity": ("w1", "w2"),
    "distance": ("w1", "w2"),
    "distances": ("w1",),
    "distances to some": (ROWS[3], ["w1", "w2"]),
    "n_similarity": (["w1", "w2"], ["w3"]),
    "rank": ("w1", "w2"),
    "get_mean_vector": (["w1", "w2", ROWS[4]], [1, -2, 3]),
    "get_mean_vector as it is": (["w1", "unseen", "w2"], None, False, True),
    "get_normed_vectors": (),
    "get_vector": ("w1", True),
    "relative_cosine_similarity": ("w1", "w2", 5),
    "__getitem__": (["w1", "w2"],),
    "get_index": ("unseen", -1),
    "__len__": (),
}


@pytest.mark.parametrize("query", NUMBERS)
def test_numbers_are_those_of_gensim(query: str, ours: KeyedVectors, theirs: Any) -> None:
    method = query.partition(" ")[0]
    mine, expected = (getattr(wv, method)(*NUMBERS[query]) for wv in (ours, theirs))
    np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=1e-6)


def test_weights_in_a_dict_are_not_passed_over(ours: KeyedVectors) -> None:
    for method in (ours.most_similar, ours.most_similar_cosmul):
        with pytest.raises(TypeError, match=r"\[\(key, weight\), \.\.\.\]"):
            method({"w1": 2.0, "w2": -1.0})


def test_choices_are_those_of_gensim(ours: KeyedVectors, theirs: Any) -> None:
    group = ["w1", "w2", "w3", "w4"]
    assert ours.doesnt_match(group) == theirs.doesnt_match(group)
    assert ours.closer_than("w1", "w2") == theirs.closer_than("w1", "w2")
    assert ours.most_similar_to_given("w1", group[1:]) == theirs.most_similar_to_given(
        "w1", group[1:]
    )


def test_evaluations_are_those_of_gensim(ours: KeyedVectors, theirs: Any, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("# a comment\nW1\tw2\t1.5\nw3\tw4\t7\nw5\tunseen\t3\nw6\tw7\t2\nSEA\tw1\t4\n")
    questions = tmp_path / "questions.txt"
    questions.write_text(": one\nw1 w2 w3 w4\nw1 w2 unseen w4\n: two\nW5 w6 w7 sea\n")
    for with_unknown in (False, True):
        mine, expected = (
            wv.evaluate_word_pairs(pairs, dummy4unknown=with_unknown) for wv in (ours, theirs)
        )
        np.testing.assert_allclose(mine[0], expected[0], rtol=1e-4)
        np.testing.assert_allclose(mine[1], expected[1], rtol=1e-4)
        assert mine[2] == pytest.approx(expected[2])
        assert ours.evaluate_word_analogies(
            questions, dummy4unknown=with_unknown
        ) == theirs.evaluate_word_analogies(questions, dummy4unknown=with_unknown)


def test_the_word_movers_distance_is_the_least_cost_of_all_plans(ours: KeyedVectors) -> None:
    first, second = ["w1", "w2", "w2", "w3"], ["w4", "w2", "w5", "w6"]
    units = ours.get_normed_vectors()
    costs = np.linalg.norm(
        units[[ours.key_to_index[w] for w in first]][:, None]
        - units[[ours.key_to_index[w] for w in second]][None],
        axis=2,
    )
    least = min(costs[range(4), list(order)].mean() for order in permutations(range(4)))
    assert ours.wmdistance(first, second) == pytest.approx(least, rel=1e-5)
    assert ours.wmdistance(first, first) == 0
    assert ours.wmdistance(first, ["unseen"]) == np.inf


def test_errors_are_of_gensims_classes(ours: KeyedVectors) -> None:
    with pytest.raises(KeyError, match=r"^'unseen' is not in the vocabulary$"):
        ours.most_similar("unseen")
    with pytest.raises(KeyError):
        ours.n_similarity(["w1"], ["unseen"])
    with pytest.raises(ZeroDivisionError):
        ours.n_similarity([], ["w1"])
    with pytest.raises(ValueError, match="a query needs a key"):
        ours.most_similar()
    with pytest.raises(ValueError, match="needs a positive key"):
        ours.most_similar_cosmul(negative=["w1"])
    assert ours.most_similar("w1", topn=0) == []


def test_keys_can_be_added_and_replaced(ours: KeyedVectors) -> None:
    ours["new"] = np.ones(SIZE)
    ours.add_vectors(["w1", "newer"], np.stack([np.zeros(SIZE), np.ones(SIZE)]))
    np.testing.assert_array_equal(ours["w1"], ROWS[1])
    assert ours.most_similar("new", topn=1) == [("newer", pytest.approx(1))]
    ours["w1"] = -ROWS[1]
    np.testing.assert_array_equal(ours["w1"], -ROWS[1])
    assert ours.add_vector("newest", ROWS[0]) == len(ours) - 1
    with pytest.raises(ValueError, match="shape"):
        ours.add_vectors(["x"], np.ones(SIZE + 1))


@pytest.mark.parametrize("kind", [Word2Vec, FastText])
def test_sorting_keeps_all_that_a_key_has(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    text = [["rare", "the"], ["the", "sea"], ["sea", "the"]]
    wv = small(kind, text, sorted_vocab=0).wv
    wv.vectors_lockf = np.array([0, 1, 1], np.float32)
    wv.set_vecattr("rare", "length", 4)
    arrays = ["vectors", "vectors_lockf"]
    if kind is FastText:
        wv.vectors_vocab_lockf = np.array([1, 0, 1], np.float32)
        arrays += ["vectors_vocab", "vectors_vocab_lockf"]

    def held(key: str) -> list[Any]:
        attributes = [wv.get_vecattr(key, name) for name in ("count", "length")]
        return [*attributes, *(getattr(wv, name)[wv.get_index(key)].tolist() for name in arrays)]

    before = {key: held(key) for key in wv.index_to_key}
    assert list(before) == ["rare", "the", "sea"]
    wv.sort_by_descending_frequency()
    assert wv.index_to_key == ["the", "sea", "rare"]
    assert {key: held(key) for key in wv.index_to_key} == before
    assert "output layer" in caplog.text


def test_attributes_of_keys_keep_their_type(ours: KeyedVectors) -> None:
    ours.set_vecattr("w1", "count", 7)
    ours.add_vector("new", ROWS[0])
    assert ours.get_vecattr("w1", "count") == 7
    assert ours.get_vecattr("new", "count") == 0
    with pytest.raises(TypeError, match="holds int64, not float"):
        ours.set_vecattr("w1", "count", 1.5)


def test_vectors_that_are_not_as_many_as_keys_are_refused(ours: KeyedVectors) -> None:
    ours.vectors = ROWS[:-1]
    for ask in (ours.get_vector, ours.most_similar):
        with pytest.raises(ValueError, match="60 keys and 59 vectors"):
            ask("sea")


def test_a_vector_cannot_be_written_to(ours: KeyedVectors) -> None:
    with pytest.raises(ValueError, match="read-only"):
        ours["w1"][0] = 1


@pytest.mark.parametrize("binary", [True, False])
def test_files_of_word2vec_are_those_of_gensim(
    binary: bool, ours: KeyedVectors, theirs: Any, tmp_path: Path
) -> None:
    paths = [tmp_path / "ours", tmp_path / "theirs"]
    for wv, path in zip((ours, theirs), paths, strict=True):
        wv.save_word2vec_format(str(path), binary=binary)
    for reader, path in ((type(theirs), paths[0]), (KeyedVectors, paths[1])):
        read = reader.load_word2vec_format(str(path), binary=binary)
        assert read.index_to_key == WORDS
        np.testing.assert_array_equal(read.vectors, ROWS)
    limited = KeyedVectors.load_word2vec_format(
        paths[1], binary=binary, limit=5, datatype=np.float16
    )
    assert limited.index_to_key == WORDS[:5]
    assert limited.vectors.dtype == np.float16


def test_a_limit_of_zero_reads_all_and_a_header_can_be_missing(
    ours: KeyedVectors, tmp_path: Path
) -> None:
    path = tmp_path / "text"
    ours.save_word2vec_format(path, write_header=False)
    with pytest.raises(ValueError, match="use no_header=True"):
        KeyedVectors.load_word2vec_format(path)
    assert len(KeyedVectors.load_word2vec_format(path, no_header=True, limit=0)) == N_WORDS
    path.write_bytes(path.read_bytes().replace(b"w1 ", b"w\xff "))
    with pytest.raises(ValueError, match="unicode_errors="):
        KeyedVectors.load_word2vec_format(path, no_header=True)


def test_a_compressed_file_is_read_and_not_pretended(ours: KeyedVectors, tmp_path: Path) -> None:
    ours.save_word2vec_format(tmp_path / "text")
    packed = tmp_path / "text.gz"
    packed.write_bytes(gzip.compress((tmp_path / "text").read_bytes()))
    np.testing.assert_array_equal(KeyedVectors.load_word2vec_format(packed).vectors, ROWS)
    with pytest.raises(NotImplementedError, match=r"written uncompressed; leave out \.gz"):
        ours.save_word2vec_format(packed)


def test_ranks_in_place_of_counts_are_not_saved_as_counts(
    ours: KeyedVectors, tmp_path: Path
) -> None:
    ours.save_word2vec_format(tmp_path / "text")
    read = KeyedVectors.load_word2vec_format(tmp_path / "text")
    assert read.get_vecattr("w0", "count") == N_WORDS
    with pytest.raises(ValueError, match="counts of the words are not known"):
        read.save_word2vec_format(tmp_path / "text", fvocab=tmp_path / "vocabulary")
    read.save(tmp_path / "folder")
    assert "count" not in KeyedVectors.load(tmp_path / "folder").expandos


def test_vectors_with_ngrams_and_keys_that_are_numbers_are_not_lost_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small(FastText, bucket=100).wv.save(tmp_path / "folder")
    KeyedVectors.load(tmp_path / "folder")
    assert "has n-grams; FastTextKeyedVectors.load gives" in caplog.text
    assert FastTextKeyedVectors.load(tmp_path / "folder")["ships"].any()
    numbered = KeyedVectors(SIZE)
    numbered.add_vectors([5, 3], ROWS[:2])
    np.testing.assert_array_equal(numbered[3], ROWS[1])
    with pytest.raises(TypeError, match="keys of type str, not int"):
        numbered.save(tmp_path / "numbered")


def test_a_pickle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"\x80\x04\x95")
    for kind in (Word2Vec, FastText, KeyedVectors):
        with pytest.raises(Exception, match="is a pickle, which can run code"):
            kind.load(tmp_path / "model")


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


def test_modules_have_gensims_names() -> None:
    for name in ("word2vec", "fasttext", "keyedvectors", "callbacks"):
        ours = import_module(f"embedtool.gensim.models.{name}")
        assert all(getattr(ours, each).__module__.startswith("embedtool") for each in ours.__all__)
        peer = pytest.importorskip(f"gensim.models.{name}")
        assert all(hasattr(peer, each) for each in ours.__all__)
    assert embedtool.gensim.models.Word2Vec is Word2Vec


def test_a_seed_of_none_is_drawn() -> None:
    assert not np.array_equal(small(seed=None).wv.vectors, small(seed=None).wv.vectors)


def test_lines_of_a_file_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("the sea\n\na b c\n")
    assert list(LineSentence(path)) == [["the", "sea"], ["a", "b", "c"]]
    assert list(LineSentence(path, max_sentence_length=2, limit=3))[1:] == [["a", "b"], ["c"]]
