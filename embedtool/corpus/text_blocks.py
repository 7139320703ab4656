"""Text in blocks: a stream is cut at line ends, and short lines are gathered."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple, Protocol

from embedtool.io.encodings import BYTE_ORDER_MARK

BLOCK_BYTES = 2**20
"""Approximate size of a block. A longer line is read in several blocks, cut at ASCII white space;
only where a whole block has none, between two characters."""

WHITE_SPACE = b" \t\r\v\f\0"


class Block(NamedTuple):
    """A block of text.

    Attributes
    ----------
    text : bytes
        Text in UTF-8.
    is_tokenized : bool
        Whether it has been normalized and tokenized, with tokens as `encode_token` writes them.
    """

    text: bytes
    is_tokenized: bool = False


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, n_bytes: int, /) -> bytes:
        """Return at most `n_bytes` bytes; empty only at the end."""


def gather_lines(lines: Iterable[Block]) -> Iterator[Block]:
    """Add a line end to each line and put lines of one kind together into blocks."""
    gathered: list[bytes] = []
    size, was_tokenized = 0, False
    for line, is_tokenized in lines:
        if gathered and (size >= BLOCK_BYTES or is_tokenized != was_tokenized):
            yield Block(b"".join(gathered), was_tokenized)
            gathered, size = [], 0
        was_tokenized = is_tokenized
        gathered += (line, b"\n")
        size += len(line)
    yield Block(b"".join(gathered), was_tokenized)


class _Span:
    """A stream that ends with the last line that begins before an offset."""

    def __init__(self, stream: BinaryIO, stop: int) -> None:
        self.stream = stream
        self.left = stop - stream.tell()
        self.in_line = False

    def read(self, n_bytes: int) -> bytes:
        if self.left > 0:
            chunk = self.stream.read(min(n_bytes, self.left))
        else:
            chunk = self.stream.readline(n_bytes) if self.in_line else b""
        self.left -= len(chunk)
        if chunk:
            self.in_line = not chunk.endswith(b"\n")
        return chunk


def span_blocks(stream: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Yield, as `byte_blocks` does, the lines that begin in a range of bytes of a stream."""
    if start:
        stream.seek(start - 1)
        while not (stream.readline(BLOCK_BYTES) or b"\n").endswith(b"\n"):
            pass
    yield from byte_blocks(_Span(stream, stop), stream.tell())


def byte_blocks(stream: Readable, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Cut a stream at line ends.

    A long line is cut at white space, or, where a whole block has none, between two characters of
    UTF-8. A byte order mark at the start is left out.

    Parameters
    ----------
    stream : Readable
        The stream.
    offset : int
        The current offset of the stream.

    Yields
    ------
    offset : int
        Start of the block.
    block : bytes
        The block.
    """
    pending = stream.read(len(BYTE_ORDER_MARK.encode()))
    if offset == 0 and pending == BYTE_ORDER_MARK.encode():
        offset, pending = len(pending), b""
    while chunk := stream.read(BLOCK_BYTES):  # `pending` has no line end
        size = chunk.rfind(b"\n") + 1
        if size:
            block = b"".join((pending, memoryview(chunk)[:size]))
            pending = chunk[size:]
        else:
            pending += chunk
            if len(pending) < BLOCK_BYTES:
                continue
            size = max(pending.rfind(bytes([space])) for space in WHITE_SPACE) + 1
            if not size:
                size = _last_character_start(pending)
            block, pending = pending[:size], pending[size:]
        yield offset, block
        offset += len(block)
    if pending:
        yield offset, pending


def _last_character_start(block: bytes) -> int:
    """Return the offset of the last byte that begins a character of UTF-8, other than the first."""
    for offset in range(len(block) - 1, max(len(block) - 5, 1), -1):
        if block[offset] & 0xC0 != 0x80:
            return offset
    return len(block)
