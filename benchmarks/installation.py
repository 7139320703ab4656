"""Size of an installation, and the time of its imports.

    python -m benchmarks.installation [REQUIREMENT ...] [--rounds 9] [--no-imports]

REQUIREMENT is what pip is to install into a new environment: a wheel, `embedtool[index]`, or, by
default, this checkout. The environment is removed at the end. The bytes of a package are those of
the files that pip lists as its own; what a new environment has already is not counted. A time is
that of a whole process, the fastest of the rounds, after one that is not counted; the modules are
those that Python alone does not import.
"""

import argparse
import json
import os
import subprocess
import time
import venv
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Cost, machine, run

PROJECT = Path(__file__).parents[1]
KINGDOMS = PROJECT / "corpora" / "kingdoms.txt"
SIZES = """
import json
from importlib.metadata import distributions
sizes = {}
for package in distributions():
    paths = [file.locate() for file in package.files or ()]
    sizes[package.name] = sum(path.stat().st_size for path in paths if path.is_file())
print(json.dumps(sizes))
"""
HELP = "from embedtool.cli.main import main; sys.argv[1:] = ['--help']; main()"
STATEMENTS = {
    "Python alone": "pass",
    "import embedtool": "import embedtool",
    "embedtool --help": HELP,
    "embedtool.load": "import embedtool; embedtool.load('model')",
    "the same and a query": "import embedtool; embedtool.load('model').wv.most_similar('king')",
}
MODULES = """
import json, sys
before = set(sys.modules)
try:
    exec({statement!r})
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted(set(sys.modules) - before)))
"""
LARGE = ("numpy", "scipy", "sklearn", "numba", "gensim", "click", "rich", "safetensors")
"""Packages of the base installation that are named where they are imported."""
MB = 1e6


def sizes(python: Path) -> dict[str, int]:
    """Return the bytes of each package of an environment."""
    done = subprocess.run([python, "-I", "-c", SIZES], capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


def fastest(python: Path, statement: str, folder: Path, rounds: int) -> Cost:
    """Return what a process that runs a statement takes, the least of each in some rounds."""
    command = [str(python), "-I", "-c", f"import sys; {statement}"]
    costs = [run(command, folder) for _ in range(rounds + 1)][1:]
    return replace(
        costs[0],
        seconds=min(cost.seconds for cost in costs),
        cpu_seconds=min(cost.cpu_seconds for cost in costs),
    )


def modules(python: Path, statement: str, folder: Path) -> list[str]:
    """Return the modules that a statement imports."""
    code = MODULES.format(statement=statement)
    done = subprocess.run([python, "-I", "-c", code], cwd=folder, capture_output=True, check=True)
    names: list[str] = json.loads(done.stderr)
    return names


def print_imports(python: Path, folder: Path, rounds: int) -> None:
    """Train a model, and print what each statement takes and imports."""
    program = python.with_name("embedtool")
    began = time.perf_counter()
    for name in ("first", "model"):
        subprocess.run(
            [program, "train", "word2vec", KINGDOMS, "--output", name],
            cwd=folder, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        print(f"{name} training: {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
    print(f"\n{'':22}{'ms':>6}{'CPU ms':>8}{'modules':>9}  packages")
    for name, statement in STATEMENTS.items():
        cost = fastest(python, statement, folder, rounds)
        imported = modules(python, statement, folder)
        packages = [large for large in LARGE if large in imported]
        times = f"{1000 * cost.seconds:6.0f}{1000 * cost.cpu_seconds:8.0f}"
        print(f"{name:22}{times}{len(imported):9,}  {', '.join(packages)}")


def main() -> None:
    """Install, and print."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.installation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("requirements", nargs="*", default=[str(PROJECT)], metavar="REQUIREMENT")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--no-imports", action="store_true", help="print the sizes alone")
    options = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)
    os.environ.pop("NUMBA_CACHE_DIR", None)
    with TemporaryDirectory(prefix="embedtool-installation-") as name:
        folder = Path(name)
        venv.create(folder / "environment", with_pip=True)
        python = folder / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python"
        before = sizes(python)
        subprocess.run([python, "-m", "pip", "install", "-q", *options.requirements], check=True)
        found = {each: size for each, size in sizes(python).items() if each not in before}
        print(machine())
        print(f"{sum(found.values()) / MB:.1f} MB in {len(found)} packages:")
        for package, size in sorted(found.items(), key=lambda item: -item[1]):
            print(f"{size / MB:9.1f}  {package}")
        if not options.no_imports:
            print()
            print_imports(python, folder, options.rounds)


if __name__ == "__main__":
    main()
