"""The options of training: algorithms, vocabulary, checkpoints, cluster."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from embedtool.config.base import Config, flag, n_cores, option
from embedtool.errors import ConfigError

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

SECONDS = (3600, 60, 1)

EPOCHS = re.compile(r"([1-9]\d*)-epochs?")


def seconds_in(text: str) -> int:
    """The seconds of a time such as 90s, 10m or 1h30m; 0 where it is none."""
    match = DURATION.fullmatch(text)
    parts = match.groups(default="0") if match else ()
    return sum(int(part) * unit for part, unit in zip(parts, SECONDS, strict=False))


@dataclass(frozen=True)
class CheckpointConfig(Config):
    """When a training is saved, and what becomes of one that diverges."""

    checkpoint_every: str | None = option(
        None,
        "Save the training so often that it can go on after a crash: a time such as 5m, or "
        "2-epochs. On Ctrl-C it is saved in any case.",
    )
    on_divergence: Literal["stop", "retry"] = option(
        "stop",
        "Where the loss explodes: stop, or go back to what was saved last and halve the learning "
        "rate, once.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.checkpoint_every is not None and not (self.seconds or self.epochs):
            raise ConfigError(
                "--checkpoint-every must be a time such as 90s, 5m or 1h30m, or such as 2-epochs, "
                f"not {self.checkpoint_every!r}"
            )

    @property
    def seconds(self) -> int | None:
        """The time between two checkpoints."""
        return seconds_in(self.checkpoint_every or "") or None

    @property
    def epochs(self) -> int | None:
        """The epochs between two checkpoints."""
        match = EPOCHS.fullmatch(self.checkpoint_every or "")
        return int(match[1]) if match else None


SAVED_NAMES = {
    "options": {"racing": "hogwild"},
    "cluster": {"lanes": "replicas", "rounds": "syncs"},
}
"""Names that files of this format may have for options, and those of the code, by section."""


def with_current_names(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a model or of a training with the code's names of options."""
    return {
        section: (
            {SAVED_NAMES[section].get(name, name): value for name, value in contents.items()}
            if section in SAVED_NAMES and isinstance(contents, dict)
            else contents
        )
        for section, contents in saved.items()
    }


@dataclass(frozen=True)
class ClusterConfig(Config):
    """Where a training runs, if not on this machine."""

    cluster: str | None = option(
        None,
        "Train on the Ray cluster at this address, such as 10.0.0.1:6379; auto: the one that this "
        "machine is a node of.",
    )
    replicas: int | None = option(
        None,
        "With --cluster: number of replicas of the model (local SGD). The vectors depend on this "
        "number, not on the nodes. Default: one per node.",
        low=1,
        high=4096,
    )
    syncs: int | None = option(
        None,
        "With --cluster: how often the replicas are synchronized. Default: 6 per replica.",
        low=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("replicas", "syncs"):
            if self.cluster is None and getattr(self, name) is not None:
                raise ConfigError(f"{flag(name)} needs --cluster")


@dataclass(frozen=True)
class VocabularyConfig(Config):
    """Which words get a vector."""

    min_count: int = option(5, "Leave out words that occur less often.", low=1)
    max_vocab: int | None = option(None, "Keep at most this many words, the most frequent.", low=1)


@dataclass(frozen=True)
class TrainerConfig(VocabularyConfig):
    """What every trainer has."""

    vector_size: int = option(100, "Dimensions of a vector.", low=1, high=10_000)
    seed: int = option(1, "Seed of all random numbers.", low=0)
    workers: int | None = option(None, "Threads. Default: one a core.", low=1, high=1024)

    def __post_init__(self) -> None:
        self._fill("workers", n_cores())
        super().__post_init__()


@dataclass(frozen=True)
class Word2VecConfig(TrainerConfig):
    """Word2Vec: Mikolov and others 2013; a word predicts its neighbours or they it."""

    mode: Literal["skipgram", "cbow"] = option(
        "cbow", "cbow predicts a word from its context, skipgram the context from the word."
    )
    loss: Literal["negative-sampling", "hierarchical-softmax"] = option(
        "negative-sampling", "Output layer."
    )
    window: int = option(5, "Words of context on each side, at most.", low=1, high=1000)
    shrink_windows: bool = option(
        True, "Draw each window's width from 1 to --window, so that near words weigh more."
    )
    negative: int = option(5, "Noise words drawn for each pair.", low=1, high=1000)
    ns_exponent: float = option(
        0.75, "Noise words are drawn by count to this power.", low=-10, high=10
    )
    sample: float = option(
        1e-3, "Thin out words more frequent than this share of the text; 0: none.", low=0, high=1
    )
    cbow_mean: bool = option(True, "CBOW: take the mean of the context vectors, else their sum.")
    epochs: int = option(5, "Passes over the text.", low=1)
    learning_rate: float | None = option(
        None,
        "Learning rate at the start (gensim's and word2vec.c's alpha, fastText's lr). "
        "Default: 0.05 for cbow, 0.025 for skipgram.",
        above=0,
        high=10,
    )
    min_learning_rate: float = option(
        1e-4, "Learning rate at the end (gensim's min_alpha).", low=0, high=10
    )
    engine: Literal["native", "gensim"] = option(
        "native",
        "native: embedtool's own, the same result with any number of workers; gensim: gensim's.",
    )
    hogwild: bool = option(
        False,
        "Lock-free asynchronous SGD (Hogwild): faster, but no two runs give the same vectors.",
    )

    def __post_init__(self) -> None:
        if self.hogwild and self.engine == "gensim":
            raise ConfigError(
                "--hogwild needs --engine native; gensim's workers are always lock-free"
            )
        self._fill("learning_rate", 0.05 if self.mode == "cbow" else 0.025)
        super().__post_init__()
        if self.learning_rate is not None and self.min_learning_rate > self.learning_rate:
            raise ConfigError(
                f"--min-learning-rate {self.min_learning_rate:g} is above "
                f"--learning-rate {self.learning_rate:g}"
            )


@dataclass(frozen=True)
class FastTextConfig(Word2VecConfig):
    """FastText: Bojanowski and others 2017; Word2Vec with words made of n-grams."""

    mode: Literal["skipgram", "cbow"] = option(
        "skipgram", "cbow predicts a word from its context, skipgram the context from the word."
    )
    sample: float = option(
        1e-4, "Thin out words more frequent than this share of the text; 0: none.", low=0, high=1
    )
    learning_rate: float | None = option(
        0.05,
        "Learning rate at the start (gensim's alpha, fastText's lr).",
        above=0,
        high=10,
    )
    min_n: int = option(3, "Shortest n-gram in characters (fastText's minn).", low=1, high=100)
    max_n: int = option(
        6, "Longest n-gram in characters (fastText's maxn); 0: no n-grams.", low=0, high=100
    )
    bucket: int = option(2_000_000, "Hash buckets that n-grams share.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.max_n < self.min_n:
            raise ConfigError(f"--max-n {self.max_n} is below --min-n {self.min_n}")


@dataclass(frozen=True)
class GloveConfig(TrainerConfig):
    """GloVe: Pennington and others 2014; vectors fit co-occurrence counts."""

    window: int = option(10, "Words of context on each side.", low=1, high=1000)
    distance_weighting: bool = option(True, "Count a pair d words apart as 1/d, else as 1.")
    symmetric: bool = option(True, "Count context on both sides, else on the left only.")
    x_max: float = option(
        10.0,
        "Counts from here on weigh 1. Stanford's program has 100, its demo 10.",
        above=0,
        high=1e30,
    )
    weight_exponent: float = option(
        0.75,
        "Smaller counts weigh (count / x_max) to this power (the paper's alpha).",
        low=0,
        high=10,
    )
    iterations: int = option(25, "Passes over the pairs.", low=1)
    learning_rate: float = option(0.05, "AdaGrad's rate (Stanford's eta).", above=0, high=10)
    output_vectors: Literal["words", "sum", "both"] = option(
        "sum",
        "words: the word vectors; sum: word plus context vectors, as the paper has it; both: the "
        "word vectors, with the context vectors kept beside them.",
    )
    memory: int = option(
        2048, "MiB for counting pairs; what is more goes to disk and is merged.", low=16
    )
