"""Texts written to a file and scanned."""

from pathlib import Path

from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import ScannedCorpus, scan


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def scanned_text(folder: Path, text: bytes | str) -> ScannedCorpus:
    """Scan a text in a folder of its own."""
    own = Path(folder) / str(len(list(folder.iterdir())))
    own.mkdir()
    return scan(Corpus([str(write(own / "text", text))]), own)
