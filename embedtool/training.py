"""Train a model, or resume its training, from Python as the command line does."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from embedtool.api.epoch import Callback, Epoch
from embedtool.api.model import Model
from embedtool.config.base import Config
from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig, ClusterConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError, ModelError, TrainingError
from embedtool.io.progress import Progress, Report, silent
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.pretrained.installed import model_path
from embedtool.trainers.checkpoint import StopRequest
from embedtool.trainers.local_backend import LocalBackend
from embedtool.trainers.manifest import COLD_START, WarmStartRecord, algorithm_of
from embedtool.trainers.session import (
    Backend,
    EpochHook,
    TrainingSession,
    keep_or_clear,
    new_training_dir,
)
from embedtool.trainers.training_dir import TrainingDir, lock_training_dir
from embedtool.trainers.warm_start import WarmStart

if TYPE_CHECKING:
    from embedtool.corpus.sources import Inputs

INIT = "init"
"""Folder in the training directory for an initial model that was given as an object."""


def train(
    config: TrainerConfig | ContextualConfig,
    corpus: "Corpus | Inputs",
    *,
    output: str | Path | None = None,
    overwrite: bool = False,
    init: ModelRecord | str | Path | None = None,
    freeze: bool = False,
    vocabulary_words: Iterable[str] | None = None,
    cache: str | Path | None = None,
    checkpoint_every: str | None = CheckpointConfig.checkpoint_every,
    on_divergence: Literal["stop", "retry"] = CheckpointConfig.on_divergence,
    cluster: ClusterConfig | str | None = None,
    callbacks: Sequence[Callback] = (),
    report: Report = silent,
    stop: StopRequest | None = None,
) -> Model:
    """Train word vectors, or an encoder over word vectors, on text.

    Parameters
    ----------
    config : Word2VecConfig, FastTextConfig, GloveConfig or ContextualConfig
        The options; their type names the algorithm.
    corpus : Corpus, str, Path, or iterable of these
        The text: a file, folder, pattern or URL, or several. For an encoder the text is tokenized
        like that of `init`, unless a Corpus says otherwise.
    output : str or Path, optional
        Where the model is saved. Training works beside it, in OUTPUT.training, so that `resume` can
        resume it after a crash. Without it, training works in a temporary folder, and the model is
        only returned.
    overwrite : bool
        Replace the model there, and an interrupted training of it.
    init : Model, str or Path, optional
        The model to start from: its words stay in the vocabulary. Required for an encoder: its
        static model.
    freeze : bool
        With `init`, train only words that are new to it.
    vocabulary_words : iterable of str, optional
        The only words that get a vector.
    cache : str or Path, optional
        Folder to cache the scanned corpus in; a later run over the same files reuses it.
    checkpoint_every : str, optional
        Time or epochs between two checkpoints, such as ``"5m"`` or ``"2-epochs"``.
    on_divergence : {"stop", "retry"}
        What to do if training diverges; see `CheckpointConfig`.
    cluster : ClusterConfig or str, optional
        The Ray cluster to train on, or its address.
    callbacks : sequence of callable
        Each is called with an `Epoch` at the end of every epoch. Not for encoders, clusters and
        gensim's engine.
    report : callable
        Called with a `Progress` from time to time.
    stop : StopRequest, optional
        Set `stop.requested = True` from a signal handler or another thread to save the training and
        stop. By default Ctrl-C does so if there is an `output`, and a second one ends it at once.

    Returns
    -------
    Model
        The trained model.

    Raises
    ------
    ConfigError
        If options contradict each other or do not fit `init`.
    CorpusError, VocabularyError, TrainingError, ResourceError
        If there is nothing to train on, training diverges, or memory or disk is too small.
    ModelError, OutputError
        If the model cannot be written.
    ClusterError
        If the cluster fails permanently.
    StoppedError
        If training with an `output` is interrupted, by `stop` or from the keyboard.

    Examples
    --------
    >>> model = embedtool.train(GloveConfig(vector_size=50), "text.txt", output="model")
    """
    algorithm_of(config)
    checkpoints = CheckpointConfig(checkpoint_every, on_divergence)
    settings = ClusterConfig(cluster) if isinstance(cluster, str) else cluster or ClusterConfig()
    _check_options(config, settings, init, freeze, vocabulary_words)
    on_epoch_end = _epoch_hook(callbacks, config, settings)
    cache = None if cache is None else Path(cache)
    target = None if output is None else Path(output)
    if target is not None:
        store.check_target(target, overwrite)
    if isinstance(init, str | Path):
        init = model_path(init)
    start = init if init is None or isinstance(init, ModelRecord) else store.load(init)
    corpus = _corpus(config, corpus, start)

    with (
        _stop_on_interrupt(stop, target) as stop,
        new_training_dir(target, overwrite=overwrite) as training_dir,
        _backend(config, settings, start, freeze, vocabulary_words, cache) as backend,
    ):
        session = TrainingSession(backend, training_dir, checkpoints, report, stop, on_epoch_end)
        record = _warm_start_record(init, freeze, training_dir)
        if start is not None and not isinstance(config, ContextualConfig):
            record = replace(record, facts=_facts(init, start, freeze))
            warm_start = WarmStart(start.vectors, freeze)
            warm_start.check_words()
            warm_start.log_output_layer(config)
        return Model.of(session.train(corpus, record, settings.cluster))


def resume(
    output: str | Path,
    *,
    workers: int | None = None,
    checkpoint_every: str | None = None,
    on_divergence: Literal["stop", "retry"] | None = None,
    cluster: str | None = None,
    callbacks: Sequence[Callback] = (),
    report: Report = silent,
    stop: StopRequest | None = None,
) -> Model:
    """Resume an interrupted training; the result is identical to that of an uninterrupted one.

    Parameters
    ----------
    output : str or Path
        The `output` of the training.
    workers : int, optional
        Threads; by default as before. The model is the same with any number.
    checkpoint_every, on_divergence : str, optional
        As for `train`; by default as before.
    cluster : str, optional
        The address of the cluster, if it has changed.
    callbacks : sequence of callable
        As for `train`.
    report : callable
        As for `train`.
    stop : StopRequest, optional
        As for `train`.

    Returns
    -------
    Model
        The trained model.

    Raises
    ------
    ModelError
        If there is no interrupted training, it is damaged, or the text has changed.
    ConfigError
        If `cluster` is given for a training that was started on one machine.
    EmbedtoolError
        As for `train`.
    """
    target = Path(output)
    with (
        _stop_on_interrupt(stop, target) as stop,
        lock_training_dir(target, must_exist=True) as training_dir,
    ):
        manifest = training_dir.read_manifest()
        store.check_target(target, overwrite=True)
        before = manifest.checkpoints
        checkpoints = CheckpointConfig(
            checkpoint_every or before.checkpoint_every, on_divergence or before.on_divergence
        )
        if cluster and not manifest.address:
            raise ConfigError(
                "the training was started on one machine; leave cluster out",
                parameters=("cluster",),
            )
        record = manifest.record
        address = cluster or manifest.address
        settings = ClusterConfig(address, **(record.cluster or {})) if address else ClusterConfig()
        config: Any = replace(record.config, **({} if workers is None else {"workers": workers}))
        on_epoch_end = _epoch_hook(callbacks, config, settings)

        def train_on() -> Model:  # whose end closes the files in the directory
            init = store.load(manifest.init) if manifest.init else None
            with _backend(config, settings, init, manifest.freeze) as backend:
                session = TrainingSession(
                    backend, training_dir, checkpoints, report, stop, on_epoch_end
                )
                return Model.of(session.resume(manifest))

        with keep_or_clear(training_dir, target):
            return train_on()


@contextmanager
def _stop_on_interrupt(stop: StopRequest | None, output: Path | None) -> Iterator[StopRequest]:
    """Yield a request that Ctrl-C sets, unless the caller has one or handles SIGINT.

    A second Ctrl-C, or one before training has begun, ends it at once, as does the first if there
    is no output, since nothing is saved then.
    """
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    is_default = is_main and handler is signal.default_int_handler
    if stop is not None or output is None or not is_default:
        yield stop or StopRequest()
        return
    request = StopRequest()

    def handle(number: int, frame: FrameType | None) -> None:
        is_second, request.requested = request.requested, True
        if is_second or not request.is_heeded:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, handle)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, handler)


def _check_options(
    config: Config,
    settings: ClusterConfig,
    init: ModelRecord | str | Path | None,
    freeze: bool,
    vocabulary_words: Iterable[str] | None,
) -> None:
    """Raise ConfigError if arguments contradict each other, or `init` is not a model."""
    if not isinstance(init, ModelRecord | str | Path | None):
        raise ConfigError(
            f"init must be a model or the path of one, not {type(init).__name__}",
            parameters=("init",),
        )
    if isinstance(config, ContextualConfig):
        if init is None:
            raise ConfigError("an encoder needs init, a static model", parameters=("init",))
        if freeze or vocabulary_words is not None or settings.cluster:
            raise ConfigError(
                "freeze, vocabulary_words and cluster are not for encoders; to freeze the static "
                "vectors use ContextualConfig(freeze=True)",
                parameters=("freeze", "vocabulary_words", "cluster"),
            )
    elif freeze and init is None:
        raise ConfigError("freeze needs init", parameters=("freeze", "init"))


def _epoch_hook(
    callbacks: Sequence[Callback], config: Config, settings: ClusterConfig
) -> EpochHook:
    """Return a function that calls all of these, with vectors to be read until it returns.

    Raises ConfigError if they are not functions, or the training cannot call any.
    """
    if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
        raise ConfigError("callbacks must be a list of functions", parameters=("callbacks",))
    by_gensim = isinstance(config, Word2VecConfig) and config.engine == "gensim"
    if callbacks and (by_gensim or settings.cluster or isinstance(config, ContextualConfig)):
        raise ConfigError(
            "callbacks are not for encoders, clusters and engine='gensim'; use report",
            parameters=("callbacks",),
        )

    def call(progress: Progress, copy_vectors: Callable[[], VectorTable]) -> None:
        number = progress.epoch or 0
        is_over = False

        def current() -> VectorTable:
            if is_over:
                raise TrainingError(
                    f"the vectors of epoch {number} are gone: first read wv within the callback"
                )
            return copy_vectors()

        epoch = Epoch(number, progress.loss, current)
        for callback in callbacks:
            callback(epoch)
        is_over = True

    return call


def _corpus(config: Config, corpus: "Corpus | Inputs", init: ModelRecord | None) -> Corpus:
    """Return the corpus; for an encoder it is tokenized like that of its model."""
    if isinstance(corpus, Corpus):
        return corpus
    if isinstance(config, ContextualConfig) and init is not None:
        from embedtool.contextual.encoder_backend import inherited_text

        return Corpus(corpus, inherited_text(init, TextConfig()))
    return Corpus(corpus)


def _warm_start_record(
    init: ModelRecord | str | Path | None, freeze: bool, training_dir: TrainingDir
) -> WarmStartRecord:
    """Return the manifest's record of the model to start from.

    A model that is not in a folder is saved in the training directory.
    """
    if init is None or training_dir.output is None:
        return COLD_START
    if isinstance(init, ModelRecord):
        store.save(init, training_dir.folder / INIT, overwrite=True)
        init = training_dir.folder / INIT
    path = Path(init).resolve()
    return WarmStartRecord(str(path), freeze, [str(path / name) for name in store.FILES])


def _facts(
    init: ModelRecord | str | Path | None, start: ModelRecord, freeze: bool
) -> dict[str, Any]:
    """Return what the description of the new model tells of the model that it starts from."""
    path = None if isinstance(init, ModelRecord) else str(init)
    facts = {"path": path, "checksum": start.description.get("checksum"), "freeze": freeze}
    return {name: value for name, value in facts.items() if value is not None}


@contextmanager
def _backend(
    config: TrainerConfig | ContextualConfig,
    settings: ClusterConfig,
    init: ModelRecord | None,
    freeze: bool,
    vocabulary_words: Iterable[str] | None = None,
    cache: Path | None = None,
) -> Iterator[Backend[Any, Any]]:
    """Yield the backend; a cluster stays connected within the block."""
    if isinstance(config, ContextualConfig):
        from embedtool.contextual.encoder_backend import EncoderBackend

        if init is None:
            raise ModelError("the training of an encoder names no static model")
        yield EncoderBackend(config, init, cache)
        return
    warm_start = None if init is None else WarmStart(init.vectors, freeze)
    if settings.cluster is None:
        yield LocalBackend(config, vocabulary_words, warm_start, cache)
        return
    from embedtool.distributed.ray_backend import connect_backend

    with connect_backend(settings, config, vocabulary_words, warm_start, cache) as backend:
        yield backend
