"""Trainers: from an encoded corpus to word vectors, one entry of TRAINERS an algorithm.

In: a name. Out: its Config and its training function, imported only when it is asked for.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.config.training import FastTextConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.errors import ConfigError
from embedtool.io.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.corpus.encoding import EncodedCorpus
    from embedtool.model.vectors import WordVectors
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.warm_start import WarmStart


@dataclass(frozen=True)
class Trainer:
    """An algorithm: its options, and for each engine the module whose `train` does it."""

    config: type[TrainerConfig]
    native: str
    gensim: str = ""

    def train(
        self,
        config: TrainerConfig,
        corpus: "EncodedCorpus",
        folder: Path,
        report: Report = silent,
        initial: "WarmStart | None" = None,
        checkpointer: "Checkpointer | None" = None,
    ) -> "WordVectors":
        """Train on a corpus.

        `folder` is for files that are needed while training, `initial` for vectors to begin with,
        which `WarmStart.check` has found to fit. Raises TrainingError where training cannot go on,
        StoppedError where `checkpointer` says that it is to stop.
        """
        by_gensim = isinstance(config, Word2VecConfig) and config.engine == "gensim"
        module = import_module(self.gensim if by_gensim else self.native)
        native = () if by_gensim else (checkpointer,)
        vectors: WordVectors = module.train(config, corpus, folder, report, initial, *native)
        return vectors


TRAINERS = {
    "word2vec": Trainer(
        Word2VecConfig, "embedtool.trainers.word2vec", "embedtool.trainers.gensim_adapter"
    ),
    "fasttext": Trainer(
        FastTextConfig, "embedtool.trainers.word2vec", "embedtool.trainers.gensim_adapter"
    ),
    "glove": Trainer(GloveConfig, "embedtool.trainers.glove"),
}


def check_algorithm(algorithm: str, config: TrainerConfig) -> None:
    """Raise ConfigError unless TRAINERS has the algorithm, and these are options of it."""
    if algorithm not in TRAINERS:
        raise ConfigError(f"no algorithm {algorithm!r}: expected {', '.join(TRAINERS)}")
    expected = TRAINERS[algorithm].config
    # FastTextConfig is a Word2VecConfig too, and would train under the wrong name
    if type(config) is not expected:
        raise ConfigError(f"{algorithm} takes a {expected.__name__}, not a {type(config).__name__}")
