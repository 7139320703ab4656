"""Time to read a text: embedtool's scan and gensim's, alternating, each in one process.

    python -m benchmarks.reading TEXT [--repeat 3]

gensim counts the words. embedtool counts them and leaves every token as a number on disk, so that
no later pass reads the text again. TEXT may be compressed.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import machine
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import scan

Sizes = tuple[int, int]
"""Tokens and distinct tokens."""


def embedtool_scan(text: Path) -> Sizes:
    """Read with embedtool."""
    with TemporaryDirectory() as folder:
        scanned = scan(Corpus([str(text)]), Path(folder))
        return len(scanned.ids), len(scanned.words)


def gensim_scan(text: Path) -> Sizes:
    """Read with gensim."""
    from gensim.models import Word2Vec

    model = Word2Vec()
    n_tokens, _ = model.scan_vocab(corpus_file=str(text))
    return n_tokens, len(model.raw_vocab)


def main() -> None:
    """Read the command line, read the text in turn, print medians and their ratio."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.reading", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    import gensim.models  # noqa: F401 - takes seconds, which are not reading

    scans: dict[str, Callable[[Path], Sizes]] = {"embedtool": embedtool_scan, "gensim": gensim_scan}
    seconds: dict[str, list[float]] = {name: [] for name in scans}
    sizes: dict[str, Sizes] = {}
    for _ in range(options.repeat):
        for name, read in scans.items():
            began = time.perf_counter()
            sizes[name] = read(options.text)
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{machine()}; {options.text.name}, medians of {options.repeat}, in turn")
    print(f"{'':12}{'seconds':>9}{'ratio':>7}{'tokens/s':>13}{'tokens':>13}{'distinct':>11}")
    for name, median in medians.items():
        n_tokens, n_types = sizes[name]
        print(f"{name:12}{median:9.2f}{median / medians['embedtool']:7.2f}"
              f"{n_tokens / median:13,.0f}{n_tokens:13,}{n_types:11,}")  # fmt: skip


if __name__ == "__main__":
    main()
