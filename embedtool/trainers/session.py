"""`TrainingSession`: the steps of a training, from reading to saving, for every backend.

The `Backend` does the work; the session writes the manifest and the model.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from embedtool.config.base import Config
from embedtool.config.training import CheckpointConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedText
from embedtool.errors import (
    ClusterError,
    ModelError,
    OutputError,
    StoppedError,
    TrainingError,
    resume_call,
)
from embedtool.io.deletion import temporary_directory
from embedtool.io.progress import Progress, Report, silent
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.checkpoint import Checkpointer, StopRequest
from embedtool.trainers.history import History
from embedtool.trainers.manifest import (
    COLD_START,
    CorpusRecord,
    ScannedText,
    TrainingManifest,
    TrainingRecord,
    WarmStartRecord,
)
from embedtool.trainers.training_dir import TrainingDir, lock_training_dir

ScannedT = TypeVar("ScannedT", bound=ScannedText)
EncodedT = TypeVar("EncodedT", bound=EncodedText)

EpochHook = Callable[[Progress, Callable[[], VectorTable]], None]
"""Called at the end of each epoch, before its checkpoint, with the last progress of the epoch and a
function that returns a copy of the current vectors."""


class Backend(Protocol[ScannedT, EncodedT]):
    """The steps that differ between local training, cluster training and an encoder's."""

    @property
    def config(self) -> Config:
        """The options of the algorithm."""

    @property
    def cluster_settings(self) -> dict[str, int] | None:
        """Cluster settings that the vectors depend on; None on one machine."""

    def read(self, corpus: Corpus, folder: Path, report: Report) -> ScannedT:
        """Read a corpus; warn about text that the reading options do not suit."""

    def encode(self, corpus: Corpus, scanned: ScannedT, training_dir: TrainingDir) -> EncodedT:
        """Build the vocabulary and encode the corpus.

        Raises
        ------
        ResourceError
            If memory, or the disk of the output, is too small.
        """

    def reopen(
        self, training_dir: TrainingDir, manifest: TrainingManifest, report: Report
    ) -> EncodedT:
        """Return the encoded corpus of an interrupted training.

        Raises
        ------
        ModelError
            If the corpus has changed since.
        """

    def fit(
        self, encoded: EncodedT, folder: Path, report: Report, checkpointer: Checkpointer
    ) -> ModelRecord:
        """Train from the latest checkpoint, or from the beginning, to the end.

        Returns
        -------
        ModelRecord
            Its `description` has only what the backend alone knows; the session adds the rest.
        """


@dataclass
class TrainingSession(Generic[ScannedT, EncodedT]):
    """A training and the directory that it works in.

    Attributes
    ----------
    backend : Backend
        The steps of the training.
    training_dir : TrainingDir
        The directory, which the session has locked.
    checkpoints : CheckpointConfig
        When to save, and what to do on divergence.
    report : callable
        Called with the progress.
    stop : StopRequest
        Polled between chunks; set it to stop.
    on_epoch_end : callable, optional
        An `EpochHook`; the current vectors are known to a LocalBackend with a trainer of our own.
    """

    backend: Backend[ScannedT, EncodedT]
    training_dir: TrainingDir
    checkpoints: CheckpointConfig = field(default_factory=CheckpointConfig)
    report: Report = silent
    stop: StopRequest = field(default_factory=StopRequest)
    on_epoch_end: EpochHook | None = None

    def __post_init__(self) -> None:
        self.history = History(self.report)

    def train(
        self, corpus: Corpus, warm_start: WarmStartRecord = COLD_START, address: str | None = None
    ) -> ModelRecord:
        """Read a corpus, train on it, and save the model if the directory has an output.

        Parameters
        ----------
        corpus : Corpus
            The text.
        warm_start : WarmStartRecord
            The model that the backend starts from, for the manifest.
        address : str, optional
            The cluster that the backend trains on, for the manifest.

        Returns
        -------
        ModelRecord
            The model, with the description of its training.

        Raises
        ------
        StoppedError
            If `stop` asks for it.
        """
        return self._fit(*self._encode(corpus, warm_start, address))

    def _encode(
        self, corpus: Corpus, warm_start: WarmStartRecord, address: str | None
    ) -> tuple[TrainingRecord, EncodedT]:
        """Read a corpus and encode it; write what `resume` needs.

        The scanned text, in which each distinct token takes memory, is freed on return.
        """
        backend, training_dir = self.backend, self.training_dir
        scanned = backend.read(corpus, training_dir.folder, self.history)
        encoded = backend.encode(corpus, scanned, training_dir)
        record = TrainingRecord(
            backend.config, CorpusRecord.of(corpus, scanned), self.history.seconds(),
            backend.cluster_settings, warm_start.facts,
        )  # fmt: skip
        if training_dir.output is not None:
            text = training_dir.write_text([*corpus.sources, *warm_start.files], encoded)
            training_dir.write_manifest(
                TrainingManifest(
                    record, text, self.checkpoints, warm_start.path, warm_start.freeze, address
                )
            )
        return record, encoded

    def resume(self, manifest: TrainingManifest) -> ModelRecord:
        """Resume the training in the directory; returns and raises as `train` does.

        Raises
        ------
        ModelError
            If the directory is damaged, or the text has changed.
        """
        encoded = self.backend.reopen(self.training_dir, manifest, self.history)
        return self._fit(replace(manifest.record, config=self.backend.config), encoded)

    def _fit(self, record: TrainingRecord, encoded: EncodedT) -> ModelRecord:
        training_dir = self.training_dir
        checkpointer = Checkpointer(
            None if training_dir.output is None else training_dir.folder, self.checkpoints,
            record.identity(encoded.fingerprint), self.history, self.stop,
        )  # fmt: skip

        def report(progress: Progress) -> None:
            self.history(progress)
            if progress.epoch_ended and self.on_epoch_end is not None:
                self.on_epoch_end(progress, checkpointer.current_vectors)

        model = self.backend.fit(encoded, training_dir.folder, report, checkpointer)
        model = self._described(model, record.description(encoded, self.history))
        if training_dir.output is not None:
            store.save(model, training_dir.output, overwrite=True)
        return model

    def _described(self, model: ModelRecord, description: dict[str, Any]) -> ModelRecord:
        """Return the model with a description. Raises TrainingError if a vector is not finite."""
        word = model.vectors.not_finite()
        if word is not None:
            raise TrainingError(
                f"the vector of {word!r} is not finite; choose a smaller learning_rate",
                parameters=("learning_rate",),
            )
        return replace(model, description={**description, **model.description})


@contextmanager
def new_training_dir(output: Path | None, *, overwrite: bool) -> Iterator[TrainingDir]:
    """Yield an empty directory beside the output, or, without one, a temporary directory.

    Raises
    ------
    ModelError
        If the directory holds an interrupted training that is not to be overwritten, or another
        process trains there.
    """
    if output is None:
        with temporary_directory() as folder:
            yield TrainingDir(None, folder)
        return
    with lock_training_dir(output) as training_dir:
        if training_dir.is_resumable and not overwrite:
            call = resume_call(output)
            raise ModelError(
                f"{output}: has an interrupted training; resume it with: {call}, or start over "
                "with overwrite=True",
                parameters=("overwrite",),
                call=call,
            )
        training_dir.clear()
        with keep_or_clear(training_dir, output):
            yield training_dir


@contextmanager
def keep_or_clear(training_dir: TrainingDir, output: Path) -> Iterator[None]:
    """Keep a resumable training when it ends early, with a message; else delete everything.

    Raises
    ------
    StoppedError
        If the training was asked to stop, or was interrupted from the keyboard.
    ClusterError, OutputError
        If the cluster or the disk failed.
    """
    call = resume_call(output)
    try:
        yield
    except (KeyboardInterrupt, StoppedError):
        if training_dir.is_resumable:
            raise StoppedError(f"interrupted; resume with: {call}", call=call) from None
        training_dir.clear()
        raise StoppedError("interrupted; nothing was written") from None
    except (ClusterError, OutputError, OSError) as error:
        fault = str(error)
        if isinstance(error, OSError):
            fault = f"{error.filename or training_dir.folder}: {error.strerror or error}"
        if training_dir.is_resumable:
            fault += f"; the training is saved; once this is fixed, resume it with {call}"
        else:
            training_dir.clear()
        kind = ClusterError if isinstance(error, ClusterError) else OutputError
        parameters = () if isinstance(error, OSError) else error.parameters
        raise kind(fault, parameters=parameters, call=call) from None
    except BaseException:
        if not training_dir.has_checkpoint:
            training_dir.clear()
        raise
    else:
        training_dir.clear()  # here, as nothing maps its files any more
