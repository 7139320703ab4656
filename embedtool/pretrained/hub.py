"""Repositories of Hugging Face's: which files of one hold vectors, and their download."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from embedtool.errors import CorpusError, FormatError, MissingExtraError, ModelError
from embedtool.io.deletion import delete
from embedtool.io.mirror import MIRROR_VARIABLE
from embedtool.io.progress import Progress, Report
from embedtool.pretrained.installed import check_space
from embedtool.pretrained.registry import HUB_NAME

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

EXTRA = "hub"
COPY = "repository"
MODULES, TENSORS, TOKENIZER = "modules.json", "model.safetensors", "tokenizer.json"
FOLDER_FILES = (TENSORS, TOKENIZER, MODULES, "config.json")
SUFFIXES = (".bin", ".ftz", ".vec", ".txt", ".safetensors")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
OF_TRANSFORMERS = ("pytorch_model.bin", "training_args.bin", "vocab.txt", "requirements.txt")
"""Names of files that are no vectors, in spite of their suffix."""
MAX_SHOWN = 12


def fetch_repository(name: str, folder: Path, report: Report) -> tuple[Path, dict[str, Any]]:
    """Download the vectors of a repository.

    Parameters
    ----------
    name : str
        hf:OWNER/NAME or hf:OWNER/NAME@REVISION.
    folder : Path
        Where the files go.
    report : Report
        Called with the progress.

    Returns
    -------
    path : Path
        The file or folder of the vectors.
    facts : dict
        What is known of it: address, commit, licence.

    Raises
    ------
    MissingExtraError
        If huggingface_hub is not installed.
    ModelError
        If there is no such repository, or it is not for everyone.
    CorpusError
        If it cannot be reached.
    ResourceError
        If there is no room for it.
    FormatError
        If none of its files holds vectors that can be read, or several do.
    """
    match = HUB_NAME.fullmatch(name)
    if match is None:
        raise ModelError(f"{name}: is no repository; write hf:OWNER/NAME")
    repository, revision = match["repository"], match["revision"]
    with _one_line_errors(name):
        api = _api()
        about = api.model_info(repository, revision=revision, files_metadata=True)
        sizes = {each.rfilename: each.size or 0 for each in about.siblings or []}
        root, files = vector_files(name, list(sizes))
        local, total, done = folder / COPY, sum(map(sizes.__getitem__, files)), 0
        check_space(name, folder, total)
        for file in files:
            api.hf_hub_download(
                repository, file, revision=about.sha or revision, local_dir=local,
                tqdm_class=_progress_class(report, done, total or None),
            )  # fmt: skip
            done += sizes[file]
    return local / root, {
        "source": f"https://huggingface.co/{repository}",
        "revision": about.sha,
        "verified": "by huggingface_hub",
        **_licence(about),
    }


@contextmanager
def local_copy(name: str, folder: Path, report: Report) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the vectors of a repository and the facts about it, as `fetch_repository` returns them.

    They are in a temporary folder in `folder`. Errors about them name the repository.
    """
    temporary = Path(mkdtemp(prefix=".embedtool-", dir=folder))
    try:
        path, facts = fetch_repository(name, temporary, report)
        yield path, facts
    except FormatError as error:
        raise type(error)(
            str(error).replace(str(temporary / COPY), name), parameters=error.parameters
        ) from None
    finally:
        delete(temporary)


def is_repository(text: str) -> bool:
    """Return whether a text names a repository, and no path of that name exists."""
    return bool(HUB_NAME.fullmatch(text)) and not os.path.lexists(text)


def vector_files(name: str, files: Sequence[str]) -> tuple[str, list[str]]:
    """Return the file or folder of the vectors in a repository, and the files to download.

    Raises
    ------
    FormatError
        If there is none, or more than one.
    """
    for folder in sorted({str(PurePosixPath(file).parent) for file in files}):
        inside = {each: str(PurePosixPath(folder) / each) for each in FOLDER_FILES}
        if inside[TENSORS] in files and inside[TOKENIZER] in files:
            wanted = [path for path in inside.values() if path in files]
            if folder == "0_StaticEmbedding" and MODULES in files:
                return ".", [*wanted, MODULES]
            return folder, wanted
    single = [file for file in files if _may_be_vectors(file)]
    if len(single) == 1:
        return single[0], single
    shown = ", ".join(sorted(files)[:MAX_SHOWN]) + (", ..." if len(files) > MAX_SHOWN else "")
    what = "several files may hold vectors" if single else "no file holds vectors"
    raise FormatError(
        f"{name}: {what}: {shown or 'it is empty'}; import takes a folder of model2vec, or one "
        "file of vectors: download that, and import it"
    )


def _may_be_vectors(file: str) -> bool:
    path = PurePosixPath(file)
    if path.name in OF_TRANSFORMERS:
        return False
    suffix = PurePosixPath(path.stem).suffix if path.suffix in COMPRESSED else path.suffix
    return suffix.lower() in SUFFIXES


def _api() -> "HfApi":
    """Return the client of the hub: of HF_ENDPOINT, else of the mirror."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise MissingExtraError("a repository of Hugging Face's", EXTRA) from None
    endpoint = os.environ.get("HF_ENDPOINT") or os.environ.get(MIRROR_VARIABLE) or None
    return HfApi(endpoint=endpoint)


def _progress_class(report: Report, before: int, total: int | None) -> type[Any]:
    """Return a class of progress bars that reports instead, for files after `before` bytes."""
    from tqdm import tqdm

    class Reporting(tqdm):  # type: ignore[misc]
        """Counts bytes, and draws nothing."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})
            self.arrived = options.get("initial", 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.arrived += n or 0
            report(Progress("downloading", before + int(self.arrived), total, "bytes"))
            return None

    return Reporting


def _licence(about: "ModelInfo") -> dict[str, str]:
    licence = getattr(about.card_data, "license", None)
    return {"licence": str(licence)} if licence else {}


@contextmanager
def _one_line_errors(name: str) -> Iterator[None]:
    """Turn the errors of huggingface_hub into one line each."""
    try:
        from huggingface_hub import errors
    except ImportError:
        raise MissingExtraError("a repository of Hugging Face's", EXTRA) from None
    transport_error = getattr(errors, "HTTPError", OSError)  # of the library that it uses
    client = logging.getLogger("huggingface_hub")
    level = client.level
    client.setLevel(logging.CRITICAL)  # it logs each attempt, without the model's name
    try:
        yield
    except errors.GatedRepoError:
        raise ModelError(
            f"{name}: the repository is gated: accept its terms on its page, and log in with: "
            "hf auth login"
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelError(f"{name}: the repository has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise ModelError(
            f"{name}: there is no such repository, or it is private; private ones need: "
            "hf auth login"
        ) from None
    except errors.OfflineModeIsEnabled:
        raise CorpusError(f"{name}: HF_HUB_OFFLINE is set; unset it to download") from None
    except errors.HFValidationError:
        raise ModelError(f"{name}: is no name of a repository; write hf:OWNER/NAME") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, transport_error) as error:
        response = getattr(error, "response", None)
        if response is not None and response.status_code == HTTPStatus.NOT_FOUND:
            raise ModelError(f"{name}: there is no such repository or revision") from None
        reason = str(error).partition("\n")[0]
        raise CorpusError(f"{name}: cannot be downloaded: {reason}; try again later") from None
    finally:
        client.setLevel(level)
