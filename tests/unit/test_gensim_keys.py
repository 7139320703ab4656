"""The key tables of gensim's names: the same answers as gensim's on the same vectors, and files."""

import gzip
from importlib import import_module
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedtool.gensim
from embedtool.gensim import (
    FastText,
    FastTextKeyedVectors,
    KeyedVectors,
    Word2Vec,
)
from tests.unit.gensim_models import (
    N_WORDS,
    ROWS,
    SIZE,
    WORDS,
    filled,
    small,
)


@pytest.fixture
def ours() -> KeyedVectors:
    return filled(KeyedVectors(SIZE))


@pytest.fixture
def theirs() -> Any:
    return filled(pytest.importorskip("gensim.models").KeyedVectors(SIZE))


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


def test_modules_have_gensims_names() -> None:
    for name in ("word2vec", "fasttext", "keyedvectors", "callbacks"):
        ours = import_module(f"embedtool.gensim.models.{name}")
        assert all(getattr(ours, each).__module__.startswith("embedtool") for each in ours.__all__)
        peer = pytest.importorskip(f"gensim.models.{name}")
        assert all(hasattr(peer, each) for each in ours.__all__)
    assert embedtool.gensim.models.Word2Vec is Word2Vec
