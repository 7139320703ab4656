"""Training of word vectors on a Ray cluster."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.notes import warn_of_script
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.distributed import glove, local_sgd
from embedtool.distributed.cluster import Cluster, connect
from embedtool.distributed.partition_reading import (
    EncodedPartitions,
    ScannedPartitions,
    encode_again,
    encode_text,
    read_text,
)
from embedtool.distributed.resources import ClusterResources, estimate_resources
from embedtool.errors import ConfigError
from embedtool.io.progress import Report
from embedtool.model.vectors import ModelRecord
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.manifest import TrainingManifest, algorithm_of
from embedtool.trainers.training_dir import TrainingDir
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import epoch_key


def warm_up() -> None:
    """Load numba and the first kernel; importing this module loads everything else."""
    epoch_key(0, 0)


def resolve_defaults(settings: ClusterConfig, cluster: Cluster) -> ClusterConfig:
    """Return the settings with defaults filled in: one replica per node."""
    replicas = settings.replicas or len(cluster.nodes)
    syncs = settings.syncs or local_sgd.SYNCS_PER_REPLICA * replicas
    return replace(settings, replicas=replicas, syncs=syncs)


def check_options(config: TrainerConfig) -> None:
    """Raise ConfigError for a training that is not possible on a cluster."""
    if not isinstance(config, (Word2VecConfig, GloveConfig)):
        raise ConfigError(
            f"{algorithm_of(config)} trains on one machine; leave cluster out",
            parameters=("cluster",),
        )
    if isinstance(config, Word2VecConfig) and config.engine == "gensim":
        raise ConfigError(
            "engine='gensim' trains on one machine; leave cluster out",
            parameters=("engine", "cluster"),
        )
    if isinstance(config, Word2VecConfig) and config.hogwild:
        raise ConfigError(
            "hogwild is for the workers of one machine; leave cluster out",
            parameters=("hogwild", "cluster"),
        )


@contextmanager
def connect_backend(
    settings: ClusterConfig,
    config: TrainerConfig,
    vocabulary_words: Iterable[str] | None = None,
    warm_start: WarmStart | None = None,
    cache: Path | None = None,
) -> "Iterator[RayBackend]":
    """Yield a backend on the cluster of some settings; parameters as for `RayBackend`.

    Raises
    ------
    ConfigError
        If such a training is not possible on a cluster.
    ClusterError
        If there is no cluster at this address.
    """
    check_options(config)
    with connect(settings.cluster or "", warm_up) as cluster:
        yield RayBackend(cluster, settings, config, vocabulary_words, warm_start, cache)


class RayBackend:
    """A `trainers.session.Backend`.

    Parameters
    ----------
    cluster : Cluster
        The cluster that runs the functions.
    settings : ClusterConfig
        The numbers of replicas and syncs.
    config : TrainerConfig
        The options of the algorithm; `workers` is ignored, because Ray knows the cores.
    vocabulary_words, warm_start
        As for `trainers.local_backend.LocalBackend`.
    cache : Path, optional
        Folder, shared by all nodes, to cache the scanned corpus in.

    Raises
    ------
    ConfigError
        If a training with these options cannot start from these vectors.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: ClusterConfig,
        config: TrainerConfig,
        vocabulary_words: Iterable[str] | None = None,
        warm_start: WarmStart | None = None,
        cache: Path | None = None,
    ) -> None:
        if warm_start is not None:
            warm_start.check(config)
        self.cluster, self.config = cluster, config
        self.settings = resolve_defaults(settings, cluster)
        self.vocabulary_words, self.warm_start, self.cache = vocabulary_words, warm_start, cache

    @property
    def cluster_settings(self) -> dict[str, int]:
        """Settings that the vectors depend on; empty for GloVe."""
        if isinstance(self.config, GloveConfig):
            return {}
        return {"replicas": self.settings.replicas or 0, "syncs": self.settings.syncs or 0}

    def read(self, corpus: Corpus, folder: Path, report: Report) -> ScannedPartitions:
        """Read a corpus on the nodes."""
        return read_text(self.cluster, corpus, report, self.cache)

    def encode(
        self, corpus: Corpus, scanned: ScannedPartitions, training_dir: TrainingDir
    ) -> EncodedPartitions:
        """Encode a corpus on the nodes, where it stays."""
        text = encode_text(
            self.cluster, scanned, self.config, self.vocabulary_words, self.warm_start
        )
        words = StringTable.from_words(text.vocabulary.words)
        warn_of_script(corpus.text, words, text.vocabulary.counts)
        return text

    def reopen(
        self, training_dir: TrainingDir, manifest: TrainingManifest, report: Report
    ) -> EncodedPartitions:
        """Read the corpus again, and encode it by the words in the training directory."""
        vocabulary = training_dir.load_vocabulary(manifest)
        record = manifest.record.corpus
        scanned = read_text(self.cluster, Corpus(record.sources, record.text), report)
        return encode_again(self.cluster, scanned, vocabulary, manifest.text.fingerprint)

    def fit(
        self, encoded: EncodedPartitions, folder: Path, report: Report, checkpointer: Checkpointer
    ) -> ModelRecord:
        """Train the algorithm of the config.

        Raises
        ------
        ClusterError
            If the cluster fails permanently.
        """
        config, start = self.config, self.warm_start
        if isinstance(config, GloveConfig):
            vectors = glove.train(self.cluster, config, encoded, report, start, checkpointer)
        elif isinstance(config, Word2VecConfig):
            vectors = local_sgd.train(
                self.cluster, self.settings, config, encoded, report, start, checkpointer
            )
        else:
            raise TypeError(config)
        return ModelRecord(vectors, {})

    def estimate(self, corpus: Corpus, report: Report) -> tuple[ClusterResources, Vocabulary]:
        """Read a corpus; estimate the resources of a training on it, and return its vocabulary."""
        scanned = read_text(self.cluster, corpus, report, self.cache)
        text = encode_text(
            self.cluster, scanned, self.config, self.vocabulary_words, self.warm_start
        )
        needed = estimate_resources(self.cluster, self.settings, self.config, text, self.warm_start)
        return needed, text.vocabulary
