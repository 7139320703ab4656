"""Texts, arrays and lists as the files of vectors hold them, and how files are packed."""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SUFFIXES = ["", ".gz", ".bz2", ".zip", ".tar.gz", ".tar.bz2"]
"""How files of vectors are packed."""


def packed(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: Mapping[str, bytes], compression: str = "gz") -> bytes:
    """Return a compressed tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=f"w:{compression}") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def random_rows(n_words: int, vector_size: int, seed: int = 1) -> NDArray[np.float32]:
    """Return vectors with five digits, as text holds them."""
    rows = np.random.default_rng(seed).standard_normal((n_words, vector_size))
    return rounded(rows, ".5g")


def rounded(rows: NDArray[Any], number: str) -> NDArray[np.float32]:
    """Return the float32 that a text with numbers of this format stands for."""
    return np.array([[float(format(x, number)) for x in row] for row in rows], np.float32)


def lines(words: Sequence[str], rows: NDArray[Any], number: str = ".5g", end: str = "") -> bytes:
    """Return lines of a word and its numbers between spaces."""
    rows_of_text = (" ".join(format(x, number) for x in row) for row in rows.astype(float))
    pairs = zip(words, rows_of_text, strict=True)
    return "".join(f"{word} {row}{end}\n" for word, row in pairs).encode()


def compressed(content: bytes, suffix: str) -> bytes:
    """Return a file as it is packed under a suffix."""
    if suffix == ".zip":
        return packed({"README.txt": b"about", "vectors.txt": content})
    if suffix.startswith(".tar"):
        return tarred({"vectors.txt": content}, suffix.removeprefix(".tar."))
    if suffix == ".gz":
        return gzip.compress(content, 1)
    return bz2.compress(content) if suffix else content


def pickled_by_python_2(words: Sequence[str]) -> bytes:
    """Return a list of byte strings as cPickle writes it with protocol 2."""
    parts = [b"\x80\x02]q\x01("]
    for number, word in enumerate(words, 2):
        content = word.encode()
        parts.append(b"U" + bytes([len(content)]) + content + b"q" + bytes([number]))
    return b"".join([*parts, b"e."])


def npy(rows: NDArray[Any]) -> bytes:
    """Return an array as NumPy saves it."""
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()
