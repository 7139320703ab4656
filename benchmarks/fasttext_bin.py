"""Cost of importing fastText's binary model of the size of cc.en.300.bin.

    python -m benchmarks.fasttext_bin [--words N] [--bucket N] [--size 300] [--folder DIR]

The file is generated: random rows, words of random letters with n-grams of five characters, as the
crawl vectors have. It takes 7.2 GB with the defaults, and the import up to 20 GB beside it, all of
which is deleted. Memory is sampled ten times a second: private memory (RssAnon), and all that is
resident, with pages of files.
"""

import argparse
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import machine
from benchmarks.tasks import EMBEDTOOL
from embedtool.formats.fasttext_header import ARGUMENTS, MAGIC, SIZES, START, VERSION
from embedtool.formats.fasttext_parts import QUANTIZED, SHAPE, WORD
from embedtool.formats.fasttext_words import ENTRY
from embedtool.io.blocks import row_slices

NGRAM_CHARACTERS = 5
LETTERS = np.frombuffer(b"eeeeeettttaaaaooooiiinnnsshhrrdlcumwfgypbvk", np.uint8)
"""Letters about as often as in English."""
WORD_LENGTHS = (3, 14)
SAMPLING_SECONDS = 0.1


@dataclass
class Cost:
    """What a command took."""

    seconds: float = 0.0
    anonymous: int = 0
    resident: int = 0
    disk: int = 0


def generate(path: Path, n_words: int, bucket: int, dim: int) -> None:
    """Write a model of random rows."""
    rng = np.random.default_rng(1)
    arguments = (dim, 5, 5, 5, 10, 1, 2, 1, bucket, NGRAM_CHARACTERS, NGRAM_CHARACTERS, 100, 1e-4)
    rows = rng.standard_normal((2**14, dim), np.float32)
    lengths = rng.integers(*WORD_LENGTHS, n_words)
    letters = rng.choice(LETTERS, int(lengths.sum())).tobytes()
    ends = np.cumsum(lengths).tolist()
    with path.open("wb") as file:
        file.write(START.pack(MAGIC, VERSION) + ARGUMENTS.pack(*arguments))
        file.write(SIZES.pack(n_words, n_words, 0, 10**9, -1))
        begin = 0
        for rank, end in enumerate(ends):
            word = letters[begin:end] + b"%d" % rank
            file.write(word + b"\0" + ENTRY.pack(10**9 // (rank + 1), WORD))
            begin = end
        for n_rows in (n_words + bucket, n_words):
            file.write(QUANTIZED.pack(False) + SHAPE.pack(n_rows, dim))
            for block in row_slices(n_rows, 4 * dim, rows.nbytes):
                file.write(rows[: block.stop - block.start].data)


def measured(command: list[str], folder: Path) -> Cost:
    """Run a command and sample what it takes; raise CalledProcessError if it fails."""
    cost = Cost()
    before = used(folder)
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=folder) as process:
        while process.poll() is None:
            fields = memory(process.pid)
            cost.anonymous = max(cost.anonymous, fields.get("RssAnon", 0))
            cost.resident = max(cost.resident, fields.get("VmRSS", 0))
            cost.disk = max(cost.disk, used(folder) - before)
            time.sleep(SAMPLING_SECONDS)
    cost.seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return cost


def used(folder: Path) -> int:
    """Return the bytes in use on the file system, which temporary files without a name count in."""
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def memory(pid: int) -> dict[str, int]:
    """Return the sizes in bytes that the kernel states for a process; none if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(size) * 1024 for name, size, _ in fields}


def main() -> None:
    """Read the command line, generate the file, import it, print the cost."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.fasttext_bin", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--words", type=int, default=2_000_000)
    parser.add_argument("--bucket", type=int, default=2_000_000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary one")
    options = parser.parse_args()
    command = [str(EMBEDTOOL), "import", "big.bin", "model"]
    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        generate(folder / "big.bin", options.words, options.bucket, options.size)
        n_bytes = (folder / "big.bin").stat().st_size
        cost = measured(command, folder)
        model = sum(each.stat().st_size for each in (folder / "model").iterdir())
    print(f"{machine()}; {options.words:,} words, {options.bucket:,} buckets x {options.size}")
    for name, size in (
        ("file", n_bytes), ("model", model), ("peak on disk, beside the file", cost.disk),
        ("peak private memory", cost.anonymous), ("peak resident memory", cost.resident),
    ):  # fmt: skip
        print(f"{name:32}{size / 1e6:12,.0f} MB")
    print(f"{'seconds':32}{cost.seconds:12.0f}")


if __name__ == "__main__":
    main()
