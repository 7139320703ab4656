"""Text in columns of Parquet."""

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedtool.corpus.corpus import Corpus
from embedtool.errors import CorpusError, MissingExtraError
from tests.factories import read_sentences


def parquet(table: dict[str, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(table), buffer, **options)
    return buffer.getvalue()


ROWS = {"id": [1, 2, 3, 4], "text": ["a b", None, "", "c\nd\u2028é"]}


READ = [["a", "b"], ["c"], ["d\u2028é"]]


@pytest.mark.parametrize("name", ["a.parquet", "a.txt", "a"])
def test_parquet_is_known_by_name_or_content(name: str, tmp_path: Path) -> None:
    assert read_sentences(tmp_path / name, parquet(ROWS)) == READ


def test_parquet_named_by_the_option(tmp_path: Path) -> None:
    data = parquet({"a.b": ["x y"]})
    options = {"input_format": "parquet", "column": "a.b"}
    assert read_sentences(tmp_path / "a.csv", data, **options) == [["x", "y"]]


def test_parquet_in_gzip(tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.parquet.gz", gzip.compress(parquet(ROWS))) == READ


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary("i4", "string")])
def test_parquet_of_each_kind_of_text_in_several_batches(kind: Any, tmp_path: Path) -> None:
    texts = [f"row {i % 99}" for i in range(10_000)]
    data = parquet({"text": pa.array(texts, kind)}, row_group_size=3000)
    assert read_sentences(tmp_path / "a.parquet", data) == [text.split() for text in texts]


def test_text_that_begins_like_parquet_is_text(tmp_path: Path) -> None:
    """PAR1 is a gene; a Parquet file ends with its mark too."""
    assert read_sentences(tmp_path / "a.txt", "PAR1 is a receptor\n") == [
        ["PAR1", "is", "a", "receptor"]
    ]


def test_text_asked_for_is_not_taken_for_parquet(tmp_path: Path) -> None:
    data = "PAR1 is a receptor\n"
    assert read_sentences(tmp_path / "a.txt", data, input_format="text") == [data.split()]


def test_parquet_from_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(parquet(ROWS))
    with (tmp_path / "a.parquet").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert list(Corpus(["-"]).sentences()) == READ


def feed_pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Pipe(data))))


def test_parquet_from_a_pipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    feed_pipe(monkeypatch, parquet(ROWS))
    with pytest.raises(CorpusError, match="standard input: Parquet cannot be read from a pipe"):
        list(Corpus(["-"]).sentences())


def test_text_from_a_pipe_that_begins_like_parquet_is_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In Parquet the mark is followed by 0x15, the first field of a page or of the footer."""
    feed_pipe(monkeypatch, b"PAR1 is a receptor\n")
    assert list(Corpus(["-"]).sentences()) == [["PAR1", "is", "a", "receptor"]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"id": [1], "body": ["x"]}, "has no 'text'; set column to one of: 'id', 'body'"),
        ({"text": [1]}, "'text' holds int, not text"),
        ({"text": [b"x"]}, "'text' holds bytes, not text"),
        ({"text": [{"x": "y"}]}, "'text' holds dict, not text"),
    ],
)
def test_a_column_of_parquet_that_holds_no_text(
    table: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=f"a.parquet: {message}"):
        read_sentences(tmp_path / "a.parquet", parquet(table))


def test_parquet_cut_short_anywhere_is_named(tmp_path: Path) -> None:
    data = parquet(ROWS)
    for length in range(len(b"PAR1"), len(data), 7):
        with pytest.raises(CorpusError, match=r"a\.parquet: cannot be read"):
            read_sentences(tmp_path / "a.parquet", data[:length])


def test_invalid_utf8_in_parquet_is_an_error_of_the_corpus(tmp_path: Path) -> None:
    """Arrow does not look at the bytes of strings when it reads them."""
    offsets, data = pa.array([0, 2, 4], pa.int32()).buffers()[1], pa.py_buffer(b"ab\xff\xfe")
    texts = pa.Array.from_buffers(pa.string(), 2, [None, offsets, data])
    with pytest.raises(CorpusError, match=r"a\.parquet"):
        read_sentences(tmp_path / "a.parquet", parquet({"text": texts}))


def test_parquet_without_its_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = parquet(ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"embedtool\[parquet\]"):
        read_sentences(tmp_path / "a.parquet", data)


def test_columns_within_structs(tmp_path: Path) -> None:
    rows = [{"b": {"c": "x y"}}, {"b": None}, None, {"b": {"c": None}}, {"b": {"c": "z"}}]
    data = parquet({"a": rows, "id": [1, 2, 3, 4, 5]})
    assert read_sentences(tmp_path / "a.parquet", data, column="a.b.c") == [["x", "y"], ["z"]]
    with pytest.raises(CorpusError, match=r"has no 'a\.x'; set column to one of: 'a\.b\.c', 'id'"):
        read_sentences(tmp_path / "a.parquet", data, column="a.x")
