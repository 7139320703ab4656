"""Sums by key, more than fit in memory: sorted runs on disk, merged range by range.

In: batches of (key, sum), each key once a batch. Out: all keys in rising order, each with the sum
of its sums. However many runs there are, two files are open.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

SAMPLE_STEP = 64
"""One key in this many is looked at to find where the runs are to be cut for merging; a piece can
have so many entries of each run more than asked for."""


class SortedRuns:
    """Batches of keys and sums, each sorted by key, one after the other on disk.

    ends    : where each batch ends, 0 before the first
    n_taken : entries that `merged` has taken so far
    """

    def __init__(self, folder: Path) -> None:
        self.keys_path = folder / "run-keys"
        self.sums_path = folder / "run-sums"
        self.ends = [0]
        self.samples: list[NDArray[np.uint64]] = []
        self.n_taken = 0

    def __enter__(self) -> Self:
        self.keys_file = self.keys_path.open("wb")
        self.sums_file = self.sums_path.open("wb")
        return self

    def __exit__(self, *exception: object) -> None:
        self.keys_file.close()
        self.sums_file.close()
        self.keys_path.unlink()
        self.sums_path.unlink()

    def append(self, keys: NDArray[np.uint64], sums: NDArray[np.int64]) -> None:
        """Add a batch: uint64 and int64 (n,), in any order, no key twice."""
        order = np.argsort(keys)
        keys = keys[order]
        keys.tofile(self.keys_file)
        sums[order].tofile(self.sums_file)
        self.samples.append(keys[::SAMPLE_STEP].copy())
        self.ends.append(self.ends[-1] + len(keys))

    def merged(self, at_once: int) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """All keys, rising and distinct, and their sums, about `at_once` entries at a time."""
        if self.ends[-1] == 0:
            return
        self.keys_file.flush()
        self.sums_file.flush()
        all_keys = np.memmap(self.keys_path, dtype=np.uint64, mode="r")
        all_sums = np.memmap(self.sums_path, dtype=np.int64, mode="r")
        runs = [slice(*ends) for ends in zip(self.ends, self.ends[1:], strict=False)]
        places = [run.start for run in runs]
        for upper in self._cuts(at_once):
            keys, sums = [], []
            for i, run in enumerate(runs):
                rest = all_keys[places[i] : run.stop]
                n = len(rest) if upper is None else int(np.searchsorted(rest, upper))
                keys.append(rest[:n])
                sums.append(all_sums[places[i] : places[i] + n])
                places[i] += n
                self.n_taken += n
            yield _summed(np.concatenate(keys), np.concatenate(sums))

    def _cuts(self, at_once: int) -> list[np.uint64 | None]:
        """The upper bound, excluded, of each piece; None for the last."""
        step = max(1, at_once // SAMPLE_STEP)
        samples = np.sort(np.concatenate(self.samples))[step::step]
        return [*np.unique(samples), None]


def _summed(
    keys: NDArray[np.uint64], sums: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    if not len(keys):
        return keys, sums
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[first], np.add.reduceat(sums[order], first)
