"""Time of a query, from starting a process to its answer: embedtool and gensim, alternating.

    python -m benchmarks.queries [--words 400000] [--size 300] [--repeat 5] [--index]

Vectors are random, of length 1, with counts by Zipf's law. gensim reads its own fastest format, a
`.kv` whose tables are memory-mapped, and word2vec text. All files are in the system's cache: each
command runs once before it is timed. A batch is 10,000 words on standard input, and for gensim as
many calls of `most_similar`, of which a tenth is run.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.measure import Cost, machine, run
from benchmarks.tasks import EMBEDTOOL
from embedtool import formats
from embedtool.config.choices import N_ANSWERS
from embedtool.model import store
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.ann import build

ZIPF_LAW = 10**9
"""The count of the first word; the n-th has an n-th of it."""
BATCH = 10_000
RECALL = 0.95
GENSIM_SHARE = 10
GENSIM = f"""
import sys
from gensim.models import KeyedVectors
path, n = sys.argv[1], int(sys.argv[2])
if path.endswith(".kv"):
    vectors = KeyedVectors.load(path, mmap="r")
else:
    vectors = KeyedVectors.load_word2vec_format(path)
for i in range(n):
    vectors.most_similar(vectors.index_to_key[i], topn={N_ANSWERS})
"""
TO_KV = """
import sys
from gensim.models import KeyedVectors
KeyedVectors.load_word2vec_format(sys.argv[1]).save(sys.argv[2])
"""


def random_vectors(n_words: int, size: int) -> VectorTable:
    """Random vectors of length 1 with made-up words, `king` among them."""
    rng = np.random.default_rng(1)
    rows = unit_rows(rng.standard_normal((n_words, size), dtype=np.float32))
    words = ["king", *(f"word{i}" for i in range(1, n_words))]
    return VectorTable(words, rows, ZIPF_LAW // np.arange(1, n_words + 1))


def main() -> None:
    """Read the command line, make the files, ask in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.queries", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="leave gensim out")
    parser.add_argument("--index", action="store_true", help="ask an index of neighbours too")
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary one")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        vectors = random_vectors(options.words, options.size)
        store.save(ModelRecord(vectors, {"algorithm": "random"}), folder / "model")
        queries = folder / "queries"
        queries.write_text("".join(f"{word}\n" for word in vectors.words[:BATCH]))
        commands = {
            "embedtool": [str(EMBEDTOOL), "similar", "model", "king"],
            "embedtool, batch": ["sh", "-c", f"{EMBEDTOOL} similar model --tsv < queries"],
        }
        if options.index:
            print(build(vectors, folder / "model", RECALL))
            commands["embedtool, approximate"] = [*commands["embedtool"], "--approximate"]
        if not options.alone:
            formats.write(vectors, folder / "text.txt", "word2vec")
            kv = [sys.executable, "-c", TO_KV, "text.txt", "vectors.kv"]
            subprocess.run(kv, cwd=folder, check=True)
            python = [sys.executable, "-c", GENSIM]
            commands |= {
                "gensim, .kv": [*python, "vectors.kv", "1"],
                "gensim, text": [*python, "text.txt", "1"],
                f"gensim, batch / {GENSIM_SHARE}": [
                    *python, "vectors.kv", str(BATCH // GENSIM_SHARE),
                ],
            }  # fmt: skip
        costs = ask(commands, folder, options.repeat)
    print(f"{machine()}; {options.words:,} words x {options.size}, medians of {options.repeat}")
    print(f"{'':24}{'seconds':>9}{'ratio':>8}{'peak MiB':>10}")
    first = statistics.median(cost.seconds for cost in costs["embedtool"])
    for name, found in costs.items():
        seconds = statistics.median(cost.seconds for cost in found)
        peak = statistics.median(cost.peak_bytes for cost in found) / 2**20
        print(f"{name:24}{seconds:9.3f}{seconds / first:8.1f}{peak:10,.0f}")


def ask(commands: dict[str, list[str]], folder: Path, repeat: int) -> dict[str, list[Cost]]:
    """Run the commands in turn, once for the cache and then `repeat` times."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, command in commands.items():
            costs[name].append(run(command, folder))
    return {name: found[1:] for name, found in costs.items()}


if __name__ == "__main__":
    main()
