"""A corpus: text from any mix of sources, streamed as sentences of tokens.

In: what a user names and how it is to be read. Out: blocks of clean text, or sentences.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any, BinaryIO, Protocol, cast

from embedtool.config.text import TextConfig
from embedtool.corpus.notes import INSPECTED_BYTES, ReadingNotes
from embedtool.corpus.paragraphs import paragraphs
from embedtool.corpus.records import (
    MAX_RECORD_BYTES,
    SUFFIXES,
    Columns,
    FoundRecord,
    Record,
    check_text,
    is_parquet,
    kind_of,
    read_parquet,
    read_records,
    texts_of,
    tokens_from_list,
)
from embedtool.corpus.sources import (
    FileSignature,
    Inputs,
    display_name,
    find_sources,
    open_source,
    peek_head,
    signature_of,
    total_size,
)
from embedtool.corpus.tokens import (
    TOKENIZERS,
    decode_token,
    encode_token,
    normalizer,
    text_tokenizer,
)
from embedtool.errors import CorpusError
from embedtool.io.encodings import BYTE_ORDER_MARK, REPLACEMENT, is_utf8
from embedtool.io.file_types import HEAD_BYTES, describe_non_text
from embedtool.io.progress import Progress, Report, silent
from embedtool.io.utf8_stream import Utf8Stream
from embedtool.messages import brief

BLOCK_BYTES = 2**20
"""Text is read in blocks of about this size. A longer line is read in several blocks, cut at white
space of ASCII; only where there is none in a whole block, between two characters."""

WHITE = b" \t\r\v\f\0"
Piece = tuple[bytes, bool]
"""Some text in UTF-8, and whether it is clean and cut into tokens already, as `token_bytes`."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, n_bytes: int, /) -> bytes:
        """The next bytes, as many as asked for or fewer; none at the end."""


@dataclass
class Corpus:
    """Text to learn from.

    inputs : files, folders, glob patterns, URLs, `-` for standard input, one or several in any mix
    text   : how it is read and cut into tokens
    sources : the files that `inputs` stand for; one that changes between two readings is refused
    notes  : what was noticed in the last reading
    stamps : of the sources that have been read
    span   : where given, only those lines of the one source are read, which must be plain text,
        that begin in this range of its bytes
    """

    __repr__ = brief

    inputs: Inputs
    text: TextConfig = field(default_factory=TextConfig)
    span: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        self.sources = find_sources(self.inputs)
        self.signatures: dict[str, FileSignature] = {}
        self.notes = ReadingNotes()

    @property
    def n_invalid(self) -> int:
        """Sequences of bytes replaced or skipped in the last reading."""
        return self.notes.n_invalid

    def blocks(self, report: Report = silent) -> Iterator[str]:
        """Clean text in blocks; a line end ends a sentence, the end of a block does not.

        The end of each source is a line end. Raises CorpusError where a source cannot be read,
        naming it and, for invalid bytes, the first; and where it holds lists of tokens.
        """
        clean = normalizer(self.text)
        for block, _ in self._pieces(report, lists=False):
            yield clean(block.decode())

    def tokenized_blocks(self, report: Report = silent) -> Iterator[bytes]:
        """Clean text, in which white space of ASCII, and nothing else, separates tokens.

        Tokens are as `token_bytes` writes them: that is UTF-8, but for white space within a token
        of a list. Otherwise like `blocks`, but those of small files come together.
        """
        space = text_tokenizer(self.text)
        gathered: list[bytes] = []
        size = 0
        for block, is_cut in self._pieces(report):
            gathered.append(block if is_cut else space(block))
            size += len(gathered[-1])
            if size > BLOCK_BYTES // 2:
                yield b" ".join(gathered)
                gathered, size = [], 0
        yield b" ".join(gathered)

    def sentences(self, report: Report = silent) -> Iterator[list[str]]:
        """The tokens of each line, or list, that has any."""
        tokenize, clean = TOKENIZERS[self.text.tokenizer](), normalizer(self.text)
        sentence: list[str] = []
        for block, is_cut in self._pieces(report):
            if is_cut:
                lines = (line.split() for line in block.split(b"\n"))
                yield from ([*map(decode_token, line)] for line in lines if line)
                continue
            *whole, rest = clean(block.decode()).split("\n")
            for line in whole:
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

    def _pieces(self, report: Report, lists: bool = True) -> Iterator[Piece]:
        """The text of all sources; CorpusError on lists of tokens where they are not wanted."""
        self.notes = ReadingNotes()
        total = total_size(self.sources)
        done = 0
        for source in self.sources:
            with self._unchanged(source), open_source(source) as (stream, raw):
                for piece in self._pieces_of(source, stream, lists):
                    yield piece
                    if total is not None:
                        report(Progress("reading", done + raw.tell(), total, "bytes"))
                yield b"\n", False
                done += raw.tell() if total is not None else 0

    def _pieces_of(self, source: str, stream: BinaryIO, lists: bool) -> Iterator[Piece]:
        """The text of one source, whatever holds it."""
        kind = self._kind(source, stream)
        if kind == "text":
            blocks = self._plain_blocks(stream, display_name(source))
            if self.text.paragraphs:
                blocks = map(str.encode, paragraphs(map(bytes.decode, blocks)))
            yield from ((block, False) for block in blocks)
            return
        each = "field" if kind == "jsonl" else "column"
        field = getattr(self.text, each)
        records = self._records(source, stream, kind, {each: field})
        if lists:
            values = ((where, value) for where, (value,) in records if value is not None)
        else:
            values = (("", text) for text in texts_of(records, field))
        yield from _gathered(self._lines_of(values, display_name(source), field))

    def _lines_of(
        self, values: Iterable[tuple[str, Any]], name: str, field: str
    ) -> Iterator[Piece]:
        """Texts and lists of tokens, given with where they stand."""
        clean = normalizer(self.text)
        seen: list[str] = []
        n_seen = 0
        for where, value in values:
            if isinstance(value, list):
                yield self._list_line(value, where, field, clean), True
                continue
            text = check_text(value, where, field)
            if self.text.paragraphs:
                text = "".join(paragraphs([text]))
            elif n_seen < INSPECTED_BYTES:
                seen.append(text)
                n_seen += len(text)
            yield text.encode(), False
        if not self.text.paragraphs:
            self.notes.inspect(name, "\n\n".join(seen).encode())

    def _plain_blocks(self, stream: BinaryIO, name: str) -> Iterator[bytes]:
        """The lines of plain text in blocks, in UTF-8."""
        with self._in_utf8(stream, name) as text:
            blocks = byte_blocks(text) if self.span is None else span_blocks(text, *self.span)
            is_first = True
            for offset, block in blocks:
                valid = self._valid(block, offset, name)
                if is_first and not self.text.paragraphs:
                    self.notes.inspect(name, valid)
                is_first = False
                yield valid

    def _list_line(
        self, values: list[Any], where: str, field: str, clean: Callable[[str], str]
    ) -> bytes:
        """The tokens of a list, cleaned, of which null and empty ones take no place."""
        if self.text.tokenizer != "whitespace":
            raise CorpusError(
                f"{where}: {field!r} is a list of tokens already, to which "
                f"tokenizer={self.text.tokenizer!r} cannot be applied; leave it out",
                parameters=("tokenizer",),
            )
        tokens = (clean(token) for token in tokens_from_list(values, where, field))
        return b" ".join(encode_token(token) for token in tokens if token)

    def records(self, columns: Columns) -> Iterator[Record]:
        """The values of columns in all records, and where each stands.

        Raises CorpusError on a source that holds no records, or not these columns.
        """
        for source in self.sources:
            with self._unchanged(source), open_source(source) as (stream, _):
                kind = self._kind(source, stream)
                if kind == "text":
                    raise CorpusError(
                        f"{display_name(source)}: expected CSV, TSV, JSONL or Parquet, which the "
                        f"end of its name tells: {', '.join(SUFFIXES)}"
                    )
                yield from self._records(source, stream, kind, columns)

    @contextmanager
    def _unchanged(self, source: str) -> Iterator[None]:
        """Read a source, and see before and after that it is as it was."""
        if self.signatures.get(source) is not None:
            self.check_signature(source)
        yield
        self.check_signature(source)

    def check_signature(self, source: str) -> None:
        """Take note of a source. Raises CorpusError where it is not as at the last reading."""
        signature = signature_of(source)
        if self.signatures.get(source) not in (None, signature):
            raise CorpusError(
                f"{display_name(source)}: has changed since it was first read; begin anew"
            )
        self.signatures[source] = signature

    def _kind(self, source: str, stream: BinaryIO) -> str:
        """The kind of a source. Raises CorpusError where its bytes say that it holds no text."""
        kind = kind_of(source, self.text)
        if kind == "text" and self.text.input_format == "auto" and is_parquet(stream):
            kind = "parquet"
        if kind != "parquet":
            found = describe_non_text(peek_head(stream, HEAD_BYTES), self.text.encoding)
            if found:
                raise CorpusError(
                    f"{display_name(source)}, byte 0: {found}",
                    parameters=("encoding", "input_format"),
                )
        self.notes.add_kind(kind)
        return kind

    def _records(
        self, source: str, stream: BinaryIO, kind: str, columns: Columns
    ) -> Iterator[Record]:
        name = display_name(source)
        if kind == "parquet":
            records = read_parquet(stream, name, columns)
        else:
            records = self._read_lines(stream, name, kind, columns)
        for where, values in records:
            if values is None:
                self.notes.n_missing += 1
            else:
                yield where, values

    def _read_lines(
        self, stream: BinaryIO, name: str, kind: str, columns: Columns
    ) -> Iterator[FoundRecord]:
        with self._in_utf8(stream, name) as text:
            yield from read_records(kind, self._lines(text, name), name, columns, self.text)

    @contextmanager
    def _in_utf8(self, stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
        """The stream as UTF-8; what the encoding does not have is counted at the end."""
        if is_utf8(self.text.encoding):
            yield stream
            return
        encoding = self.text.encoding

        def fault(error: UnicodeError, offset: int, _: int) -> CorpusError:
            if not isinstance(error, UnicodeDecodeError):
                return CorpusError(f"{name}: not {encoding}: {error}")
            return CorpusError(
                f"{name}, byte {offset:,}: not {encoding} (0x{error.object[error.start]:02x}); "
                "set encoding, or use encoding_errors='replace' or encoding_errors='skip'",
                parameters=("encoding", "encoding_errors"),
            )

        recoded = Utf8Stream(stream, encoding, self.text.encoding_errors, fault)
        try:
            yield cast(BinaryIO, BufferedReader(recoded))
        finally:
            self.notes.n_invalid += recoded.n_invalid

    def _lines(self, stream: BinaryIO, name: str) -> Iterator[str]:
        """Whole lines, up to LONGEST_RECORD: a record cannot be cut."""
        offset = 0
        while line := stream.readline(MAX_RECORD_BYTES):
            if len(line) == MAX_RECORD_BYTES:
                raise CorpusError(
                    f"{name}, byte {offset:,}: a line of more than {MAX_RECORD_BYTES:,} bytes is "
                    "no record; for plain text use input_format='text'",
                    parameters=("input_format",),
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
                    f"(0x{block[error.start]:02x}); convert the file, set encoding, or use "
                    "encoding_errors='replace' or encoding_errors='skip'",
                    parameters=("encoding", "encoding_errors"),
                ) from None
        else:
            return block
        replaced = block.decode(errors="replace")
        self.notes.n_invalid += replaced.count(REPLACEMENT) - block.count(REPLACEMENT.encode())
        skipping = self.text.encoding_errors == "skip"
        return (block.decode(errors="ignore") if skipping else replaced).encode()


def _gathered(lines: Iterable[Piece]) -> Iterator[Piece]:
    """Texts and lists, each ended by a line end, in blocks of either."""
    gathered: list[bytes] = []
    size, was_cut = 0, False
    for line, is_cut in lines:
        if gathered and (size >= BLOCK_BYTES or is_cut != was_cut):
            yield b"".join(gathered), was_cut
            gathered, size = [], 0
        was_cut = is_cut
        gathered += (line, b"\n")
        size += len(line)
    yield b"".join(gathered), was_cut


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
