"""A text as the steps of a training see it.

In: an encoded corpus. Out: batches of its sentences, in another order in each epoch, and what is
to be predicted in them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.corpus.encoding import EncodedCorpus

Ids = NDArray[np.int64]

SORTED_BATCHES = 50
"""So many batches' sentences are sorted by length before they are cut into batches: then few
places are empty, and what stands together is still as good as random."""
HELD_OUT_TOKENS = 100_000
"""Text that is kept for judging is no more than this: enough to know perplexity to a hundredth."""
IGNORE_INDEX = -1
"""Stands where nothing is to be predicted."""
MASKED, REPLACED = 0.8, 0.1
"""Of the tokens to be predicted so many are hidden, and so many are another word; the rest is left
as it is (Devlin et al. 2019, section 3.1)."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Stretches of a text that see each other: sentences, cut where they are too long.

    starts, ends : int64 (n_pieces,), places in the text's ids
    whole        : bool (n_pieces,), whether a sentence ends where the piece does
    """

    starts: Ids
    ends: Ids
    whole: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, rows: NDArray[np.integer]) -> "Segments":
        return Segments(self.starts[rows], self.ends[rows], self.whole[rows])

    @property
    def n_tokens(self) -> int:
        """The number of tokens."""
        return int((self.ends - self.starts).sum())


@dataclass(frozen=True, eq=False)
class Batch:
    """What is read and predicted in a step; every row begins with a boundary.

    ids     : int64 (n_rows, width), rows of the vocabulary and marks; empty places hold boundaries
    lengths : int64 (n_rows,), places that are not empty
    targets : int64 (n_rows, width), the word to be predicted at each place, or IGNORE_INDEX
    """

    ids: Ids
    lengths: Ids
    targets: Ids


def segment_corpus(corpus: EncodedCorpus, max_length: int) -> Segments:
    """All sentences, cut into pieces of at most so many tokens."""
    ends = np.asarray(corpus.ends, np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    counts = -(-(ends - starts) // max_length)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    begins = np.repeat(starts, counts) + max_length * (np.arange(len(first)) - first)
    last = np.repeat(ends, counts)
    return Segments(begins, np.minimum(begins + max_length, last), begins + max_length >= last)


def split(pieces: Segments, config: ContextualConfig) -> tuple[Segments, Segments]:
    """What is learnt from, and what is held out, drawn by the seed.

    Both have a piece at least, unless nothing is to be held out, or there is one piece only.
    """
    order = np.random.default_rng((config.seed, 0)).permutation(len(pieces))
    lengths = np.cumsum((pieces.ends - pieces.starts)[order])
    wanted = min(round(config.held_out * lengths[-1]), HELD_OUT_TOKENS)
    n = min(int(np.searchsorted(lengths, wanted)) + 1, len(pieces) - 1) if wanted else 0
    return pieces[np.sort(order[n:])], pieces[np.sort(order[:n])]


def epoch_order(pieces: Segments, batch_tokens: int, rng: np.random.Generator) -> list[Ids]:
    """The rows of each batch of an epoch, every piece once.

    A batch has as many places, empty ones among them, as `batch_tokens`, or one piece.
    """
    lengths = pieces.ends - pieces.starts + 1
    shuffled = rng.permutation(len(pieces))
    groups = np.cumsum(lengths[shuffled]) // (SORTED_BATCHES * batch_tokens)
    batches = []
    for group in np.split(shuffled, np.flatnonzero(np.diff(groups)) + 1):
        made = batches_by_length(lengths, group, batch_tokens)
        batches += [made[i] for i in rng.permutation(len(made))]
    return batches


def batches_by_length(lengths: Ids, rows: Ids, batch_tokens: int) -> list[Ids]:
    """The rows in batches, the shortest first; few places are empty then."""
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    made, first = [], 0
    for i, length in enumerate(lengths[rows].tolist()):
        if i > first and (i - first + 1) * length > batch_tokens:
            made.append(rows[first:i])
            first = i
    return [*made, rows[first:]]


def padded(rows: Sequence[NDArray[np.integer]], boundary: int) -> tuple[Ids, Ids]:
    """Rows of ids as one array, each after a boundary, and their lengths with it."""
    lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
    ids = np.full((len(rows), int(lengths.max())), boundary, np.int64)
    for row, length, values in zip(ids, lengths.tolist(), rows, strict=True):
        row[1:length] = values
    return ids, lengths


def causal_batch(corpus: EncodedCorpus, pieces: Segments) -> Batch:
    """Each token is to be predicted at the place before it, and the end of a sentence at its last.

    The boundary, n_words, stands for the end too.
    """
    boundary = corpus.vocabulary.n_words
    ids, lengths = _rows(corpus, pieces, boundary)
    targets = np.full(ids.shape, IGNORE_INDEX, np.int64)
    targets[:, :-1] = ids[:, 1:]
    targets[np.arange(ids.shape[1]) >= lengths[:, None] - 1] = IGNORE_INDEX
    targets[pieces.whole, lengths[pieces.whole] - 1] = boundary
    return Batch(ids, lengths, targets)


def masked_batch(
    corpus: EncodedCorpus,
    pieces: Segments,
    mask_share: float,
    rng: np.random.Generator,
    *,
    only_masked: bool = False,
) -> Batch:
    """Some tokens, one at least, are to be predicted: most of them hidden by the mask, n_words + 1.

    only_masked : hide all of them, for judging
    """
    n_words = corpus.vocabulary.n_words
    ids, lengths = _rows(corpus, pieces, n_words)
    places = np.flatnonzero((np.arange(ids.shape[1]) < lengths[:, None]) & (ids != n_words))
    chosen = places[rng.random(len(places)) < mask_share]
    if not len(chosen):
        chosen = places[rng.integers(len(places), size=1)]
    targets = np.full(ids.shape, IGNORE_INDEX, np.int64)
    targets.flat[chosen] = ids.flat[chosen]
    fate = rng.random(len(chosen))
    hidden = np.full(len(chosen), True) if only_masked else fate < MASKED
    other = ~hidden & (fate < MASKED + REPLACED)
    ids.flat[chosen[hidden]] = n_words + 1
    ids.flat[chosen[other]] = rng.integers(n_words, size=int(other.sum()))
    return Batch(ids, lengths, targets)


def _rows(corpus: EncodedCorpus, pieces: Segments, boundary: int) -> tuple[Ids, Ids]:
    spans = zip(pieces.starts.tolist(), pieces.ends.tolist(), strict=True)
    return padded([corpus.ids[start:end] for start, end in spans], boundary)
