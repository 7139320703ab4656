"""Types of files by their first bytes, to name a file that is not what was expected."""

import re

from embedtool.io.encodings import UTF8, is_utf8

HEAD_BYTES = 512
"""Number of bytes that are inspected: the signature of tar is at byte 257."""

COMPRESSIONS: dict[str, re.Pattern[bytes]] = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "bzip2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
    "lzma": re.compile(rb"\x5d\0\0"),
    "lz4": re.compile(rb"\x04\x22\x4d\x18"),
    "compress": re.compile(rb"\x1f\x9d"),
}
"""Signatures of compressed files. A word of text can begin with BZh."""
TAR_OFFSET, TAR = 257, b"ustar"
ZIP = b"PK\x03\x04"
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
RAR = b"Rar!\x1a\x07"
SQLITE = b"SQLite format 3\0"
HDF5 = b"\x89HDF\r\n\x1a\n"
NPY = b"\x93NUMPY"
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))

SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (30, b"mimetypeapplication/epub+zip", "an EPUB book; convert it to text (pandoc)"),
    (30, b"mimetypeapplication/vnd.oasis", "an OpenDocument file; save it as text"),
    (30, b"[Content_Types].xml", "an Office file (docx, xlsx, pptx); save it as text or CSV"),
    (30, b"_rels/.rels", "an Office file (docx, xlsx, pptx); save it as text or CSV"),
    (0, ZIP, "a ZIP archive; unpack it"),
    (0, b"PK\x05\x06", "a ZIP archive; unpack it"),
    (0, SEVEN_ZIP, "a 7-Zip archive; unpack it"),
    (0, RAR, "a RAR archive; unpack it"),
    (TAR_OFFSET, TAR, "a tar archive; unpack it"),
    (0, b"\x1f\x9d", "compressed by compress (.Z); decompress it"),
    (0, b"\x04\x22\x4d\x18", "compressed with LZ4; decompress it"),
    (0, b"\x5d\0\0", "compressed by lzma; decompress it"),
    (0, b"\x1f\x8b", "compressed twice; decompress it once"),
    (0, b"\xfd7zXZ\0", "compressed twice; decompress it once"),
    (0, b"\x28\xb5\x2f\xfd", "compressed twice; decompress it once"),
    (0, b"%PDF-", "a PDF document; extract its text (pdftotext)"),
    (0, b"%!PS-", "a PostScript document; extract its text (ps2ascii)"),
    (0, b"{\\rtf", "an RTF document; save it as text"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (doc, xls); save it as text"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF87a", "a GIF image"),
    (0, b"GIF89a", "a GIF image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (8, b"WEBPVP8", "a WebP image"),
    (14, b"\x28\0\0\0", "a BMP image"),
    (8, b"WAVEfmt ", "a sound file (WAV)"),
    (0, b"ID3\x03", "a sound file (MP3)"),
    (0, b"ID3\x04", "a sound file (MP3)"),
    (0, b"OggS\0", "a sound or video file (Ogg)"),
    (0, b"fLaC\0", "a sound file (FLAC)"),
    (4, b"ftypisom", "a video (MP4)"),
    (4, b"ftypmp42", "a video (MP4)"),
    (4, b"ftypheic", "a HEIC image"),
    (60, b"BOOKMOBI", "a Kindle book; convert it to text"),
    (0, b"AT&TFORM", "a DjVu document; extract its text (djvutxt)"),
    (0, b"PAR1\x15", "Parquet; use input_format='parquet'"),
    (0, b"ARROW1\0\0", "an Arrow or Feather file; save it as Parquet"),
    (0, b"Obj\x01", "an Avro file; save it as Parquet or JSONL"),
    (0, SQLITE, "an SQLite database; export the texts as CSV or JSONL"),
    (0, HDF5, "an HDF5 file; save the texts as Parquet or JSONL"),
    (0, NPY, "a NumPy array"),
    *((0, pickle, "a pickle of Python") for pickle in PICKLES),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90\0", "a program"),
)
"""Offset of a signature, its bytes, and the type of file; the first match counts."""
BYTE_ORDER_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
MIN_UTF16_BYTES = 32
"""Number of bytes by which UTF-16 is recognised from its zeros."""


def describe_non_text(head: bytes, encoding: str = UTF8) -> str | None:
    """Return the type of a file with advice, or None if it can be text in an encoding.

    Parameters
    ----------
    head : bytes
        The first HEAD_BYTES of the file.
    encoding : str
        The encoding that the file should have.

    Returns
    -------
    str or None
        The end of a sentence that begins with the file's name; it names the parameters
        `encoding` and `input_format`.
    """
    for offset, signature, name in SIGNATURES:
        if head.startswith(signature, offset):
            return f"not text but {name}"
    if not is_utf8(encoding):
        return None
    for mark, found in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return (
                f"not UTF-8 but {found.upper()}, by its byte order mark (0x{head[0]:02x}); "
                f"convert it, or use encoding={found!r}"
            )
    if len(head) >= MIN_UTF16_BYTES:
        even, odd = set(head[::2]), set(head[1::2])
        if {0} in (even, odd) and even != odd:
            found = "utf-16-be" if even == {0} else "utf-16-le"
            return f"not UTF-8 but UTF-16 without a byte order mark; use encoding={found!r}"
    return None
