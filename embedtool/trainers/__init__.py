"""Trainers: from an encoded corpus to word vectors, with one entry in TRAINERS per algorithm.

The modules that train are imported only when they are used.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.config.training import FastTextConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.io.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.corpus.encoding import EncodedCorpus
    from embedtool.model.vectors import VectorTable
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.resources import ResourceEstimate
    from embedtool.trainers.warm_start import WarmStart


@dataclass(frozen=True)
class Trainer:
    """An algorithm.

    Attributes
    ----------
    config : type of TrainerConfig
        Its options.
    native : str
        The module that trains it. It has `train`, with the arguments of `Trainer.train`, and
        `estimate_resources`.
    gensim : str
        The module that trains it by gensim, if there is one.
    """

    config: type[TrainerConfig]
    native: str
    gensim: str = ""

    def train(
        self,
        config: TrainerConfig,
        corpus: "EncodedCorpus",
        folder: Path,
        report: Report = silent,
        warm_start: "WarmStart | None" = None,
        checkpointer: "Checkpointer | None" = None,
    ) -> "VectorTable":
        """Train on a corpus.

        Parameters
        ----------
        config : TrainerConfig
            The options.
        corpus : EncodedCorpus
            The text.
        folder : Path
            Folder for files that are needed during training.
        report : callable
            Called with the progress.
        warm_start : WarmStart, optional
            Vectors to start from, already validated by `WarmStart.check`.
        checkpointer : Checkpointer, optional
            Saves the training between two chunks.

        Returns
        -------
        VectorTable
            The vectors.

        Raises
        ------
        TrainingError
            If the training fails.
        StoppedError
            If `checkpointer` asks it to stop.
        """
        by_gensim = isinstance(config, Word2VecConfig) and config.engine == "gensim"
        module = import_module(self.gensim if by_gensim else self.native)
        native = () if by_gensim else (checkpointer,)
        vectors: VectorTable = module.train(config, corpus, folder, report, warm_start, *native)
        return vectors

    def estimate_resources(
        self,
        config: TrainerConfig,
        corpus: "EncodedCorpus",
        warm_start: "WarmStart | None" = None,
    ) -> "ResourceEstimate":
        """Return the memory and disk that `train` needs for a corpus."""
        needed: ResourceEstimate = import_module(self.native).estimate_resources(
            config, corpus, warm_start
        )
        return needed


TRAINERS = {
    "word2vec": Trainer(
        Word2VecConfig, "embedtool.trainers.word2vec", "embedtool.trainers.gensim_adapter"
    ),
    "fasttext": Trainer(
        FastTextConfig, "embedtool.trainers.word2vec", "embedtool.trainers.gensim_adapter"
    ),
    "glove": Trainer(GloveConfig, "embedtool.trainers.glove"),
}
