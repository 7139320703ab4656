"""Word2Vec and FastText by gensim's fast path, which reads a file, for comparison."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gensim.models import FastText, Word2Vec
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.encoding import EncodedCorpus, sentences_of
from embedtool.corpus.tokens import ASCII_SPACE
from embedtool.errors import ConfigError, TrainingError
from embedtool.io.progress import Progress, Report
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable
from embedtool.trainers.word2vec import warn_if_no_pairs

MAX_LINE_TOKENS = 5_000
"""Tokens on a line of the file for gensim, which drops those beyond 10,000."""
FILE_TOKENS = 2_000_000
"""gensim reports nothing while it reads a file, so it gets the corpus in files of about this many
tokens: there is a report every few seconds, and starting takes less than a tenth of the time."""
MIN_THREAD_TOKENS = 20_000
"""gensim lets each thread begin anywhere in the file, amid a line and a word; with fewer tokens per
thread than this, a considerable fraction of the tokens would be lost."""


def train(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    warm_start: None = None,
) -> VectorTable:
    """Train with gensim on files of whole lines that are written to `folder`.

    Equal seeds give equal vectors with one worker only. A warm start is not supported.

    Raises
    ------
    TrainingError
        If the vectors are not finite.
    ConfigError
        If a word contains a space.
    """
    spaced = next(filter(ASCII_SPACE.search, corpus.vocabulary.words), None)
    if spaced is not None:
        raise ConfigError(
            f"engine='gensim' splits text at spaces, and {spaced!r} contains one; leave it out",
            parameters=("engine",),
        )
    files = list(_write_files(corpus, folder))
    model = _model(config, corpus)
    total = corpus.n_tokens * config.epochs
    report(Progress("training", 0, total, "words", 1, begins=True))
    for epoch in range(config.epochs):
        done = 0
        for path, n_lines, n_tokens in files:
            model.workers = max(1, min(config.workers or 1, n_tokens // MIN_THREAD_TOKENS))
            model.train(
                corpus_file=str(path),
                total_examples=n_lines,
                total_words=n_tokens,
                epochs=1,
                start_alpha=_learning_rate(config, epoch, done / corpus.n_tokens),
                end_alpha=_learning_rate(config, epoch, (done + n_tokens) / corpus.n_tokens),
            )
            done += n_tokens
            so_far = epoch * corpus.n_tokens + done
            report(Progress("training", so_far, total, "words", epoch + 1))
        report(Progress("training", so_far, total, "words", epoch + 1, epoch_ended=True))
    vectors = _word_vectors(config, corpus, model)
    hierarchical = config.loss == "hierarchical-softmax"
    output_layer = model.syn1 if hierarchical else model.syn1neg  # which starts as zeros
    warn_if_no_pairs(config, bool(np.any(output_layer)))
    if not np.isfinite(vectors.rows).all():
        raise TrainingError(
            f"training diverged; choose a smaller learning_rate than {config.learning_rate:g}",
            parameters=("learning_rate",),
        )
    return vectors


def _learning_rate(config: Word2VecConfig, epoch: int, fraction: float) -> float:
    """Return the learning rate after `epoch` epochs and a fraction of the next.

    FastText's falls linearly, as in fastText. Word2Vec's is gensim's: linear from epoch to epoch,
    but within an epoch it falls only 1/workers as far, because each of gensim's threads counts only
    its own words.
    """
    first = config.learning_rate or 0.0
    if not isinstance(config, FastTextConfig):
        fraction /= config.workers or 1
    return first - (first - config.min_learning_rate) * (epoch + fraction) / config.epochs


def _write_files(corpus: EncodedCorpus, folder: Path) -> Iterator[tuple[Path, int, int]]:
    """Write the corpus as text, a sentence per line; yield each file's path, lines and tokens."""
    words = [word.encode() for word in corpus.vocabulary.words]
    sentences = sentences_of(corpus, MAX_LINE_TOKENS)
    n_written = 0
    number = 0
    while n_written < corpus.n_tokens:
        path = folder / f"part-{number}.txt"
        n_lines = n_tokens = 0
        with path.open("wb") as file:
            for sentence in sentences:
                file.write(b" ".join([words[i] for i in sentence.tolist()]) + b"\n")
                n_lines += 1
                n_tokens += len(sentence)
                if n_tokens >= FILE_TOKENS:
                    break
        yield path, n_lines, n_tokens
        n_written += n_tokens
        number += 1


def _model(config: Word2VecConfig, corpus: EncodedCorpus) -> Any:
    """Return a gensim model with the corpus's vocabulary, in its order, and untrained vectors."""
    hierarchical = config.loss == "hierarchical-softmax"
    options: dict[str, Any] = {
        "vector_size": config.vector_size,
        "window": config.window,
        "shrink_windows": config.shrink_windows,
        "min_count": 1,
        "sorted_vocab": 0,
        "sg": int(config.mode == "skipgram"),
        "hs": int(hierarchical),
        "negative": 0 if hierarchical else config.negative,
        "ns_exponent": config.ns_exponent,
        "sample": config.sample,
        "cbow_mean": int(config.cbow_mean),
        "alpha": config.learning_rate,
        "min_alpha": config.min_learning_rate,
        "seed": config.seed,
        "workers": config.workers,
    }
    model: Any
    if isinstance(config, FastTextConfig):
        model = FastText(
            **options, min_n=config.min_n, max_n=config.max_n,
            bucket=config.bucket if config.max_n else 0,
        )  # fmt: skip
    else:
        model = Word2Vec(**options)
    vocabulary = corpus.vocabulary
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    model.build_vocab_from_freq(counts, corpus_count=len(corpus.ends))
    return model


def _word_vectors(config: Word2VecConfig, corpus: EncodedCorpus, model: Any) -> VectorTable:
    """Return the vectors, and the output layer of negative sampling.

    That of hierarchical softmax belongs to gensim's Huffman tree, which differs from word2vec.c's
    where counts are equal.
    """
    vocabulary = corpus.vocabulary
    hierarchical = config.loss == "hierarchical-softmax"
    return VectorTable(
        vocabulary.words,
        _float32(model.wv.vectors),
        vocabulary.counts,
        output_matrix=None if hierarchical else _float32(model.syn1neg),
        subwords=_subwords(config, model) if isinstance(config, FastTextConfig) else None,
    )


def _subwords(config: FastTextConfig, model: Any) -> Subwords:
    """Return the rows of the words, and of the buckets that some n-gram of a word hashes to.

    gensim initializes all other buckets at random and never trains them: they are left out.
    """
    used = np.unique(np.concatenate(model.wv.buckets_word)).astype(np.int64)
    return Subwords(
        config.min_n,
        config.max_n,
        config.bucket,
        word_rows=_float32(model.wv.vectors_vocab),
        buckets=used,
        ngram_rows=_float32(model.wv.vectors_ngrams[used]),
    )


def _float32(array: Any) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)
