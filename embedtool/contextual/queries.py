"""What a person asks of words in their sentences: neighbours, and how far two uses lie apart.

In: an encoder and sentences. Out: words with their scores, and cosines.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import N_ANSWERS
from embedtool.contextual.encoders import ContextualEncoder, Sentence
from embedtool.errors import NoAnswerError, QueryError
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.vectors import WordVectors
from embedtool.search.query import Answers, cosines, similar_to_vectors

N_CANDIDATES = 5000
"""The most frequent words that are compared with a word in its sentence, unless another limit is
asked for: each of them has to be encoded."""

STEP = 512
"""Words between two reports."""


def vector_of(encoder: ContextualEncoder, sentence: str, word: str) -> NDArray[np.float32]:
    """The vector of a word in its sentence, float32 (vector_size,).

    Where the word stands there several times it is the first that counts. Raises QueryError where
    it does not stand there, or has no vector or one of zeros.
    """
    found = next(encoder.encode([sentence]))
    vector: NDArray[np.float32] = found.vectors[place_of(found, word)]
    if not vector.any():
        raise NoAnswerError(f"the vector of {word!r} is all zeros there: it has no direction")
    return vector


def place_of(sentence: Sentence, word: str) -> int:
    """Where a word first stands among the tokens of a sentence, whatever its case if need be.

    Raises QueryError where it does not.
    """
    if word in sentence.tokens:
        return sentence.tokens.index(word)
    folded = [token.lower() for token in sentence.tokens]
    if word.lower() in folded:
        return folded.index(word.lower())
    if word in sentence.unknown:
        raise QueryError(f"the model does not know {word!r}; it leaves it out of the sentence")
    raise QueryError(
        f"{word!r} is none of the words of the sentence: {', '.join(sentence.tokens) or '(none)'}"
    )


def compare(encoder: ContextualEncoder, first: str, second: str, word: str) -> float:
    """The cosine of a word's vectors in two sentences. Raises QueryError as `vector_of`."""
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
    """The n words nearest to a word as its sentence uses it, by cosine.

    Each candidate is encoded by itself. The word that is asked about is left out.

    candidates : None: the N_CANDIDATES first words of the encoder's vocabulary
    Raises QueryError as `vector_of`, and where no candidate is left.
    """
    query = vector_of(encoder, sentence, word)
    if candidates is None:
        candidates = encoder.vocabulary()[:N_CANDIDATES]
    others = [each for each in candidates if each.lower() != word.lower()]
    words, rows = encode_in_isolation(encoder, others, report)
    if not words:
        raise QueryError("no candidate has a vector; give other words")
    vectors = WordVectors(words, rows)
    return similar_to_vectors(vectors, query[None], n)[0]


def encode_in_isolation(
    encoder: ContextualEncoder, words: Sequence[str], report: Report = silent
) -> tuple[list[str], NDArray[np.float32]]:
    """Words, each in a sentence of nothing else, and their vectors; those without one are left out.

    A word that the encoder takes for several has the mean of theirs. Returns the words and
    float32 (n, vector_size).
    """
    kept, rows = [], []
    sentences = (" ".join([word] * encoder.context_repeats) for word in words)
    for i, (word, found) in enumerate(zip(words, encoder.encode(sentences), strict=True), 1):
        if found.tokens:
            kept.append(word)
            rows.append(found.vectors.mean(axis=0))
        if i % STEP == 0 or i == len(words):
            report(Progress("encoding", i, len(words), "words"))
    return kept, np.array(rows, np.float32).reshape(-1, encoder.vector_size)
