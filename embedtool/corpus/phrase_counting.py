"""Counting and scoring the pairs of words that may be phrases, exactly and in bounded memory."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import PhrasesConfig
from embedtool.corpus.concurrency import ordered_map
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import ID, ScannedCorpus, scan
from embedtool.corpus.sorted_runs import Run, SortedRuns
from embedtool.corpus.string_table import StringTable
from embedtool.errors import CorpusError, ResourceError
from embedtool.io.machine import n_cores
from embedtool.io.progress import Progress, Report, silent
from embedtool.kernels.text.cooccurrence import sum_entries
from embedtool.kernels.text.phrases import (
    FIRST_CONNECTOR,
    KEY_BITS,
    NO_WORD,
    GapTrie,
    copy_gaps,
    list_phrase_pairs,
)

Pair = tuple[str, ...]
"""Two words, and the connector words between them."""

SPACE_BYTE = re.compile(rb"\s")
N_RUNS = 64
"""A text of moderate size is counted in about so many runs, so that memory stays small."""
MIN_KEYS, MAX_KEYS = 2**18, 2**22
"""Keys of a run, which are sorted at once: 2 to 32 MB, and several runs are in memory."""
MERGED_KEYS = 2**18
"""Keys that are merged at once: intermediate results stay in the cache."""
MIN_GAPS = 2**10
"""Initial size of the trie of gaps: more than most English texts need."""
MAX_GAPS = 2**31
"""A gap is an int32."""
GROWTH = 4
SLOTS_PER_GAP = 2
ONE_EACH = np.ones(1, np.int64)
"""The weight of a key: each occurrence counts once."""


def word2phrase_score(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    together: NDArray[np.int64],
    min_count: int,
    size: int,
) -> NDArray[np.float64]:
    """Return (pair - min_count) / (first * second) * size (Mikolov et al. 2013b, eq. 6).

    The factor `size` is the number of tokens in word2phrase.c, and the number of distinct words and
    pairs in gensim.

    Parameters
    ----------
    first, second, together : ndarray of int64, shape (n_pairs,)
        Counts of the first words, of the second words, and of the pairs.
    min_count : int
        The discount of eq. 6.
    size : int
        The size of the text.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
    """
    products = np.multiply(first, second, dtype=np.float64)  # can exceed 64 bits
    scores: NDArray[np.float64] = (together - min_count) / products * size
    return scores


def npmi_score(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    together: NDArray[np.int64],
    n_tokens: int,
) -> NDArray[np.float64]:
    """Return the normalised pointwise mutual information, from -1 to 1 (Bouma 2009).

    ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), with the counts of `word2phrase_score` and the
    number of tokens.
    """
    p_first, p_second, p_pair = first / n_tokens, second / n_tokens, together / n_tokens
    scores: NDArray[np.float64] = np.log(p_pair / (p_first * p_second)) / -np.log(p_pair)
    return scores


class PairKeys:
    """The words and gaps of a text, and the keys of its pairs.

    Words and connector words that occur less than `config.min_count` times are in no pair that
    occurs so often, and are left out, unless the score has the number of all pairs.

    Parameters
    ----------
    scanned : ScannedCorpus
        The text.
    config : PhrasesConfig
        Minimum count, and the words that may stand within a pair, but neither begin nor end it.

    Attributes
    ----------
    words : ndarray of int64, shape (n_words,)
        The words, as indices of `scanned.words`.
    n_gaps : int
        Gaps met so far, with the empty one.
    """

    def __init__(self, scanned: ScannedCorpus, config: PhrasesConfig) -> None:
        self._scanned = scanned
        self._counts_all = config.scoring == "gensim"
        min_count = 1 if self._counts_all else config.min_count
        frequent = np.flatnonzero(scanned.counts >= min_count)
        is_connector = np.array(
            [scanned.words[i] in config.connectors for i in frequent.tolist()], bool
        )
        self.words, self._connectors = frequent[~is_connector], frequent[is_connector]
        self._codes = np.full(len(scanned.counts), NO_WORD, ID)
        self._codes[self.words] = np.arange(len(self.words))
        self._codes[self._connectors] = FIRST_CONNECTOR - np.arange(len(self._connectors))
        self._word_bits = max(1, (len(self.words) - 1).bit_length())
        gap_bits = KEY_BITS - 2 * self._word_bits
        self._max_gaps = min(2**gap_bits, MAX_GAPS)
        self._trie = _empty_trie(min(MIN_GAPS, self._max_gaps))
        self.n_gaps = 1

    def blocks(self, n_keys: int, report: Report = silent) -> Iterator[NDArray[np.uint64]]:
        """Yield the key of each occurrence of a pair, at most `n_keys` at a time.

        Raises
        ------
        ResourceError
            If there are more gaps than the bits of a key can tell apart.
        """
        ids, ends = np.asarray(self._scanned.ids), np.asarray(self._scanned.ends)
        start = 0
        while start < len(ids):
            keys = np.empty(n_keys, np.uint64)
            n = 0
            while n < n_keys and start < len(ids):
                start, n_new, self.n_gaps = list_phrase_pairs(
                    ids, ends, start, self._codes, self._word_bits, self._trie, self.n_gaps,
                    keys[n:],
                )  # fmt: skip
                n += n_new
                if n < n_keys and start < len(ids):
                    self._grow()
            report(Progress("counting pairs", start, len(ids), "words"))
            yield keys[:n]

    def split(
        self, keys: NDArray[np.uint64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return the first words, the second words and the gaps of keys.

        Words are indices of `scanned.words`.
        """
        bits = np.uint64(self._word_bits)
        gap_bits = np.uint64(KEY_BITS - 2 * self._word_bits)
        one = np.uint64(1)
        first = keys >> (gap_bits + bits)
        second = keys >> gap_bits & ((one << bits) - one)
        gaps = keys & ((one << gap_bits) - one)
        return self.words[first], self.words[second], gaps.astype(np.int64)

    def pair(self, first: int, second: int, gap: int) -> Pair:
        """Return the words of a pair, given as `split` returns them."""
        words = self._scanned.words
        within: list[str] = []
        while gap:
            within.append(words[int(self._connectors[self._trie.connectors[gap]])])
            gap = int(self._trie.parents[gap])
        return words[first], *reversed(within), words[second]

    def _grow(self) -> None:
        n_max = len(self._trie.parents)
        if n_max == self._max_gaps:
            parameter, advice = (
                ("scoring", "choose another scoring, which leaves out rare words")
                if self._counts_all
                else ("min_count", "raise min_count")
            )
            raise ResourceError(
                f"{len(self.words):,} words are too many to count phrases with more than "
                f"{n_max:,} sequences of connector words between them; {advice}, or give "
                "fewer connector_words",
                parameters=(parameter, "connector_words"),
            )
        larger = _empty_trie(min(GROWTH * n_max, self._max_gaps))
        copy_gaps(self._trie, self.n_gaps, larger)
        self._trie = larger


def _empty_trie(max_gaps: int) -> GapTrie:
    n_slots = 2 ** (SLOTS_PER_GAP * max_gaps - 1).bit_length()
    return GapTrie(
        np.zeros(n_slots, np.int32), np.zeros(max_gaps, np.int32), np.zeros(max_gaps, np.int32)
    )


def find_phrases(
    corpus: Corpus, config: PhrasesConfig, folder: Path, report: Report = silent
) -> dict[Pair, float]:
    """Return the pairs of a corpus that score above `config.threshold`, and their scores.

    Raises
    ------
    CorpusError
        If the text cannot be read, or a token contains a space, as only one of a list can.
    ResourceError
        If there are more words than fit in memory, or too many sequences of connector words.

    See Also
    --------
    score_pairs : The same for a text that has been read.
    """
    return score_pairs(scan(corpus, folder, report), config, folder, report)


def score_pairs(
    scanned: ScannedCorpus, config: PhrasesConfig, folder: Path, report: Report = silent
) -> dict[Pair, float]:
    """Return the pairs of a text that score above `config.threshold`, and their scores.

    Counts are exact: sorted runs of pairs are on the disk, and no pair is forgotten. Memory grows
    with the distinct tokens and with the pairs returned.

    Parameters
    ----------
    folder : Path
        An existing folder for the files of the counts.

    Returns
    -------
    dict of Pair to float
        In the order in which the first words first appear in the text.

    Raises
    ------
    CorpusError
        If a token contains a space, as only one of a list can.
    ResourceError
        If there are too many sequences of connector words.
    """
    check_spaces(scanned.words)
    pair_keys = PairKeys(scanned, config)
    n_tokens = len(scanned.ids)
    n_keys = min(max(n_tokens // N_RUNS, MIN_KEYS), MAX_KEYS, n_tokens + 1)
    threshold = config.threshold or 0.0
    found: dict[Pair, float] = {}
    with SortedRuns(folder) as runs:
        ordered_map(
            pair_keys.blocks(n_keys, report), _count, lambda run: runs.append(*run), n_cores()
        )
        size = n_tokens
        if config.scoring == "gensim":
            size = len(pair_keys.words) + sum(len(keys) for keys, _ in runs.merge(MERGED_KEYS))
        for keys, counts in runs.merge(MERGED_KEYS):
            frequent = counts >= config.min_count
            first, second, gaps = pair_keys.split(keys[frequent])
            scores = _scores(
                scanned.counts[first], scanned.counts[second], counts[frequent], config, size
            )
            for k in np.flatnonzero(scores > threshold).tolist():
                pair = pair_keys.pair(int(first[k]), int(second[k]), int(gaps[k]))
                found[pair] = float(scores[k])
            report(Progress("merging pairs", runs.n_taken, runs.ends[-1], "pairs"))
    return found


def check_spaces(words: StringTable) -> None:
    """Raise CorpusError if a word contains a space, which would separate words in a text."""
    if space := SPACE_BYTE.search(words.text.data):
        raise spaced_token(words[int(np.searchsorted(words.ends, space.start(), side="right"))])


def spaced_token(token: str) -> CorpusError:
    """Return the error that a token contains a space."""
    return CorpusError(
        f"the token {token!r} contains a space, which would separate tokens in the text that is "
        "written; replace it first, for example by an underscore"
    )


def _count(keys: NDArray[np.uint64]) -> Run:
    """Return distinct keys, ascending, and how often each occurs."""
    keys.sort()
    counts = np.empty(len(keys), np.int64)
    n = sum_entries(keys, ONE_EACH, counts)
    return keys[:n], counts[:n]


def _scores(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    together: NDArray[np.int64],
    config: PhrasesConfig,
    size: int,
) -> NDArray[np.float64]:
    if config.scoring == "npmi":
        return npmi_score(first, second, together, size)
    return word2phrase_score(first, second, together, config.min_count, size)
