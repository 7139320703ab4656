"""A search for the options under which an algorithm scores best on a dataset.

In: a corpus, an algorithm, a dataset and a time. Out: a folder with every trial and the best model.

    tuning.json      what is searched, and on what
    trials.journal   Optuna's record, from which a search goes on
    trials.tsv       the trials as a table
    defaults, best   the models of the first trial, which has the defaults, and of the best
    best.json        the best trial
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EvaluationError, MissingExtraError, StoppedError, TrainingError
from embedtool.evaluation.coverage import check_coverage
from embedtool.evaluation.paired_tests import PairedTest, compare_scores
from embedtool.evaluation.scoring import Metric, evaluate, primary_metric
from embedtool.evaluation.tasks import Dataset
from embedtool.experiments.experiment_dir import (
    experiment_identity,
    open_experiment_dir,
    with_prefix,
    write_json,
)
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.vectors import Model
from embedtool.trainers import TRAINERS
from embedtool.trainers.history import History
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.records import CorpusRecord, TrainingRecord

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)

DESCRIPTION = "tuning.json"
JOURNAL = "trials.journal"
TABLE = "trials.tsv"
BEST, DEFAULTS = "best", "defaults"


@dataclass(frozen=True)
class Range:
    """Numbers from low to high; whole ones where `step` is given."""

    low: float
    high: float
    step: int | None = None
    log: bool = False


SearchSpace = Mapping[str, Range | tuple[str, ...]]

_WORD2VEC: SearchSpace = {
    "mode": ("cbow", "skipgram"),
    "vector_size": Range(50, 300, step=50),
    "window": Range(2, 15, step=1),
    "negative": Range(3, 20, step=1),
    "ns_exponent": Range(-0.5, 1.0),
    "sample": Range(1e-5, 1e-2, log=True),
    "learning_rate": Range(0.01, 0.1, log=True),
    "epochs": Range(3, 15, step=1),
}
SEARCH_SPACES: Mapping[str, SearchSpace] = {
    "word2vec": _WORD2VEC,
    "fasttext": {**_WORD2VEC, "min_n": Range(2, 4, step=1), "max_n": Range(4, 7, step=1)},
    "glove": {
        "vector_size": Range(50, 300, step=50),
        "window": Range(4, 20, step=1),
        "x_max": Range(3, 100, log=True),
        "weight_exponent": Range(0.5, 1.0),
        "learning_rate": Range(0.02, 0.2, log=True),
        "iterations": Range(10, 50, step=5),
    },
}
"""Where good values lie by the papers (Levy, Goldberg & Dagan 2015; Caselles-Dupré et al. 2018 for
the exponent of noise words, and recommendations below the default)."""


@dataclass(frozen=True)
class Trial:
    """One training.

    number   : from 0, as in the table, the journal and the models
    score    : on the questions of the dataset that is searched on whose words are known, the same
               for all trials; None where it failed
    held_out : the same of the other dataset, or None
    seconds  : of training; None where it was interrupted
    """

    number: int
    score: float | None
    held_out: float | None
    seconds: float | None
    options: dict[str, Any]


@dataclass(frozen=True)
class Tuning:
    """What a search has found.

    found, total : questions of the dataset whose words are known, and all
    contrasts    : compare the best with the defaults
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
    """Search the options of an algorithm by the tree-structured Parzen estimator (Bergstra 2011).

    config  : the first trial, and what is not searched
    fixed   : names of options that are not searched
    seconds : no trial begins later; one that has begun is finished
    What a score counts is the share of right answers, or Spearman's correlation, over the questions
    whose words are known: all trials have the same vocabulary, which no option that is searched
    changes, so all are asked the same questions. A correlation over all pairs, unknown ones with
    cosine 0, would mostly tell how people judged those.

    A folder with trials of the same search is gone on with. Raises ModelError where it is of
    another, MissingExtraError, StoppedError where the user interrupts, EvaluationError where the
    dataset gives no score, TrainingError where the defaults cannot be trained; any other training
    that fails is a failed trial.
    """
    until = time.monotonic() + seconds
    space = {k: v for k, v in SEARCH_SPACES[algorithm].items() if k not in fixed}
    if not space:
        raise EvaluationError("all options are set; leave at least one to be searched")
    sizes = {d.name: list(d.sizes) for d in (dataset, *([held_out] if held_out else []))}
    with TemporaryDirectory(prefix="embedtool-") as name:
        work = Path(name)
        scanned = read_text(corpus, work, config.workers, cache, report)
        open_experiment_dir(folder / DESCRIPTION, {
            "datasets": sizes, "searched": sorted(space), "scored": "over found",
            **experiment_identity(algorithm, corpus, config, scanned.fingerprint),
        })  # fmt: skip
        study = _open(folder, config)
        encoded = encode_text(scanned, config, work)

        def attempt(number: int, options: dict[str, Any]) -> Model:
            chosen = replace(config, **options)
            history = History(with_prefix(report, f"trial {number}"))
            vectors = TRAINERS[algorithm].train(chosen, encoded, work, history)
            record = TrainingRecord(chosen, CorpusRecord.of(corpus, scanned))
            return Model(vectors, record.description(encoded, history))

        try:
            if not _finished(study):
                _enqueue(study, {key: getattr(config, key) for key in space})
            while not _finished(study) or (time.monotonic() < until and _more(study, n_trials)):
                _run(study, space, folder, dataset, held_out, attempt)
        except KeyboardInterrupt:
            raise StoppedError(
                f"interrupted; {counted(len(_finished(study)), 'trial is', 'trials are')} kept in "
                f"{folder}: the same command goes on from there"
            ) from None
    return _result(study, folder, dataset, held_out)


def _open(folder: Path, config: TrainerConfig) -> "Study":
    """Optuna's study, in which every trial that an earlier process began has ended.

    It failed, but for one that was already the best: its model is kept, so its score is too.
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
    kept = store.describe(folder / BEST).get("trial") if (folder / BEST).exists() else None
    begun = [t for t in study.trials if t.state == optuna.trial.TrialState.RUNNING]
    for trial in begun:
        if trial.number == kept:
            study.tell(trial.number, trial.user_attrs["score"])
        else:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    if begun:
        _write_results(study, folder)
    return study


def _enqueue(study: "Study", options: dict[str, Any]) -> None:
    """Make options those of the next trial, if they are not already."""
    from optuna.trial import TrialState

    if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(options)


def _run(
    study: "Study",
    space: SearchSpace,
    folder: Path,
    dataset: Dataset,
    held_out: Dataset | None,
    attempt: Callable[[int, dict[str, Any]], Model],
) -> None:
    """One trial: draw options, train, score, and keep the model where it is the best so far.

    The score stands in the journal before the model is saved, and the model holds the number of its
    trial: so `_open` can tell what was finished, wherever this is interrupted.
    """
    from optuna.trial import TrialState

    finished = _finished(study)
    trial = study.ask()
    began = time.monotonic()
    options = {key: _draw(trial, key, values) for key, values in space.items()}
    try:
        model = attempt(trial.number, options)
    except TrainingError as error:
        trial.set_user_attr("failed", str(error))
        trial.set_user_attr("seconds", time.monotonic() - began)
        study.tell(trial, state=TrialState.FAIL)
        _write_results(study, folder)
        if not finished:
            raise
        return
    trial.set_user_attr("seconds", time.monotonic() - began)
    parts = [_score(model, each) for each in (dataset, held_out) if each is not None]
    score = parts[0].score
    if score is None:
        raise EvaluationError(f"{dataset.name}: the model knows too few of its words for a score")
    if not finished:
        for each, part in zip((dataset, held_out), parts, strict=False):
            if each is not None and (fault := check_coverage(model.vectors, each, part)):
                log.warning("%s", fault.message)
    if held_out is not None:
        trial.set_user_attr("held_out", parts[1].score)
    trial.set_user_attr("score", score)
    model = replace(model, description={**model.description, "trial": trial.number})
    if not finished:
        store.save(model, folder / DEFAULTS)
    if not finished or score > study.best_value:
        store.save(model, folder / BEST)
    study.tell(trial, score)
    _write_results(study, folder)


def _draw(trial: Any, name: str, values: Range | tuple[str, ...]) -> Any:
    if isinstance(values, tuple):
        return trial.suggest_categorical(name, values)
    if values.step is not None:
        return trial.suggest_int(name, int(values.low), int(values.high), step=values.step)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def _score(model: Model, dataset: Dataset) -> Metric:
    return primary_metric(evaluate(model.vectors, dataset))


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
    """Write the table of trials and, where one has a score, which is best."""
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
    """The trials, and whether the best model is better than that of the defaults."""
    trials = [_trial(trial) for trial in study.get_trials(deepcopy=False)]
    finished = [trial for trial in trials if trial.score is not None]
    best = trials[study.best_trial.number]
    models = {name: store.load(folder / name).vectors for name in (DEFAULTS, BEST)}
    datasets = [dataset, *([held_out] if held_out is not None else [])]
    part = primary_metric(evaluate(models[BEST], dataset))
    contrasts = compare_scores(models, datasets)[1] if best != finished[0] else ()
    return Tuning(
        dataset.name, part.name, part.found, part.total, held_out.name if held_out else None,
        tuple(trials), best, finished[0], contrasts,
    )  # fmt: skip
