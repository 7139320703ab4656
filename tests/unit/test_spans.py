"""Ranges of bytes of a text: each line is read once, wherever the ranges end."""

import io
import re
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.corpus.corpus import Corpus
from embedtool.corpus.partitions import (
    Partition,
    partition,
    read_partition,
)
from embedtool.corpus.text_blocks import span_blocks
from embedtool.errors import CorpusError
from tests.factories import write
from tests.unit.partitioned import BLOCK_BYTES, BOM, as_a_whole, in_parts

LINES = st.lists(
    st.text("ab é我\t\r\0\ufeff", max_size=9).map(str.encode) | st.binary(max_size=6), max_size=12
)


def spans(size: int, cuts: set[int]) -> list[tuple[int, int]]:
    bounds = [0, *sorted(each for each in cuts if 0 < each < size), size]
    return list(pairwise(bounds))


@settings(deadline=None)
@given(lines=LINES, cuts=st.sets(st.integers(1, 100)), block=st.integers(16, 40))
def test_every_line_is_read_once_wherever_the_text_is_cut(
    lines: list[bytes], cuts: set[int], block: int
) -> None:
    data = b"\n".join(lines)
    if data.startswith(BOM):
        data = b" " + data
    starts = [0, *(i + 1 for i in range(len(data)) if data[i : i + 1] == b"\n"), len(data)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_BYTES, block)
        for span in spans(len(data), cuts):
            begins = [start for start in starts[:-1] if span[0] <= start < span[1]]
            expected = b""
            if begins:
                expected = data[begins[0] : starts[starts.index(begins[-1]) + 1]]
            blocks = list(span_blocks(io.BytesIO(data), *span))
            assert b"".join(each for _, each in blocks) == expected
            for offset, each in blocks:
                assert data[offset : offset + len(each)] == each
                assert each


@settings(deadline=None, max_examples=40)
@given(
    lines=st.lists(st.text("abcé我 \t\r", max_size=9).map(str.encode), min_size=2, max_size=12),
    cuts=st.sets(st.integers(1, 60), max_size=6),
    block=st.integers(32, 64),
    n_ranges=st.integers(1, 4),
)
def test_parts_cut_anywhere_come_to_the_whole(
    lines: list[bytes], cuts: set[int], block: int, n_ranges: int
) -> None:
    data = b"two words\n" + b"\n".join(lines)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_BYTES, block)
        patch.setattr("embedtool.corpus.interning.MIN_SLOTS", 2)
        corpus = Corpus([write(Path(folder) / "a", data)])
        (part,) = partition(corpus, 1000)
        parts = [
            Partition(part.sources, part.signatures, span, span[1] - span[0])
            for span in spans(len(data), cuts)
        ]
        found = in_parts(corpus, 1, n_ranges=n_ranges, parts=parts)
        assert found.contents == as_a_whole(corpus).contents


@pytest.mark.parametrize("span", [(1, 5), (3, 8), (2, 3), (8, 9)])
def test_a_range_that_holds_no_line_start_holds_nothing(span: tuple[int, int]) -> None:
    assert list(span_blocks(io.BytesIO(b"a" * 8 + b"\nb\n"), *span)) == []


@pytest.mark.parametrize("stop", [3, 4, 6, 7])
def test_a_byte_order_mark_is_left_out_wherever_the_first_range_ends(stop: int) -> None:
    stream = io.BytesIO(BOM + b"a b\nc\n")
    assert b"".join(block for _, block in span_blocks(stream, 0, stop)) == b"a b\n"


@pytest.mark.parametrize("block", [16, 64, 2**20])
@pytest.mark.parametrize(
    ("tail", "value"), [(b"\xff", "ff"), (b"\xc3(", "c3"), (b"\xe2\x82", "e2"), (b"\xf0\n", "f0")]
)
def test_invalid_utf8_in_a_range_is_named_by_its_byte_of_the_file(
    tail: bytes, value: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BLOCK_BYTES, block)
    before = "two wörds\n".encode() * 200
    corpus = Corpus([write(tmp_path / "a.txt", before + b"and " + tail + b"\nword\n" * 9)])
    parts = list(partition(corpus, 300))
    message = rf"a\.txt, byte {len(before) + 4:,}: invalid UTF-8 \(0x{value}\)"
    failed = []
    for part in parts:
        try:
            read_partition(part, corpus.text, 1)
        except CorpusError as error:
            failed.append(part)
            assert re.search(message, str(error))
    (part,) = failed
    assert part.span is not None
    assert part.span[0] <= len(before) < part.span[1]
