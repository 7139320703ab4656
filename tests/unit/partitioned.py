"""A corpus encoded as a whole and in partitions."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from embedtool.config.training import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import encode
from embedtool.corpus.partitions import (
    Partition,
    encode_partition,
    join_ranges,
    merge_range,
    partition,
    read_partition,
    rows_of_range,
)
from embedtool.corpus.scanning import ID, scan
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary

BOM = b"\xef\xbb\xbf"


BLOCK_BYTES = "embedtool.corpus.text_blocks.BLOCK_BYTES"


ALL = VocabularyConfig(min_count=1)


def lines_of(n: int, seed: int, end: str = "\n") -> str:
    """Lines of 0 to 9 words, some far more frequent than others."""
    rng = np.random.default_rng(seed)
    words = ["a", "b", "é", "我", "New\xa0York", "</s>", "x\u2028y", "\x1c", "z\x85", "long" * 9]
    return end.join(
        " ".join(words[int(10 * share**2)] for share in rng.random(rng.integers(0, 10)))
        for _ in range(n)
    )


@dataclass
class Encoded:
    """A text by its vocabulary, and what shows whether two are the same."""

    vocabulary: Vocabulary
    ids: np.ndarray
    ends: np.ndarray
    n_sentences: int
    n_invalid: int

    @property
    def contents(self) -> tuple[Any, ...]:
        vocabulary = self.vocabulary
        arrays = (vocabulary.counts, self.ids, self.ends)
        return (
            list(vocabulary.words), vocabulary.types_seen, vocabulary.tokens_seen,
            [(each.dtype, each.tolist()) for each in arrays], self.n_sentences, self.n_invalid,
        )  # fmt: skip


def as_a_whole(corpus: Corpus, config: VocabularyConfig = ALL) -> Encoded:
    with TemporaryDirectory() as folder:
        scanned = scan(corpus, Path(folder), workers=1)
        vocabulary, source_rows = build_vocabulary(scanned.words, scanned.counts, config)
        encoded = encode(scanned, vocabulary, source_rows, Path(folder))
        return Encoded(
            vocabulary, np.array(encoded.ids), np.array(encoded.ends), scanned.n_sentences,
            scanned.n_invalid,
        )  # fmt: skip


def in_parts(
    corpus: Corpus,
    n_bytes: int,
    config: VocabularyConfig = ALL,
    n_ranges: int = 2,
    cache: Path | None = None,
    parts: list[Partition] | None = None,
) -> Encoded:
    """The same from its parts, as a cluster puts them together."""
    parts = list(partition(corpus, n_bytes)) if parts is None else parts
    read = [read_partition(part, corpus.text, n_ranges, cache) for part in parts]
    stats, tokens, words = zip(*read, strict=True)
    merged = [merge_range([each[k] for each in words], config.min_count) for k in range(n_ranges)]
    merged_words = join_ranges([each for each, _ in merged])
    n_tokens = sum(each.n_tokens for each in stats)
    vocabulary, source_rows = build_vocabulary(
        merged_words.words, merged_words.counts, config, None, merged_words.n_types, n_tokens
    )
    rows = [np.full(len(each.counts), -1, ID) for each, _ in merged]
    for row, source_row in enumerate(source_rows):
        rows[merged_words.ranges[source_row]][merged_words.range_rows[source_row]] = row
    found = [rows_of_range(*each, each_rows) for each, each_rows in zip(merged, rows, strict=True)]
    encoded = [
        encode_partition(part, [each.ids for each in words[i]], [each[i] for each in found])
        for i, part in enumerate(tokens)
    ]
    starts = np.cumsum([0, *(len(ids) for ids, _ in encoded)])
    return Encoded(
        vocabulary,
        np.concatenate([ids for ids, _ in encoded]),
        np.concatenate([ends + start for (_, ends), start in zip(encoded, starts, strict=False)]),
        sum(each.n_sentences for each in stats),
        sum(each.n_invalid for each in stats),
    )
