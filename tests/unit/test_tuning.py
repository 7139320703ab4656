"""A search for options: what is drawn, kept, gone on with, and refused."""

import json
import shlex
from dataclasses import fields, replace
from itertools import count

import numpy as np
import pytest
from optuna import Study

from embedtool.config.text import TextConfig
from embedtool.config.training import Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EvaluationError, ModelError, StoppedError, TrainingError
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.tasks import PairSet
from embedtool.experiments.search_space import ParameterRange, search_space
from embedtool.experiments.tuning import BEST, DEFAULTS, TABLE, tune
from embedtool.model import store
from embedtool.trainers import TRAINERS

CONFIG = Word2VecConfig(vector_size=8, epochs=1, min_count=1, workers=1)
FIXED = frozenset({"vector_size", "epochs", "min_count", "mode", "negative"})
PAIRS = PairSet(
    "pairs", (("king", "queen", 9.0), ("land", "sea", 8.0), ("king", "rules", 5.0),
              ("the", "sea", 2.0), ("queen", "sea", 6.0), ("king", "land", 7.0),
              ("rules", "the", 3.0), ("rules", "land", 4.0), ("queen", "unknown", 1.0)),
)  # fmt: skip
OTHER = PairSet("other", (("king", "sea", 1.0), ("queen", "sea", 3.0), ("the", "land", 2.0)))


@pytest.mark.parametrize("algorithm", TRAINERS)
def test_each_space_holds_the_defaults_of_its_algorithm(algorithm):
    config = TRAINERS[algorithm].config()
    for name, values in search_space(algorithm).items():
        default = getattr(config, name)
        if isinstance(values, ParameterRange):
            assert values.low <= default <= values.high
            assert values.step is None or (default - values.low) % values.step == 0
            for end in values.low, values.high:
                replace(config, **{name: type(default)(end)})
        else:
            assert default in values
            for value in values:
                replace(config, **{name: value})
        assert name in {field.name for field in fields(config)}


def search(text, folder, n_trials, **changes):
    given = {"config": CONFIG, "fixed": FIXED, "dataset": PAIRS, "seconds": 60.0, **changes}
    return tune(
        "word2vec", Corpus([str(text)], TextConfig()), given["config"], given["fixed"], folder,
        given["dataset"], seconds=given["seconds"], n_trials=n_trials,
        held_out=changes.get("held_out"),
    )  # fmt: skip


def test_a_search_saves_the_defaults_and_the_best(text, tmp_path):
    folder = tmp_path / "tuned"
    found = search(text, folder, 5, held_out=OTHER)
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3, 4]
    names = {"window", "ns_exponent", "sample", "learning_rate"}
    assert all(trial.options.keys() == names for trial in found.trials)
    assert found.defaults.options == {name: getattr(CONFIG, name) for name in names}
    assert found.best.score == max(trial.score for trial in found.trials)
    for trial, name in (found.defaults, DEFAULTS), (found.best, BEST):
        model = store.load(folder / name)
        assert evaluate(model.vectors, PAIRS).primary_metric.score == trial.score
        assert evaluate(model.vectors, OTHER).primary_metric.score == trial.held_out
        options = model.description["options"]
        assert {key: options[key] for key in names} == trial.options
        assert options["vector_size"] == 8
    best = json.loads((folder / "best.json").read_text())
    assert (best["trial"], best["score"]) == (found.best.number, found.best.score)
    header, *rows = (line.split("\t") for line in (folder / TABLE).read_text().splitlines())
    assert header[:4] == ["trial", "score", "held_out", "seconds"] and len(rows) == 5
    if found.best != found.defaults:
        assert [c.dataset for c in found.contrasts] == ["pairs", "other"]


def test_pairs_that_no_trial_knows_do_not_choose_the_best(text, tmp_path):
    """Unknown pairs that people gave high scores and low ones, as many as the known pairs."""
    known = PAIRS.pairs[:8]
    tops = PairSet("pairs", (*known, *((f"x{i}", f"y{i}", 10.0) for i in range(8))))
    ends = PairSet("pairs", (*known, *((f"x{i}", f"y{i}", 0.0) for i in range(8))))
    first, second = (
        search(text, tmp_path / name, 5, dataset=each) for name, each in (("a", tops), ("b", ends))
    )
    assert [trial.score for trial in first.trials] == [trial.score for trial in second.trials]
    assert first.best.options == second.best.options
    assert (first.found, first.total) == (8, 16)
    best = store.load(tmp_path / "a" / BEST).vectors
    assert first.best.score == evaluate(best, PairSet("known", known)).spearman


def test_a_search_with_another_score_is_not_resumed(text, tmp_path):
    folder = tmp_path / "tuned"
    search(text, folder, 1)
    description = json.loads((folder / "tuning.json").read_text())
    del description["scored"]
    (folder / "tuning.json").write_text(json.dumps(description))
    with pytest.raises(ModelError, match="differ in scored"):
        search(text, folder, 2)


def test_a_search_is_resumed_where_it_stopped(text, tmp_path, monkeypatch):
    folder = tmp_path / "tuned"
    saved, calls = store.save, count()

    def save(model, path, **options):
        if next(calls) == 2:
            raise KeyboardInterrupt
        saved(model, path, **options)

    monkeypatch.setattr(store, "save", save)
    with pytest.raises(
        StoppedError, match=r"\d trials? (is|are) kept in .*run it again with the same folder"
    ):
        search(text, folder, 40)
    monkeypatch.undo()
    kept = (folder / TABLE).read_text().splitlines()
    found = search(text, folder, len(kept) + 2)
    assert len(found.trials) == len(kept) + 2
    again = search(text, folder, len(kept) + 2)
    assert again == found


class Failing:
    """A trainer that raises `error` in those trainings whose numbers are given."""

    def __init__(self, error, *numbers):
        self.error, self.numbers = error, numbers
        self.calls, self.trainer = count(), TRAINERS["word2vec"]

    def train(self, *arguments):
        if next(self.calls) in self.numbers:
            raise self.error
        return self.trainer.train(*arguments)


def test_the_defaults_are_tried_even_where_their_trial_was_interrupted(text, tmp_path, monkeypatch):
    folder = tmp_path / "tuned"
    monkeypatch.setitem(TRAINERS, "word2vec", Failing(KeyboardInterrupt(), 0, 1))
    for _ in range(2):
        with pytest.raises(StoppedError, match="0 trials are kept"):
            search(text, folder, 4)
    found = search(text, folder, 4)
    assert [trial.score is None for trial in found.trials] == [True, True, False, False]
    assert found.trials[0].seconds is None
    assert found.defaults.number == 2
    assert found.defaults.options == {key: getattr(CONFIG, key) for key in found.defaults.options}
    assert store.load(folder / DEFAULTS).description["options"]["window"] == CONFIG.window


def test_defaults_that_cannot_be_trained_end_the_search(text, tmp_path, monkeypatch):
    folder = tmp_path / "tuned"
    monkeypatch.setitem(TRAINERS, "word2vec", Failing(TrainingError("not finite"), *range(9)))
    with pytest.raises(TrainingError, match="not finite"):
        search(text, folder, 3)
    assert len((folder / TABLE).read_text().splitlines()) == 2
    assert not (folder / "best.json").exists()


def test_a_best_model_that_was_saved_keeps_its_score(text, tmp_path, monkeypatch):
    """The process ends after the model is saved and before its trial is."""
    folder = tmp_path / "tuned"
    tell = Study.tell

    def interrupted(study, trial, value=None, **more):
        if value is not None and trial.number and value > study.best_value:
            raise KeyboardInterrupt
        return tell(study, trial, value, **more)

    # the second score beats the first, whatever is trained
    scores = iter([0.1, 0.1, 0.2, 0.2, 0.1])

    def scored(model, dataset):
        return replace(evaluate(model.vectors, dataset).primary_metric, score=next(scores))

    monkeypatch.setattr("embedtool.experiments.tuning._score", scored)
    monkeypatch.setattr(Study, "tell", interrupted)
    with pytest.raises(StoppedError, match="1 trial is kept"):
        search(text, folder, 3, held_out=OTHER)
    monkeypatch.setattr(Study, "tell", tell)
    found = search(text, folder, 2, held_out=OTHER)
    assert (found.best.number, found.best.score, found.best.held_out) == (1, 0.2, 0.2)
    assert store.load(folder / BEST).description["trial"] == 1
    best = json.loads((folder / "best.json").read_text())
    assert (best["trial"], best["score"]) == (1, 0.2)
    assert best["options"] == store.load(folder / BEST).description["options"]


def test_without_time_the_defaults_are_still_tried(text, tmp_path):
    found = search(text, tmp_path / "tuned", None, seconds=0.0)
    assert found.trials == (found.best,) and found.best == found.defaults
    assert found.contrasts == ()


def test_a_training_that_fails_is_a_failed_trial(text, tmp_path, monkeypatch):
    error = TrainingError("the loss is not finite")
    monkeypatch.setitem(TRAINERS, "word2vec", Failing(error, 1))
    found = search(text, tmp_path / "tuned", 3)
    assert [trial.score is None for trial in found.trials] == [False, True, False]


def test_another_search_in_the_folder_is_refused(text, tmp_path):
    folder = tmp_path / "tuned"
    search(text, folder, 1)
    with pytest.raises(ModelError, match="differ in datasets, there "):
        search(text, folder, 1, dataset=OTHER)
    with pytest.raises(ModelError, match="differ in searched, there "):
        search(text, folder, 1, fixed=FIXED - {"negative"})
    with pytest.raises(ModelError, match="differ in vector_size, there 8"):
        search(text, folder, 1, config=replace(CONFIG, vector_size=9))


def test_what_cannot_be_searched(text, tmp_path):
    with pytest.raises(EvaluationError, match="all options are set"):
        search(text, tmp_path / "a", 1, fixed=frozenset(search_space("word2vec")))
    unknown = PairSet("unknown", (("a", "b", 1.0), ("c", "d", 2.0)))
    with pytest.raises(EvaluationError, match="unknown: the model knows too few of its words"):
        search(text, tmp_path / "b", 1, dataset=unknown)


@pytest.fixture
def pair_file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\t{score}\n" for a, b, score in PAIRS.pairs))
    return path


def test_the_command(run, text, tmp_path, pair_file):
    folder = tmp_path / "tuned"
    options = ["--vector-size", 8, "--epochs", 1, "--min-count", 1, "--mode", "skipgram"]
    command = ["tune", "word2vec", text, "-o", folder, "--pairs", pair_file, *options]
    result = run(*command, "--budget", "1h", "--trials", 4, "--held-out", pair_file)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "the best of 4 trials by Spearman, over found: 8 of 9"
    assert lines[1].split() == ["trial", "pairs", "pairs", "seconds", "options"]
    assert lines[6].startswith("defaults ")
    found = json.loads(run(*command, "--budget", "1h", "--trials", 4, "--json").stdout)
    assert len(found["trials"]) == 4
    assert (found["found"], found["total"]) == (8, 9)
    shown = {int(line.split()[0]): line.split()[1] for line in lines[2:6]}
    table = (folder / TABLE).read_text().splitlines()[1:]
    assert shown == {
        int(number): f"{float(score):.4f}"
        for number, score, *_ in (row.split("\t") for row in table)
    }
    assert {each["number"]: f"{each['score']:.4f}" for each in found["trials"]} == shown
    best = json.loads((folder / "best.json").read_text())
    assert shown[best["trial"]] == f"{best['score']:.4f}" == lines[2].split()[1]
    assert (
        store.load(folder / BEST).description["trial"] == best["trial"] == found["best"]["number"]
    )
    stages = [line.split(",")[0] for line in result.stderr.splitlines() if line.startswith("trial")]
    assert {int(stage.removeprefix("trial ")) for stage in stages} == shown.keys()
    for contrast in found["contrasts"]:
        assert contrast["difference"]["second"] == pytest.approx(found["best"]["score"])
    if found["best"]["number"]:
        assert lines[-1].startswith(f"embedtool train word2vec {text} --epochs 1 ")
        assert lines[-1].endswith("--output MODEL") and "--min-count 1 --mode skipgram" in lines[-1]


def test_the_command_that_is_printed_trains_the_best_model(run, text, tmp_path, pair_file):
    folder = tmp_path / "tuned"
    options = ["--vector-size", 8, "--epochs", 1, "--min-count", 1, "--seed", 3]
    command = ["tune", "word2vec", text, "-o", folder, "--pairs", pair_file, *options]
    printed = run(*command, "--budget", "1h", "--trials", 12).stdout.splitlines()[-1]
    assert printed.startswith("embedtool train word2vec"), printed
    words = shlex.split(printed)[1:-1]
    assert run(*words, tmp_path / "again").exit_code == 0
    again, best = (store.load(path).vectors for path in (tmp_path / "again", folder / BEST))
    assert np.array_equal(again.rows, best.rows)


@pytest.mark.parametrize("budget", ["10", "m", "1h 5m", "-5s", "0s", "tomorrow"])
def test_invalid_budgets(run, text, tmp_path, pair_file, budget):
    command = ["tune", "word2vec", text, "-o", tmp_path / "t", "--pairs", pair_file]
    result = run(*command, "--budget", budget)
    assert result.exit_code == 2
    assert f"{budget!r} is not a duration such as 90s, 10m or 1h30m" in result.stderr


def test_one_dataset_is_searched_on(run, text, tmp_path, pair_file):
    command = ["tune", "word2vec", text, "-o", tmp_path / "t", "--budget", "1s"]
    for more in [], ["--pairs", pair_file, "--analogies", "google"]:
        result = run(*command, *more)
        assert result.exit_code == 2 and "either --analogies or --pairs" in result.stderr
