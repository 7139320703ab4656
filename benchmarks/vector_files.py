"""Time to read and write files of vectors: embedtool and gensim, alternating.

    python -m benchmarks.vector_files [--words 400000] [--size 300] [--repeat 3] [--folder DIR]

Each command is a process of its own. embedtool exports a model to each file and imports it, which
leaves a model on disk that opens at once; gensim loads the file into memory and saves it again.
Vectors are random, of length 1. Files are in the system's cache.
"""

import argparse
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import machine
from benchmarks.queries import ask, random_vectors
from benchmarks.tasks import EMBEDTOOL
from embedtool.model import store
from embedtool.model.vectors import ModelRecord

GENSIM = """
import sys
from gensim.models import KeyedVectors
path, binary, header = sys.argv[1], sys.argv[2] == "True", sys.argv[3] == "True"
vectors = KeyedVectors.load_word2vec_format(path, binary=binary, no_header=not header)
if len(sys.argv) > 4:
    vectors.save_word2vec_format(sys.argv[4], binary=binary, write_header=header)
"""
FILES = {"glove": (False, False), "word2vec": (False, True), "word2vec-binary": (True, True)}
"""Each format, and whether gensim knows it as binary and with a header."""


def main() -> None:
    """Read the command line, make a model, run the commands in turn, print medians and ratios."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.vector_files", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary one")
    options = parser.parse_args()
    commands: dict[str, list[str]] = {}
    for name in options.only:
        python = [sys.executable, "-c", GENSIM, name, *map(str, FILES[name])]
        commands |= {
            f"{name}: export": [str(EMBEDTOOL), "export", "model", name, "--format", name],
            f"{name}: import": [str(EMBEDTOOL), "import", name, "imported", "--overwrite"],
            f"{name}: gensim loads": python,
            f"{name}: gensim loads, saves": [*python, "saved"],
        }
    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        vectors = random_vectors(options.words, options.size)
        store.save(ModelRecord(vectors, {"algorithm": "random"}), folder / "model")
        costs = ask(commands, folder, options.repeat)
    print(f"{machine()}; {options.words:,} words x {options.size}, medians of {options.repeat}")
    print(f"{'':38}{'seconds':>9}{'peak MiB':>10}")
    for name, found in costs.items():
        seconds = statistics.median(cost.seconds for cost in found)
        peak = statistics.median(cost.peak_bytes for cost in found) / 2**20
        print(f"{name:38}{seconds:9.2f}{peak:10,.0f}")


if __name__ == "__main__":
    main()
