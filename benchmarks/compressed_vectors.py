"""Time and memory to import vectors as they are published: a zip archive of GloVe's text.

    python -m benchmarks.compressed_vectors [--words N] [--size 300] [--repeat 3] [--folder DIR]

The file has the shape of glove.840B.300d.zip: words that may hold spaces, numbers of five decimals,
one deflated member. In turn its member is decompressed by `unzip -p` to nowhere, and it is imported
as a model, completely and the first 200,000 words of it. Memory is the peak of the process: all,
and what is its own (RssAnon), without pages of mapped files, which the system takes back when
it needs them.
"""

import argparse
import shutil
import statistics
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.fasttext_bin import Cost, measured
from benchmarks.measure import machine
from benchmarks.tasks import EMBEDTOOL

N_TEXTS = 4096
"""Different rows of numbers: they repeat far beyond deflate's window of 32 KiB."""
BLOCK = 1000
MIB = 2**20


def write_zip(path: Path, n_words: int, size: int) -> None:
    """Write a zip archive of random vectors as GloVe's text."""
    generator = np.random.default_rng(1)
    rows = generator.normal(0, 0.4, (N_TEXTS, size))
    texts = [" ".join(f"{value:.5g}" for value in row).encode() for row in rows]
    chosen = generator.integers(N_TEXTS, size=n_words)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("glove.840B.300d.txt", "w", force_zip64=True) as member,
    ):
        for first in range(0, n_words, BLOCK):
            numbers = range(first, min(first + BLOCK, n_words))
            member.write(b"".join(_word(i) + b" " + texts[chosen[i]] + b"\n" for i in numbers))


def _word(number: int) -> bytes:
    return b"at name%d@domain.com" % number if number % 50_000 == 7 else b"word%d" % number


def main() -> None:
    """Read the command line, make the file, run the commands in turn, print medians."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.compressed_vectors", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--words", type=int, default=2_196_017)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files are made; a temporary one")
    options = parser.parse_args()
    imported = [str(EMBEDTOOL), "import", "glove.zip", "model", "--overwrite"]
    commands = {
        "unzip -p": ["sh", "-c", "exec unzip -p glove.zip > /dev/null"],
        "import": imported,
        "import --max-words 200000": [*imported, "--max-words", "200000"],
    }
    if shutil.which("unzip") is None:
        del commands["unzip -p"]
    with TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        write_zip(folder / "glove.zip", options.words, options.size)
        with zipfile.ZipFile(folder / "glove.zip") as archive:
            info = archive.infolist()[0]
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(options.repeat):
            for name, command in commands.items():
                costs[name].append(measured(command, folder))
    print(
        f"{machine()}; {options.words:,} words x {options.size}, {info.file_size / 1e9:.2f} GB of "
        f"text in {info.compress_size / 1e9:.2f} GB, medians of {options.repeat}"
    )
    print(f"{'':28}{'seconds':>9}{'peak MiB':>10}{'own MiB':>9}")
    for name, runs in costs.items():
        seconds = statistics.median(run.seconds for run in runs)
        peak, own = (
            statistics.median(sizes) / MIB
            for sizes in ([run.resident for run in runs], [run.anonymous for run in runs])
        )
        print(f"{name:28}{seconds:9.1f}{peak:10,.0f}{own:9,.0f}")


if __name__ == "__main__":
    main()
