"""Hyperparameter search: the options with which an algorithm scores best on a dataset.

The directory of a search holds:

    tuning.json      the searched options, and the dataset
    trials.journal   Optuna's journal, from which a search is resumed
    trials.tsv       the trials as a table
    defaults, best   the models of the first trial, which has the defaults, and of the best
    best.json        the best trial
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EvaluationError, MissingExtraError, StoppedError, TrainingError
from embedtool.evaluation.coverage import check_coverage
from embedtool.evaluation.paired_tests import PairedTest, compare_scores
from embedtool.evaluation.results import Metric
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.tasks import Dataset
from embedtool.experiments.experiment_dir import (
    experiment_identity,
    open_experiment_dir,
    with_prefix,
    write_json,
)
from embedtool.experiments.search_space import ParameterRange, SearchSpace, search_space
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.deletion import temporary_directory
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.vectors import ModelRecord
from embedtool.trainers import TRAINERS
from embedtool.trainers.history import History
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.manifest import CorpusRecord, TrainingRecord

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)

DESCRIPTION = "tuning.json"
JOURNAL = "trials.journal"
TABLE = "trials.tsv"
BEST, DEFAULTS = "best", "defaults"


@dataclass(frozen=True)
class Trial:
    """One training.

    Attributes
    ----------
    number : int
        Number of the trial, from 0, as in the table, the journal and the models.
    score : float or None
        Score over the questions of the dataset whose words are known, which are the same for all
        trials; None if the training failed.
    held_out : float or None
        The score on the held-out dataset.
    seconds : float or None
        Seconds of training; None if it was interrupted.
    options : dict
        The values of the searched options.
    """

    number: int
    score: float | None
    held_out: float | None
    seconds: float | None
    options: dict[str, Any]


@dataclass(frozen=True)
class Tuning:
    """The result of a search.

    Attributes
    ----------
    dataset, measure : str
        The dataset, and the metric that is maximised.
    found, total : int
        Questions of the dataset whose words are known, and all questions.
    held_out : str or None
        The held-out dataset.
    best, defaults : Trial
        The best trial, and the trial of the defaults.
    contrasts : tuple of PairedTest
        Tests of the best model against that of the defaults.
    """

    dataset: str
    measure: str
    found: int
    total: int
    held_out: str | None
    trials: tuple[Trial, ...]
    best: Trial
    defaults: Trial
    contrasts: tuple[PairedTest, ...]


def tune(
    algorithm: str,
    corpus: Corpus,
    config: TrainerConfig,
    fixed: frozenset[str],
    folder: Path,
    dataset: Dataset,
    *,
    seconds: float,
    n_trials: int | None = None,
    held_out: Dataset | None = None,
    cache: Path | None = None,
    report: Report = silent,
) -> Tuning:
    """Search the options of an algorithm by the tree-structured Parzen estimator.

    The score is accuracy or Spearman's correlation over the questions whose words are known. No
    searched option changes the vocabulary, so all trials have the same questions. A correlation
    over all pairs, with cosine 0 for unknown ones, would mostly reflect the human scores of the
    unknown ones.

    Parameters
    ----------
    algorithm : str
        A key of TRAINERS.
    config : TrainerConfig
        The options of the first trial, and those that are not searched.
    fixed : frozenset of str
        Names of options that are not searched.
    folder : Path
        The directory of the search. One that holds trials of the same search is resumed.
    dataset : Dataset
        Analogies or pairs.
    seconds : float
        Time after which no trial is started; a started trial is finished.
    n_trials : int, optional
        Maximum number of trials.
    held_out : Dataset, optional
        Also scored, but not searched on.
    cache : Path, optional
        The cache of encoded text.

    Raises
    ------
    ModelError
        If the folder belongs to another search.
    MissingExtraError
        If Optuna is not installed.
    StoppedError
        If the user interrupts.
    EvaluationError
        If the dataset gives no score, or no option is left to search.
    TrainingError
        If the training of the defaults fails. Failures of other trainings are recorded as failed
        trials.

    References
    ----------
    Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization".
    """
    deadline = time.monotonic() + seconds
    space = {k: v for k, v in search_space(algorithm).items() if k not in fixed}
    if not space:
        raise EvaluationError("all options are set; leave at least one to search")
    sizes = {d.name: list(d.sizes) for d in (dataset, *([held_out] if held_out else []))}
    with temporary_directory() as work:
        scanned = read_text(corpus, work, config.workers, cache, report)
        open_experiment_dir(folder / DESCRIPTION, {
            "datasets": sizes, "searched": sorted(space), "scored": "over found",
            **experiment_identity(algorithm, corpus, config, scanned.fingerprint),
        })  # fmt: skip
        study = _open(folder, config)
        encoded = encode_text(scanned, config, work)

        def attempt(number: int, options: dict[str, Any]) -> ModelRecord:
            chosen = replace(config, **options)
            history = History(with_prefix(report, f"trial {number}"))
            vectors = TRAINERS[algorithm].train(chosen, encoded, work, history)
            record = TrainingRecord(chosen, CorpusRecord.of(corpus, scanned))
            return ModelRecord(vectors, record.description(encoded, history))

        try:
            if not _finished(study):
                _enqueue(study, {key: getattr(config, key) for key in space})
            while not _finished(study) or (time.monotonic() < deadline and _more(study, n_trials)):
                _run(study, space, folder, dataset, held_out, attempt)
        except KeyboardInterrupt:
            raise StoppedError(
                f"interrupted; {counted(len(_finished(study)), 'trial is', 'trials are')} kept in "
                f"{folder}; run it again with the same folder to continue"
            ) from None
    return _result(study, folder, dataset, held_out)


def _open(folder: Path, config: TrainerConfig) -> "Study":
    """Open Optuna's study, and end every unfinished trial of an earlier process.

    Such a trial has failed, unless its model was already saved as the best: then its score counts.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise MissingExtraError("a search for options", "tune") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / JOURNAL)))
    study = optuna.create_study(
        storage=storage, study_name="embedtool", direction="maximize", load_if_exists=True
    )
    study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(study.trials))
    best = store.describe(folder / BEST).get("trial") if (folder / BEST).exists() else None
    unfinished = [t for t in study.trials if t.state == optuna.trial.TrialState.RUNNING]
    for trial in unfinished:
        if trial.number == best:
            study.tell(trial.number, trial.user_attrs["score"])
        else:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    if unfinished:
        _write_results(study, folder)
    return study


def _enqueue(study: "Study", options: dict[str, Any]) -> None:
    """Enqueue options for the next trial, unless they are already."""
    from optuna.trial import TrialState

    if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(options)


def _run(
    study: "Study",
    space: SearchSpace,
    folder: Path,
    dataset: Dataset,
    held_out: Dataset | None,
    attempt: Callable[[int, dict[str, Any]], ModelRecord],
) -> None:
    """Run one trial: sample options, train, score, and save the model if it is the best so far.

    The score is in the journal before the model is saved, and the model has the number of its
    trial, so that `_open` knows what was finished after an interruption at any time.
    """
    from optuna.trial import TrialState

    finished = _finished(study)
    trial = study.ask()
    start = time.monotonic()
    options = {key: _sample(trial, key, values) for key, values in space.items()}
    try:
        model = attempt(trial.number, options)
    except TrainingError as error:
        trial.set_user_attr("failed", str(error))
        trial.set_user_attr("seconds", time.monotonic() - start)
        study.tell(trial, state=TrialState.FAIL)
        _write_results(study, folder)
        if not finished:
            raise
        return
    trial.set_user_attr("seconds", time.monotonic() - start)
    metrics = [_score(model, each) for each in (dataset, held_out) if each is not None]
    score = metrics[0].score
    if score is None:
        raise EvaluationError(f"{dataset.name}: the model knows too few of its words for a score")
    if not finished:
        for each, metric in zip((dataset, held_out), metrics, strict=False):
            if each is not None and (fault := check_coverage(model.vectors, each, metric)):
                log.warning("%s", fault.message)
    if held_out is not None:
        trial.set_user_attr("held_out", metrics[1].score)
    trial.set_user_attr("score", score)
    model = replace(model, description={**model.description, "trial": trial.number})
    if not finished:
        store.save(model, folder / DEFAULTS, overwrite=True)
    if not finished or score > study.best_value:
        store.save(model, folder / BEST, overwrite=True)
    study.tell(trial, score)
    _write_results(study, folder)


def _sample(trial: Any, name: str, values: ParameterRange | tuple[str, ...]) -> Any:
    if isinstance(values, tuple):
        return trial.suggest_categorical(name, values)
    if values.step is not None:
        return trial.suggest_int(name, int(values.low), int(values.high), step=values.step)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _score(model: ModelRecord, dataset: Dataset) -> Metric:
    return evaluate(model.vectors, dataset).primary_metric


def _finished(study: "Study") -> "list[FrozenTrial]":
    from optuna.trial import TrialState

    return list(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def _more(study: "Study", n_trials: int | None) -> bool:
    return n_trials is None or len(study.get_trials(deepcopy=False)) < n_trials


def _trial(trial: "FrozenTrial") -> Trial:
    seconds = trial.user_attrs.get("seconds")
    return Trial(
        trial.number, trial.value if trial.values else None, trial.user_attrs.get("held_out"),
        None if seconds is None else round(seconds, 1), dict(trial.params),
    )  # fmt: skip


def _write_results(study: "Study", folder: Path) -> None:
    """Write the table of trials and, if one has a score, the best one."""
    _write_table(study, folder)
    if not _finished(study):
        return
    options = store.describe(folder / BEST)["options"]
    best = {"trial": study.best_trial.number, "score": study.best_value, "options": options}
    write_json(folder / f"{BEST}.json", best)


def _write_table(study: "Study", folder: Path) -> None:
    trials = [_trial(trial) for trial in study.get_trials(deepcopy=False)]
    names = sorted({name for trial in trials for name in trial.options})
    lines = ["\t".join(["trial", "score", "held_out", "seconds", *names])]
    for t in trials:
        values = [t.number, t.score, t.held_out, t.seconds, *(t.options.get(n) for n in names)]
        lines.append("\t".join("" if value is None else str(value) for value in values))
    with atomic_write(folder / TABLE) as file:
        file.write(text_bytes("\n".join(lines) + "\n"))


def _result(study: "Study", folder: Path, dataset: Dataset, held_out: Dataset | None) -> Tuning:
    """Return the trials, and whether the best model is better than that of the defaults."""
    trials = [_trial(trial) for trial in study.get_trials(deepcopy=False)]
    finished = [trial for trial in trials if trial.score is not None]
    best = trials[study.best_trial.number]
    models = {name: store.load(folder / name).vectors for name in (DEFAULTS, BEST)}
    datasets = [dataset, *([held_out] if held_out is not None else [])]
    metric = evaluate(models[BEST], dataset).primary_metric
    tests = compare_scores(models, datasets)[1] if best != finished[0] else ()
    return Tuning(
        dataset.name, metric.name, metric.found, metric.total, held_out.name if held_out else None,
        tuple(trials), best, finished[0], tests,
    )  # fmt: skip
