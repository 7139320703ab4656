"""The folder beside a model where its training works, and from which it can be gone on with.

In: where a model will be. Out: MODEL.training, for this process alone, with

    lock           the process that trains
    training.json  algorithm, options and text: written when the text is read and numbered
    ids, ends, ... the text as numbers (`corpus.encoding`)
    vocabulary     the words, and vocabulary-counts
    pair-...       GloVe's counted pairs (`corpus.cooccurrence`)
    state-...      the last checkpoint (`checkpoint`)
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtool import __version__
from embedtool.config.training import with_current_names
from embedtool.corpus.encoding import (
    COUNT,
    ENCODED_FILES,
    EncodedCorpus,
    EncodedText,
    open_encoded,
)
from embedtool.corpus.object_stores import is_store
from embedtool.corpus.sources import STDIN, absolute, display_name, is_url, signatures_of
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import ModelError, OutputError
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.checksums import checksum_of, mismatch
from embedtool.io.encodings import SURROGATE_ERRORS
from embedtool.trainers.checkpoint import last_state

SUFFIX = ".training"
LOCK = "lock"
MANIFEST = "training.json"
WORDS, COUNTS = "vocabulary", "vocabulary-counts"
FORMAT = 2


@dataclass(frozen=True)
class TrainingDir:
    """A folder that this process has to itself.

    output : where the model will be
    folder : where its training works
    """

    output: Path
    folder: Path

    @property
    def is_resumable(self) -> bool:
        """Whether there is a training to go on with."""
        return (self.folder / MANIFEST).exists()

    @property
    def has_checkpoint(self) -> bool:
        """Whether it was saved after it had begun to learn."""
        return last_state(self.folder) is not None

    def clear(self) -> None:
        """Take everything away but the lock; what says that it can be gone on with goes first."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def write_manifest(
        self, request: dict[str, Any], sources: list[str], corpus: EncodedText
    ) -> None:
        """Write down what is trained on which text; from now on the training can be gone on with.

        request : JSON-able
        """
        vocabulary = corpus.vocabulary
        (self.folder / COUNTS).write_bytes(vocabulary.counts.astype(COUNT).tobytes())
        text = "\n".join(vocabulary.words)
        (self.folder / WORDS).write_bytes(text.encode("utf-8", SURROGATE_ERRORS))
        whole = {
            "format": FORMAT,
            "version": __version__,
            "files": _files(sources),
            "types_seen": vocabulary.types_seen,
            "tokens_seen": vocabulary.tokens_seen,
            "fingerprint": corpus.fingerprint,
            "checksums": {
                name: checksum_of(self.folder / name)
                for name in (WORDS, COUNTS, *ENCODED_FILES)
                if (self.folder / name).exists()
            },
            **request,
        }
        with atomic_write(self.folder / MANIFEST) as file:
            file.write(text_bytes(json.dumps(whole, ensure_ascii=False, indent=2) + "\n"))

    def read_manifest(self) -> dict[str, Any]:
        """Read the manifest. Raises ModelError where it is damaged or of another embedtool."""
        try:
            request = json.loads((self.folder / MANIFEST).read_bytes())
            version = request["version"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(f"{self.folder / MANIFEST}: is damaged: {error}") from None
        if (request.get("format"), version) != (FORMAT, __version__):
            raise ModelError(
                f"{self.folder}: was begun by embedtool {version}; this is {__version__}, which "
                "may come to other vectors; go on with that one, or train anew with --overwrite"
            )
        return with_current_names(request)

    def load_corpus(self, request: dict[str, Any]) -> EncodedCorpus:
        """The text as numbers. Raises ModelError where they, or its files, have changed since."""
        self._check(request, ENCODED_FILES)
        return open_encoded(self.folder, self.load_vocabulary(request), request["fingerprint"])

    def load_vocabulary(self, request: dict[str, Any]) -> Vocabulary:
        """The words of the text. Raises ModelError where they, or its files, have changed since."""
        self._check(request, (WORDS, COUNTS))
        files = request["files"]
        for file, now in zip(files, _files([path for path, *_ in files]), strict=True):
            if file != now:
                raise ModelError(
                    f"{display_name(file[0])}: has changed since the training of {self.output} "
                    "began; put the old text back, or train anew with --overwrite"
                )
        words = (self.folder / WORDS).read_bytes().decode("utf-8", SURROGATE_ERRORS).split("\n")
        counts = np.fromfile(self.folder / COUNTS, COUNT)
        return Vocabulary(words, counts, request["types_seen"], request["tokens_seen"])

    def _check(self, request: dict[str, Any], names: Sequence[str]) -> None:
        """Raise ModelError where a file here is not as it was written."""
        for name in names:
            facts = request.get("checksums", {}).get(name)
            if facts and (fault := mismatch(self.folder / name, facts)):
                raise ModelError(
                    f"{self.folder / name}: is damaged: {fault}; train anew with --overwrite"
                )


@contextmanager
def lock_training_dir(output: Path, make: bool = True) -> Iterator[TrainingDir]:
    """Have MODEL.training for this process alone; at the end an empty one is taken away.

    make : False: it must be there
    Raises ModelError where another process has it or it is not there, OutputError where it cannot
    be made. A process that has died holds nothing.
    """
    folder = output.with_name(output.name + SUFFIX)
    if not make and not (folder / MANIFEST).exists():
        raise ModelError(f"{output}: there is no interrupted training to go on with")
    descriptor = _lock(folder, output)
    try:
        yield TrainingDir(output, folder)
    finally:
        if [path.name for path in folder.iterdir()] == [LOCK]:
            shutil.rmtree(folder)
        os.close(descriptor)


def _lock(folder: Path, output: Path) -> int:
    """Make and lock the folder; again where it was taken away by its owner meanwhile."""
    path = folder / LOCK
    while True:
        try:
            folder.mkdir(exist_ok=True)
            _check_own(folder)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise ModelError(
                f"{output}: locked by PID {pid}, which trains it; wait for it, or choose another "
                "name"
            ) from None
        if _is_same(descriptor, path):
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            return descriptor
        os.close(descriptor)


def _check_own(folder: Path) -> None:
    """Raise OutputError for a folder in which no training has worked: its files are to stay."""
    is_own = (folder / LOCK).exists() or not any(folder.iterdir())
    if folder.is_symlink() or not is_own:
        raise OutputError(
            f"{folder}: is there already and is no place of a training; move it away, or choose "
            "another name for the model"
        )


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _files(sources: list[str]) -> list[list[Any]]:
    """The path or address, size and time of change of each source that can tell them."""
    files = [
        source for source in sources if is_store(source) or not (source == STDIN or is_url(source))
    ]
    return [
        [absolute(file), *(stamp or (None, None))]
        for file, stamp in zip(files, signatures_of(files), strict=True)
    ]
