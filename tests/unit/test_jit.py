"""Where compiled kernels are cached, and what is said where they cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
logging.getLogger("numba").setLevel(logging.WARNING)
import numpy as np
from embedtool.kernels.jit import cache_folder, load
from embedtool.kernels.sgd.merging import to_bfloat16
table, bf16 = np.ones((2, 3), np.float32), np.empty((2, 3), np.uint16)
load(to_bfloat16, table, bf16)
load(to_bfloat16, table, bf16)
to_bfloat16(table, bf16)
assert (bf16 == 0x3F80).all()
print(cache_folder())
"""


def lines(**variables: str) -> list[str]:
    """What a process prints that loads a kernel and calls it."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **variables},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.splitlines()


def n_cached(folder: Path) -> int:
    return len(list(folder.rglob("merging.to_bfloat16-*.nbi")))


def test_kernels_are_cached_where_numba_cache_dir_says(tmp_path: Path) -> None:
    for said in (["compiling for this processor, once: up to a minute"], []):
        *messages, folder = lines(NUMBA_CACHE_DIR=str(tmp_path))
        assert messages == said
        assert Path(folder).parent == tmp_path
        assert n_cached(tmp_path) == 1


def test_where_no_folder_can_be_written_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    said = (
        "compiling for this processor, up to a minute in each run: "
        f"{folder} cannot be written to; name another folder in NUMBA_CACHE_DIR"
    )
    for _ in range(2):
        assert lines(NUMBA_CACHE_DIR=str(folder)) == [said, "None"]


def test_kernels_are_cached_in_the_users_cache_where_theirs_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtool.kernels import jit

    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "file").touch()
    places = jit.cache_dirs()
    assert places == [
        Path(jit.__file__).parent / "__pycache__", tmp_path / "cache" / "embedtool" / "kernels"
    ]  # fmt: skip
    monkeypatch.setattr(jit, "cache_dirs", lambda: [tmp_path / "file" / "kernels", places[1]])
    folder = jit.cache_folder.__wrapped__()
    assert folder is not None and folder.parent == places[1] and folder.is_dir()


@pytest.mark.parametrize(("limit", "enough"), [(2**29, False), (2**30, True)])
def test_importing_kernels_checks_nothing_declaring_one_checks_the_address_space(
    limit: int, enough: bool
) -> None:
    code = (
        "import resource\n"
        "import embedtool.kernels\n"
        "from embedtool.errors import ResourceError\n"
        "import numba, numpy\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
        "try:\n"
        "    import embedtool.kernels.random\n"
        "except ResourceError:\n"
        "    print('too little')\n"
        "else:\n"
        "    print('enough')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ("enough" if enough else "too little")
