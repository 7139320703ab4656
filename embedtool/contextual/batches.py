"""Batches for training an encoder: sentences grouped by length, with the targets to predict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.corpus.encoding import EncodedCorpus

Ids = NDArray[np.int64]

SORTED_BATCHES = 50
"""Number of batches whose sentences are sorted together by length: little padding is needed, and
the composition of batches is still nearly random."""
MAX_HELD_OUT_TOKENS = 100_000
"""Maximum tokens of held-out text: they determine perplexity to about 1%."""
IGNORE_INDEX = -1
"""The target at positions without a prediction."""
MASKED, REPLACED = 0.8, 0.1
"""Fractions of the target tokens that become the mask, or a random word; the rest are unchanged
(Devlin et al. 2019, section 3.1)."""
EVALUATION_SEED, EVALUATION_MASK_PROBABILITY = 0, 0.15
"""Mask probability of held-out text, independent of training, so that perplexities can be
compared."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Spans of text within which tokens attend to each other: sentences, or parts of long ones.

    Attributes
    ----------
    starts, ends : ndarray of int64, shape (n_segments,)
        Positions in the ids of the corpus.
    ends_sentence : ndarray of bool, shape (n_segments,)
        Whether the segment is the end of a sentence.
    """

    starts: Ids
    ends: Ids
    ends_sentence: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: NDArray[np.integer]) -> "Segments":
        return Segments(self.starts[rows], self.ends[rows], self.ends_sentence[rows])

    @property
    def lengths(self) -> Ids:
        return self.ends - self.starts

    @property
    def n_tokens(self) -> int:
        return int(self.lengths.sum())


@dataclass(frozen=True, eq=False)
class Batch:
    """Input and targets of one optimiser step; every row starts with the boundary token.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_rows, width)
        Rows of the vocabulary and special tokens, padded with boundaries.
    lengths : ndarray of int64, shape (n_rows,)
        Positions of each row that are not padding.
    targets : ndarray of int64, shape (n_rows, width)
        The word to predict at each position, or IGNORE_INDEX.
    """

    ids: Ids
    lengths: Ids
    targets: Ids

    @property
    def n_targets(self) -> int:
        return int((self.targets != IGNORE_INDEX).sum())


class TrainingBatches:
    """The batches of a corpus: a training split and a held-out split."""

    def __init__(self, corpus: EncodedCorpus, config: ContextualConfig) -> None:
        self.corpus, self.config = corpus, config
        segments = segment_corpus(corpus, config.max_length)
        self.train_split, self.held_out = split_held_out(segments, config)

    def class_counts(self) -> Ids:
        """Return how often each word is a target, and the sentence end; shape (n_words + 1,)."""
        n_ends = self.train_split.ends_sentence.sum()
        return np.append(self.corpus.vocabulary.counts, n_ends).astype(np.int64)

    def epoch(self, epoch: int) -> list[Ids]:
        """Return the rows of `train_split` in each batch of an epoch, counted from 0."""
        rng = np.random.default_rng((self.config.seed, 1, epoch))
        return epoch_order(self.train_split, self.config.batch_tokens, rng)

    def batch(self, rows: Ids, rng: np.random.Generator) -> Batch:
        """Return the batch of some rows of `train_split`."""
        segments = self.train_split[rows]
        if self.config.objective == "causal":
            return causal_batch(self.corpus, segments)
        return masked_batch(self.corpus, segments, self.config.mask_probability, rng)

    def held_out_batches(self) -> Iterator[Batch]:
        """Yield the batches of `held_out`, the same each time."""
        rng = np.random.default_rng(EVALUATION_SEED)
        all_rows = np.arange(len(self.held_out))
        for rows in batches_by_length(
            self.held_out.lengths + 1, all_rows, self.config.batch_tokens
        ):
            segments = self.held_out[rows]
            if self.config.objective == "causal":
                yield causal_batch(self.corpus, segments)
            else:
                yield masked_batch(
                    self.corpus, segments, EVALUATION_MASK_PROBABILITY, rng, only_masked=True
                )


def segment_corpus(corpus: EncodedCorpus, max_length: int) -> Segments:
    """Split all sentences into segments of at most `max_length` tokens."""
    ends = np.asarray(corpus.ends, np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    counts = -(-(ends - starts) // max_length)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    segment_starts = np.repeat(starts, counts) + max_length * (np.arange(len(first)) - first)
    sentence_ends = np.repeat(ends, counts)
    segment_ends = segment_starts + max_length
    return Segments(
        segment_starts, np.minimum(segment_ends, sentence_ends), segment_ends >= sentence_ends
    )


def split_held_out(segments: Segments, config: ContextualConfig) -> tuple[Segments, Segments]:
    """Return the segments to train on and those held out for validation, drawn by the seed.

    Both have at least one segment, unless `config.held_out` is 0 or there is only one segment.
    """
    order = np.random.default_rng((config.seed, 0)).permutation(len(segments))
    n_tokens = np.cumsum(segments.lengths[order])
    limit = min(round(config.held_out * n_tokens[-1]), MAX_HELD_OUT_TOKENS)
    n = min(int(np.searchsorted(n_tokens, limit)) + 1, len(segments) - 1) if limit else 0
    return segments[np.sort(order[n:])], segments[np.sort(order[:n])]


def epoch_order(segments: Segments, batch_tokens: int, rng: np.random.Generator) -> list[Ids]:
    """Return the rows of each batch of an epoch, every segment once.

    A batch has at most `batch_tokens` positions, including padding, or one segment.
    """
    lengths = segments.lengths + 1
    shuffled = rng.permutation(len(segments))
    groups = np.cumsum(lengths[shuffled]) // (SORTED_BATCHES * batch_tokens)
    batches = []
    for group in np.split(shuffled, np.flatnonzero(np.diff(groups)) + 1):
        by_length = batches_by_length(lengths, group, batch_tokens)
        batches += [by_length[i] for i in rng.permutation(len(by_length))]
    return batches


def batches_by_length(lengths: Ids, rows: Ids, batch_tokens: int) -> list[Ids]:
    """Split rows into batches, shortest first, so that little padding is needed."""
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    batches, first = [], 0
    for i, length in enumerate(lengths[rows].tolist()):
        if i > first and (i - first + 1) * length > batch_tokens:
            batches.append(rows[first:i])
            first = i
    return [*batches, rows[first:]]


def pad(rows: Sequence[NDArray[np.integer]], boundary: int) -> tuple[Ids, Ids]:
    """Return rows of ids as one padded array, each after a boundary, and their lengths with it."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
    ids = np.full((len(rows), int(lengths.max())), boundary, np.int64)
    for row, length, values in zip(ids, lengths.tolist(), rows, strict=True):
        row[1:length] = values
    return ids, lengths


def causal_batch(corpus: EncodedCorpus, segments: Segments) -> Batch:
    """Return a batch whose targets are the next tokens.

    The last token of a sentence has the boundary, id n_words, as its target: the sentence's end.
    """
    boundary = corpus.vocabulary.n_words
    ids, lengths = _padded_segments(corpus, segments, boundary)
    targets = np.full(ids.shape, IGNORE_INDEX, np.int64)
    targets[:, :-1] = ids[:, 1:]
    targets[np.arange(ids.shape[1]) >= lengths[:, None] - 1] = IGNORE_INDEX
    last = segments.ends_sentence
    targets[last, lengths[last] - 1] = boundary
    return Batch(ids, lengths, targets)


def masked_batch(
    corpus: EncodedCorpus,
    segments: Segments,
    mask_probability: float,
    rng: np.random.Generator,
    *,
    only_masked: bool = False,
) -> Batch:
    """Return a batch whose targets are some of its tokens, most of them masked.

    Parameters
    ----------
    mask_probability : float
        The probability of a token to be a target; at least one is.
    only_masked : bool
        Replace all targets with the mask, id n_words + 1, as in evaluation.
    """
    n_words = corpus.vocabulary.n_words
    ids, lengths = _padded_segments(corpus, segments, n_words)
    tokens = np.flatnonzero((np.arange(ids.shape[1]) < lengths[:, None]) & (ids != n_words))
    chosen = tokens[rng.random(len(tokens)) < mask_probability]
    if not len(chosen):
        chosen = tokens[rng.integers(len(tokens), size=1)]
    targets = np.full(ids.shape, IGNORE_INDEX, np.int64)
    targets.flat[chosen] = ids.flat[chosen]
    uniform = rng.random(len(chosen))
    masked = np.full(len(chosen), True) if only_masked else uniform < MASKED
    replaced = ~masked & (uniform < MASKED + REPLACED)
    ids.flat[chosen[masked]] = n_words + 1
    ids.flat[chosen[replaced]] = rng.integers(n_words, size=int(replaced.sum()))
    return Batch(ids, lengths, targets)


def _padded_segments(corpus: EncodedCorpus, segments: Segments, boundary: int) -> tuple[Ids, Ids]:
    spans = zip(segments.starts.tolist(), segments.ends.tolist(), strict=True)
    return pad([corpus.ids[start:end] for start, end in spans], boundary)
