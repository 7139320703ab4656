"""How kernels are compiled: without the interpreter's lock, and kept on disk for the next run.

In: a Python function over arrays. Out: the same function, compiled at its first call.
"""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

REORDER = {"reassoc", "contract", "nsz", "arcp"}
"""Floating-point liberties that let sums and products run in vectors. Infinities and NaN keep
their meaning, for a loss that is not finite must be seen."""


OPTIONS = {"nogil": True, "fastmath": REORDER, "error_model": "numpy"}
"""A division by zero gives an infinity: looking for it would keep loops out of vector registers."""


def _cache_folder() -> str:
    """Where compiled kernels are kept: beside them, a folder for each state of their sources.

    numba looks only at the file of a kernel, not at those of the kernels that it calls.
    """
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for source in sorted(folder.glob("*.py")):
        digest.update(source.read_bytes())
    return str(folder / "__pycache__" / f"compiled-{digest.hexdigest()[:16]}")


CACHE_FOLDER = _cache_folder()


def announce(kernel: Callable[..., Any]) -> None:
    """Log that a kernel is about to be compiled, unless an earlier run has left it compiled.

    numba names what it keeps by module and function.
    """
    name = f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}-*.nbi"
    if not any(Path(CACHE_FOLDER).rglob(name)):
        log.info("compiling for this processor, once: up to half a minute")


def jit(function: F) -> F:
    """Compile a kernel. Where its folder cannot be written, it is compiled anew in each run."""
    return _compiled(function, OPTIONS)


def finite(function: F) -> F:
    """Compile a kernel that is never given NaN: the largest of many is then found in vectors."""
    return _compiled(function, {**OPTIONS, "fastmath": REORDER | {"nnan"}})


def exact(function: F) -> F:
    """Compile a kernel whose numbers must be rounded as they are written, without REORDER."""
    return _compiled(function, {**OPTIONS, "fastmath": False})


def inlined(function: F) -> F:
    """Compile a function that stands in its callers as if it were written there.

    A call hands over each part of each array by itself, which costs more than a small function.
    """
    return _compiled(function, {**OPTIONS, "forceinline": True, "_nrt": False})


def _compiled(function: F, options: dict[str, Any]) -> F:
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = CACHE_FOLDER
    try:
        return cast(F, numba.njit(**options, cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(**options)(function))
    finally:
        numba.config.CACHE_DIR = before
