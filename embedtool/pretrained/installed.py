"""The folder of installed models, and the names that stand for the models in it.

A name never hides a path: what exists at a path is taken.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from embedtool.errors import Call, ModelError, ResourceError
from embedtool.io.cache import user_cache
from embedtool.io.deletion import delete
from embedtool.model import store
from embedtool.pretrained.registry import HUB, HUB_NAME, Pretrained, known, suggestions

FOLDER_VARIABLE = "EMBEDTOOL_MODELS"
HUB_FOLDER = "hf"
"""The folder of the models of Hugging Face's, OWNER/NAME within it."""
BYTES_PER_GB = 1e9
MAX_NAME = 200
"""Maximum length of a name; systems refuse longer ones of folders."""
DOWNLOADS = ".downloads"
"""The folder of files that are being fetched, beside the models that are made of them."""


def models_folder() -> Path:
    """Return the folder of installed models, which may not exist.

    Raises
    ------
    ModelError
        If the user has no home folder, and none is chosen.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    try:
        return Path(chosen).expanduser() if chosen else user_cache("models")
    except RuntimeError:
        raise ModelError(
            f"there is no home folder for models; set {FOLDER_VARIABLE} to a folder"
        ) from None


def folder_of(name: str) -> Path:
    """Return the folder in which a model of this name is installed, or would be."""
    match = HUB_NAME.fullmatch(name)
    if match is None:
        return models_folder() / name
    owner, repository = match["repository"].split("/")
    revision = f"@{quote(match['revision'], safe='')}" if match["revision"] else ""
    return models_folder() / HUB_FOLDER / owner / f"{repository}{revision}"


def is_installed(name: str) -> bool:
    """Return whether a model of this name is in the folder of installed models."""
    return is_name(name) and store.is_model(folder_of(name))


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a model: it has no separators but hf:OWNER/NAME."""
    if len(text) > MAX_NAME or not text.isprintable():
        return False
    return bool(HUB_NAME.fullmatch(text)) or (
        not {"/", "\\", os.sep} & {*text} and not text.startswith(".") and text != ""
    )


def installed() -> Iterator[str]:
    """Yield the names of all installed models."""
    folder = models_folder()
    for path in sorted(folder.glob("*")):
        if not path.name.startswith(".") and store.is_model(path):
            yield path.name
    hub = folder / HUB_FOLDER
    for path in sorted(hub.glob("*/*")):
        if store.is_model(path):
            yield HUB + unquote(path.relative_to(hub).as_posix())


def describe_installed(name: str) -> Pretrained:
    """Return what is known of an installed model, with its own number of words and bytes.

    A folder may have been given the name of another model, so that licence and citation are those
    of its own description.
    """
    folder = folder_of(name)
    description = store.describe(folder)
    sizes, source = description.get("sizes", {}), description.get("source", "")
    fetched = known(name) if description.get("name") == name else None
    entry = fetched or Pretrained(name, "", "", "static", "", source, source, licence="not stated")
    return replace(
        entry,
        language=description.get("language", entry.language),
        licence=description.get("licence", "not stated"),
        citation=tuple(description.get("citation", ())),
        kind="fasttext" if "subwords" in description else "static",
        words=sizes.get("words"),
        dimensions=sizes.get("vector_size"),
        size=sum(file.stat().st_size for file in folder.iterdir()),
    )


def model_path(model: str | Path) -> Path:
    """Return the folder of a model that is given by its path or by the name of an installed one.

    Raises
    ------
    ModelError
        If there is no such path, and it is the name of a model that is not installed, or is spelt
        like one.
    """
    path = Path(model)
    name = str(model) if isinstance(model, str) else path.as_posix()
    if os.path.lexists(path) or not is_name(name):
        return path
    if os.path.lexists(store.training_folder(path)):  # an interrupted training of that name
        return path
    if is_installed(name):
        return folder_of(name)
    if known(name) is not None:
        get = get_call(name)
        raise ModelError(f"{name}: is not installed; fetch it with: {get}", call=get)
    near = [] if "." in name else suggestions(name, installed())
    if near:
        raise ModelError(f"{name}: no such model; did you mean {' or '.join(near)}?")
    return path


def remove(name: str) -> Path:
    """Delete an installed model, and return the folder that it was in.

    Raises
    ------
    ModelError
        If no model of this name is installed.
    """
    check_installed(name)
    path = folder_of(name)
    delete(path)
    return path


def check_installed(name: str) -> None:
    """Raise ModelError if no model of this name is installed."""
    if not is_installed(name):
        call = Call("embedtool.list_models(installed=True)", "embedtool models list --installed")
        raise ModelError(f"{name}: is not installed; see: {call}", call=call)


def check_space(name: str, folder: Path, needed: int) -> None:
    """Raise ResourceError if a disk has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ResourceError(
            f"{folder}: {name} needs {needed / BYTES_PER_GB:.1f} GB and {free / BYTES_PER_GB:.1f} "
            f"GB are free; choose another disk with {FOLDER_VARIABLE}"
        )


def get_call(name: str, options: str = "", flags: str = "") -> Call:
    """Return the call that fetches a model."""
    command = f"embedtool models get {name}{flags}"
    return Call(f"embedtool.fetch_model({name!r}{options})", command)
