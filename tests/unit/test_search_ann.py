"""The index of neighbours: what it finds, what it says of itself, and what it refuses."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from embedtool.errors import MissingExtraError, ModelError, NoAnswerError, QueryError
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.ann import DESCRIPTION, GRAPH, build, describe, open_index
from embedtool.search.query import analogy_batch, similar, similar_batch, similar_to_vectors
from tests.conftest import Run
from tests.factories import clustered_vectors, saved_model

N_WORDS = 600


def clustered(seed: int = 0) -> VectorTable:
    """Vectors with near neighbours, as words have; the last has no direction."""
    vectors = clustered_vectors(N_WORDS, 40, 0.3, seed=seed)
    vectors.rows[-1] = 0
    return vectors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "model", clustered(), algorithm="made up")


def test_it_finds_what_the_exact_search_finds(folder: Path) -> None:
    vectors = store.load(folder).vectors
    made = build(vectors, folder, 0.95)
    assert made == describe(folder)
    assert made.recall >= 0.95
    words = list(vectors.words[:200])
    exact = similar_batch(vectors, words)
    found = similar_batch(vectors, words, index=open_index(vectors, folder))
    shared = [len(set(a) & set(b)) for a, b in zip(exact, found, strict=True)]
    assert np.mean(shared) > 9.5
    for word, answers in zip(words, found, strict=True):
        assert len(answers) == 10
        assert word not in {answer.word for answer in answers}
        scores = [answer.score for answer in answers]
        assert scores == sorted(scores, reverse=True)


def test_recall_that_is_asked_for_makes_searches_go_further(folder: Path) -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((6000, 120)).astype(np.float32)
    vectors = VectorTable([f"w{i}" for i in range(6000)], rows)
    little, much = build(vectors, folder, 0.1), build(vectors, folder, 1.0)
    assert little.expansion < much.expansion
    assert little.recall < much.recall


def test_query_words_may_answer_and_analogies_use_it(folder: Path) -> None:
    vectors = store.load(folder).vectors
    build(vectors, folder, 1.0)
    index = open_index(vectors, folder)
    assert (
        similar_batch(vectors, ["w3"], 1, include_query_words=True, index=index)[0][0].word == "w3"
    )
    expression = "w1 - w2 + w3"
    exact = analogy_batch(vectors, [expression], 3)[0]
    assert analogy_batch(vectors, [expression], 3, index=index)[0] == exact


def test_more_answers_than_words_and_a_query_without_direction(folder: Path) -> None:
    vectors = store.load(folder).vectors
    build(vectors, folder, 0.95)
    index = open_index(vectors, folder)
    n_found = len(similar_batch(vectors, ["w0"], 5000, index=index)[0])
    assert 0.9 * N_WORDS < n_found <= N_WORDS - 2  # not every word can be reached in the graph
    with pytest.raises(NoAnswerError, match="query vector is all zeros and has no direction"):
        similar_to_vectors(vectors, np.zeros((1, 12), np.float32), 3, index=index)


def test_limits_and_3cosmul_need_the_exact_search(folder: Path) -> None:
    vectors = store.load(folder).vectors
    build(vectors, folder, 0.9)
    index = open_index(vectors, folder)
    with pytest.raises(QueryError, match="an index searches among all words"):
        similar_batch(vectors, ["w0"], candidates=np.arange(5), index=index)
    with pytest.raises(QueryError, match="not by method='3cosmul'"):
        analogy_batch(vectors, ["w0 - w1"], method="3cosmul", index=index)


def test_vectors_without_any_direction_have_no_index(folder: Path) -> None:
    zeros = VectorTable(["a", "b"], np.zeros((2, 3), np.float32))
    with pytest.raises(QueryError, match="nothing to index"):
        build(zeros, folder, 0.9)


def test_an_index_of_other_vectors_is_refused(folder: Path, run: Run) -> None:
    assert run("index", folder).exit_code == 0
    other = clustered(seed=1)
    with pytest.raises(ModelError, match="the index belongs to other vectors; build it with"):
        open_index(other, folder)
    store.save(ModelRecord(other, {"algorithm": "made up"}), folder, overwrite=True)
    assert not (folder / GRAPH).exists()
    result = run("similar", folder, "w0", "--approximate")
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {folder}: has no index for approximate search; "
        f"build it with: embedtool index {folder}\n"
    )


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"words": 1, "more": 2}'])
def test_a_broken_description_is_named(content: bytes, folder: Path) -> None:
    (folder / DESCRIPTION).write_bytes(content)
    with pytest.raises(
        ModelError, match=r"neighbours.json: is not that of an index; build it again with"
    ):
        describe(folder)


@pytest.mark.parametrize("kept", [0, 10, 64, 500])
def test_a_graph_that_is_cut_short_is_named(kept: int, folder: Path) -> None:
    vectors = store.load(folder).vectors
    build(vectors, folder, 0.9)
    whole = (folder / GRAPH).read_bytes()
    (folder / GRAPH).write_bytes(whole[:kept])
    with pytest.raises(
        ModelError, match=r"neighbours.usearch: .*build it with: embedtool.search.ann.build"
    ):
        open_index(vectors, folder)


def test_from_the_command_line(folder: Path, run: Run) -> None:
    made = run("index", folder, "--recall", "0.9")
    assert made.exit_code == 0
    assert "recall@10" in made.stderr
    exact = run("similar", folder, "w1", "w2", "--tsv")
    found = run("similar", folder, "w1", "w2", "--tsv", "--approximate")
    assert (found.exit_code, found.stdout) == (0, exact.stdout)
    shown = json.loads(run("info", folder, "--json").stdout)["index"]
    assert shown["recall"] >= 0.9
    assert shown["sample"] == N_WORDS - 1
    assert similar(store.load(folder).vectors, "w1")[0].word in found.stdout


@pytest.mark.slow
def test_recall_that_random_vectors_do_not_have_is_said(run: Run, folder: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 200)).astype(np.float32)
    vectors = VectorTable([f"w{i}" for i in range(20_000)], rows)
    store.save(ModelRecord(vectors, {"algorithm": "made up"}), folder, overwrite=True)
    result = run("index", folder, "--recall", "1")
    assert result.exit_code == 0
    assert "Warning: that is less than 1; the vectors have few near neighbours" in result.stderr


def test_without_the_library_the_extra_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embedtool\[index\]'"):
        build(store.load(folder).vectors, folder, 0.9)
