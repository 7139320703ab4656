"""Training on a generator of token lists and on the file of the same sentences, alternating.

    python -m benchmarks.token_lists TEXT [--workers 2] [--repeat 5] [--times 4]

Each run is a process of its own, from its start to the saved model. The text is trained on once,
and `--times` times over, which shows whether memory grows with it. TEXT has tokens separated by
spaces, and may be compressed.
"""

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import MODEL, TEXT, Cost, machine, plain_text, run
from embedtool.io.checksums import sha256_of
from embedtool.model.store import VECTORS

KINDS = {
    "file": "[text] * times",
    "generator": "(line.rstrip().split(' ') for _ in range(times) for line in open(text))",
}
"""The sentences, as a program gives them."""
PROGRAM = """
import sys
from embedtool import Word2Vec
text, times = sys.argv[1], int(sys.argv[2])
Word2Vec(workers=int(sys.argv[3])).fit({sentences}).save("{model}")
"""


def train(kind: str, times: int, workers: int, folder: Path) -> tuple[Cost, str]:
    """Train in a process; return what it took and the checksum of the vectors."""
    program = PROGRAM.format(sentences=KINDS[kind], model=MODEL)
    with TemporaryDirectory(dir=folder) as name:
        cost = run([sys.executable, "-c", program, TEXT, str(times), str(workers)], Path(name))
        return cost, sha256_of(Path(name) / MODEL / VECTORS)


def main() -> None:
    """Read the command line, train in turn, print medians and their ratios."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.token_lists", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--times", type=int, default=4)
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name) / "text"
        _, n_tokens = plain_text(options.text, folder)
        print(f"{machine()}; {options.text.name}, {n_tokens:,} tokens, medians of "
              f"{options.repeat}, in turn, {options.workers} workers")  # fmt: skip
        print(f"{'':10}{'times':>6}{'seconds':>9}{'CPU s':>8}{'speed':>7}{'peak MB':>9}  vectors")
        for times in (1, options.times):
            costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
            checksums: dict[str, str] = {}
            for _ in range(options.repeat):
                for kind in KINDS:
                    cost, checksums[kind] = train(kind, times, options.workers, folder)
                    costs[kind].append(cost)
            pairs = zip(costs["file"], costs["generator"], strict=True)
            speed = statistics.median(a.seconds / b.seconds for a, b in pairs)
            for kind, each in costs.items():
                seconds = statistics.median(cost.seconds for cost in each)
                cpu = statistics.median(cost.cpu_seconds for cost in each)
                peak = max(cost.peak_bytes for cost in each) / 1e6
                print(f"{kind:10}{times:6}{seconds:9.2f}{cpu:8.2f}"
                      f"{speed if kind == 'generator' else 1:7.2f}{peak:9.0f}  "
                      f"{checksums[kind][:12]}")  # fmt: skip


if __name__ == "__main__":
    main()
