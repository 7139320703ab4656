"""Distillation of an encoder into a static model.

Each word is encoded in isolation, PCA reduces the dimensions, and vectors are weighted by word
frequency (Tulkens & van Dongen 2024, 'Model2Vec: Fast State-of-the-Art Static Embeddings').
"""

from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import DistillConfig, TransformConfig
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.contextual.queries import encode_in_isolation
from embedtool.errors import VocabularyError
from embedtool.evaluation.documents import sif_weights
from embedtool.io.progress import Report, silent
from embedtool.model import transforms
from embedtool.model.vectors import ModelRecord, VectorTable


def distill(
    encoder: ContextualEncoder,
    words: list[str],
    counts: NDArray[np.int64] | None,
    config: DistillConfig,
    report: Report = silent,
    *,
    by_frequency: bool = True,
) -> ModelRecord:
    """Return a static model of words, computed from their vectors in an encoder.

    Parameters
    ----------
    words : list of str
        The words; those that the encoder does not know are left out.
    counts : ndarray of int64, shape (n_words,)
        Count of each word; None for Zipf's law, in the order given.
    by_frequency : bool
        Without counts, whether the order is by frequency.

    Raises
    ------
    VocabularyError
        If the encoder knows fewer than two of the words.
    """
    known_words, rows = encode_in_isolation(encoder, words, report)
    if len(known_words) < 2:
        raise VocabularyError("the encoder knows fewer than two of the words; give others")
    id_of = {word: i for i, word in enumerate(words)}
    ids = np.array([id_of[word] for word in known_words])
    known_counts = None if counts is None else counts[ids]
    model = ModelRecord(VectorTable(known_words, rows, known_counts, by_frequency=by_frequency), {})
    size = min(config.dimensions, rows.shape[1], len(known_words))
    vectors = transforms.transform(model, TransformConfig(pca=size)).vectors
    frequency = 1 / (ids + 1) if known_counts is None else known_counts
    weights = sif_weights(frequency, float(frequency.sum()), config.sif)
    matrix = (vectors.rows * weights[:, None]).astype(np.float32)
    description = {"algorithm": "distilled", "options": asdict(config), "encoder": encoder.name}
    return ModelRecord(replace(vectors, rows=matrix).sorted_by_count(), description)
