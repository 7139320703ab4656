"""A corpus: text from any mix of sources, streamed as sentences of tokens.

In: what a user names and how it is to be read. Out: blocks of clean text, or sentences.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from embedtool.config import TextConfig, flag
from embedtool.corpus.records import (
    LONGEST_RECORD,
    SUFFIXES,
    Columns,
    Record,
    is_parquet,
    kind_of,
    read_parquet,
    read_records,
    texts_of,
)
from embedtool.corpus.sources import (
    Stamp,
    find_sources,
    name_of,
    opened,
    size_of,
    stamp_of,
)
from embedtool.corpus.tokens import TOKENIZERS, cleaner, spacer
from embedtool.errors import CorpusError
from embedtool.progress import Progress, Report, silent

BLOCK_BYTES = 2**20
"""Text is read in blocks of about this size. A longer line is read in several blocks, cut at white
space of ASCII; only where there is none in a whole block, between two characters."""

WHITE = b" \t\r\v\f\0"
BYTE_ORDER_MARK = "\ufeff"
REPLACEMENT = "\ufffd"


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, n_bytes: int, /) -> bytes:
        """The next bytes, as many as asked for or fewer; none at the end."""


@dataclass
class Corpus:
    """Text to learn from.

    inputs : files, folders, glob patterns, URLs, `-` for standard input, in any mix
    text   : how it is read and cut into tokens
    sources : the files that `inputs` stand for; one that changes between two readings is refused
    n_invalid : invalid UTF-8 sequences replaced or skipped in what has been read
    stamps : of the sources that have been read
    span   : where given, only those lines of the one source are read, which must be plain text,
        that begin in this range of its bytes
    """

    inputs: Iterable[str]
    text: TextConfig = field(default_factory=TextConfig)
    n_invalid: int = 0
    span: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.sources = find_sources(self.inputs)
        self.stamps: dict[str, Stamp] = {}

    def blocks(self, report: Report = silent) -> Iterator[str]:
        """Clean text in blocks; a line end ends a sentence, the end of a block does not.

        The end of each source is a line end. Raises CorpusError where a source cannot be read,
        naming it and, for invalid UTF-8, the byte.
        """
        clean = cleaner(self.text)
        for block in self._utf8_blocks(report):
            yield clean(block.decode())

    def spaced_blocks(self, report: Report = silent) -> Iterator[bytes]:
        """Clean text in UTF-8, in which white space of ASCII, and nothing else, separates tokens.

        Otherwise like `blocks`, but those of small files come together.
        """
        space = spacer(self.text)
        gathered: list[bytes] = []
        size = 0
        for block in self._utf8_blocks(report):
            gathered.append(space(block))
            size += len(gathered[-1])
            if size > BLOCK_BYTES // 2:
                yield b" ".join(gathered)
                gathered, size = [], 0
        yield b" ".join(gathered)

    def sentences(self, report: Report = silent) -> Iterator[list[str]]:
        """The tokens of each line that has any."""
        tokenize = TOKENIZERS[self.text.tokenizer]()
        sentence: list[str] = []
        for block in self.blocks(report):
            *lines, rest = block.split("\n")
            for line in lines:
                sentence += tokenize(line)
                if sentence:
                    yield sentence
                    sentence = []
            sentence += tokenize(rest)

    def lines(self, report: Report = silent) -> Iterator[str]:
        """Each line that is not blank, without its end; a very long one in several pieces."""
        for block in self.blocks(report):
            for line in block.split("\n"):
                if line and not line.isspace():
                    yield line

    def _utf8_blocks(self, report: Report) -> Iterator[bytes]:
        """The text of all sources as it is, in UTF-8."""
        total = size_of(self.sources)
        done = 0
        for source in self.sources:
            with self._unchanged(source), opened(source) as (stream, raw):
                for block in self._utf8_of(source, stream):
                    yield block
                    if total is not None:
                        report(Progress("reading", done + raw.tell(), total, "bytes"))
                yield b"\n"
                done += raw.tell() if total is not None else 0

    def _utf8_of(self, source: str, stream: BinaryIO) -> Iterator[bytes]:
        """The text of one source in blocks, whatever holds it."""
        kind = self._kind(source, stream)
        if kind == "text":
            blocks = byte_blocks(stream) if self.span is None else span_blocks(stream, *self.span)
            for offset, block in blocks:
                yield self._valid(block, offset, name_of(source))
            return
        each = "field" if kind == "jsonl" else "column"
        wanted = {flag(each): getattr(self.text, each)}
        records = self._records(source, stream, kind, wanted)
        yield from _joined(texts_of(records, getattr(self.text, each)))

    def records(self, columns: Columns) -> Iterator[Record]:
        """The values of columns in all records, and where each stands.

        Raises CorpusError on a source that holds no records, or not these columns.
        """
        for source in self.sources:
            with self._unchanged(source), opened(source) as (stream, _):
                kind = self._kind(source, stream)
                if kind == "text":
                    raise CorpusError(
                        f"{name_of(source)}: expected CSV, TSV, JSONL or Parquet, which the end "
                        f"of its name tells: {', '.join(SUFFIXES)}"
                    )
                yield from self._records(source, stream, kind, columns)

    @contextmanager
    def _unchanged(self, source: str) -> Iterator[None]:
        """Read a source, and see before and after that it is as it was."""
        if self.stamps.get(source) is not None:
            self.stamp(source)
        yield
        self.stamp(source)

    def stamp(self, source: str) -> None:
        """Take note of a source. Raises CorpusError where it is not as at the last reading."""
        stamp = stamp_of(source)
        if self.stamps.get(source) not in (None, stamp):
            raise CorpusError(f"{name_of(source)}: has changed since it was first read; begin anew")
        self.stamps[source] = stamp

    def _kind(self, source: str, stream: BinaryIO) -> str:
        kind = kind_of(source, self.text)
        if kind == "text" and self.text.input_format == "auto" and is_parquet(stream):
            return "parquet"
        return kind

    def _records(
        self, source: str, stream: BinaryIO, kind: str, columns: Columns
    ) -> Iterator[Record]:
        name = name_of(source)
        if kind == "parquet":
            return read_parquet(stream, name, columns)
        return read_records(kind, self._lines(stream, name), name, columns)

    def _lines(self, stream: BinaryIO, name: str) -> Iterator[str]:
        """Whole lines, up to LONGEST_RECORD: a record cannot be cut."""
        offset = 0
        while line := stream.readline(LONGEST_RECORD):
            if len(line) == LONGEST_RECORD:
                raise CorpusError(
                    f"{name}, byte {offset:,}: a line of more than {LONGEST_RECORD:,} bytes is no "
                    "record; for plain text use --input-format text"
                )
            text = self._valid(line, offset, name).decode()
            yield text.removeprefix(BYTE_ORDER_MARK) if offset == 0 else text
            offset += len(line)

    def _valid(self, block: bytes, offset: int, name: str) -> bytes:
        """The block where it is UTF-8; else what is to be made of it."""
        if block.isascii():
            return block
        try:
            block.decode()
        except UnicodeDecodeError as error:
            if self.text.encoding_errors == "strict":
                raise CorpusError(
                    f"{name}, byte {offset + error.start:,}: invalid UTF-8 "
                    f"(0x{block[error.start]:02x}); convert the file, or use --encoding-errors "
                    "replace or skip"
                ) from None
        else:
            return block
        replaced = block.decode(errors="replace")
        self.n_invalid += replaced.count(REPLACEMENT) - block.count(REPLACEMENT.encode())
        skipping = self.text.encoding_errors == "skip"
        return (block.decode(errors="ignore") if skipping else replaced).encode()


def _joined(texts: Iterable[str]) -> Iterator[bytes]:
    """Texts, each ended by a line end, gathered into blocks."""
    gathered: list[str] = []
    size = 0
    for text in texts:
        gathered += (text, "\n")
        size += len(text)
        if size >= BLOCK_BYTES:
            yield "".join(gathered).encode()
            gathered, size = [], 0
    yield "".join(gathered).encode()


class _Span:
    """A stream that ends with the last line that begins before a place."""

    def __init__(self, stream: BinaryIO, stop: int) -> None:
        self.stream = stream
        self.left = stop - stream.tell()
        self.in_line = False

    def read(self, n_bytes: int) -> bytes:
        """The next bytes, as many as asked for or fewer; none at the end."""
        if self.left > 0:
            chunk = self.stream.read(min(n_bytes, self.left))
        else:
            chunk = self.stream.readline(n_bytes) if self.in_line else b""
        self.left -= len(chunk)
        if chunk:
            self.in_line = not chunk.endswith(b"\n")
        return chunk


def span_blocks(stream: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """As `byte_blocks`, of the lines that begin in a range of the bytes of a stream."""
    if start:
        stream.seek(start - 1)
        while not (stream.readline(BLOCK_BYTES) or b"\n").endswith(b"\n"):
            pass
    yield from byte_blocks(_Span(stream, stop), stream.tell())


def byte_blocks(stream: Readable, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Cut a stream, which stands at an offset, into (offset, block), at line ends.

    A long line is cut at white space; where there is none in a whole block, between two characters
    of UTF-8. A byte order mark at the start is left out.
    """
    pending = stream.read(len(BYTE_ORDER_MARK.encode()))
    if offset == 0 and pending == BYTE_ORDER_MARK.encode():
        offset, pending = len(pending), b""
    while chunk := stream.read(BLOCK_BYTES):
        pending += chunk
        cut = pending.rfind(b"\n") + 1
        if not cut:
            if len(pending) < BLOCK_BYTES:
                continue
            cut = max(pending.rfind(WHITE[i : i + 1]) for i in range(len(WHITE))) + 1
            if not cut:
                cut = _character_start(pending)
        yield offset, pending[:cut]
        offset += cut
        pending = pending[cut:]
    if pending:
        yield offset, pending


def _character_start(block: bytes) -> int:
    """The place of the last byte of a block that begins a character of UTF-8 (not the first)."""
    for place in range(len(block) - 1, max(len(block) - 5, 1), -1):
        if block[place] & 0xC0 != 0x80:
            return place
    return len(block)
