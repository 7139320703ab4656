"""Training of word vectors on this machine."""

from collections.abc import Iterable
from pathlib import Path

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, check_pairs, encode
from embedtool.corpus.scanning import ScannedCorpus, cached_scan, scan, warn_about_text
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary, merge_vocabularies
from embedtool.io.deletion import temporary_directory
from embedtool.io.progress import Report
from embedtool.model.vectors import ModelRecord
from embedtool.trainers import TRAINERS, Trainer
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.manifest import TrainingManifest, algorithm_of
from embedtool.trainers.resources import ResourceEstimate, check_resources
from embedtool.trainers.training_dir import TrainingDir
from embedtool.trainers.warm_start import WarmStart


class LocalBackend:
    """A `session.Backend`.

    Parameters
    ----------
    config : TrainerConfig
        The options of the algorithm.
    vocabulary_words : iterable of str, optional
        The only words that get a vector.
    warm_start : WarmStart, optional
        Vectors to start from; their words stay in the vocabulary.
    cache : Path, optional
        Folder to cache the scanned corpus in; a later run over the same files reuses it.

    Raises
    ------
    ConfigError
        If a training with these options cannot start from these vectors.
    """

    cluster_settings = None

    def __init__(
        self,
        config: TrainerConfig,
        vocabulary_words: Iterable[str] | None = None,
        warm_start: WarmStart | None = None,
        cache: Path | None = None,
    ) -> None:
        if warm_start is not None:
            warm_start.check(config)
        self.config, self.vocabulary_words = config, vocabulary_words
        self.warm_start, self.cache = warm_start, cache

    def read(self, corpus: Corpus, folder: Path, report: Report) -> ScannedCorpus:
        """Scan a corpus into a folder, or find it in the cache."""
        return read_text(corpus, folder, self.config.workers, self.cache, report)

    def encode(
        self, corpus: Corpus, scanned: ScannedCorpus, training_dir: TrainingDir
    ) -> EncodedCorpus:
        """Encode a corpus into the training directory, and check that there is room for it."""
        encoded = encode_text(
            scanned, self.config, training_dir.folder, self.vocabulary_words, self.warm_start
        )
        if training_dir.output is not None:
            needed = self._trainer.estimate_resources(self.config, encoded, self.warm_start)
            check_resources(needed, training_dir.output)
        return encoded

    def reopen(
        self, training_dir: TrainingDir, manifest: TrainingManifest, report: Report
    ) -> EncodedCorpus:
        """Open the encoded corpus in the training directory."""
        return training_dir.load_corpus(manifest)

    def fit(
        self, encoded: EncodedCorpus, folder: Path, report: Report, checkpointer: Checkpointer
    ) -> ModelRecord:
        """Train the algorithm of the config."""
        vectors = self._trainer.train(
            self.config, encoded, folder, report, self.warm_start, checkpointer
        )
        return ModelRecord(vectors, {})

    def estimate(self, corpus: Corpus, report: Report) -> tuple[ResourceEstimate, Vocabulary]:
        """Read a corpus; return what a training on it would need, and its vocabulary."""
        with temporary_directory() as folder:
            training_dir = TrainingDir(None, folder)
            scanned = self.read(corpus, training_dir.folder, report)
            encoded = self.encode(corpus, scanned, training_dir)
            needed = self._trainer.estimate_resources(self.config, encoded, self.warm_start)
            return needed, encoded.vocabulary

    @property
    def _trainer(self) -> Trainer:
        return TRAINERS[algorithm_of(self.config)]


def read_text(
    corpus: Corpus, folder: Path, workers: int | None, cache: Path | None, report: Report
) -> ScannedCorpus:
    """Scan a corpus into a folder, or find it in a cache; warn about unsuitable reading options."""
    if cache is None:
        scanned = scan(corpus, folder, report, workers)
    else:
        scanned = cached_scan(corpus, cache, report, workers)
    warn_about_text(corpus, scanned)
    return scanned


def encode_text(
    scanned: ScannedCorpus,
    config: TrainerConfig,
    folder: Path,
    vocabulary_words: Iterable[str] | None = None,
    warm_start: WarmStart | None = None,
) -> EncodedCorpus:
    """Build the vocabulary of a text and encode it; parameters as for `LocalBackend`.

    Raises
    ------
    VocabularyError
        If too few words are left.
    TrainingError
        If no sentence contains two of them.
    """
    vocabulary, rows = build_vocabulary(scanned.words, scanned.counts, config, vocabulary_words)
    if warm_start is not None:
        vocabulary, rows = merge_vocabularies(
            vocabulary, rows, scanned.words, scanned.counts,
            warm_start.vectors.words, warm_start.vectors.counts,
        )  # fmt: skip
    encoded = encode(scanned, vocabulary, rows, folder)
    check_pairs(encoded)
    return encoded
