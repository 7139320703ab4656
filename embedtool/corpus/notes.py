"""Observations during the reading of a text, and the warnings about them."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.corpus.paragraphs import wrapped_at
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.tokens import unsegmented_script
from embedtool.io.encodings import encoding_name, is_utf8
from embedtool.messages import counted

log = logging.getLogger(__name__)

MAX_INSPECTED_FILES = 100
"""Files that are inspected for wrapped lines."""
INSPECTED_BYTES = 2**16
"""Bytes of each file that are inspected."""
WRAPPED_FRACTION = 0.2
"""Fraction of wrapped files, of those inspected, above which a warning is logged."""
APPLIES_TO = {
    "field": ("jsonl",),
    "column": ("csv", "tsv", "parquet"),
    "delimiter": ("csv", "tsv"),
    "header": ("csv", "tsv"),
    "missing": ("jsonl", "csv", "tsv", "parquet"),
    "encoding": ("text", "jsonl", "csv", "tsv"),
    "encoding_errors": ("text", "jsonl", "csv", "tsv"),
}
"""The input formats to which a reading option applies."""
SHOWN_AS = {"delimiter": "the separator of CSV columns", "header": "header=False"}
"""Names in messages for options whose own name would be unclear."""


@dataclass
class ReadingNotes:
    """Observations from reading a text.

    Attributes
    ----------
    n_invalid : int
        Invalid byte sequences that were replaced or skipped.
    n_missing : int
        Records without the field or column, skipped.
    n_inspected : int
        Files whose lines were inspected.
    wrapped : list of (str, int)
        Name and width of the files whose lines seem to be wrapped.
    kinds : list of str
        Formats of the sources: text, jsonl, csv, tsv, parquet.
    """

    n_invalid: int = 0
    n_missing: int = 0
    n_inspected: int = 0
    wrapped: list[tuple[str, int]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def add_kind(self, kind: str) -> None:
        """Note the format of a source."""
        if kind not in self.kinds:
            self.kinds.append(kind)

    def inspect(self, name: str, block: bytes) -> None:
        """Note whether the first lines of a file seem to be wrapped."""
        if self.n_inspected < MAX_INSPECTED_FILES:
            self.n_inspected += 1
            *lines, rest = block[:INSPECTED_BYTES].decode(errors="ignore").split("\n")
            width = wrapped_at(lines if len(block) > INSPECTED_BYTES else [*lines, rest])
            if width is not None:
                self.wrapped.append((name, width))

    @classmethod
    def merged(cls, parts: Iterable["ReadingNotes"]) -> Self:
        """Merge the notes of the partitions of a text."""
        whole = cls()
        for each in parts:
            whole.n_invalid += each.n_invalid
            whole.n_missing += each.n_missing
            whole.n_inspected += each.n_inspected
            whole.wrapped += each.wrapped
            for kind in each.kinds:
                whole.add_kind(kind)
        return whole


def warn_of_reading(text: TextConfig, notes: ReadingNotes) -> None:
    """Log what was skipped, replaced or ignored, and lines that seem to be wrapped."""
    for name in idle_options(text, notes.kinds):
        log.warning(
            "%s has no effect on this input: it is for %s",
            SHOWN_AS.get(name, name), ", ".join(APPLIES_TO[name]), extra={"parameters": (name,)},
        )  # fmt: skip
    if notes.n_invalid:
        sequences = counted(notes.n_invalid, f"invalid {encoding_name(text.encoding)} sequence")
        log.warning("%s: %s", sequences, text.encoding_errors)
    if notes.n_missing:
        names = " or ".join(map(repr, dict.fromkeys((text.field, text.column))))
        log.warning("skipped %s without %s", counted(notes.n_missing, "record"), names)
    if len(notes.wrapped) > WRAPPED_FRACTION * notes.n_inspected:
        name, width = notes.wrapped[0]
        n_more = len({each for each, _ in notes.wrapped}) - 1  # a file may be read in parts
        others = f" and of {counted(n_more, 'more file')}" if n_more else ""
        log.warning(
            "the lines of %s%s seem to be wrapped at %s characters; contexts end at line ends; "
            "paragraphs=True joins the lines of a paragraph",
            name, others, width, extra={"parameters": ("paragraphs",)},
        )  # fmt: skip


def idle_options(text: TextConfig, kinds: Collection[str]) -> list[str]:
    """Return the options that differ from their defaults and do not apply to the formats read.

    A field and a column of the same name count as one option, for either format.
    """
    if not kinds:
        return []
    plain = TextConfig()
    chosen = [name for name in APPLIES_TO if getattr(text, name) != getattr(plain, name)]
    if is_utf8(text.encoding) and "encoding" in chosen:
        chosen.remove("encoding")
    if text.field == text.column:
        chosen = [name for name in chosen if name not in ("field", "column")]
    return [name for name in chosen if not {*APPLIES_TO[name]} & {*kinds}]


def warn_of_script(text: TextConfig, words: StringTable, counts: NDArray[np.int64]) -> None:
    """Log a warning if the text has a script without spaces between words."""
    script = unsegmented_script(words, counts)
    if script and text.tokenizer != "icu":
        log.warning(
            "much of the text is %s without spaces between words; use tokenizer='icu'",
            script,
            extra={"parameters": ("tokenizer",)},
        )
