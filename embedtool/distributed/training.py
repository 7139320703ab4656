"""The whole road from text to a model, on a cluster.

In: a corpus, an algorithm and its options. Out: a Model, as `trainers.training` has it.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from embedtool.config.text import TextConfig
from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.notes import warn_of_script
from embedtool.corpus.string_table import StringTable
from embedtool.distributed import glove, local_sgd
from embedtool.distributed.cluster import Cluster
from embedtool.distributed.partition_reading import (
    ClusterText,
    encode_again,
    encode_text,
    read_text,
)
from embedtool.errors import ConfigError
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import Model
from embedtool.trainers import TRAINERS, check_algorithm
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.training import (
    History,
    about_again,
    about_training,
    finished,
    keep,
    remember,
)
from embedtool.trainers.training_dir import TrainingDir
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import epoch_key


def warm_up() -> None:
    """Load numba and the first kernel; importing this module loads all that functions need."""
    epoch_key(0, 0)


def resolve_defaults(settings: ClusterConfig, cluster: Cluster) -> ClusterConfig:
    """The settings with what was left open: a replica a node."""
    replicas = settings.replicas or len(cluster.nodes)
    syncs = settings.syncs or local_sgd.SYNCS_PER_REPLICA * replicas
    return replace(settings, replicas=replicas, syncs=syncs)


def check_options(config: TrainerConfig) -> None:
    """Raise ConfigError for a training that no cluster can do."""
    if isinstance(config, Word2VecConfig) and config.engine == "gensim":
        raise ConfigError("--engine gensim trains on one machine; leave --cluster out")
    if isinstance(config, Word2VecConfig) and config.hogwild:
        raise ConfigError("--hogwild is for the workers of one machine; leave --cluster out")


def train_model(
    cluster: Cluster,
    settings: ClusterConfig,
    algorithm: str,
    corpus: Corpus,
    config: TrainerConfig,
    *,
    only: Iterable[str] | None = None,
    initial: WarmStart | None = None,
    cache: Path | None = None,
    report: Report = silent,
    training_dir: TrainingDir | None = None,
    checkpointer: Checkpointer | None = None,
    request: dict[str, Any] | None = None,
) -> Model:
    """Read a corpus and train an algorithm of TRAINERS on it, on a cluster.

    settings : of `resolve_defaults`
    cache    : a folder that all nodes see
    place    : on this machine; checkpointer are written there
    Else as `trainers.training.train_model`. Raises ClusterError where the cluster fails for good.
    """
    check_algorithm(algorithm, config)
    check_options(config)
    if initial is not None:
        initial.check(config)
    history = History(report)
    scanned = read_text(cluster, corpus, history, cache)
    text = encode_text(cluster, scanned, config, only, initial)
    warn_of_script(
        corpus.text, StringTable.from_words(text.vocabulary.words), text.vocabulary.counts
    )
    about = about_training(algorithm, config, corpus, scanned, history.seconds())
    about["cluster"] = _replicas(settings, config)
    if training_dir is not None:
        keep(training_dir, request, about, corpus, text)
    return _learn(cluster, settings, config, text, about, history, initial, checkpointer)


def resume_model(
    cluster: Cluster,
    training_dir: TrainingDir,
    *,
    workers: int | None = None,
    initial: WarmStart | None = None,
    report: Report = silent,
    checkpointer: Checkpointer | None = None,
) -> Model:
    """Go on with the training that is kept in a training_dir, to the vectors it would have come to.

    workers : not used: Ray knows the cores
    The text is read again. Raises ModelError where it has changed; else as `train_model`.
    """
    request = training_dir.read_manifest()
    vocabulary = training_dir.load_vocabulary(request)
    config = TRAINERS[request["algorithm"]].config(**request["options"])
    settings = resolve_defaults(ClusterConfig("", **request["cluster"]), cluster)
    history = History(report)
    corpus = Corpus(request["corpus"]["sources"], TextConfig(**request["corpus"]["text"]))
    scanned = read_text(cluster, corpus, history)
    text = encode_again(cluster, scanned, vocabulary, request["fingerprint"])
    about = about_again(request, config)
    return _learn(cluster, settings, config, text, about, history, initial, checkpointer)


def _replicas(settings: ClusterConfig, config: TrainerConfig) -> dict[str, int | None]:
    """What the vectors depend on."""
    if isinstance(config, GloveConfig):
        return {}
    return {"replicas": settings.replicas, "syncs": settings.syncs}


def _learn(
    cluster: Cluster,
    settings: ClusterConfig,
    config: TrainerConfig,
    text: ClusterText,
    about: dict[str, Any],
    history: History,
    initial: WarmStart | None,
    checkpointer: Checkpointer | None,
) -> Model:
    """Train on a text that has been read."""
    checkpointer = checkpointer or Checkpointer()
    remember(checkpointer, about, text, history)
    if isinstance(config, GloveConfig):
        vectors = glove.train(cluster, config, text, history, initial, checkpointer)
    elif isinstance(config, Word2VecConfig):
        vectors = local_sgd.train(cluster, settings, config, text, history, initial, checkpointer)
    else:
        raise TypeError(config)
    return finished(vectors, about, text, history)
