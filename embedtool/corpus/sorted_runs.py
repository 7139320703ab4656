"""Sums by key, more than fit in memory: sorted runs on disk, merged range by range.

A run has distinct keys and their sums. Any number of runs are in two files.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from embedtool.io.deletion import delete
from embedtool.kernels.text.cooccurrence import merge_sums

SAMPLE_STEP = 64
"""One key in this many is sampled to find the ranges that are merged at a time; a range can exceed
the requested size by this many entries of each run."""
CHUNK_BYTES = 2**20
MAP_MODE: Final = "c"
"""Files are mapped copy-on-write, although nothing writes to the arrays: read-only arrays would
need another compilation of each kernel."""

ENTRY = np.dtype(np.uint64)
"""Keys and sums have the same size."""

Run = tuple[NDArray[np.uint64], NDArray[np.int64]]
"""Keys, ascending and distinct, and their sums."""


class SortedRuns:
    """Runs of keys and sums, in memory or stored consecutively on disk.

    Parameters
    ----------
    folder : Path
        Where the files are.
    ends : sequence of int
        Ends of the existing runs, after a 0; the files are truncated after the last.
    memory : int
        Bytes of runs that are kept in memory. When there are more, all are written.

    Attributes
    ----------
    ends : list of int
        End of each run, after a 0.
    kept : list of Run
        The last runs, which have not been written.
    n_taken : int
        Entries that the last `merge` has processed so far.
    """

    def __init__(self, folder: Path, ends: Sequence[int] = (0,), memory: int = 0) -> None:
        self.keys_path = folder / "run-keys"
        self.sums_path = folder / "run-sums"
        self.ends = list(ends)
        self.memory = memory
        self.kept: list[Run] = []
        self.samples: list[NDArray[np.uint64]] = []
        self.n_taken = 0

    def __enter__(self) -> Self:
        self.keys_file = self.keys_path.open("ab")
        self.sums_file = self.sums_path.open("ab")
        for file in (self.keys_file, self.sums_file):
            file.truncate(self.ends[-1] * ENTRY.itemsize)
        if self.ends[-1]:
            keys = np.memmap(self.keys_path, dtype=np.uint64, mode=MAP_MODE)
            self.samples = [
                keys[first:end:SAMPLE_STEP].copy()
                for first, end in zip(self.ends, self.ends[1:], strict=False)
            ]
        return self

    def __exit__(self, *exception: object) -> None:
        self.keys_file.close()
        self.sums_file.close()

    @property
    def n_written(self) -> int:
        """The number of entries on disk."""
        return self.ends[-1] - sum(len(keys) for keys, _ in self.kept)

    @property
    def checksums(self) -> list[str]:
        """SHA-256 of the keys and of the sums, in hexadecimal digits."""
        return [digest.hexdigest() for digest in self.digests]

    @property
    def is_complete(self) -> bool:
        """Whether the files reach the last end."""
        return all(
            path.exists() and path.stat().st_size >= self.ends[-1] * ENTRY.itemsize
            for path in (self.keys_path, self.sums_path)
        )

    def is_intact(self, checksums: list[str]) -> bool:
        """Return whether the files, up to the last end, have these checksums."""
        return self.is_complete and checksums == self.checksums

    @cached_property
    def digests(self) -> tuple["hashlib._Hash", "hashlib._Hash"]:
        """SHA-256 of the keys and of the sums on disk, which `write` continues."""
        n_bytes = self.n_written * ENTRY.itemsize
        return _digest_of(self.keys_path, n_bytes), _digest_of(self.sums_path, n_bytes)

    def sync(self) -> None:
        """Write all runs, and flush them to the disk."""
        self.write()
        for file in (self.keys_file, self.sums_file):
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Close and delete the files."""
        self.__exit__()
        delete(self.keys_path)
        delete(self.sums_path)

    def append(self, keys: NDArray[np.uint64], sums: NDArray[np.int64]) -> None:
        """Add a run: keys uint64 (n,), ascending and distinct, and sums int64 (n,).

        The arrays must not change afterwards.
        """
        self.samples.append(keys[::SAMPLE_STEP].copy())
        self.ends.append(self.ends[-1] + len(keys))
        self.kept.append((keys, sums))
        if sum(keys.nbytes + sums.nbytes for keys, sums in self.kept) > self.memory:
            self.write()

    def write(self) -> None:
        """Move the runs that are in memory to the disk."""
        for i, file in enumerate((self.keys_file, self.sums_file)):
            digest = self.digests[i]
            for run in self.kept:
                data = np.ascontiguousarray(run[i]).data
                file.write(data)
                digest.update(data)
        self.kept.clear()

    def merge(self, n_entries: int) -> Iterator[Run]:
        """Yield all keys, ascending and distinct, and their sums, about `n_entries` at a time."""
        self.n_taken = 0
        if self.ends[-1] == 0:
            return
        runs = self._written() + self.kept
        starts = [0] * len(runs)
        for upper in self._bounds(n_entries):
            pieces = []
            for i, (keys, sums) in enumerate(runs):
                rest = keys[starts[i] :]
                n = len(rest) if upper is None else int(np.searchsorted(rest, upper))
                piece = slice(starts[i], starts[i] + n)
                pieces.append((keys[piece], sums[piece]))
                starts[i] += n
                self.n_taken += n
            yield merge_runs(pieces)

    def _written(self) -> list[Run]:
        """Map the runs on disk."""
        if not self.n_written:
            return []
        self.keys_file.flush()
        self.sums_file.flush()
        keys = np.asarray(np.memmap(self.keys_path, dtype=np.uint64, mode=MAP_MODE))
        sums = np.asarray(np.memmap(self.sums_path, dtype=np.int64, mode=MAP_MODE))
        ends = [end for end in self.ends if end <= self.n_written]
        return [(keys[i:j], sums[i:j]) for i, j in pairwise(ends)]

    def _bounds(self, n_entries: int) -> list[np.uint64 | None]:
        """Return the upper bound, excluded, of each range; None for the last."""
        step = max(1, n_entries // SAMPLE_STEP)
        samples = np.sort(np.concatenate(self.samples))[step::step]
        return [*np.unique(samples), None]


def _digest_of(path: Path, n_bytes: int) -> "hashlib._Hash":
    """Return the SHA-256 of the first `n_bytes` of a file, or of all if there are fewer."""
    digest = hashlib.sha256()
    if n_bytes and path.exists():
        with path.open("rb") as file:
            while n_bytes and (chunk := file.read(min(n_bytes, CHUNK_BYTES))):
                digest.update(chunk)
                n_bytes -= len(chunk)
    return digest


def merge_runs(runs: list[Run]) -> Run:
    """Merge runs pairwise, so that each entry is moved log2(len(runs)) times."""
    while len(runs) > 1:
        pairs = zip(runs[::2], runs[1::2], strict=False)
        runs = [_merge_two(*pair) for pair in pairs] + runs[len(runs) // 2 * 2 :]
    return runs[0]


def _merge_two(first: Run, second: Run) -> Run:
    n = len(first[0]) + len(second[0])
    keys, sums = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.int64)
    n = merge_sums(*first, *second, keys, sums)
    return keys[:n], sums[:n]
