"""Configs of training: algorithms, vocabulary, checkpoints, cluster."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from embedtool.config.base import Config, option
from embedtool.errors import ConfigError
from embedtool.io.machine import n_cores

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

UNIT_SECONDS = (3600, 60, 1)

EPOCHS = re.compile(r"([1-9]\d*)-epochs?")

MAX_STREAMS = 256
"""Most streams of a superstep, and most threads."""

GENSIM = "gensim>=4.4,<5"
"""What pip is to install for `engine="gensim"`, as in pyproject.toml."""


def seconds_in(text: str) -> int:
    """Return the seconds of a duration such as 90s, 10m or 1h30m, or 0 if it is not one."""
    match = DURATION.fullmatch(text)
    parts = match.groups(default="0") if match else ()
    return sum(int(part) * unit for part, unit in zip(parts, UNIT_SECONDS, strict=False))


@dataclass(frozen=True)
class CheckpointConfig(Config):
    """When to save a training, and what to do if it diverges."""

    checkpoint_every: str | None = option(
        None,
        "Interval between checkpoints, from which a training can be resumed: a duration such as "
        "5m, or 2-epochs. Ctrl-C always writes a checkpoint.",
    )
    on_divergence: Literal["stop", "retry"] = option(
        "stop",
        "If the loss diverges: stop, or retry once from the last checkpoint with half the learning "
        "rate.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.checkpoint_every is not None and not (self.seconds or self.epochs):
            raise ConfigError(
                "checkpoint_every must be a duration such as 90s, 5m or 1h30m, or such as "
                f"2-epochs, not {self.checkpoint_every!r}",
                parameters=("checkpoint_every",),
            )

    @property
    def seconds(self) -> int | None:
        """Seconds between two checkpoints, if they are set by time."""
        return seconds_in(self.checkpoint_every or "") or None

    @property
    def epochs(self) -> int | None:
        """Epochs between two checkpoints, if they are set by epochs."""
        match = EPOCHS.fullmatch(self.checkpoint_every or "")
        return int(match[1]) if match else None


@dataclass(frozen=True)
class ClusterConfig(Config):
    """Training on a Ray cluster."""

    cluster: str | None = option(
        None,
        "Address of the Ray cluster, such as 10.0.0.1:6379; auto: the cluster of this machine.",
    )
    replicas: int | None = option(
        None,
        "On a cluster: number of replicas of the model (local SGD). The result depends on it, but "
        "not on the nodes. Default: one per node.",
        low=1,
        high=4096,
    )
    syncs: int | None = option(
        None,
        "On a cluster: number of synchronisations of the replicas. Default: 6 per replica.",
        low=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("replicas", "syncs"):
            if self.cluster is None and getattr(self, name) is not None:
                raise ConfigError(f"{name} needs cluster", parameters=(name, "cluster"))


@dataclass(frozen=True, kw_only=True)
class VocabularyConfig(Config):
    """Which words get a vector."""

    min_count: int = option(5, "Minimum count of a word; rarer ones are left out.", low=1)
    max_vocab: int | None = option(
        None, "Maximum number of words; the most frequent are kept.", low=1
    )


@dataclass(frozen=True, kw_only=True)
class TrainerConfig(VocabularyConfig):
    """Options of every training algorithm."""

    vector_size: int = option(100, "Number of dimensions of the vectors.", low=1, high=10_000)
    seed: int = option(1, "Random seed.", low=0)
    workers: int | None = option(
        None, "Number of threads. Default: one per core.", low=1, high=1024
    )

    def __post_init__(self) -> None:
        self._set_default("workers", n_cores())
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class Word2VecConfig(TrainerConfig):
    """Word2Vec (Mikolov et al. 2013): predict a word from its context, or the context from it."""

    mode: Literal["skipgram", "cbow"] = option(
        "cbow", "cbow predicts a word from its context, skipgram the context from the word."
    )
    loss: Literal["negative-sampling", "hierarchical-softmax"] = option(
        "negative-sampling", "Training objective of the output layer."
    )
    window: int = option(5, "Maximum number of context words on each side.", low=1, high=1000)
    shrink_windows: bool = option(
        True,
        "Draw the size of each window from 1 to the maximum, so that near words count more.",
    )
    negative: int = option(5, "Negative samples per positive pair.", low=1, high=1000)
    ns_exponent: float = option(
        0.75,
        "Negative samples are drawn in proportion to count to the power of this.",
        low=-10,
        high=10,
    )
    sample: float = option(
        1e-3, "Subsampling threshold t for frequent words; 0 disables it.", low=0, high=1
    )
    cbow_mean: bool = option(True, "CBOW: average the context vectors, instead of summing them.")
    epochs: int = option(5, "Number of passes over the text.", low=1)
    learning_rate: float | None = option(
        None,
        "Initial learning rate (gensim's and word2vec.c's alpha, fastText's lr). "
        "Default: 0.05 for cbow, 0.025 for skipgram.",
        above=0,
        high=10,
    )
    min_learning_rate: float = option(
        1e-4, "Final learning rate (gensim's min_alpha).", low=0, high=10
    )
    streams: int = option(
        16,
        "Maximum number of streams that are trained in parallel, which up to as many workers share "
        "(fewer for a short text). The result depends on it, but not on the workers.",
        low=1,
        high=MAX_STREAMS,
    )
    engine: Literal["native", "gensim"] = option(
        "native",
        "native: embedtool's own, with equal results for any number of workers; gensim: gensim's.",
    )
    hogwild: bool = option(
        False,
        "Lock-free asynchronous SGD (Hogwild): faster, but not reproducible.",
    )

    def __post_init__(self) -> None:
        if self.engine == "gensim" and find_spec("gensim") is None:
            raise ConfigError(
                f"engine='gensim' needs gensim, which is not installed: pip install '{GENSIM}' "
                "(it has wheels for Python 3.11 to 3.13)",
                parameters=("engine",),
            )
        if self.hogwild and self.engine == "gensim":
            raise ConfigError(
                "hogwild=True needs engine='native'; gensim's workers are always lock-free",
                parameters=("hogwild", "engine"),
            )
        self._set_default("learning_rate", 0.05 if self.mode == "cbow" else 0.025)
        super().__post_init__()
        if self.learning_rate is not None and self.min_learning_rate > self.learning_rate:
            raise ConfigError(
                f"min_learning_rate={self.min_learning_rate:g} is above "
                f"learning_rate={self.learning_rate:g}",
                parameters=("min_learning_rate", "learning_rate"),
            )


@dataclass(frozen=True, kw_only=True)
class FastTextConfig(Word2VecConfig):
    """FastText (Bojanowski et al. 2017): Word2Vec with vectors of character n-grams."""

    mode: Literal["skipgram", "cbow"] = option(
        "skipgram", "cbow predicts a word from its context, skipgram the context from the word."
    )
    sample: float = option(
        1e-4, "Subsampling threshold t for frequent words; 0 disables it.", low=0, high=1
    )
    learning_rate: float | None = option(
        0.05,
        "Initial learning rate (gensim's alpha, fastText's lr).",
        above=0,
        high=10,
    )
    min_n: int = option(
        3, "Length of the shortest n-grams in characters (fastText's minn).", low=1, high=100
    )
    max_n: int = option(
        6,
        "Length of the longest n-grams in characters (fastText's maxn); 0: no n-grams.",
        low=0,
        high=100,
    )
    bucket: int = option(2_000_000, "Number of hash buckets for n-grams.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.max_n < self.min_n:
            raise ConfigError(
                f"max_n={self.max_n} is below min_n={self.min_n}", parameters=("max_n", "min_n")
            )


@dataclass(frozen=True, kw_only=True)
class GloveConfig(TrainerConfig):
    """GloVe (Pennington et al. 2014): fit the logarithms of co-occurrence counts."""

    window: int = option(10, "Number of context words on each side.", low=1, high=1000)
    distance_weighting: bool = option(True, "Count a pair at distance d as 1/d, instead of 1.")
    symmetric: bool = option(True, "Count context on both sides, instead of on the left only.")
    x_max: float = option(
        10.0,
        "Counts of x_max and more have weight 1. Stanford's default is 100, its demo uses 10.",
        above=0,
        high=1e30,
    )
    weight_exponent: float = option(
        0.75,
        "Smaller counts have the weight (count / x_max) to this power (the paper's alpha).",
        low=0,
        high=10,
    )
    epochs: int = option(25, "Number of passes over the co-occurrence counts.", low=1)
    learning_rate: float = option(
        0.05, "Initial learning rate of AdaGrad (Stanford's eta).", above=0, high=10
    )
    output_vectors: Literal["words", "sum", "both"] = option(
        "sum",
        "words: the word vectors; sum: word plus context vectors, as in the paper; both: the word "
        "vectors, and the context vectors separately.",
    )
    memory: int = option(
        2048, "Memory for counting co-occurrences in MiB; the rest is spilled to disk.", low=16
    )
