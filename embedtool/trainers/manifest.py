"""The manifest of a training directory, and the records of a training that it consists of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self

from embedtool.config.base import Config
from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedText
from embedtool.corpus.sources import display_name
from embedtool.errors import ConfigError
from embedtool.trainers import TRAINERS
from embedtool.trainers.history import History

CONFIGS: Mapping[str, type[Config]] = {
    **{name: trainer.config for name, trainer in TRAINERS.items()},
    "contextual": ContextualConfig,
}
"""The config of each algorithm that a training directory or a model may name."""


def algorithm_of(config: Config) -> str:
    """Return the name of the algorithm that a config belongs to.

    Raises
    ------
    ConfigError
        If its class is not in CONFIGS.
    """
    for name, config_class in CONFIGS.items():
        if type(config) is config_class:  # a FastTextConfig is a Word2VecConfig too
            return name
    names = ", ".join(each.__name__ for each in CONFIGS.values())
    raise ConfigError(f"config must be one of {names}, not {type(config).__name__}")


class ScannedText(Protocol):
    """A corpus that has been read: a `ScannedCorpus`, or `ScannedPartitions` on a cluster."""

    @property
    def n_sentences(self) -> int:
        """Sentences that hold a token."""

    @property
    def fingerprint(self) -> str:
        """The checksum of the tokens."""

    @property
    def n_invalid(self) -> int:
        """Byte sequences that were replaced or skipped."""


@dataclass(frozen=True)
class CorpusRecord:
    """The text of a training. The fields are the keys of a model's ``config.json``."""

    sources: list[str]
    sentences: int
    fingerprint: str
    invalid_utf8: int
    text: TextConfig

    @classmethod
    def of(cls, corpus: Corpus, scanned: ScannedText) -> Self:
        """Return the record of a corpus that has been read."""
        sources = [display_name(source) for source in corpus.sources]
        return cls(
            sources, scanned.n_sentences, scanned.fingerprint, scanned.n_invalid, corpus.text
        )


@dataclass(frozen=True)
class TrainingRecord:
    """What is recorded before training starts.

    Attributes
    ----------
    config : Config
        The options, which name the algorithm too.
    corpus : CorpusRecord
        The text.
    seconds_reading : float
        Seconds that reading and encoding it took.
    cluster : dict or None
        Cluster settings that the vectors depend on: ``replicas`` and ``syncs``; empty for GloVe.
    init : dict or None
        The model that the training starts from: its ``path`` and ``checksum``, as far as it has
        any, and ``freeze``.
    """

    config: Config
    corpus: CorpusRecord
    seconds_reading: float = 0.0
    cluster: dict[str, int] | None = None
    init: dict[str, Any] | None = None

    @property
    def algorithm(self) -> str:
        """The name of the algorithm."""
        return algorithm_of(self.config)

    def identity(self, fingerprint: str) -> dict[str, Any]:
        """Return everything that the vectors depend on: equal identities give equal vectors."""
        options = asdict(self.config)
        del options["workers"]
        return {
            "algorithm": self.algorithm, "text": fingerprint, **options, **(self.cluster or {})
        }  # fmt: skip

    def description(self, encoded: EncodedText, history: History) -> dict[str, Any]:
        """Return the description of the training for the ``config.json`` of the model."""
        return {
            "algorithm": self.algorithm,
            "options": asdict(self.config),
            "corpus": asdict(self.corpus),
            "vocabulary": encoded.vocabulary.summary(),
            "training": {"seconds_reading": self.seconds_reading, **history.state_dict()},
            **({} if self.cluster is None else {"cluster": self.cluster}),
            **({} if self.init is None else {"init": self.init}),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the record as a JSON-serialisable dict."""
        return {"algorithm": self.algorithm, **asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the record that `as_json` wrote."""
        corpus = {**record["corpus"], "text": TextConfig(**record["corpus"]["text"])}
        return cls(
            CONFIGS[record["algorithm"]](**record["config"]), CorpusRecord(**corpus),
            record["seconds_reading"], record["cluster"], record["init"],
        )  # fmt: skip


@dataclass(frozen=True)
class TextFiles:
    """The encoded text in a training directory, and its source files.

    Attributes
    ----------
    files : list of list
        Path or address, size and modification time of each source file, and of the model that the
        training starts from; entries that cannot be determined are None.
    types_seen, tokens_seen : int
        Distinct words and tokens of the text, with or without a vector.
    fingerprint : str
        The checksum of the tokens.
    checksums : dict
        Size and SHA-256 of each file in the directory, by name.
    """

    files: list[list[Any]]
    types_seen: int
    tokens_seen: int
    fingerprint: str
    checksums: dict[str, Any]


@dataclass(frozen=True)
class WarmStartRecord:
    """The model that a training starts from.

    Attributes
    ----------
    path : str or None
        Its folder; None for random vectors.
    freeze : bool
        Whether its vectors stay as they are.
    files : list of str
        Its files, which must not change until the training has ended.
    facts : dict or None
        What the new model tells of it, as `TrainingRecord.init`.
    """

    path: str | None = None
    freeze: bool = False
    files: list[str] = field(default_factory=list)
    facts: dict[str, Any] | None = None


COLD_START = WarmStartRecord()


@dataclass(frozen=True)
class TrainingManifest:
    """Everything that `embedtool.resume` needs beside the latest checkpoint.

    Attributes
    ----------
    record : TrainingRecord
        The training.
    text : TextFiles
        Its text.
    checkpoints : CheckpointConfig
        When checkpoints are saved.
    init : str or None
        The folder of the model that it starts from.
    freeze : bool
        Whether the vectors of that model are not trained.
    address : str or None
        The address of the cluster that it runs on.
    """

    record: TrainingRecord
    text: TextFiles
    checkpoints: CheckpointConfig
    init: str | None = None
    freeze: bool = False
    address: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the manifest as a JSON-serialisable dict."""
        return {**asdict(self), "record": self.record.as_json()}

    @classmethod
    def from_json(cls, manifest: Mapping[str, Any]) -> Self:
        """Return the manifest that `as_json` wrote."""
        return cls(
            TrainingRecord.from_json(manifest["record"]), TextFiles(**manifest["text"]),
            CheckpointConfig(**manifest["checkpoints"]), manifest["init"], manifest["freeze"],
            manifest["address"],
        )  # fmt: skip
