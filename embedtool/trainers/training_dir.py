"""The training directory, beside the model, from which training can be resumed.

The training of MODEL works in MODEL.training, which one process locks:

    lock           the process that trains
    training.json  TrainingManifest: written when the text is read and encoded
    encoded-...    the encoded text (`corpus.encoding`)
    vocabulary     the words, and vocabulary-counts; with a model to start from also
                   vocabulary-own-counts, those of the text alone
    init           the model that training starts from, if it was given as an object
    pair-...       GloVe's counted pairs (`corpus.cooccurrence`)
    state-...      the latest checkpoint (`checkpoint`)
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtool import __version__
from embedtool.corpus.encoding import ENCODED_FILES, EncodedCorpus, EncodedText, open_encoded
from embedtool.corpus.object_stores import is_store
from embedtool.corpus.scanning import COUNT
from embedtool.corpus.sources import STDIN, absolute, display_name, is_url, signatures_of
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import ModelError, OutputError
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.checksums import checksum_of, mismatch
from embedtool.io.deletion import DELETES_OPEN_FILES, delete
from embedtool.io.encodings import SURROGATE_ERRORS
from embedtool.io.json_file import read_json
from embedtool.io.locks import lock_file
from embedtool.io.paths import exists
from embedtool.model.store import training_folder
from embedtool.trainers.checkpoint import last_state
from embedtool.trainers.manifest import TextFiles, TrainingManifest

LOCK = "lock"
MANIFEST = "training.json"
PID_OFFSET = 1
"""Where the process ID begins in the lock: Windows lets nobody read the first byte of it."""
WORDS, COUNTS, OWN_COUNTS = "vocabulary", "vocabulary-counts", "vocabulary-own-counts"
FORMAT = 5
"""Increased when the contents of a training directory change: older ones are refused."""


@dataclass(frozen=True)
class TrainingDir:
    """A directory in which a training works.

    Attributes
    ----------
    output : Path or None
        Path of the future model; None if it is only returned, and nothing can be resumed.
    folder : Path
        The directory.
    """

    output: Path | None
    folder: Path

    @property
    def is_resumable(self) -> bool:
        """Whether the directory holds a training that can be resumed."""
        return exists(self.folder / MANIFEST, ModelError)

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint."""
        return last_state(self.folder) is not None

    def clear(self) -> None:
        """Delete everything except the lock; the manifest first, so that nothing can be resumed."""
        (self.folder / MANIFEST).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != LOCK:
                delete(path)

    def write_text(self, sources: Sequence[str], text: EncodedText) -> TextFiles:
        """Write the vocabulary; return the record of it and of the encoded text.

        Parameters
        ----------
        sources : sequence of str
            The files that the training depends on, which must not change.
        text : EncodedText
            The text.
        """
        vocabulary = text.vocabulary
        (self.folder / COUNTS).write_bytes(vocabulary.counts.astype(COUNT).tobytes())
        if vocabulary.own_counts is not None:
            own = vocabulary.own_counts.astype(COUNT)
            (self.folder / OWN_COUNTS).write_bytes(own.tobytes())
        lines = "\n".join(vocabulary.words)
        (self.folder / WORDS).write_bytes(lines.encode("utf-8", SURROGATE_ERRORS))
        known = text.checksums if isinstance(text, EncodedCorpus) else {}
        checksums = {
            name: known.get(name) or checksum_of(self.folder / name)
            for name in (WORDS, COUNTS, OWN_COUNTS, *ENCODED_FILES)
            if (self.folder / name).exists()
        }
        return TextFiles(
            _signatures(sources), vocabulary.types_seen, vocabulary.tokens_seen, text.fingerprint,
            checksums,
        )  # fmt: skip

    def write_manifest(self, manifest: TrainingManifest) -> None:
        """Write the manifest; from now on the training can be resumed."""
        whole = {"format": FORMAT, "version": __version__, **manifest.as_json()}
        with atomic_write(self.folder / MANIFEST) as file:
            file.write(text_bytes(json.dumps(whole, ensure_ascii=False, indent=2) + "\n"))

    def read_manifest(self) -> TrainingManifest:
        """Read the manifest.

        Raises
        ------
        ModelError
            If it is damaged, or was written by another version of embedtool.
        """
        path = self.folder / MANIFEST
        whole = read_json(path, ModelError)
        try:
            found, version = whole["format"], whole["version"]
        except (KeyError, TypeError) as error:
            raise ModelError(f"{path}: is damaged: {error}") from None
        if version != __version__:
            raise ModelError(
                f"{self.folder}: was started by embedtool {version}; this is {__version__}, whose "
                "vectors may differ; resume with that version, or start over with overwrite=True",
                parameters=("overwrite",),
            )
        if found != FORMAT:
            raise ModelError(
                f"{self.folder}: has format {found}, this embedtool resumes {FORMAT}; start over "
                "with overwrite=True",
                parameters=("overwrite",),
            )
        try:
            return TrainingManifest.from_json(whole)
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path}: is damaged: {error}") from None

    def load_corpus(self, manifest: TrainingManifest) -> EncodedCorpus:
        """Open the encoded text.

        Raises
        ------
        ModelError
            If it, or a file that it was made of, has changed since.
        """
        self._check(manifest, ENCODED_FILES)
        return open_encoded(self.folder, self.load_vocabulary(manifest), manifest.text.fingerprint)

    def load_vocabulary(self, manifest: TrainingManifest) -> Vocabulary:
        """Read the words of the text; raises as `load_corpus` does."""
        self._check(manifest, (WORDS, COUNTS, OWN_COUNTS))
        text = manifest.text
        current = _signatures([path for path, *_ in text.files])
        for file, now in zip(text.files, current, strict=True):
            if file != now:
                raise ModelError(
                    f"{display_name(file[0])}: has changed since the training of {self.output} "
                    "began; put the old text back, or start over with overwrite=True",
                    parameters=("overwrite",),
                )
        lines = (self.folder / WORDS).read_bytes() + b"\n"
        words = StringTable.from_lines(np.frombuffer(lines, np.uint8))
        counts = np.fromfile(self.folder / COUNTS, COUNT)
        has_own = OWN_COUNTS in text.checksums
        own_counts = np.fromfile(self.folder / OWN_COUNTS, COUNT) if has_own else None
        return Vocabulary(words, counts, text.types_seen, text.tokens_seen, own_counts)

    def _check(self, manifest: TrainingManifest, names: Sequence[str]) -> None:
        """Raise ModelError if a file of the directory is not as it was written."""
        for name in names:
            checksum = manifest.text.checksums.get(name)
            if checksum and (fault := mismatch(self.folder / name, checksum)):
                raise ModelError(
                    f"{self.folder / name}: is damaged: {fault}; start over with overwrite=True",
                    parameters=("overwrite",),
                )


def read_interrupted(output: Path) -> TrainingManifest | None:
    """Return the manifest of the interrupted training of a model, or None if there is none.

    Raises
    ------
    ModelError
        As `TrainingDir.read_manifest` does.
    """
    training_dir = TrainingDir(output, training_folder(output))
    return training_dir.read_manifest() if training_dir.is_resumable else None


@contextmanager
def lock_training_dir(output: Path, *, must_exist: bool = False) -> Iterator[TrainingDir]:
    """Lock MODEL.training for this process; on exit it is deleted if it is empty.

    Parameters
    ----------
    output : Path
        Path of the future model.
    must_exist : bool
        Whether to require a training that can be resumed.

    Yields
    ------
    TrainingDir
        The directory. A process that has died has no lock on it.

    Raises
    ------
    ModelError
        If another process has the directory, or there is nothing to resume.
    OutputError
        If the directory cannot be created.
    """
    target = output.absolute()  # the current folder may change during the training
    training_dir = TrainingDir(target, training_folder(target))
    folder = training_dir.folder
    if must_exist and not training_dir.is_resumable:
        raise ModelError(f"{output}: there is no interrupted training to resume")
    descriptor = _lock(folder, output)
    try:
        yield training_dir
    finally:
        is_empty = [path.name for path in folder.iterdir()] == [LOCK]
        if is_empty and DELETES_OPEN_FILES:  # while nobody else can lock it
            shutil.rmtree(folder)
        os.close(descriptor)
        if is_empty and not DELETES_OPEN_FILES:
            with suppress(PermissionError):  # somebody else has it
                (folder / LOCK).unlink()
                folder.rmdir()


def _lock(folder: Path, output: Path) -> int:
    """Create and lock the folder; retry if its owner has deleted it meanwhile."""
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
            lock_file(descriptor)
        except BlockingIOError:
            os.lseek(descriptor, PID_OFFSET, os.SEEK_SET)
            pid = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise ModelError(
                f"{output}: locked by PID {pid}, which trains it; wait for it, or choose another "
                "name"
            ) from None
        if _is_same(descriptor, path):
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{' ' * PID_OFFSET}{os.getpid()}\n".encode())
            return descriptor
        os.close(descriptor)


def _check_own(folder: Path) -> None:
    """Raise OutputError for a folder that embedtool did not create: its files must stay."""
    is_own = (folder / LOCK).exists() or not any(folder.iterdir())
    if folder.is_symlink() or not is_own:
        raise OutputError(
            f"{folder}: already exists and was not created by embedtool; move it away, or choose "
            "another name for the model"
        )


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _signatures(sources: Sequence[str]) -> list[list[Any]]:
    """Return path or address, size and modification time of each source that has them."""
    files = [
        source for source in sources if is_store(source) or not (source == STDIN or is_url(source))
    ]
    return [
        [absolute(file), *(signature or (None, None))]
        for file, signature in zip(files, signatures_of(files), strict=True)
    ]
