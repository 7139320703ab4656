"""A static model made of an encoder: each word by itself, fewer dimensions, weights by frequency.

In: an encoder and words. Out: word vectors.

The recipe is that of Tulkens & van Dongen 2024, 'Model2Vec: Fast State-of-the-Art Static
Embeddings': words are encoded, PCA keeps the main directions, and frequent words are shortened.
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
from embedtool.model.vectors import Model, WordVectors


def distill(
    encoder: ContextualEncoder,
    words: list[str],
    counts: NDArray[np.int64] | None,
    config: DistillConfig,
    report: Report = silent,
    *,
    by_frequency: bool = True,
) -> Model:
    """Make a static model of the words.

    counts : int64 (n_words,), how often each occurs; None: as by Zipf's law, in the order given
    by_frequency : without counts, whether that order is known to be by frequency
    Words that the encoder does not know are left out. Raises VocabularyError where fewer than two
    are left.
    """
    kept, rows = encode_in_isolation(encoder, words, report)
    if len(kept) < 2:
        raise VocabularyError("the encoder knows fewer than two of the words; give others")
    place = {word: i for i, word in enumerate(words)}
    ids = np.array([place[word] for word in kept])
    known = None if counts is None else counts[ids]
    model = Model(WordVectors(kept, rows, known, by_frequency=by_frequency), {})
    size = min(config.dimensions, rows.shape[1], len(kept))
    vectors = transforms.transform(model, TransformConfig(pca=size)).vectors
    frequency = 1 / (ids + 1) if known is None else known
    weights = sif_weights(frequency, float(frequency.sum()), config.sif)
    matrix = (vectors.matrix * weights[:, None]).astype(np.float32)
    description = {"algorithm": "distilled", "options": asdict(config), "encoder": encoder.name}
    return Model(replace(vectors, matrix=matrix).sorted_by_count(), description)
