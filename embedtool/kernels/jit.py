"""How kernels are compiled: without the interpreter's lock, and kept on disk for the next run.

In: a Python function over arrays. Out: the same function, compiled at its first call.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar, cast

import numba

from embedtool.io.cache import user_cache

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

FASTMATH_FLAGS = {"reassoc", "contract", "nsz", "arcp"}
"""Floating-point liberties that let sums and products run in vectors. Infinities and NaN keep
their meaning, for a loss that is not finite must be seen."""


OPTIONS = {"nogil": True, "fastmath": FASTMATH_FLAGS, "error_model": "numpy"}
"""A division by zero gives an infinity: looking for it would keep loops out of vector registers."""


def cache_dirs() -> list[Path]:
    """Where compiled kernels may be kept, best first.

    Only where NUMBA_CACHE_DIR says, if it is set; else beside the kernels or in the user's cache.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(chosen)]
    places = [Path(__file__).parent / "__pycache__"]
    with suppress(RuntimeError):
        places.append(user_cache("kernels"))
    return places


def _cache_folder() -> Path | None:
    """The folder in which compiled kernels are kept, one for each state of their sources.

    numba looks only at the file of a kernel, not at those of the kernels that it calls. None where
    no folder can be written to.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    for place in cache_dirs():
        folder = place / f"compiled-{digest.hexdigest()[:16]}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                return folder
    return None


CACHE_FOLDER = _cache_folder()


def load(kernel: Callable[..., Any], *arguments: Any) -> None:
    """Load a kernel for arguments of these types, or compile it and say so, without calling it."""
    types = tuple(map(numba.typeof, arguments))
    if types in kernel.overloads:  # type: ignore[attr-defined]
        return
    # numba names what it keeps by module and function
    name = f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}-*.nbi"
    if CACHE_FOLDER is None:
        log.info(
            "compiling for this processor, up to a minute in each run: %s cannot be written to; "
            "name another folder in NUMBA_CACHE_DIR", " and ".join(map(str, cache_dirs()))
        )  # fmt: skip
    elif not any(CACHE_FOLDER.rglob(name)):
        log.info("compiling for this processor, once: up to a minute")
    kernel.compile(types)  # type: ignore[attr-defined]


def jit(function: F) -> F:
    """Compile a kernel."""
    return _compiled(function, OPTIONS)


def jit_no_nan(function: F) -> F:
    """Compile a kernel that is never given NaN: the largest of many is then found in vectors."""
    return _compiled(function, {**OPTIONS, "fastmath": FASTMATH_FLAGS | {"nnan"}})


def jit_strict(function: F) -> F:
    """Compile a kernel whose numbers are rounded as they are written, without FASTMATH_FLAGS."""
    return _compiled(function, {**OPTIONS, "fastmath": False})


def jit_inline(function: F) -> F:
    """Compile a function that stands in its callers as if it were written there.

    A call hands over each part of each array by itself, which costs more than a small function.
    """
    return _compiled(function, {**OPTIONS, "forceinline": True, "_nrt": False})


def _compiled(function: F, options: dict[str, Any]) -> F:
    if CACHE_FOLDER is None:
        return cast(F, numba.njit(**options)(function))
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        return cast(F, numba.njit(**options, cache=True)(function))
    finally:
        numba.config.CACHE_DIR = before
