"""Texts, corpora, vectors and models that several test modules make."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from embedtool.config.text import TextConfig
from embedtool.config.training import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, encode
from embedtool.corpus.scanning import ScannedCorpus, scan
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary
from embedtool.model import store
from embedtool.model.subwords import Subwords, ngram_hash, ngrams
from embedtool.model.vectors import ModelRecord, VectorTable

ALL_WORDS = VocabularyConfig(min_count=1)


def write(path: Path, data: bytes | str) -> Path:
    """Write a file and the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read_sentences(path: Path, data: bytes | str, **options: Any) -> list[list[str]]:
    """Return the sentences of a file of these bytes, read as a corpus with these options."""
    return list(Corpus(write(path, data), TextConfig(**options)).sentences())


def scanned_text(folder: Path, text: bytes | str) -> ScannedCorpus:
    """Scan a text in a directory of its own."""
    own = Path(folder) / str(len(list(folder.iterdir())))
    return scan(Corpus(write(own / "text", text)), own)


def encoded_text(path: Path, folder: Path, config: VocabularyConfig = ALL_WORDS) -> EncodedCorpus:
    """Scan and encode a file of text."""
    scanned = scan(Corpus(path), folder)
    return encode(scanned, *build_vocabulary(scanned.words, scanned.counts, config), folder)


def zipf_sentences(
    n_tokens: int, n_words: int, seed: int = 1, mean_length: float = 12
) -> list[list[int]]:
    """Return sentences of many lengths whose words are spread as in text, word 0 most frequent."""
    rng = np.random.default_rng(seed)
    drawn = np.minimum(rng.zipf(1.3, n_tokens) - 1, n_words - 1)
    by_frequency = np.argsort(-np.bincount(drawn, minlength=n_words), kind="stable")
    ids = np.argsort(by_frequency)[drawn].tolist()
    ends = np.cumsum(rng.geometric(1 / mean_length, n_tokens))
    return [ids[a:b] for a, b in pairwise([0, *ends.tolist()]) if ids[a:b]]


def ids_and_ends(sentences: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the words of sentences one after another, int32, and where each ends, int64."""
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return ids, np.cumsum([len(sentence) for sentence in sentences], dtype=np.int64)


def encoded_corpus(
    sentences: Sequence[Sequence[int]], n_words: int, words: Sequence[str] = ()
) -> EncodedCorpus:
    """Return sentences of word ids as a corpus; the words are "0", "1", ... if none are given."""
    ids, ends = ids_and_ends([sentence for sentence in sentences if len(sentence)])
    counts = np.bincount(ids, minlength=n_words).astype(np.int64)
    words = words or [str(i) for i in range(n_words)]
    return EncodedCorpus(Vocabulary(words, counts, n_words, len(ids)), ids, ends, "")


def zipf_corpus(
    n_tokens: int, n_words: int, seed: int = 1, mean_length: float = 12, words: Sequence[str] = ()
) -> EncodedCorpus:
    """Return the corpus of `zipf_sentences`."""
    return encoded_corpus(zipf_sentences(n_tokens, n_words, seed, mean_length), n_words, words)


def numbered_words(n: int) -> list[str]:
    """Return the words w0, w1, ..."""
    return [f"w{i}" for i in range(n)]


def word_vectors(
    words: Sequence[str], vector_size: int = 8, seed: int = 1, **tables: Any
) -> VectorTable:
    """Return random vectors for these words."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((len(words), vector_size), dtype=np.float32)
    return VectorTable(words, matrix, **tables)


def random_vectors(n_words: int = 400, vector_size: int = 20, seed: int = 0) -> VectorTable:
    """Return words w0, w1, ... with random vectors of many lengths and falling counts."""
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n_words, vector_size)).astype(np.float32)
    matrix *= rng.uniform(0.1, 3, (n_words, 1)).astype(np.float32)
    return VectorTable(numbered_words(n_words), matrix, np.arange(n_words, 0, -1) * 10)


def clustered_vectors(
    n_words: int, n_clusters: int, spread: float, vector_size: int = 12, seed: int = 0
) -> VectorTable:
    """Return words w0, w1, ... with near neighbours, as words have."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_clusters, vector_size))
    rows = centres[rng.integers(0, n_clusters, n_words)]
    rows = rows + spread * rng.standard_normal(rows.shape)
    matrix = rows.astype(np.float32)
    return VectorTable(numbered_words(n_words), matrix, np.arange(n_words, 0, -1))


def vectors_of(rows: Mapping[str, ArrayLike]) -> VectorTable:
    """Return the vectors of words, given one by one."""
    return VectorTable(list(rows), np.array(list(rows.values()), np.float32))


def vectors_on_circle(words: Sequence[str], angles: ArrayLike) -> VectorTable:
    """Return unit vectors of the plane at these angles, in radians."""
    return VectorTable(words, np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32))


def subword_vectors(
    words: Sequence[str], vector_size: int, bucket: int, seed: int = 2, **tables: Any
) -> VectorTable:
    """Return FastText's vectors with n-grams of 3 and 4 characters, random rows in few buckets."""
    rng = np.random.default_rng(seed)
    grams = [[ngram_hash(gram) % bucket for gram in ngrams(word, 3, 4)] for word in words]
    buckets = np.unique(np.concatenate(grams)).astype(np.int64)
    own = rng.standard_normal((len(words), vector_size), dtype=np.float32)
    of_grams = rng.standard_normal((len(buckets), vector_size), dtype=np.float32)
    matrix = [
        np.vstack([row[None], of_grams[np.searchsorted(buckets, ids)]]).mean(axis=0)
        for row, ids in zip(own, grams, strict=True)
    ]
    subwords = Subwords(3, 4, bucket, own, buckets, of_grams)
    return VectorTable(words, np.array(matrix), subwords=subwords, **tables)


def without_ngrams(words: Sequence[str], matrix: np.ndarray, **tables: Any) -> VectorTable:
    """Return FastText's vectors without n-grams, which every format can hold."""
    subwords = Subwords(3, 0, 0, matrix, np.empty(0, np.int64), matrix[:0])
    return VectorTable(words, matrix, subwords=subwords, **tables)


def with_one_ngram(vectors: VectorTable) -> VectorTable:
    """Return the vectors with one row of ones, for the n-gram `zz`."""
    bucket = 1000
    row = np.ones((1, vectors.vector_size), dtype=np.float32)
    subwords = Subwords(2, 2, bucket, vectors.rows, np.array([ngram_hash(b"zz") % bucket]), row)
    return VectorTable(vectors.words, vectors.rows, subwords=subwords)


def topic_vectors(counts: bool = True) -> VectorTable:
    """Return words of two topics, on two sides of the first axis; `the` is common to both."""
    words = ["the", "ship", "wave", "sail", "fish", "plough", "field", "wheat", "cow"]
    matrix = np.random.default_rng(3).standard_normal((len(words), 5)).astype(np.float32)
    matrix[:, 0] = [0, 2, 2, 2, 2, -2, -2, -2, -2]
    known = np.array([1000, 90, 80, 70, 60, 50, 40, 30, 20]) if counts else None
    return VectorTable(words, matrix, known)


def saved_model(path: Path, vectors: VectorTable, **description: Any) -> Path:
    """Save vectors as a model."""
    store.save(ModelRecord(vectors, description), path, overwrite=True)
    return path


def as_gensim(vectors: VectorTable) -> Any:
    """Return vectors as gensim's KeyedVectors; skip the test where gensim is not installed."""
    peer = pytest.importorskip("gensim.models").KeyedVectors(vectors.vector_size)
    peer.add_vectors(list(vectors.words), vectors.rows)
    return peer
