"""Text in other encodings than UTF-8, and files that are no text."""

import gzip
import io
import lzma
import pickle
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError, CorpusError
from tests.conftest import Run
from tests.factories import read_sentences

GERMAN = "Größe, Höhe\nüber Maß\n"
READ = [["Größe,", "Höhe"], ["über", "Maß"]]
BOM = "\ufeff"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("latin-1", GERMAN.encode("latin-1")),
        ("cp1252", GERMAN.encode("cp1252")),
        ("cp850", GERMAN.encode("cp850")),
        ("utf-16", GERMAN.encode("utf-16")),
        ("utf-16-le", (BOM + GERMAN).encode("utf-16-le")),
        ("utf-16-be", GERMAN.encode("utf-16-be")),
        ("utf-32", GERMAN.encode("utf-32")),
        ("utf-8-sig", (BOM + GERMAN).encode()),
        ("UTF8", GERMAN.encode()),
    ],
)
def test_text_in_any_encoding(encoding: str, data: bytes, tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.txt", data, encoding=encoding) == READ
    assert read_sentences(tmp_path / "a.gz", gzip.compress(data), encoding=encoding) == READ


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("shift_jis", "我々は 語 を"), ("gb18030", "我喜欢 语言"), ("koi8-r", "мир и война")],
)
def test_characters_of_several_bytes_at_the_end_of_a_chunk(
    encoding: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n_bytes in range(1, 8):
        monkeypatch.setattr("embedtool.io.utf8_stream.CHUNK_BYTES", n_bytes)
        assert read_sentences(tmp_path / "a", text.encode(encoding), encoding=encoding) == [
            text.split()
        ]


def test_records_in_another_encoding(tmp_path: Path) -> None:
    jsonl, csv = '{"text": "Größe"}\n', "text;id\nGröße;1\n"
    assert read_sentences(tmp_path / "a.jsonl", jsonl.encode("cp1252"), encoding="cp1252") == [
        ["Größe"]
    ]
    options = {"encoding": "utf-16", "delimiter": ";"}
    assert read_sentences(tmp_path / "a.csv", csv.encode("utf-16"), **options) == [["Größe"]]


def test_bytes_that_the_encoding_does_not_have(tmp_path: Path) -> None:
    data = "a b\n".encode("cp1252") * 20_000 + b"c\x81d\n"
    with pytest.raises(CorpusError) as refused:
        read_sentences(tmp_path / "a", data, encoding="cp1252")
    assert str(refused.value) == (
        f"{tmp_path / 'a'}, byte 80,001: not cp1252 (0x81); set encoding, or use "
        "encoding_errors='replace' or encoding_errors='skip'"
    )
    for errors, token in (("replace", "c\ufffdd"), ("skip", "cd")):
        corpus = Corpus(tmp_path / "a", TextConfig(encoding="cp1252", encoding_errors=errors))  # type: ignore[arg-type]
        assert list(corpus.sentences())[-1] == [token]
        assert corpus.n_invalid == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-le", "gb18030"])
@pytest.mark.parametrize(
    ("errors", "words"), [("replace", ["a\ufffdb", "c\ufffd"]), ("skip", ["a\ufffdb", "c"])]
)
def test_a_replacement_character_of_the_text_itself_is_no_invalid_byte(
    encoding: str, errors: Any, words: list[str], tmp_path: Path
) -> None:
    bad = {"utf-8": b"\xff", "utf-16-le": b"\0\xdc", "utf-32-le": b"\0\0\0\xff", "gb18030": b"\xff"}
    data = "a\ufffdb c".encode(encoding) + bad[encoding] + "\n".encode(encoding)
    (tmp_path / "a").write_bytes(data)
    corpus = Corpus(tmp_path / "a", TextConfig(encoding=encoding, encoding_errors=errors))
    assert list(corpus.sentences()) == [words]
    assert corpus.n_invalid == 1


@pytest.mark.parametrize("name", ["", "latin-99", "rot13", "hex", "a\0b"])
def test_what_is_no_codec_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^encoding must be "):
        TextConfig(encoding=name)


def test_the_encoding_is_stated(run: Run, tmp_path: Path) -> None:
    text, model = tmp_path / "a.txt", tmp_path / "model"
    text.write_bytes("größe und höhe\n".encode("latin-1") * 20)
    options = ["--encoding", "latin-1", "--min-count", "1", "--vector-size", "5", "--workers", "1"]
    assert run("train", "glove", text, "-o", model, *options).exit_code == 0
    assert re.search(r"^corpus text encoding +latin-1$", run("info", model).stdout, re.MULTILINE)
    assert run("similar", model, "größe").exit_code == 0
    counted = run("vocab", text, "--encoding", "latin-1")
    assert counted.stdout == "größe 20\nund 20\nhöhe 20\n"
    assert run("phrases", text, "--encoding", "latin-1").stdout == "größe und höhe\n" * 20
    assert run("vocab", text, "--encoding", "latin-99").exit_code == 2


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"application/epub+zip" if name == "mimetype" else b"text " * 9)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["a b"]}), buffer)
    return buffer.getvalue()


NO_TEXT = {
    "a ZIP archive; unpack it": zipped("a.txt"),
    "an EPUB book; convert it to text (pandoc)": zipped("mimetype", "a.html"),
    "an Office file (docx, xlsx, pptx); save it as text or CSV": zipped("[Content_Types].xml"),
    "a tar archive; unpack it": tarred(),
    "a 7-Zip archive; unpack it": b"7z\xbc\xaf\x27\x1c\0\x04" + b"\xff" * 99,
    "a RAR archive; unpack it": b"Rar!\x1a\x07\x01\0" + b"\xff" * 99,
    "a PDF document; extract its text (pdftotext)": b"%PDF-1.7\nplain words\n",
    "an RTF document; save it as text": b"{\\rtf1\\ansi plain words}",
    "an old Office file (doc, xls); save it as text": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9,
    "a PNG image": b"\x89PNG\r\n\x1a\n" + b"\0" * 99,
    "a JPEG image": b"\xff\xd8\xff\xe0" + b"\0" * 99,
    "a GIF image": b"GIF89a" + b"\0" * 99,
    "a BMP image": b"BM" + b"\0" * 12 + b"\x28\0\0\0" + b"\0" * 99,
    "a WebP image": b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 99,
    "a TIFF image": b"II*\0" + b"\1" * 99,
    "a pickle of Python": pickle.dumps(["plain words"] * 9, protocol=4),
    "compressed by lzma; decompress it": lzma.compress(b"plain words", lzma.FORMAT_ALONE),
    "compressed twice; decompress it once": gzip.compress(gzip.compress(b"plain words\n")),
    "an SQLite database; export the texts as CSV or JSONL": b"SQLite format 3\0" + b"\0" * 99,
}


@pytest.mark.parametrize("errors", ["strict", "replace", "skip"])
@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv", "a.jsonl"])
@pytest.mark.parametrize("what", NO_TEXT)
def test_a_file_that_is_no_text_is_named(what: str, name: str, errors: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as refused:
        read_sentences(tmp_path / name, NO_TEXT[what], encoding_errors=errors)
    assert str(refused.value) == f"{tmp_path / name}, byte 0: not text but {what}"


@pytest.mark.parametrize("kind", ["text", "csv", "jsonl"])
def test_parquet_read_as_lines_is_named(kind: str, tmp_path: Path) -> None:
    message = r"a\.txt, byte 0: not text but Parquet; use input_format='parquet'"
    with pytest.raises(CorpusError, match=message):
        read_sentences(tmp_path / "a.txt", parquet(), input_format=kind)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf_16_is_told_by_its_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    message = f"not UTF-8 but {encoding.upper()}, .* use encoding={encoding!r}"
    for errors in ("strict", "replace"):
        with pytest.raises(CorpusError, match=message):
            read_sentences(tmp_path / "a", GERMAN.encode(encoding), encoding_errors=errors)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_told_by_its_zeros(encoding: str, tmp_path: Path) -> None:
    """NUL is white space: each letter would be a word."""
    with pytest.raises(CorpusError, match=f"without a byte order mark; use encoding={encoding!r}"):
        read_sentences(tmp_path / "a", ("plain words and others\n" * 9).encode(encoding))


@pytest.mark.parametrize(
    "data",
    ["PK is a kinase\n", "Rar words\n", "BM stands\n", "ustar\n", "\0" * 99, "a\0b\0c\n", "%PDF\n"],
)
def test_text_that_begins_much_like_something_else_is_text(data: str, tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a", data) == [
        words for line in data.replace("\0", " ").splitlines() if (words := line.split())
    ]


def test_a_byte_order_mark_on_standard_input_is_no_part_of_the_first_word(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("a b\n", '{"text": "a b"}\n', "text\na b\n"):
        kind = {"a": "text", "{": "jsonl", "t": "csv"}[each[0]]
        stdin = io.TextIOWrapper(io.BytesIO((BOM + each).encode()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert list(Corpus("-", TextConfig(input_format=kind)).sentences()) == [["a", "b"]]  # type: ignore[arg-type]
    result = run("vocab", "-", "--min-count", "1", input=BOM + "king king queen\n")
    assert result.stdout == "king 2\nqueen 1\n"


def test_a_byte_order_mark_in_a_vocabulary_file_or_a_table_is_no_part_of_a_word(
    run: Run, tmp_path: Path
) -> None:
    words, text, model = tmp_path / "words.txt", tmp_path / "text.txt", tmp_path / "model"
    text.write_text("king rules queen\n" * 20)
    words.write_text(BOM + "king 3\nqueen 2\n")
    options = ["--vocab", words, "--vector-size", "5", "--workers", "1"]
    assert run("train", "glove", text, "-o", model, *options).exit_code == 0
    assert run("vector", model, "king").exit_code == 0
    table = tmp_path / "table.tsv"
    table.write_text(BOM + "king\trules\t5\n")
    assert run("phrases", text, "--apply", table).stdout == "king_rules queen\n" * 20
