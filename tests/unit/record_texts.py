"""Files of records, read as a corpus."""

from pathlib import Path
from typing import Any

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus


def sentences(path: Path, data: bytes | str, **options: Any) -> list[list[str]]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(Corpus([str(path)], TextConfig(**options)).sentences())
