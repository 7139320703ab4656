"""Trainers: from an encoded corpus to word vectors, one entry of TRAINERS an algorithm.

In: a name. Out: its Config and its training function, imported only when it is asked for.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.config import FastTextConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.corpus.encoding import EncodedCorpus
    from embedtool.vectors import WordVectors


@dataclass(frozen=True)
class Trainer:
    """An algorithm: its options, and the module whose `train` does it."""

    config: type[TrainerConfig]
    module: str

    def train(
        self,
        config: TrainerConfig,
        corpus: "EncodedCorpus",
        folder: Path,
        report: Report = silent,
    ) -> "WordVectors":
        """Train on a corpus.

        `folder` is for files that are needed while training. Raises TrainingError where training
        cannot go on.
        """
        vectors: WordVectors = import_module(self.module).train(config, corpus, folder, report)
        return vectors


TRAINERS = {
    "word2vec": Trainer(Word2VecConfig, "embedtool.trainers.gensim_adapter"),
    "fasttext": Trainer(FastTextConfig, "embedtool.trainers.gensim_adapter"),
    "glove": Trainer(GloveConfig, "embedtool.trainers.glove"),
}
