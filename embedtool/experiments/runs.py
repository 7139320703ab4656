"""Several runs of one training that differ only in the seed and the bootstrap sample.

A directory of runs holds:

    experiment.json   what all runs have in common
    run-01, run-02    the models
    stability.json    the result of `embedtool stability`
"""

from dataclasses import replace
from pathlib import Path

from embedtool.config.choices import Sampling
from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import resample
from embedtool.errors import ModelError, StoppedError
from embedtool.experiments.experiment_dir import (
    experiment_identity,
    open_experiment_dir,
    with_prefix,
)
from embedtool.io.deletion import temporary_directory
from embedtool.io.progress import Report, silent
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers import TRAINERS
from embedtool.trainers.history import History
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.manifest import CorpusRecord, TrainingRecord

EXPERIMENT = "experiment.json"
RESULT = "stability.json"


def train_runs(
    algorithm: str,
    corpus: Corpus,
    config: TrainerConfig,
    folder: Path,
    n_runs: int,
    sampling: Sampling,
    *,
    cache: Path | None = None,
    report: Report = silent,
) -> None:
    """Train the models of `n_runs` runs that are not in `folder` yet.

    The text is read once, and all runs have its vocabulary. Run i, from 0, has the seed
    ``config.seed + i``.

    Parameters
    ----------
    algorithm : str
        A key of TRAINERS.
    folder : Path
        Folder of the models.
    sampling : {"bootstrap", "fixed"}
        "bootstrap": each run has its own sample of sentences, drawn with replacement; "fixed": all
        runs are trained on the whole text.
    cache : Path, optional
        The cache of encoded text.

    Raises
    ------
    ModelError
        If the folder contains something else, or runs with other options.
    StoppedError
        If the user interrupts.
    """
    with temporary_directory() as work:
        scanned = read_text(corpus, work, config.workers, cache, report)
        identity = experiment_identity(algorithm, corpus, config, scanned.fingerprint)
        open_experiment_dir(folder / EXPERIMENT, {"sampling": sampling, **identity})
        encoded = encode_text(scanned, config, work)
        for i in range(n_runs):
            path = run_path(folder, i)
            if path.exists():
                store.describe(path)
                continue
            run = replace(config, seed=config.seed + i)
            history = History(with_prefix(report, f"run {i + 1} of {n_runs}"))
            try:
                text = resample(encoded, run.seed, work) if sampling == "bootstrap" else encoded
                vectors = TRAINERS[algorithm].train(run, text, work, history)
                record = TrainingRecord(run, CorpusRecord.of(corpus, scanned))
                description = {**record.description(text, history), "sampling": sampling}
                store.save(ModelRecord(vectors, description), path, overwrite=True)
            except KeyboardInterrupt:
                raise StoppedError(
                    f"interrupted; {i} of {n_runs} runs are kept in {folder}; run it again with "
                    "the same folder to continue"
                ) from None


def run_path(folder: Path, i: int) -> Path:
    """Return the path of the model of run i, from 0."""
    return folder / f"run-{i + 1:02d}"


def is_experiment(folder: str | Path) -> bool:
    """Return whether `train_runs` made this folder."""
    folder = Path(folder)
    return (folder / EXPERIMENT).is_file()


def open_runs(folder: str | Path, n_runs: int | None = None) -> list[VectorTable]:
    """Open the models of the first `n_runs`, or of all finished runs.

    Raises
    ------
    ModelError
        If `train_runs` did not make the folder, or it has no finished run.
    """
    folder = Path(folder)
    if not is_experiment(folder):
        raise ModelError(f"{folder}: contains no runs; make them with: embedtool stability")
    models: list[VectorTable] = []
    while len(models) != n_runs and (path := run_path(folder, len(models))).exists():
        models.append(store.load(path).vectors)
    if not models:
        raise ModelError(f"{folder}: contains no finished run")
    return models
