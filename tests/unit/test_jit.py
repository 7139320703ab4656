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
    for said in (["compiling for this processor, once: about 10 seconds"], []):
        *messages, folder = lines(NUMBA_CACHE_DIR=str(tmp_path))
        assert messages == said
        assert Path(folder).parent == tmp_path
        assert n_cached(tmp_path) == 1


def test_where_no_folder_can_be_written_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    said = (
        "compiling for this processor, about 10 seconds in each run: "
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


VERSIONS = """
import sys
import numpy as np
from embedtool.kernels import jit
from embedtool.kernels.compiler import Kernel
def of_size(array):
    return array.itemsize
kernel = Kernel(of_size, {})
jit.numba.config.CACHE_DIR = sys.argv[1]
kernel.enable_caching()
size = int(sys.argv[2])
assert kernel(np.zeros(1, f"i{size}")) == size
print(sum(kernel.stats.cache_hits.values()))
"""


def test_versions_that_processes_compile_at_once_are_all_cached(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(VERSIONS)
    for hits in (0, 1):
        started = [
            subprocess.Popen(
                [sys.executable, program, tmp_path / "cache", str(size)], stdout=subprocess.PIPE
            )
            for size in (1, 2, 4, 8)
        ]
        assert [int(each.communicate()[0]) for each in started] == [hits] * 4


def test_a_version_whose_file_is_lost_is_compiled_again(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(VERSIONS)
    call = [sys.executable, program, tmp_path / "cache", "8"]
    subprocess.run(call, check=True, capture_output=True)
    (data,) = (tmp_path / "cache").rglob("*.nbc")
    data.unlink()
    for hits in (0, 1):
        assert int(subprocess.run(call, check=True, capture_output=True).stdout) == hits


def test_the_progress_of_a_compilation_is_reported(tmp_path: Path) -> None:
    program = (
        "import numpy as np\n"
        "from embedtool.kernels.jit import load\n"
        "from embedtool.kernels.sgd.merging import to_bfloat16\n"
        "table, bf16 = np.ones((2, 3), np.float32), np.empty((2, 3), np.uint16)\n"
        "for _ in range(2):\n"
        "    load(to_bfloat16, table, bf16, report=lambda p: print(p.stage, p.done, p.total))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, *_, last = ran.stdout.splitlines()
    n = last.split()[-1]
    assert (first, last) == (f"compiling 0 {n}", f"compiling {n} {n}")
    assert ran.stderr == "compiling for this processor, once: about 10 seconds\n"


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


FALLBACK = """
from typing import NamedTuple
import numba
from numba.core import codegen
{change}
import numpy as np
from embedtool.kernels import dispatchers, jit
from embedtool.kernels.sgd.merging import to_bfloat16
@dispatchers.constant_flags("doubled")
class Flags(NamedTuple):
    doubled: bool
@jit.jit_inline
def double(x):
    return 2 * x
@jit.jit
def times(flags, x):
    return double(x) if flags.doubled else x
assert [times(Flags(each), 3) for each in (True, False, True)] == [6, 3, 6]
table, bf16 = np.ones((2, 3), np.float32), np.empty((2, 3), np.uint16)
jit.load(to_bfloat16, table, bf16)
to_bfloat16(table, bf16)
assert (bf16 == 0x3F80).all()
print(dispatchers.Kernel.__name__)
"""


@pytest.mark.parametrize(
    ("change", "kernel"),
    [
        ("", "Kernel"),
        ("numba.version_info = numba.version_info._replace(short=(9, 0))", "Kernel"),
        ("del codegen.JITCodeLibrary", "_njit"),
        (
            "numba.version_info = numba.version_info._replace(short=(9, 0))\n"
            "from embedtool.kernels import compiler\n"
            "compiler._InlineLibrary.finalize = lambda self: self.renamed",
            "_njit",
        ),
    ],
)  # fmt: skip
def test_kernels_are_right_with_a_numba_that_lacks_or_changes_parts_that_are_not_public(
    change: str, kernel: str, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(FALLBACK.format(change=change))
    ran = subprocess.run(
        [sys.executable, program], env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == f"{kernel}\n"
    assert ran.stderr.count("differs from those that embedtool was tested with") == (
        kernel == "_njit"
    )
