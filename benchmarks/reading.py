"""Time to read a text: embedtool's scan, the limits of the machine, and gensim, in turn.

    python -m benchmarks.reading TEXT [--repeat 3]

embedtool counts the words and leaves every token as a number on disk, so that no later pass reads
the text again; gensim counts the words. The text is read plain, as one .gz and as a folder of
PARTS .gz, with one and two workers. Limits: a pass over the bytes of the plain text, already in
memory, that counts its spaces; and `zcat | wc -w`. TEXT may be compressed itself.
"""

import argparse
import gzip
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import machine
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import scan
from embedtool.corpus.sources import open_source

PARTS = 4
WORKERS = (1, 2)
PASS, WC = "count of spaces", "zcat | wc -w"
LEVEL = 6
"""The default of gzip, the program."""
Times = tuple[float, float]
"""Seconds, and seconds of CPU."""


def embedtool_scan(text: Path, workers: int) -> None:
    """Read with embedtool."""
    with TemporaryDirectory() as folder:
        scan(Corpus([str(text)]), Path(folder), workers=workers)


def gensim_scan(text: Path) -> None:
    """Read with gensim."""
    from gensim.models import Word2Vec

    Word2Vec().scan_vocab(corpus_file=str(text))


def memory_pass(text: Path) -> None:
    """Read the bytes of a file into one buffer, piece by piece, and count the spaces."""
    buffer = np.empty(2**18, np.uint8)
    with text.open("rb", buffering=0) as file:
        while n := file.readinto(buffer.data):
            np.count_nonzero(buffer[:n] == ord(" "))


def wc(packed: Path) -> None:
    """Count the words with the system's programs."""
    subprocess.run(["bash", "-c", 'zcat "$0" | wc -w', packed], check=True, capture_output=True)


def shapes_of(source: Path, folder: Path) -> dict[str, Path]:
    """Write the text of a file plain, packed, and packed in parts; return the path of each."""
    plain, packed, parts = folder / "text.txt", folder / "text.txt.gz", folder / "parts"
    with open_source(str(source)) as (stream, _):
        text = stream.read()
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text, LEVEL))
    parts.mkdir()
    cuts = [text.find(b"\n", len(text) * i // PARTS) + 1 for i in range(1, PARTS)]
    for i, (start, stop) in enumerate(pairwise([0, *cuts, len(text)])):
        (parts / f"{i}.gz").write_bytes(gzip.compress(text[start:stop], LEVEL))
    return {"plain": plain, ".gz": packed, f"{PARTS} .gz": parts}


def measure(run: Callable[[], None]) -> Times:
    """Return the seconds of a call, and those of CPU of this process and its children."""
    began, before = time.perf_counter(), os.times()
    run()
    seconds, after = time.perf_counter() - began, os.times()
    return seconds, sum(after[:4]) - sum(before[:4])


def main() -> None:
    """Read the command line, read the text in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.reading", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    import gensim.models  # noqa: F401 - takes seconds, which are not reading

    with TemporaryDirectory() as folder:
        shapes = shapes_of(options.text, Path(folder))
        plain = shapes["plain"]
        runs: dict[str, Callable[[], None]] = {
            PASS: partial(memory_pass, plain), WC: partial(wc, shapes[".gz"]),
        }  # fmt: skip
        for name, path in shapes.items():
            for workers in WORKERS:
                label = f"{name}, {workers} worker{'s'[: workers - 1]}"
                runs[label] = partial(embedtool_scan, path, workers)
        runs["plain, gensim"] = partial(gensim_scan, plain)
        embedtool_scan(plain, 1)  # loads the kernels
        times = [{name: measure(run) for name, run in runs.items()} for _ in range(options.repeat)]
        size = plain.stat().st_size / 1e6
    medians = {
        name: [statistics.median(turn[name][i] for turn in times) for i in range(2)]
        for name in runs
    }
    print(f"{machine()}; {options.text.name}, {size:,.0f} MB of text, medians of {options.repeat}")
    print(f"{'':20}{'seconds':>9}{'CPU s':>8}{'MB/s':>9}{'of a pass':>11}{f'/ {WC}':>16}")
    for name, (seconds, cpu) in medians.items():
        share, ratio = medians[PASS][0] / seconds, seconds / medians[WC][0]
        print(f"{name:20}{seconds:9.3f}{cpu:8.2f}{size / seconds:9,.0f}{share:11.3f}{ratio:16.2f}")


if __name__ == "__main__":
    main()
