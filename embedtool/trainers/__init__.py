"""Trainers: from an encoded corpus to word vectors, one entry of TRAINERS an algorithm.

In: a name. Out: its Config and its training function, imported only when it is asked for.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from embedtool.config import FastTextConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.progress import Report, silent


@dataclass(frozen=True)
class Trainer:
    """An algorithm: its options, and the module whose `train` does it."""

    config: type[TrainerConfig]
    module: str

    def train(
        self, config: TrainerConfig, corpus: Any, folder: Path, report: Report = silent
    ) -> Any:
        """Train on an EncodedCorpus; returns WordVectors.

        `folder` is for files that are needed while training. Raises TrainingError where training
        cannot go on.
        """
        return import_module(self.module).train(config, corpus, folder, report)


TRAINERS = {
    "word2vec": Trainer(Word2VecConfig, "embedtool.trainers.gensim_adapter"),
    "fasttext": Trainer(FastTextConfig, "embedtool.trainers.gensim_adapter"),
    "glove": Trainer(GloveConfig, "embedtool.trainers.glove"),
}
