"""A corpus: text from any mix of sources, streamed in blocks or as sentences of tokens."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any, BinaryIO, cast

from embedtool.config.text import TextConfig
from embedtool.corpus import text_blocks
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
from embedtool.corpus.text_blocks import Block, byte_blocks, gather_lines, span_blocks
from embedtool.corpus.token_lists import (
    TokenLists,
    check_tokenizer,
    encode_list,
    token_blocks,
    token_lists,
)
from embedtool.corpus.tokens import (
    TOKENIZERS,
    decode_token,
    normalizer,
    text_tokenizer,
)
from embedtool.errors import CorpusError
from embedtool.io.encodings import BYTE_ORDER_MARK, REPLACEMENT, is_utf8
from embedtool.io.file_types import HEAD_BYTES, describe_non_text
from embedtool.io.progress import Progress, Report, silent
from embedtool.io.utf8_stream import Utf8Stream
from embedtool.messages import brief


@dataclass
class Corpus:
    """Text to train on.

    Attributes
    ----------
    inputs : str, Path, iterable of these, or iterable of lists of tokens
        Files, folders, glob patterns, URLs, and `-` for standard input, in any mix; or sentences,
        each a list or tuple of tokens.
    text : TextConfig
        How the text is read and tokenized.
    span : tuple of int, optional
        Byte range of a single plain-text source: only lines that start in it are read.
    sources : list of str
        The files that `inputs` resolve to.
    notes : ReadingNotes
        What was noticed in the last reading.
    signatures : dict of str to FileSignature
        Signature of each source read so far; a source that changes between readings raises
        CorpusError.
    """

    __repr__ = brief

    inputs: Inputs
    text: TextConfig = field(default_factory=TextConfig)
    span: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.text, TextConfig):
            raise CorpusError(
                f"text must be a TextConfig, not {type(self.text).__name__}", parameters=("text",)
            )
        found = token_lists(self.inputs)
        self.token_lists = found if isinstance(found, TokenLists) else None
        self.sources = [] if isinstance(found, TokenLists) else find_sources(found)
        self.signatures: dict[str, FileSignature] = {}
        self.notes = ReadingNotes()

    @property
    def n_invalid(self) -> int:
        """Invalid byte sequences replaced or skipped in the last reading."""
        return self.notes.n_invalid

    def blocks(self, report: Report = silent) -> Iterator[str]:
        """Yield normalized text in blocks.

        A line end ends a sentence, the end of a block does not. The end of each source is a line
        end.

        Raises
        ------
        CorpusError
            If a source cannot be read, has invalid bytes, or holds lists of tokens.
        """
        normalize = normalizer(self.text)
        for block in self._blocks(report, lists=False):
            yield normalize(block.text.decode())

    def tokenized_blocks(self, report: Report = silent) -> Iterator[bytes]:
        """Yield normalized text whose tokens are separated by ASCII white space.

        Tokens are UTF-8; white space inside a token of a list is escaped (`encode_token`). As
        `blocks`, but small blocks are merged.
        """
        tokenize = text_tokenizer(self.text)
        gathered: list[bytes] = []
        size = 0
        for block in self._blocks(report):
            gathered.append(block.text if block.is_tokenized else tokenize(block.text))
            size += len(gathered[-1])
            if size > text_blocks.BLOCK_BYTES // 2:
                yield b" ".join(gathered)
                gathered, size = [], 0
        yield b" ".join(gathered)

    def sentences(self, report: Report = silent) -> Iterator[list[str]]:
        """Yield the tokens of each line, or list, that has any."""
        tokenize, normalize = TOKENIZERS[self.text.tokenizer](), normalizer(self.text)
        sentence: list[str] = []
        for block in self._blocks(report):
            if block.is_tokenized:
                lines = (line.split() for line in block.text.split(b"\n"))
                yield from ([*map(decode_token, line)] for line in lines if line)
                continue
            *whole, rest = normalize(block.text.decode()).split("\n")
            for line in whole:
                sentence += tokenize(line)
                if sentence:
                    yield sentence
                    sentence = []
            sentence += tokenize(rest)

    def lines(self, report: Report = silent) -> Iterator[str]:
        """Yield each non-blank line without its line end; a very long one in several pieces."""
        for block in self.blocks(report):
            for line in block.split("\n"):
                if line and not line.isspace():
                    yield line

    def records(self, columns: Columns) -> Iterator[Record]:
        """Yield the values of columns in all records, each with its position.

        Raises
        ------
        CorpusError
            If a source holds no records, or not these columns.
        """
        for source in self.sources:
            with self._unchanged(source), open_source(source) as (stream, _):
                kind = self._kind(source, stream)
                if kind == "text":
                    raise CorpusError(
                        f"{display_name(source)}: expected CSV, TSV, JSONL or Parquet, recognised "
                        f"by suffix: {', '.join(SUFFIXES)}"
                    )
                yield from self._records(source, stream, kind, columns)

    def check_signature(self, source: str) -> None:
        """Record the signature of a source; raise CorpusError if it has changed since."""
        signature = signature_of(source)
        if self.signatures.get(source) not in (None, signature):
            raise CorpusError(
                f"{display_name(source)}: has changed since it was first read; start over"
            )
        self.signatures[source] = signature

    @contextmanager
    def _unchanged(self, source: str) -> Iterator[None]:
        """Check before and after reading a source that it has not changed."""
        if self.signatures.get(source) is not None:
            self.check_signature(source)
        yield
        self.check_signature(source)

    def _blocks(self, report: Report, lists: bool = True) -> Iterator[Block]:
        """Yield the text of all sources; raise CorpusError on lists of tokens if not `lists`."""
        self.notes = ReadingNotes()
        if self.token_lists is not None:
            if not lists:
                raise CorpusError("the corpus holds lists of tokens, not text")
            for n_sentences, text in token_blocks(self.token_lists, self.text):
                yield Block(text, is_tokenized=True)
                report(Progress("reading", n_sentences, None, "sentences"))
        total = total_size(self.sources)
        done = 0
        for source in self.sources:
            with self._unchanged(source), open_source(source) as (stream, raw):
                for block in self._blocks_of(source, stream, lists):
                    yield block
                    if total is not None:
                        report(Progress("reading", done + raw.tell(), total, "bytes"))
                yield Block(b"\n")
                done += raw.tell() if total is not None else 0

    def _blocks_of(self, source: str, stream: BinaryIO, lists: bool) -> Iterator[Block]:
        """Yield the text of one source, in any format."""
        kind, name = self._kind(source, stream), display_name(source)
        if kind == "text":
            texts = self._plain_blocks(stream, name)
            if self.text.paragraphs:
                texts = map(str.encode, paragraphs(map(bytes.decode, texts)))
            yield from map(Block, texts)
            return
        each = "field" if kind == "jsonl" else "column"
        column = getattr(self.text, each)
        records = self._records(source, stream, kind, {each: column})
        values = ((where, value) for where, (value,) in records if value is not None)
        inspected: list[str] = []
        yield from gather_lines(self._lines_of(values, column, lists, inspected))
        if not self.text.paragraphs:
            self.notes.inspect(name, "\n\n".join(inspected).encode())

    def _lines_of(
        self,
        values: Iterable[tuple[str, Any]],
        column: str,
        lists: bool,
        inspected: list[str] | None = None,
    ) -> Iterator[Block]:
        """Yield texts and lists of tokens, given with their positions.

        The first texts are added to `inspected`.
        """
        normalize = normalizer(self.text)
        n_inspected = 0
        for where, value in values:
            if lists and isinstance(value, list | tuple):
                check_tokenizer(self.text, where, column)
                yield Block(encode_list(value, where, column, normalize), is_tokenized=True)
                continue
            text = check_text(value, where, column)
            if self.text.paragraphs:
                text = "".join(paragraphs([text]))
            elif inspected is not None and n_inspected < INSPECTED_BYTES:
                inspected.append(text)
                n_inspected += len(text)
            yield Block(text.encode())

    def _plain_blocks(self, stream: BinaryIO, name: str) -> Iterator[bytes]:
        """Yield the lines of plain text in blocks, in UTF-8."""
        with self._in_utf8(stream, name) as text:
            blocks = byte_blocks(text) if self.span is None else span_blocks(text, *self.span)
            is_first = True
            for offset, block in blocks:
                valid = self._valid(block, offset, name)
                if is_first and not self.text.paragraphs:
                    self.notes.inspect(name, valid)
                is_first = False
                yield valid

    def _kind(self, source: str, stream: BinaryIO) -> str:
        """Return the format of a source; raise CorpusError if its first bytes are not text."""
        kind = kind_of(source, self.text)
        if kind == "text" and self.text.input_format == "auto" and is_parquet(stream):
            kind = "parquet"
        if kind != "parquet":
            fault = describe_non_text(peek_head(stream, HEAD_BYTES), self.text.encoding)
            if fault:
                raise CorpusError(
                    f"{display_name(source)}, byte 0: {fault}",
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
            yield from read_records(kind, self._record_lines(text, name), name, columns, self.text)

    def _record_lines(self, stream: BinaryIO, name: str) -> Iterator[str]:
        """Yield whole lines, up to MAX_RECORD_BYTES: a record cannot be cut."""
        offset = 0
        while line := stream.readline(MAX_RECORD_BYTES):
            if len(line) == MAX_RECORD_BYTES:
                raise CorpusError(
                    f"{name}, byte {offset:,}: a line of more than {MAX_RECORD_BYTES:,} bytes is "
                    "too long for a record; for plain text use input_format='text'",
                    parameters=("input_format",),
                )
            text = self._valid(line, offset, name).decode()
            yield text.removeprefix(BYTE_ORDER_MARK) if offset == 0 else text
            offset += len(line)

    @contextmanager
    def _in_utf8(self, stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
        """Yield the stream as UTF-8; invalid sequences are counted at the end."""
        encoding = self.text.encoding
        if is_utf8(encoding):
            yield stream
            return

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

    def _valid(self, block: bytes, offset: int, name: str) -> bytes:
        """Return a block as valid UTF-8, with invalid bytes handled by `encoding_errors`."""
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
