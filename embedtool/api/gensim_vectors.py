"""Word vectors as gensim's KeyedVectors and FastTextKeyedVectors."""

from typing import TYPE_CHECKING

import numpy as np

from embedtool.errors import FormatError, MissingPackageError
from embedtool.model.quantized import dequantized
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable

if TYPE_CHECKING:
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import FastTextKeyedVectors


def keyed_vectors(vectors: VectorTable) -> "KeyedVectors":
    """Return vectors as gensim's; with subwords, as gensim's FastTextKeyedVectors.

    Raises
    ------
    MissingPackageError
        If gensim is not installed.
    FormatError
        If n-grams have been pruned, which gensim would count in the means of new words.
    """
    try:
        from gensim.models import KeyedVectors
    except ImportError:
        raise MissingPackageError("to_gensim", "gensim") from None
    vectors = dequantized(vectors)
    subwords = vectors.subwords
    if subwords is not None and subwords.pruned:
        raise FormatError(
            "the model's n-grams are pruned, which gensim cannot represent; export the vectors of "
            "its words, to word2vec-binary for example"
        )
    peer: KeyedVectors = (
        KeyedVectors(vectors.vector_size) if subwords is None else _empty_with_subwords(subwords)
    )
    peer.vectors = np.array(vectors.rows)
    peer.index_to_key = list(vectors.words)
    peer.key_to_index = {word: i for i, word in enumerate(peer.index_to_key)}
    if vectors.counts is not None:
        peer.expandos["count"] = np.array(vectors.counts)
    if subwords is not None:
        peer.recalc_char_ngram_buckets()
    return peer


def _empty_with_subwords(subwords: Subwords) -> "FastTextKeyedVectors":
    """Return the tables from which gensim computes the vectors of new words, without the words.

    gensim has a row for each bucket. Those that no training updated are zeros; an offset is added
    to all of them, so that their means have it.
    """
    from gensim.models.fasttext import FastTextKeyedVectors

    size = subwords.word_rows.shape[1]
    peer = FastTextKeyedVectors(size, subwords.min_n, subwords.max_n, subwords.bucket)
    offset = np.zeros(size, np.float32) if subwords.offset is None else subwords.offset
    peer.vectors_vocab = subwords.word_rows + offset
    peer.vectors_ngrams = np.tile(offset, (subwords.bucket, 1))
    peer.vectors_ngrams[subwords.buckets] += subwords.ngram_rows
    return peer
