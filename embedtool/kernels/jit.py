"""How kernels are compiled: without the interpreter's lock, and cached on disk for the next run."""

import gc
import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher
from numba.core.event import Listener, install_listener

from embedtool.errors import ResourceError
from embedtool.io.cache import user_cache
from embedtool.io.machine import address_space_limit
from embedtool.io.progress import COMPILING, Progress, Report, silent
from embedtool.kernels.dispatchers import InlineDispatcher, Kernel

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

MIN_ADDRESS_SPACE = 640 * 2**20
"""Bytes of address space that the compiler and its libraries take, measured. With less one of them,
OpenBLAS, asks for memory again and again and never returns."""

FASTMATH_FLAGS = {"reassoc", "contract", "nsz", "arcp"}
"""Floating-point liberties that let sums and products be vectorized. Infinities and NaN keep their
meaning, for a loss that is not finite must be seen."""

OPTIONS = {"nogil": True, "fastmath": FASTMATH_FLAGS, "error_model": "numpy"}
"""A division by zero gives an infinity: a test for it would keep loops from being vectorized."""


def cache_dirs() -> list[Path]:
    """Return where compiled kernels may be cached, best first.

    Only what NUMBA_CACHE_DIR says, if it is set; else beside the kernels, or in the user's cache.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(chosen)]
    places = [Path(__file__).parent / "__pycache__"]
    with suppress(RuntimeError):
        places.append(user_cache("kernels"))
    return places


@cache
def cache_folder() -> Path | None:
    """Return the folder in which compiled kernels are cached, one for each state of their sources.

    numba looks only at the file of a kernel, not at those of the kernels that it calls. None where
    no folder can be written to.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    for parent in cache_dirs():
        folder = parent / f"compiled-{digest.hexdigest()[:16]}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                return folder
    return None


def check_address_space() -> None:
    """Raise ResourceError where the process may not have the addresses that the compiler takes."""
    limit = address_space_limit()
    if limit is not None and limit < MIN_ADDRESS_SPACE:
        raise ResourceError(
            f"the limit of {limit >> 20} MiB of address space (ulimit -v) is below the "
            f"{MIN_ADDRESS_SPACE >> 20} MiB that embedtool takes by itself; raise it"
        )


def load(kernel: Callable[..., Any], *arguments: Any, report: Report = silent) -> None:
    """Load a kernel for arguments of these types, or compile it, without calling it.

    Parameters
    ----------
    kernel
        The kernel.
    *arguments
        Its arguments.
    report
        Called with the progress of the compilation; what begins is logged as well.
    """
    types = tuple(map(numba.typeof, arguments))
    collecting = gc.isenabled()
    with install_listener("numba:compile", _CompilationListener(kernel, report)):
        try:
            gc.disable()  # collecting the compiler's garbage would take a seventh of the time
            kernel.compile(types)  # type: ignore[attr-defined]
        finally:
            if collecting:
                _leave_garbage()
                gc.enable()


def _leave_garbage() -> None:
    """Move all objects to the collector's oldest generation.

    Otherwise it would collect the compiler's garbage at once, which takes 0.4 s; so its next full
    collection does. Not where a program has frozen objects: they would be collected from then on.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()


class _CompilationListener(Listener):  # type: ignore[misc]
    """Logs that a kernel is compiled, and reports how many of its functions have been."""

    def __init__(self, kernel: Any, report: Report) -> None:
        self.report = report
        self.total = len(_reachable(kernel.py_func))
        self.depth = self.done = 0

    def on_start(self, event: Any) -> None:
        """Count a function that is going to be compiled."""
        if self.depth == 0:
            _announce()
            self.report(Progress(COMPILING, 0, self.total, "functions", begins=True))
        self.depth += 1

    def on_end(self, event: Any) -> None:
        """Count a function that has been compiled; the last one is the kernel."""
        self.depth -= 1
        self.done = min(self.done + 1, self.total - 1) if self.depth else self.total
        self.report(Progress(COMPILING, self.done, self.total, "functions"))


def _reachable(function: Any) -> set[Any]:
    """Return a function and the kernels that it may call, directly or not."""
    found, new = set(), [function]
    while new:
        each = new.pop()
        found.add(each)
        names = (each.__globals__.get(name) for name in each.__code__.co_names)
        kernels = {kernel.py_func for kernel in names if isinstance(kernel, Dispatcher)}
        new.extend(kernels - found)
    return found


@cache
def _announce() -> None:
    """Log, once, that kernels are compiled: as a warning, which Python shows by itself."""
    message = "compiling for this processor, once: about 10 seconds"
    if cache_folder() is None:
        folders = " and ".join(map(str, cache_dirs()))
        message = (
            f"compiling for this processor, about 10 seconds in each run: {folders} cannot be "
            "written to; name another folder in NUMBA_CACHE_DIR"
        )
    log.warning(message, extra={"level": "Info"})


def jit(function: F) -> F:
    """Compile a kernel."""
    return _compiled(function, OPTIONS)


def jit_no_nan(function: F) -> F:
    """Compile a kernel that is never given NaN: a search for the largest is then vectorized."""
    return _compiled(function, {**OPTIONS, "fastmath": FASTMATH_FLAGS | {"nnan"}})


def jit_strict(function: F) -> F:
    """Compile a kernel whose numbers are rounded as they are written, without FASTMATH_FLAGS."""
    return _compiled(function, {**OPTIONS, "fastmath": False})


def jit_inline(function: F) -> F:
    """Compile a function that is inlined in its callers.

    A call passes each field of each array by itself, which costs more than a small function.
    """
    check_address_space()
    return cast(F, InlineDispatcher(function, {**OPTIONS, "forceinline": True, "_nrt": False}))


def _compiled(function: F, options: dict[str, Any]) -> F:
    """Register a kernel with numba, which compiles it at its first call."""
    check_address_space()
    kernel = Kernel(function, options)
    folder = cache_folder()
    if folder is not None:
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            kernel.enable_caching()
        finally:
            numba.config.CACHE_DIR = before
    return cast(F, kernel)
