"""A corpus read in partitions has the words and the ids of the whole."""

import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.text import TextConfig
from embedtool.config.training import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.partitions import (
    MergedRange,
    PartitionWords,
    join_ranges,
    merge_range,
    partition,
    read_partition,
    rows_of_range,
)
from embedtool.corpus.scanning import ID
from embedtool.errors import CorpusError
from tests.factories import write
from tests.unit.partitioned import (
    BLOCK_BYTES,
    BOM,
    as_a_whole,
    in_parts,
    lines_of,
)

PART_BYTES = [7, 64, 1000, 10**6]


@pytest.fixture
def mixed(tmp_path: Path) -> Corpus:
    """Files of every kind; the order of first appearances goes through all of them."""
    folder = tmp_path / "texts"
    texts = [{"text": lines_of(3, seed)} for seed in range(9)]
    write(folder / "0-empty.txt", "")
    write(folder / "1-plain.txt", "once\n" + lines_of(40, 1) + "\n")
    write(folder / "2-packed.gz", gzip.compress(lines_of(30, 2).encode()))
    write(folder / "3-windows.txt", lines_of(30, 3, "\r\n"))
    write(folder / "4-marked.txt", BOM + (lines_of(20, 4) + "\nonly here").encode())
    write(folder / "5-records.jsonl", "\n".join(json.dumps(each) for each in texts))
    write(folder / "6-blank.txt", "\n\n \n\r\n" * 9)
    write(folder / "7-no-end.txt", "b last\nfirst")
    write(folder / "8-no-end.txt", lines_of(20, 5) + "\n" + lines_of(40, 6, " ") + "\na")
    write(folder / "9-empty.txt", "")
    return Corpus([str(folder)])


@pytest.mark.parametrize("min_count", [1, 4, 9])
@pytest.mark.parametrize("n_bytes", PART_BYTES)
def test_parts_of_any_size_come_to_the_whole(n_bytes: int, min_count: int, mixed: Corpus) -> None:
    config = VocabularyConfig(min_count=min_count)
    assert in_parts(mixed, n_bytes, config).contents == as_a_whole(mixed, config).contents


@pytest.mark.parametrize("n_ranges", [1, 2, 7])
def test_the_number_of_ranges_changes_nothing(n_ranges: int, mixed: Corpus) -> None:
    config = VocabularyConfig(min_count=2, max_vocab=7)
    assert in_parts(mixed, 100, config, n_ranges).contents == as_a_whole(mixed, config).contents


def test_with_a_tokenizer_parts_come_to_the_whole_too(mixed: Corpus) -> None:
    text = TextConfig("words", lowercase=True, normalize="nfkc")
    corpus = Corpus(mixed.inputs, text)
    assert in_parts(corpus, 100).contents == as_a_whole(corpus).contents


@pytest.mark.parametrize("errors", ["replace", "skip"])
def test_invalid_sequences_are_counted_once(errors: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "a", b"a \xff b\n" * 20 + b"\xc3\n" + b"b a \xe2\x82\n" * 20)
    corpus = Corpus([path], TextConfig(encoding_errors=errors))
    found = in_parts(corpus, 30)
    assert found.n_invalid == 41
    assert found.contents == as_a_whole(corpus).contents


@pytest.mark.parametrize("n_bytes", PART_BYTES)
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_line_longer_than_several_parts_is_read_once(
    end: str, n_bytes: int, tmp_path: Path
) -> None:
    long = " ".join(f"w{i % 90}" for i in range(300))
    corpus = Corpus([write(tmp_path / "a", f"a b\n{long}\nc\n{long}{end}")])
    assert len(list(partition(corpus, 300))) > 5
    assert in_parts(corpus, n_bytes).contents == as_a_whole(corpus).contents


def test_a_word_longer_than_blocks_and_parts_is_cut_as_in_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BLOCK_BYTES, 16)
    corpus = Corpus([write(tmp_path / "a", "x\n" + "é我" * 20 + "\ny z\n" * 3)])
    found = in_parts(corpus, 40)
    assert found.n_sentences == as_a_whole(corpus).n_sentences
    words = found.vocabulary.words
    assert "".join(words[i] for i in found.ids) == "x" + "é我" * 20 + "yz" * 3


def touch(path: Path) -> None:
    """Give a file a later time of change."""
    times = path.stat()
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


@pytest.mark.parametrize("n_bytes", [20, 10**6])
@pytest.mark.parametrize("size", ["same", "longer"])
@pytest.mark.parametrize("cached", [False, True])
def test_a_source_that_has_changed_since_it_was_cut_is_refused(
    cached: bool, size: str, n_bytes: int, tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    corpus = Corpus([write(path, "a b\n" * 20)])
    parts = list(partition(corpus, n_bytes))
    cache = tmp_path / "cache" if cached else None
    path.write_text("c d\n" * (20 if size == "same" else 21))
    touch(path)
    for part in parts:
        with pytest.raises(CorpusError, match=r"text\.txt: has changed"):
            read_partition(part, corpus.text, 2, cache)


def test_a_changed_source_is_refused_where_its_new_text_is_in_the_cache_too(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    corpus = Corpus([write(path, "a b\n")])
    (old,) = partition(corpus, 1000)
    path.write_text("c d e\n")
    (new,) = partition(Corpus([str(path)]), 1000)
    read_partition(new, corpus.text, 1, tmp_path / "cache")
    with pytest.raises(CorpusError, match=r"text\.txt: has changed"):
        read_partition(old, corpus.text, 1, tmp_path / "cache")


@pytest.mark.parametrize("n_bytes", [300, 10**6])
def test_cached_parts_are_the_same_and_are_found_again(
    n_bytes: int, mixed: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TextConfig(encoding_errors="replace")
    corpus = Corpus([*mixed.inputs, write(tmp_path / "invalid", b"a \xff b\n" * 90)], text)
    parts = list(partition(corpus, n_bytes))
    cache = tmp_path / "cache"
    plain = [comparable(read_partition(part, text, 3)) for part in parts]
    assert [comparable(read_partition(part, text, 3, cache)) for part in parts] == plain
    assert len(list(cache.iterdir())) == len(parts)
    monkeypatch.setattr(Corpus, "tokenized_blocks", refuse_to_read)
    assert [comparable(read_partition(part, text, 3, cache)) for part in parts] == plain


def refuse_to_read(*_: Any) -> Iterator[bytes]:
    raise AssertionError("the text is read again")


def comparable(read: tuple[Any, ...]) -> tuple[Any, ...]:
    """What is known of a part, as what can be compared."""
    stats, tokens, words = read
    return (
        stats, tokens.ids.tolist(), tokens.ends.tolist(), tokens.n_types,
        [(each.words, each.counts.tolist(), each.ids.tolist()) for each in words],
        [array.dtype for each in words for array in (each.counts, each.ids)],
    )  # fmt: skip


def test_what_a_part_is_told_to_hold_is_what_it_holds(tmp_path: Path) -> None:
    corpus = Corpus([write(tmp_path / "a", "b a b\n\nc b\n")])
    (part,) = partition(corpus, 1000)
    stats, tokens, (words,) = read_partition(part, corpus.text, 1)
    assert (stats.n_tokens, stats.n_sentences, stats.n_invalid) == (5, 2, 0)
    assert (tokens.ids.tolist(), tokens.ends.tolist()) == ([0, 1, 0, 2, 0], [3, 5])
    assert tokens.n_types == 3
    assert words.words == b"b\na\nc\n"
    assert (words.counts.tolist(), words.ids.tolist()) == ([3, 1, 1], [0, 1, 2])


def test_the_fingerprint_of_a_part_is_of_its_tokens(tmp_path: Path) -> None:
    texts = ["a b\nc\n", " a  b \r\n\nc", "a b c\n", "a b\nd\n", "a b\nb\n"]
    found = []
    for number, text in enumerate(texts):
        corpus = Corpus([write(tmp_path / str(number), text)])
        (part,) = partition(corpus, 1000)
        found.append(read_partition(part, corpus.text, 1)[0].fingerprint)
    assert found[0] == found[1]
    assert len(set(found)) == 4


def test_each_word_is_in_one_range(mixed: Corpus) -> None:
    (part,) = partition(Corpus([mixed.sources[1]]), 10**6)
    _, tokens, ranges = read_partition(part, mixed.text, 7)
    assert len(ranges) == 7
    ids = np.concatenate([each.ids for each in ranges])
    assert sorted(ids.tolist()) == list(range(tokens.n_types))
    words = [word for each in ranges for word in each.words.split(b"\n")[:-1]]
    counted = dict(zip(words, np.concatenate([each.counts for each in ranges]), strict=True))
    text = Path(mixed.sources[1]).read_bytes()
    assert counted == Counter(re.split(rb"[ \n]+", text.strip(b" \n")))


def part_of(text: str) -> PartitionWords:
    counted = Counter(text.split())
    return PartitionWords(
        "".join(f"{word}\n" for word in counted).encode(),
        np.array(list(counted.values()), np.int64),
        np.arange(len(counted), dtype=ID),
    )


def kept(merged: MergedRange) -> dict[str, int]:
    return dict(zip(merged.words.decode().split(), merged.counts.tolist(), strict=True))


def test_words_that_are_wanted_stay_however_rare_they_are() -> None:
    parts = [part_of("a a b c"), part_of(""), part_of("d a b")]
    merged, range_rows = merge_range(parts, 3)
    assert kept(merged) == {"a": 3}
    merged, range_rows = merge_range(parts, 3, b"d\nunseen\nc\na\n")
    assert kept(merged) == {"a": 3, "c": 1, "d": 1}
    assert merged.n_types == 4
    assert merged.source_rows.tolist() == [0, 2, 3]
    assert (merged.partitions.tolist(), merged.ids.tolist()) == ([0, 0, 2], [0, 2, 0])
    assert [each.tolist() for each in range_rows] == [[0, 1, 2], [], [3, 0, 1]]


def test_words_without_a_row_get_none() -> None:
    merged, range_rows = merge_range([part_of("a a b c"), part_of("d a c")], 2)
    assert kept(merged) == {"a": 3, "c": 2}
    rows = rows_of_range(merged, range_rows, np.array([7, 5], ID))
    assert [each.tolist() for each in rows] == [[7, -1, 5], [-1, 7, 5]]


def test_a_range_without_words_is_a_range() -> None:
    merged, range_rows = merge_range([part_of(""), part_of("")], 1)
    assert (kept(merged), merged.n_types, [len(each) for each in range_rows]) == ({}, 0, [0, 0])
    merged_words = join_ranges([merged, merge_range([part_of("b"), part_of("a")], 1)[0], merged])
    assert merged_words.words == ["b", "a"]
    assert (merged_words.ranges.tolist(), merged_words.range_rows.tolist()) == ([1, 1], [0, 1])


def test_compressed_and_record_sources_are_never_cut(mixed: Corpus, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "text\n" + "a b\n" * 50)
    write(tmp_path / "a.tsv", "text\n" + "a b\n" * 50)
    write(tmp_path / "packed", gzip.compress(np.random.default_rng(0).bytes(500)))
    corpus = Corpus([str(tmp_path)])
    n_cut = Counter(Path(part.sources[0]).name for part in partition(corpus, 60) if part.span)
    plain = ("1-plain", "3-windows", "4-marked", "8-no-end")
    assert set(n_cut) == {f"{name}.txt" for name in plain}
    assert min(n_cut.values()) > 1
    as_records = Corpus([mixed.sources[1]], TextConfig(input_format="csv"))
    assert [part.span for part in partition(as_records, 60)] == [None]
    as_text = Corpus([mixed.sources[5]], TextConfig(input_format="text"))
    assert all(part.span for part in partition(as_text, 60))


def test_parquet_is_not_cut_whatever_its_name(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"text": ["a b", "c d"] * 30}), tmp_path / "records")
    corpus = Corpus([str(tmp_path / "records")])
    assert [part.span for part in partition(corpus, 100)] == [None]
    assert in_parts(corpus, 100).contents == as_a_whole(corpus).contents


@pytest.mark.parametrize("n_bytes", PART_BYTES)
def test_parts_follow_each_other_and_are_no_larger_than_asked(n_bytes: int, mixed: Corpus) -> None:
    parts = list(partition(mixed, n_bytes))
    position: dict[str, int] = dict.fromkeys(mixed.sources, 0)
    order: list[str] = []
    for part in parts:
        sizes = [Path(source).stat().st_size for source in part.sources]
        if part.span is None:
            assert part.n_bytes == sum(sizes)
            assert part.n_bytes <= n_bytes or len([size for size in sizes if size]) == 1
            position.update(zip(part.sources, sizes, strict=True))
        else:
            (source,) = part.sources
            assert position[source] == part.span[0] < part.span[1]
            assert part.n_bytes == part.span[1] - part.span[0] <= n_bytes
            position[source] = part.span[1]
        order += part.sources
    assert list(dict.fromkeys(order)) == mixed.sources
    assert position == {source: Path(source).stat().st_size for source in mixed.sources}


def test_small_files_come_together(mixed: Corpus) -> None:
    total = sum(Path(source).stat().st_size for source in mixed.sources)
    (part,) = partition(mixed, total)
    assert part.sources == tuple(mixed.sources)
    assert len(list(partition(mixed, total - 1))) == 2
