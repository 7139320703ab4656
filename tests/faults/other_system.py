"""Trains, resumes, queries and replaces a model as on a system that is not Linux.

Run in a process of its own. What POSIX alone has is missing: modules, functions, signals, locks of
files, and the exchange of two names. As on Windows, a file that is open or mapped can be neither
deleted nor renamed nor replaced.
"""

import builtins
import ctypes
import errno
import fcntl
import gzip
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from embedtool.io import deletion

MODULES = {"fcntl", "grp", "msvcrt", "pty", "pwd", "resource", "termios", "tty"}
FUNCTIONS = ("O_NOCTTY", "fork", "getuid", "pread", "sched_getaffinity",
             "sync", "wait4")  # fmt: skip
SIGNALS = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1")
TEXT = Path(__file__).parents[2] / "corpora" / "kingdoms.txt"
VECTORS = "vectors.safetensors"


def without_modules() -> None:
    """Let no module of embedtool import what other systems do not have."""
    whole = builtins.__import__

    def load(name: str, globals: Any = None, *others: Any, **more: Any) -> ModuleType:
        ours = (globals or {}).get("__name__", "").startswith("embedtool")
        if ours and name in MODULES:
            raise ModuleNotFoundError(f"no module named {name!r}", name=name)
        return whole(name, globals, *others, **more)

    builtins.__import__ = load
    for module, names in ((os, FUNCTIONS), (signal, SIGNALS)):
        for name in names:
            delattr(module, name)


def without_locks() -> None:
    """Answer as a file system without locks does."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    fcntl.flock = refuse


def without_exchange() -> None:
    """Take the exchange of two names out of the C library."""
    find = ctypes.CDLL.__getattr__

    def find_other(library: ctypes.CDLL, name: str) -> Any:
        if name == "renameat2":
            raise AttributeError(name)
        return find(library, name)

    ctypes.CDLL.__getattr__ = find_other


def keep_files_in_use() -> None:
    """Refuse to delete, to rename and to replace a file that this process uses."""
    deletion.DELETES_OPEN_FILES = False

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "os.remove":
            paths = [_whole(*arguments)]
        elif event == "os.rename":
            paths = [_whole(arguments[0], arguments[2]), _whole(arguments[1], arguments[3])]
        else:
            return
        for path in paths:
            for used in _files_in_use():
                if used == path or used.startswith(f"{path}/"):
                    raise PermissionError(errno.EACCES, "is used by this process", path)

    sys.addaudithook(refuse)


def _whole(path: str | bytes, folder: int) -> str:
    name = os.fsdecode(path)
    return os.path.realpath(name if folder < 0 else f"/proc/self/fd/{folder}/{name}")


def _files_in_use() -> list[str]:
    opened = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the list itself
            opened.append(str(link.readlink()))
    lines = Path("/proc/self/maps").read_text("utf-8").splitlines()
    return opened + [each[5] for line in lines if len(each := line.split(maxsplit=5)) == 6]


def main(folder: Path) -> None:
    """Train two models, one of them in two parts, query them, and replace one."""
    from embedtool.cli.main import cli
    from embedtool.config.training import GloveConfig, Word2VecConfig
    from embedtool.errors import StoppedError, VocabularyError
    from embedtool.io.progress import Progress
    from embedtool.trainers.checkpoint import StopRequest
    from embedtool.training import resume, train

    stop = StopRequest()

    def stop_early(progress: Progress) -> None:
        stop.requested |= progress.epoch_ended

    config = Word2VecConfig(vector_size=8, epochs=2, workers=1)
    model = folder / "model"
    with pytest.raises(StoppedError):
        train(config, TEXT, output=model, report=stop_early, stop=stop)
    resume(model)
    train(config, TEXT, output=folder / "whole")
    assert (model / VECTORS).read_bytes() == (folder / "whole" / VECTORS).read_bytes()
    train(GloveConfig(vector_size=8, epochs=1, workers=1), TEXT)
    with pytest.raises(VocabularyError):
        train(Word2VecConfig(min_count=10**6), TEXT, output=folder / "none")
    for arguments in (
        ["similar", model, "king", "-n", "1"],
        ["transform", model, folder / "whole", "--center", "--overwrite"],
        ["train", "glove", TEXT, "--output", model, "--vector-size", "8", "--epochs", "1",
         "--overwrite"],
        ["info", model],
    ):  # fmt: skip
        code = cli.main([str(each) for each in arguments], standalone_mode=False)
        assert not code, arguments
    use_names_of_gensim(folder)


def use_names_of_gensim(folder: Path) -> None:
    """Train, save and load with the classes of gensim's names."""
    from embedtool.gensim import FastText, KeyedVectors, Word2Vec

    models = [
        kind(corpus_file=TEXT, vector_size=8, epochs=1, workers=1) for kind in (Word2Vec, FastText)
    ]
    for model in models:
        for _ in range(2):  # the second time, in place of the first
            model.save(folder / "gensim")
        assert len(type(model).load(folder / "gensim").wv) == len(model.wv)
        model.wv.save_word2vec_format(folder / "text", binary=True)
        packed = folder / "text.gz"
        packed.write_bytes(gzip.compress((folder / "text").read_bytes()))
        assert len(KeyedVectors.load_word2vec_format(packed, binary=True)) == len(model.wv)


if __name__ == "__main__":
    without_modules()
    without_locks()
    without_exchange()
    keep_files_in_use()
    main(Path(sys.argv[1]))
