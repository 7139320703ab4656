"""Trainings done again: the sample of each run, what is kept, and what runs have in common."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from embedtool.analysis.neighbours import neighbourhood_overlap
from embedtool.config.text import TextConfig
from embedtool.config.training import Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, resample
from embedtool.corpus.scanning import END, ID
from embedtool.errors import EvaluationError, ModelError, StoppedError
from embedtool.evaluation.tasks import PairSet
from embedtool.experiments.runs import (
    EXPERIMENT,
    RESULT,
    is_experiment,
    open_runs,
    run_path,
    train_runs,
)
from embedtool.experiments.stability import stability, stable_neighbours
from embedtool.io.array_file import map_file
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from tests.factories import encoded_text, random_vectors, write

CONFIG = Word2VecConfig(vector_size=8, epochs=1, min_count=1, workers=1)


def sentences(corpus: EncodedCorpus) -> list[tuple[int, ...]]:
    starts = [0, *corpus.ends[:-1].tolist()]
    return [
        tuple(corpus.ids[start:end].tolist())
        for start, end in zip(starts, corpus.ends.tolist(), strict=True)
    ]


@pytest.mark.parametrize("block", [1, 3, 2**20])
def test_sentences_are_drawn_with_replacement(tmp_path, monkeypatch, block):
    monkeypatch.setattr("embedtool.corpus.encoding.RESAMPLED_TOKENS", block)
    lines = [" ".join(f"w{i}" for _ in range(1 + i % 4)) for i in range(40)]
    whole = encoded_text(write(tmp_path / "text.txt", "\n".join(lines)), tmp_path)
    there = sentences(whole)
    drawn = sentences(resample(whole, 5, tmp_path))
    assert len(drawn) == len(there) == 40
    places = [there.index(sentence) for sentence in drawn]
    assert places == np.sort(np.random.default_rng(5).integers(0, 40, 40)).tolist()
    again = resample(whole, 6, tmp_path)
    assert sentences(again) != drawn and again.vocabulary is whole.vocabulary
    assert len(again.ids) == again.ends[-1]


def test_long_sentences_are_drawn_in_bounded_memory(tmp_path, monkeypatch):
    n, length = 40, 5000
    np.zeros(n * length, "<i4").tofile(tmp_path / "long-ids")
    (np.arange(1, n + 1, dtype="<i8") * length).tofile(tmp_path / "long-ends")
    whole = EncodedCorpus(
        encoded_text(write(tmp_path / "text.txt", "one word"), tmp_path).vocabulary,
        map_file(tmp_path / "long-ids", ID), map_file(tmp_path / "long-ends", END), "",
    )  # fmt: skip

    def peak() -> int:
        tracemalloc.start()
        drawn = resample(whole, 3, tmp_path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(drawn.ends) == n and len(drawn.ids) == n * length
        return most

    at_once = peak()
    monkeypatch.setattr("embedtool.corpus.encoding.RESAMPLED_TOKENS", 2 * length)
    assert peak() < at_once / 4


def train(text: Path, folder: Path, n_runs: int, **changes: object) -> None:
    options = {"sampling": "bootstrap", "config": CONFIG, **changes}
    train_runs(
        "word2vec", Corpus([str(text)], TextConfig()), options["config"], folder, n_runs,
        options["sampling"],
    )  # fmt: skip


def test_existing_runs_stay_and_more_are_added(text, tmp_path):
    folder = tmp_path / "runs"
    train(text, folder, 2)
    first = (run_path(folder, 0) / store.VECTORS).read_bytes()
    assert is_experiment(folder) and len(open_runs(folder)) == 2
    train(text, folder, 3)
    assert (run_path(folder, 0) / store.VECTORS).read_bytes() == first
    assert len(open_runs(folder)) == 3 and len(open_runs(folder, 2)) == 2
    seeds = [store.describe(run_path(folder, i))["options"]["seed"] for i in range(3)]
    assert seeds == [1, 2, 3]
    assert len({tuple(run.rows[0]) for run in open_runs(folder)}) == 3


def test_a_run_on_the_whole_text_is_a_training(text, tmp_path, run):
    train(text, tmp_path / "runs", 1, sampling="fixed")
    options = ["--vector-size", 8, "--epochs", 1, "--min-count", 1, "--workers", 1]
    run("train", "word2vec", text, "--output", tmp_path / "model", *options)
    alone = store.load(tmp_path / "model").vectors
    assert (open_runs(tmp_path / "runs")[0].rows == alone.rows).all()


def test_other_options_other_text_and_other_folders_are_refused(text, tmp_path):
    folder = tmp_path / "runs"
    train(text, folder, 1)
    with pytest.raises(ModelError, match="differ in sampling, there 'bootstrap'; choose"):
        train(text, folder, 1, sampling="fixed")
    other = Word2VecConfig(vector_size=9, epochs=1, min_count=1)
    with pytest.raises(ModelError, match="differ in vector_size, there 8; choose"):
        train(text, folder, 1, config=other)
    text.write_text(text.read_text() + "the king\n")
    with pytest.raises(ModelError, match="differ in the text; choose"):
        train(text, folder, 1)
    with pytest.raises(ModelError, match=r"already exists and has no experiment\.json"):
        train(text, tmp_path, 1)
    (folder / EXPERIMENT).write_text("[")
    with pytest.raises(ModelError, match="is damaged"):
        train(text, folder, 1)


def test_an_interrupted_run_keeps_those_before_it(text, tmp_path, monkeypatch):
    folder, save = tmp_path / "runs", store.save

    def save_one(model, path, **options):
        if path == run_path(folder, 1):
            raise KeyboardInterrupt
        save(model, path, **options)

    monkeypatch.setattr(store, "save", save_one)
    with pytest.raises(StoppedError, match="1 of 3 runs are kept"):
        train(text, folder, 3)
    assert len(open_runs(folder)) == 1
    monkeypatch.undo()
    train(text, folder, 3)
    assert len(open_runs(folder)) == 3


def test_a_folder_without_runs(tmp_path):
    with pytest.raises(ModelError, match="contains no runs; make them with: embedtool stability"):
        open_runs(tmp_path)
    (tmp_path / EXPERIMENT).write_text("{}")
    with pytest.raises(ModelError, match="contains no finished run"):
        open_runs(tmp_path)


@pytest.fixture(scope="module")
def runs() -> list[VectorTable]:
    """Three models that differ by noise."""
    whole = random_vectors(300, seed=1)
    return [
        VectorTable(whole.words, whole.rows + np.float32(0.3) * random_vectors(300, seed=seed).rows)
        for seed in (2, 3, 4)
    ]


def test_the_overlap_of_runs(runs):
    pairs = PairSet("pairs", tuple((f"w{i}", f"w{2 * i + 1}", float(i % 7)) for i in range(90)))
    found = stability(runs, [pairs])
    each = [neighbourhood_overlap(runs[a], runs[b]).mean for a, b in ((0, 1), (0, 2), (1, 2))]
    assert found.overlap == pytest.approx(np.mean(each))
    assert found.jaccard < found.overlap
    assert (found.n_runs, found.k, found.n_words) == (3, 10, 300)
    assert [(band.first, band.last) for band in found.bands] == [(1, 100), (101, 300)]
    (spread,) = found.scores
    assert (spread.dataset, spread.measure) == ("pairs", "Spearman")
    values = np.array(spread.values)
    assert spread.deviation == pytest.approx(values.std(ddof=1))
    reach = 4.302652729749464 * values.std(ddof=1) / np.sqrt(3)
    assert spread.interval.high == pytest.approx(values.mean() + reach)
    assert (spread.low, spread.high) == (values.min(), values.max())
    same = stability([runs[0], runs[0]], [])
    assert same.overlap == same.jaccard == 1 and same.bands[0].overlap == 1


def test_neighbours_over_runs_are_by_their_mean_cosine(runs):
    ((*found,),) = stable_neighbours(runs, ["w5"], 4)
    unit = [run.rows / np.linalg.norm(run.rows, axis=1, keepdims=True) for run in runs]
    scores = np.array([rows @ rows[5] for rows in unit])
    scores[:, 5] = -1
    means = scores.mean(axis=0)
    best = np.argsort(-means)[:4]
    assert [each.word for each in found] == [f"w{i}" for i in best]
    assert [each.score for each in found] == pytest.approx(means[best].tolist(), abs=1e-6)
    nearest = [set(np.argsort(-row)[:4]) for row in scores]
    for each, i in zip(found, best, strict=True):
        assert each.share == pytest.approx(np.mean([i in near for near in nearest]))
        assert each.interval.low < each.score < each.interval.high
        assert each.deviation == pytest.approx(scores[:, i].std(ddof=1), abs=1e-6)
    with_itself = stable_neighbours(runs, ["w5"], 1, include_query_words=True)[0]
    assert with_itself[0].word == "w5" and with_itself[0].share == 1


def test_no_interval_leaves_the_range_of_its_quantity(runs):
    """Two cosines far apart: Student's interval of 12.7 standard errors would be beyond 1."""
    for n in (2, 3):
        for near in stable_neighbours(runs[:n], ["w5", "w6", "w7"], 10):
            for each in near:
                assert -1 <= each.interval.low < each.score < each.interval.high <= 1
    pairs = PairSet("pairs", tuple((f"w{i}", f"w{2 * i + 1}", float(i)) for i in range(12)))
    spread = stability(runs[:2], [pairs]).scores[0]
    assert -1 <= spread.interval.low < spread.mean < spread.interval.high <= 1


def test_runs_of_the_same_score_have_no_interval(runs):
    pairs = PairSet("pairs", tuple((f"w{i}", f"w{2 * i + 1}", float(i % 7)) for i in range(90)))
    spread = stability([runs[0], runs[0]], [pairs]).scores[0]
    assert spread.deviation == 0 and spread.interval is None


def test_one_run_is_not_enough(runs):
    with pytest.raises(EvaluationError, match="needs at least two runs"):
        stability(runs[:1], [])
    with pytest.raises(EvaluationError, match="needs at least two runs"):
        stable_neighbours(runs[:1], ["w1"], 3)


def test_the_commands(run, tmp_path, kingdoms, questions):
    folder = tmp_path / "runs"
    options = ["--vector-size", 20, "--epochs", 2, "--learning-rate", 0.05, "--mode", "skipgram"]
    command = ["stability", "word2vec", kingdoms, "-o", folder, "--runs", 2, *options]
    result = run(*command, "--analogies", questions)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("scores of 2 runs\n")
    assert "overlap of the 10 nearest neighbours of two runs" in result.stdout
    assert "run 2 of 2, training  epoch 2  100%" in result.stderr
    kept = json.loads((folder / RESULT).read_text())
    assert kept["n_runs"] == 2 and kept["words"] == []
    again = run(*command, "--analogies", questions, "--word", "king", "--json")
    assert "training" not in again.stderr
    found = json.loads(again.stdout)
    assert found["scores"][0]["measure"] == "accuracy"
    assert found == json.loads((folder / RESULT).read_text())
    alone = run("similar", folder, "king", "--stable", "--json")
    assert found["words"] == json.loads(alone.stdout)
    with_word = run(*command, "--analogies", questions, "--word", "king").stdout
    assert with_word == result.stdout + "\n" + run("similar", folder, "king", "--stable").stdout
    unknown = run(*command, "--analogies", questions, "--word", "zzz")
    assert unknown.exit_code == 1 and "'zzz' is not in the vocabulary" in unknown.stderr
    shown = run("similar", folder, "king", "--stable", "-n", 3).stdout.splitlines()
    assert shown[0] == "king: mean of 2 runs; in how many among the 3 nearest"
    assert len(shown) == 5
    few = "2 runs are few, so the intervals are wide; make 10 or more\n"
    for arguments in (["-n", 3], ["--tsv"]):
        assert run("similar", folder, "king", "--stable", *arguments).stderr == few
    assert result.stderr.endswith(few)
    tsv = run("similar", folder, "king", "queen", "--stable", "-n", 3, "--tsv").stdout
    header, *rows = (line.split("\t") for line in tsv.splitlines())
    assert header == ["query", "word", "score", "low", "high", "deviation", "share"]
    assert [row[0] for row in rows] == ["king"] * 3 + ["queen"] * 3
    as_json = json.loads(run("similar", folder, "king", "--stable", "--json").stdout)
    assert as_json[0]["runs"] == 2 and len(as_json[0]["answers"]) == 10
    clash = run("similar", folder, "king", "--stable", "--approximate")
    assert clash.exit_code == 2
    none = run("similar", tmp_path, "king", "--stable")
    assert none.exit_code == 1 and "make them with: embedtool stability" in none.stderr
