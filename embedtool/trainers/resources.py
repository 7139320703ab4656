"""Memory and disk that a training needs, and what is free."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from embedtool.config.training import FastTextConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.pair_counting import counting_bytes
from embedtool.errors import ResourceError
from embedtool.io.machine import MiB
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.subwords import build_subword_index

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


def estimate_resources(config: TrainerConfig, corpus: EncodedCorpus) -> ResourceEstimate:
    """Estimate the resources of a training with these options on this text."""
    vocabulary = corpus.vocabulary
    n_words, size = vocabulary.n_words, config.vector_size
    program = BASE_BYTES + WORD_BYTES * (n_words + vocabulary.types_seen)
    text = 2 * (FLOAT_BYTES * corpus.n_tokens + 2 * FLOAT_BYTES * len(corpus.ends))
    matrix = n_words * size * FLOAT_BYTES
    if isinstance(config, GloveConfig):
        tables = 2 * n_words * (2 * pad_to_simd(size) + SIMD_WIDTH) * FLOAT_BYTES
        memory = max(counting_bytes(config, corpus.n_tokens), tables + matrix)
        n_pairs = corpus.n_tokens * config.window
        return ResourceEstimate(
            tables, program + memory, text + (RUN_ENTRY_BYTES + PAIR_BYTES) * n_pairs,
            matrix * (2 if config.output_vectors == "both" else 1),
        )  # fmt: skip
    if not isinstance(config, Word2VecConfig):
        raise TypeError(config)
    subwords = build_subword_index(vocabulary.words, config)
    tables = (subwords.n_rows + n_words) * pad_to_simd(size) * FLOAT_BYTES
    memory = tables + subwords.indices.nbytes + subwords.indptr.nbytes
    model = 2 * matrix
    if isinstance(config, FastTextConfig):
        memory += matrix
        model += subwords.n_rows * size * FLOAT_BYTES
    return ResourceEstimate(tables, program + memory, text, model)


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
