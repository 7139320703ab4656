"""Memory and disk that a training needs, and what is free."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from embedtool.corpus.encoding import EncodedCorpus
from embedtool.errors import ResourceError
from embedtool.io.machine import MiB

BASE_BYTES = 180 * MiB
"""Memory of Python, NumPy and the compiled kernels; measured."""
FLOAT_BYTES = 4
"""Bytes of a float32 and of an id."""
WORD_BYTES = 150
"""Memory of a word in Python, with its count and its id; measured."""
RUN_ENTRY_BYTES, PAIR_BYTES = 16, 12
"""Bytes on disk of a pair in a sorted run, and of one whose counts are summed."""
CGROUP = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")
STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class ResourceEstimate:
    """What a training needs, in bytes.

    Attributes
    ----------
    tables : int
        Memory of the parameters, a lower bound.
    memory : int
        All memory except mapped files and the scratch space of threads.
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
    if memory is not None and estimate.tables > memory:
        raise ResourceError(
            f"the tables need {format_bytes(estimate.tables)} of memory, "
            f"{format_bytes(memory)} are "
            "free; choose a smaller vector_size or max_vocab, or a larger min_count",
            parameters=("vector_size", "max_vocab", "min_count"),
        )
    disk = shutil.disk_usage(output.parent).free
    if estimate.model > disk:
        raise ResourceError(
            f"{output}: the model needs {format_bytes(estimate.model)} of disk, "
            f"{format_bytes(disk)} "
            "are free"
        )


def available_memory() -> int | None:
    """Return the bytes of memory available to this process, or None if they are unknown.

    The minimum of the free memory, the remainder of its control group's limit, and that of its
    address-space limit.
    """
    known = [_free_memory(), _left_by_cgroup(), _left_by_limit()]
    return min((each for each in known if each is not None), default=None)


def _free_memory() -> int | None:
    return _entry(MEMINFO, "MemAvailable:", 1024)


def _left_by_cgroup() -> int | None:
    try:
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return None
    return limit - used + (_entry(CGROUP / "memory.stat", "inactive_file", 1) or 0)


def _left_by_limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _entry(STATUS, "VmSize:", 1024)
    return None if limit == resource.RLIM_INFINITY or used is None else max(0, limit - used)


def _entry(path: Path, name: str, unit: int) -> int | None:
    """Return a number from a file of the system, each line of which is a name and a number."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    fields = (line.split() for line in lines)
    return next((int(each[1]) * unit for each in fields if each and each[0] == name), None)


def format_bytes(n_bytes: int) -> str:
    """Return bytes as a person reads them."""
    return f"{n_bytes / MiB:,.0f} MiB"
