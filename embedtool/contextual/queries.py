"""Queries to words in their sentences: nearest words, and how similar two uses are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import N_ANSWERS
from embedtool.contextual.encoders import ContextualEncoder, Sentence
from embedtool.errors import NoAnswerError, QueryError
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.vectors import VectorTable
from embedtool.search.answers import Answers
from embedtool.search.lookup import cosines
from embedtool.search.query import similar_to_vectors

N_CANDIDATES = 5000
"""Default number of candidates, the most frequent words: each must be encoded."""
REPORT_WORDS = 512
"""Words between two progress reports."""


def vector_of(encoder: ContextualEncoder, sentence: str, word: str) -> NDArray[np.float32]:
    """Return the vector of a word in its sentence, float32 (vector_size,).

    If the word occurs several times, the first occurrence is used.

    Raises
    ------
    QueryError
        If the sentence does not contain the word, or the word has no vector.
    NoAnswerError
        If the vector is all zeros.
    """
    encoded = next(encoder.encode([sentence]))
    vector: NDArray[np.float32] = encoded.vectors[token_index(encoded, word)]
    if not vector.any():
        raise NoAnswerError(
            f"the vector of {word!r} is all zeros in this sentence and has no direction"
        )
    return vector


def token_index(sentence: Sentence, word: str) -> int:
    """Return the index of a word's first token in a sentence, ignoring case if necessary.

    Raises
    ------
    QueryError
        If there is no such token.
    """
    if word in sentence.tokens:
        return sentence.tokens.index(word)
    lowercase = [token.lower() for token in sentence.tokens]
    if word.lower() in lowercase:
        return lowercase.index(word.lower())
    if word in sentence.unknown:
        raise QueryError(f"the model does not know {word!r}, and leaves it out of the sentence")
    raise QueryError(
        f"{word!r} is none of the words of the sentence: {', '.join(sentence.tokens) or '(none)'}"
    )


def compare(encoder: ContextualEncoder, first: str, second: str, word: str) -> float:
    """Return the cosine of a word's vectors in two sentences; raises as `vector_of`."""
    rows = np.array([vector_of(encoder, sentence, word) for sentence in (first, second)])
    return float(cosines(rows[:1], rows[1])[0])


def similar(
    encoder: ContextualEncoder,
    sentence: str,
    word: str,
    n: int = N_ANSWERS,
    *,
    candidates: Sequence[str] | None = None,
    report: Report = silent,
) -> Answers:
    """Return the n words nearest to a word as its sentence uses it, by cosine.

    Each candidate is encoded in isolation. The word itself is not among the answers.

    Parameters
    ----------
    candidates : sequence of str
        The words to compare with; by default the first N_CANDIDATES words of the vocabulary.

    Raises
    ------
    QueryError
        As `vector_of`, or if no candidate has a vector.
    """
    query = vector_of(encoder, sentence, word)
    if candidates is None:
        candidates = encoder.vocabulary()[:N_CANDIDATES]
    others = [each for each in candidates if each.lower() != word.lower()]
    words, rows = encode_in_isolation(encoder, others, report)
    if not words:
        raise QueryError("no candidate has a vector; give other words")
    vectors = VectorTable(words, rows)
    return similar_to_vectors(vectors, query[None], n)[0]


def encode_in_isolation(
    encoder: ContextualEncoder, words: Sequence[str], report: Report = silent
) -> tuple[list[str], NDArray[np.float32]]:
    """Encode words, each in a sentence of its own.

    A word that the encoder splits into several tokens gets the mean of their vectors.

    Returns
    -------
    words : list of str
        The words that have a vector.
    vectors : ndarray of float32, shape (n, vector_size)
    """
    encoded_words, rows = [], []
    sentences = (" ".join([word] * encoder.context_repeats) for word in words)
    for i, (word, encoded) in enumerate(zip(words, encoder.encode(sentences), strict=True), 1):
        if encoded.tokens:
            encoded_words.append(word)
            rows.append(encoded.vectors.mean(axis=0))
        if i % REPORT_WORDS == 0 or i == len(words):
            report(Progress("encoding", i, len(words), "words"))
    return encoded_words, np.array(rows, np.float32).reshape(-1, encoder.vector_size)
