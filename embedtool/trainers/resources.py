"""Memory and disk that a training needs, and what is free."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from embedtool.corpus.encoding import EncodedCorpus
from embedtool.errors import ResourceError
from embedtool.io.machine import MiB, available_memory

BASE_BYTES = 180 * MiB
"""Memory of Python, NumPy and the compiled kernels; measured."""
FLOAT_BYTES = 4
"""Bytes of a float32 and of an id."""
WORD_BYTES = 80
"""Memory of a distinct token while the text is read, and of a word and its count; measured at 1
million (`python -m benchmarks.size`)."""
RUN_ENTRY_BYTES, PAIR_BYTES = 16, 12
"""Bytes on disk of a pair in a sorted run, and of one whose counts are summed."""


@dataclass(frozen=True)
class ResourceEstimate:
    """What a training needs, in bytes.

    Attributes
    ----------
    tables : int
        Memory of the parameters, a lower bound.
    memory : int
        All memory except mapped files.
    work : int
        Upper bound of the disk space of the training directory.
    model : int
        Upper bound of the disk space of the model.
    """

    tables: int
    memory: int
    work: int
    model: int

    @classmethod
    def of(
        cls, corpus: EncodedCorpus, *, tables: int, memory: int, model: int, work: int = 0
    ) -> "ResourceEstimate":
        """Return what a training on a text needs, given what its algorithm needs.

        Parameters
        ----------
        corpus : EncodedCorpus
            The text; the memory of its words and of Python, and the disk of the text, are added.
        tables, memory, model, work : int
            The attributes, in bytes, as far as they depend on the algorithm.
        """
        vocabulary = corpus.vocabulary
        program = BASE_BYTES + WORD_BYTES * (vocabulary.n_words + vocabulary.types_seen)
        text = 2 * (FLOAT_BYTES * corpus.n_tokens + 2 * FLOAT_BYTES * len(corpus.ends))
        return cls(tables, program + memory, text + work, model)


def check_resources(estimate: ResourceEstimate, output: Path) -> None:
    """Check that the lower bounds of memory and disk are available.

    Raises
    ------
    ResourceError
        If the tables do not fit into memory, or the model does not fit on the disk of `output`.
    """
    memory = available_memory()
    if estimate.tables > memory:
        raise ResourceError(
            f"the tables need {format_bytes(estimate.tables)} of memory, {format_bytes(memory)} "
            "are free; choose a smaller vector_size or max_vocab, or a larger min_count",
            parameters=("vector_size", "max_vocab", "min_count"),
        )
    disk = shutil.disk_usage(output.parent).free
    if estimate.model > disk:
        raise ResourceError(
            f"{output}: the model needs {format_bytes(estimate.model)} of disk, "
            f"{format_bytes(disk)} are free"
        )


def format_bytes(n_bytes: int) -> str:
    """Return bytes as a person reads them."""
    return f"{n_bytes / MiB:,.0f} MiB"
