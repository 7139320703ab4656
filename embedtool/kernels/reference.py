"""The executable specification of the kernels: the slow, plain version of each, by the same name.

Each kernel must equal its reference; `kernels.sgd.reference` has those of Word2Vec and FastText.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.analogies import AnalogyQueries
from embedtool.kernels.glove import BIAS, CLIP, FROZEN
from embedtool.kernels.sgd.merging import EPS
from embedtool.kernels.text.phrases import FIRST_CONNECTOR, NO_WORD
from embedtool.kernels.text.words import LETTER, MARK


def list_pairs(
    sentences: Iterable[Sequence[int]], window: int, symmetric: bool
) -> list[tuple[int, int, int]]:
    """Row, column and distance of each token with each to its left, within the window."""
    pairs = []
    for sentence in sentences:
        for i, word in enumerate(sentence):
            for distance in range(1, min(i, window) + 1):
                left = sentence[i - distance]
                row, column = (min(word, left), max(word, left)) if symmetric else (word, left)
                pairs.append((row, column, distance))
    return pairs


def sum_entries(
    entries: Iterable[tuple[int, int, int]], weights: Sequence[int]
) -> Counter[tuple[int, int]]:
    """Return the weight of each pair: the sum over its distances."""
    sums: Counter[tuple[int, int]] = Counter()
    for row, column, distance in entries:
        sums[row, column] += weights[distance]
    return sums


def merge_sums(first: Mapping[int, int], second: Mapping[int, int]) -> Counter[int]:
    """Both lists of keys in one, adding up their sums."""
    return Counter(first) + Counter(second)


def list_phrase_pairs(
    sentences: Iterable[Sequence[int]], codes: Sequence[int]
) -> list[tuple[int, tuple[int, ...], int]]:
    """First word, connector words between, and second word, of each pair that may be a phrase."""
    pairs: list[tuple[int, tuple[int, ...], int]] = []
    gap: tuple[int, ...]
    for sentence in sentences:
        first, gap = NO_WORD, ()
        for code in (codes[i] for i in sentence):
            if code <= FIRST_CONNECTOR:
                gap += (FIRST_CONNECTOR - code,)
                continue
            if first != NO_WORD and code != NO_WORD:
                pairs.append((first, gap, code))
            first, gap = code, ()
    return pairs


def shuffle_pairs(
    firsts: NDArray[np.int64], permutation: NDArray[np.int32], numbers: NDArray[Any]
) -> NDArray[Any]:
    """Return groups of consecutive numbers, each in the order of one permutation."""
    shuffled = [numbers[:0]]
    for first in firsts:
        group = numbers[first : first + len(permutation)]
        is_full = len(group) == len(permutation)
        order = np.argsort(permutation) if is_full else permutation[permutation < len(group)]
        shuffled.append(group[order])
    return np.concatenate(shuffled)


def adagrad_update_pairs(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    logs: NDArray[np.float32],
    weights: NDArray[np.float32],
    words: NDArray[np.float64],
    contexts: NDArray[np.float64],
    learning_rate: float,
) -> tuple[float, float]:
    """Update pairs one by one by AdaGrad (Pennington et al. 2014), in double precision."""
    size = words.shape[1] // 2
    bias, frozen = size + BIAS, size + FROZEN
    vector, squares = slice(bias), slice(size, size + bias)
    loss = untrained = 0.0
    for i, j, log, weight in zip(rows, columns, logs, weights, strict=True):
        w, c = words[i], contexts[j]
        # J = 1/2 f(x) (w.c + b_w + b_c - ln x)^2                                        (eq. 8)
        difference = w[vector] @ c[vector] + w[bias] + c[bias] - log
        error = weight * difference
        loss += error * difference / 2
        untrained += weight * log**2 / 2
        gradients = error * c[vector], error * w[vector]  # dJ/dw, dJ/dc
        for row, unclipped in zip((w, c), gradients, strict=True):
            gradient = learning_rate * np.clip(unclipped, -CLIP, CLIP) * (1 - row[frozen])
            # AdaGrad: theta -= g / sqrt(G), then G += g^2
            row[vector] -= gradient / np.sqrt(row[squares])
            row[squares] += gradient**2
            row[bias] -= error / np.sqrt(row[size + bias])
            row[size + bias] += error**2
    return loss, untrained


def intern_tokens(text: bytes, words: list[bytes]) -> tuple[list[int], list[int]]:
    """Return the id of each token and the tokens before each line end; add new words."""
    word_ids = {word: i for i, word in enumerate(words)}
    ids: list[int] = []
    ends: list[int] = []
    for line in text.replace(b"\0", b" ").splitlines(keepends=True):
        ids += (word_ids.setdefault(word, len(word_ids)) for word in line.split())
        if line.endswith(b"\n") and (not ends or len(ids) > ends[-1]):
            ends.append(len(ids))
    words[:] = word_ids
    return ids, ends


def space_words(text: str, kinds: NDArray[np.uint8]) -> str:
    """Return a text with spaces for the bytes of characters outside words, except line ends."""
    spaced, in_word = "", False
    for character in text:
        kind = kinds[ord(character)]
        in_word = kind == LETTER or (in_word and kind == MARK)
        is_kept = in_word or character == "\n"
        spaced += character if is_kept else " " * len(character.encode())
    return spaced


def count_ids(ids: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Count ids."""
    np.add.at(counts, ids, 1)


def remap_ids(ids: NDArray[np.int32], new_ids: NDArray[np.int32]) -> None:
    """Replace each id by its new id."""
    ids[:] = new_ids[ids]


def filter_ids(
    ids: NDArray[np.int32], ends: NDArray[np.int64], rows: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the rows of the ids that have one, and where among them the sentences end."""
    inside = rows[ids] >= 0
    before = np.concatenate(([0], np.cumsum(inside)))
    return rows[ids[inside]], before[ends]


def parse_line(line: bytes, vector_size: int) -> tuple[bytes, NDArray[np.float32]] | None:
    """Return the word and the numbers of a line, or None if it is not made of these."""
    fields = line.rstrip(b" \r\n").rsplit(b" ", vector_size)
    if len(fields) <= vector_size or not fields[0] or b"_" in b"".join(fields[1:]):
        return None
    try:
        with np.errstate(over="ignore"):
            return fields[0], np.array([float(field) for field in fields[1:]]).astype(np.float32)
    except ValueError:
        return None


def format_rows(matrix: NDArray[np.float32], separator: str) -> list[bytes]:
    """Return a line of numbers for each row."""
    return [(separator.join(f"{x:.9g}" for x in row) + "\n").encode() for row in matrix.tolist()]


def best_candidate(
    products: NDArray[np.float32],
    factors: NDArray[np.float32],
    first: int,
    queries: AnalogyQueries,
    positions: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> None:
    """Score all candidates of the block with all questions at once, in double precision."""
    terms = products[queries.slots].astype(np.float64)
    sums = np.einsum("qs,qsx->qx", queries.weights, terms) + queries.offsets[:, None]
    if len(factors):
        sums *= factors[queries.slots[:, 2]]
    columns = first + np.arange(products.shape[1])
    sums[(queries.excluded[:, :, None] == columns).any(axis=1)] = -np.inf
    best = sums.argmax(axis=1)
    highest = sums[np.arange(len(sums)), best]
    better = highest > scores
    positions[better] = columns[best[better]]
    scores[better] = highest[better]


def bfloat16(numbers: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the upper halves of float32 numbers, rounded to the nearest, ties to even."""
    bits = numbers.view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16) % 2) >> 16).astype(np.uint16)


def float32(bf16: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the numbers whose upper halves are given and whose lower halves are zeros."""
    return (bf16.astype(np.uint32) << 16).view(np.float32)


def to_bfloat16(table: NDArray[np.float32], bf16: NDArray[np.uint16]) -> None:
    """Round rows to bfloat16."""
    bf16[:] = bfloat16(table)


def gather_bf16(
    bf16: NDArray[np.uint16],
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
    gathered: NDArray[np.float32],
) -> None:
    """Copy rows of a table into slots of another one, which may be wider."""
    gathered[slots, : bf16.shape[1]] = float32(bf16[rows])


def quantize_deltas(
    bf16: NDArray[np.uint16],
    rows: NDArray[np.int32],
    slots: NDArray[np.int32],
    trained: NDArray[np.float32],
    deltas: NDArray[np.int8],
    scales: NDArray[np.float32],
) -> None:
    """Quantize the differences of trained rows from those that they were copied from."""
    exact = trained[slots, : bf16.shape[1]] - float32(bf16[rows])
    largest = np.abs(exact).max(axis=1, initial=0)
    scales[:] = largest / np.float32(127)
    deltas[:] = np.rint(exact / np.maximum(largest, EPS)[:, None] * np.float32(127))


def accumulate_deltas(
    deltas: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows: NDArray[np.int32],
    sums: NDArray[np.float32],
) -> None:
    """Add each delta to its row of the sums."""
    np.add.at(sums, rows, deltas * scales[:, None])


def rotate_rows(
    rows: NDArray[np.float32], matrix: NDArray[np.float32], rotated: NDArray[np.float32]
) -> None:
    """Multiply rows by a square matrix, in double precision."""
    rotated[:] = rows.astype(np.float64) @ matrix.astype(np.float64)


def damp_deltas(
    sums: NDArray[np.float32], curvature: NDArray[np.float32], weights: NDArray[np.float32]
) -> None:
    """Multiply each sum by s(B) / sum of s(b), s(b) = 1 - (1 + b/4)^-4, in double precision."""
    along = curvature.astype(np.float64)[:, :, None] * weights
    sequential, parallel = (-np.expm1(-4 * np.log1p(b / 4)) for b in (along.sum(axis=0), along))
    sums *= (sequential + EPS) / (parallel.sum(axis=0) + EPS)
