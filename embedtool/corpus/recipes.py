"""Corpora by name: where each comes from, and how it is prepared for training."""

import json
import logging
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import embedtool
from embedtool.corpus.cleaning import CLEANINGS, Lower
from embedtool.corpus.sources import open_source
from embedtool.corpus.tokens import LOWER
from embedtool.errors import ConfigError, CorpusError, MissingExtraError, OutputError
from embedtool.io.atomic import atomic_write, check_output_file
from embedtool.io.checksums import Checksum, checksum_of, mismatch
from embedtool.io.download import download
from embedtool.io.json_file import parse_json
from embedtool.io.mirror import mirrored
from embedtool.io.progress import Progress, Report, silent

log = logging.getLogger(__name__)

BLOCK_BYTES = 2**20
"""Approximate size of the blocks in which clean text is written and progress reported."""


@dataclass(frozen=True)
class Parameter:
    """A part of a URL that the user chooses, with the pattern of its values and an example."""

    pattern: str
    example: str


@dataclass(frozen=True)
class Recipe:
    """How a corpus is made; recipes.toml describes each field."""

    name: str
    title: str
    language: str
    license: str
    cleaning: str
    file: str | None = None
    wheel: str | None = None
    extra: str | None = None
    url: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    tokens: int | None = None
    approximate: bool = False
    homepage: str | None = None
    citation: str | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def checksum(self) -> Checksum:
        """Size and SHA-256 of the source, if known."""
        return {"bytes": self.bytes, "sha256": self.sha256}

    @property
    def is_ready(self) -> bool:
        """Whether the text ships with the package and needs no preparation."""
        return self.file is not None and self.cleaning == "plain"

    def checked(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return parameters in the recipe's order; raise ConfigError if they do not fit."""
        for name in values:
            if name not in self.parameters:
                raise ConfigError(f"{self.name} takes no {name}", parameters=(name,))
        for name, parameter in self.parameters.items():
            example = f"such as {name}={parameter.example!r}"
            if name not in values:
                raise ConfigError(f"{self.name} needs {name}, {example}", parameters=(name,))
            if not re.fullmatch(parameter.pattern, values[name]):
                raise ConfigError(
                    f"{values[name]!r} cannot be the {name} of {self.name}; give one {example}",
                    parameters=(name,),
                )
        return {name: values[name] for name in self.parameters}


def shipped_folder() -> Path:
    """Return the folder with recipes.toml: in the installed package, or beside it in a checkout."""
    package = Path(embedtool.__file__).parent
    installed = package / "_corpora"
    return installed if installed.is_dir() else package.parent / "corpora"


def data_folder() -> Path:
    """Return the folder of prepared corpora: $EMBEDTOOL_DATA, or the user's data folder."""
    if chosen := os.environ.get("EMBEDTOOL_DATA"):
        return Path(chosen)
    if data := os.environ.get("XDG_DATA_HOME"):
        return Path(data, "embedtool")
    return Path.home() / ".local" / "share" / "embedtool"


@cache
def recipes() -> Mapping[str, Recipe]:
    """Return all recipes by name, in the order of recipes.toml."""
    with (shipped_folder() / "recipes.toml").open("rb") as file:
        entries = tomllib.load(file)
    by_name = {}
    for name, entry in entries.items():
        parameters = {
            each: Parameter(**about) for each, about in entry.pop("parameters", {}).items()
        }
        by_name[name] = Recipe(name=name, parameters=parameters, **entry)
    return by_name


def find_recipe(name: str) -> Recipe:
    """Return the recipe of a name; raise CorpusError naming all recipes if there is none."""
    try:
        return recipes()[name]
    except KeyError:
        raise CorpusError(f"{name}: no such corpus; there are {', '.join(recipes())}") from None


def path_of(
    name: str, parameters: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Path:
    """Return the path of the prepared text of a corpus, whether or not it exists.

    Parameters
    ----------
    name : str
        The corpus.
    parameters : mapping of str to str, optional
        The parameters of the recipe, such as {"language": "de"}.
    folder : Path, optional
        The data folder, if it is not `data_folder()`.

    Raises
    ------
    CorpusError
        If there is no such corpus.
    ConfigError
        If the parameters are not those of the recipe.
    """
    recipe = find_recipe(name)
    return _path(recipe, recipe.checked(parameters or {}), folder or data_folder())


def prepared(recipe: Recipe, folder: Path | None = None) -> dict[str, Path]:
    """Return the prepared texts of a corpus by their parameters: {"de": ...}, or {"": ...}."""
    folder = folder or data_folder()
    if not recipe.parameters:
        path = _path(recipe, {}, folder)
        return {"": path} if path.is_file() else {}
    paths = sorted((folder / "corpora").glob(f"{recipe.name}-*.txt"))
    return {path.stem.removeprefix(f"{recipe.name}-"): path for path in paths}


def get(
    name: str,
    *,
    folder: Path | None = None,
    parameters: Mapping[str, str] | None = None,
    output: Path | None = None,
    force: bool = False,
    report: Report = silent,
) -> Path:
    """Prepare a corpus, unless it is prepared already; return the path of the text.

    Parameters
    ----------
    name : str
        The corpus.
    folder : Path, optional
        The data folder, if it is not `data_folder()`.
    parameters : mapping of str to str, optional
        The parameters of the recipe, such as {"language": "de"}.
    output : Path, optional
        Write the text to this file, replacing one that exists, instead of to the data folder.
    force : bool
        Fetch and prepare the corpus again even if it exists.

    Returns
    -------
    Path
        The text, written atomically.

    Raises
    ------
    CorpusError
        If the source cannot be fetched or is damaged.
    MissingExtraError
        If its package is not installed.
    OutputError
        If the text cannot be written.
    ConfigError
        If the parameters are not those of the recipe.
    """
    recipe = find_recipe(name)
    folder = folder or data_folder()
    values = recipe.checked(parameters or {})
    home = _path(recipe, values, folder)
    if output:
        check_output_file(output)
    if home.is_file() and (recipe.is_ready or not force):
        warn_of_change(home)
        if output:
            _write(home, "plain", output, report)
        return output or home
    return _prepare(recipe, values, folder, output, force, report)


def _prepare(
    recipe: Recipe,
    values: Mapping[str, str],
    folder: Path,
    output: Path | None,
    force: bool,
    report: Report,
) -> Path:
    """Clean the source of a corpus into the text; return its path, as `get` does."""
    home = _path(recipe, values, folder)
    packaged = _package_file(recipe)
    source = packaged or _source(recipe, values, folder, force, report)
    fetched = recipe.url is not None and packaged is None
    if not output:
        _make_folder(home.parent)
    try:
        lower = LOWER.get(values.get("language", recipe.language), str.lower)
        _write(source, recipe.cleaning, output or home, report, lower)
        if not output:
            _write_checksum(home)
    except CorpusError as error:
        if not fetched:
            raise CorpusError(f"{recipe.name}: {error}", parameters=error.parameters) from None
        source.unlink(missing_ok=True)
        raise CorpusError(
            f"{recipe.name}: {error}; the download was deleted; try again",
            parameters=error.parameters,
        ) from None
    if fetched:
        source.unlink()
    return output or home


def warn_of_change(home: Path, *, thoroughly: bool = True) -> None:
    """Log a warning if a prepared text has been changed since, perhaps deliberately.

    Parameters
    ----------
    home : Path
        The prepared text.
    thoroughly : bool
        Compare checksums, not sizes only.
    """
    expected = _read_checksum(home)
    if not expected:
        return
    same_size = home.stat().st_size == expected["bytes"]
    fault = mismatch(home, expected) if thoroughly or not same_size else None
    if fault:
        log.warning(
            "%s: %s, since it was prepared; get it with force=True to prepare it again",
            home, fault, extra={"parameters": ("force",)},
        )  # fmt: skip


def _checksum_path(home: Path) -> Path:
    return home.with_name(f"{home.name}.json")


def _write_checksum(home: Path) -> None:
    """Write the checksum of a prepared text beside it."""
    with atomic_write(_checksum_path(home)) as file:
        file.write(json.dumps(checksum_of(home)).encode())


def _read_checksum(home: Path) -> dict[str, int | str] | None:
    """Return what `_write_checksum` wrote; None for a text that ships."""
    try:
        checksum = parse_json(_checksum_path(home).read_bytes())
        return {"bytes": int(checksum["bytes"]), "sha256": str(checksum["sha256"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(recipe: Recipe, values: Mapping[str, str], folder: Path) -> Path:
    if recipe.is_ready:
        return shipped_folder() / str(recipe.file)
    return folder / "corpora" / f"{_stem(recipe, values)}.txt"


def _stem(recipe: Recipe, values: Mapping[str, str]) -> str:
    return "-".join([recipe.name, *values.values()])


def _source(
    recipe: Recipe, values: Mapping[str, str], folder: Path, force: bool, report: Report
) -> Path:
    """Return the source of a corpus that no package holds, fetched if necessary, and verified."""
    if recipe.url is not None:
        path = folder / "downloads" / _stem(recipe, values)
        if force:
            for old in path.parent.glob(f"{path.name}.part*"):
                old.unlink()
        if force or not path.is_file() or mismatch(path, recipe.checksum):
            _make_folder(path.parent)
            url = mirrored(recipe.url.format(**values))
            download(url, path, size=recipe.bytes, sha256=recipe.sha256, report=report)
        return path
    if recipe.file is None:
        raise MissingExtraError(f"the corpus {recipe.name}", str(recipe.extra))
    path = shipped_folder() / recipe.file
    if not path.is_file():
        raise CorpusError(f"{path}: no such file, but {recipe.name} is made from it")
    return _verified(path, recipe)


def in_package(inner: str) -> Path | None:
    """Return the path of a file in an installed package, or None, without importing the package.

    Parameters
    ----------
    inner : str
        The package and the path in it, such as gensim/test/test_data/lee.cor.
    """
    module, _, file = inner.partition("/")
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], file)


def _package_file(recipe: Recipe) -> Path | None:
    """Return the source of a corpus in an installed package, verified; None if there is none.

    If the recipe has a URL too, a file of another checksum is none: gensim's package for Windows
    has other line ends.
    """
    path = in_package(recipe.wheel) if recipe.wheel else None
    if path is None or (recipe.url is not None and mismatch(path, recipe.checksum)):
        return None
    return _verified(path, recipe)


def _verified(path: Path, recipe: Recipe) -> Path:
    if fault := mismatch(path, recipe.checksum):
        raise CorpusError(f"{path}: not the file that the recipe was made for: it {fault}")
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be made: {error.strerror}; choose another with EMBEDTOOL_DATA"
        ) from None


def _write(
    source: Path, cleaning: str, target: Path, report: Report, lower: Lower = str.lower
) -> None:
    """Clean `source` into `target`; raise CorpusError if no word is left."""
    if source.resolve() == target.resolve():
        return
    n_bytes = 0
    with atomic_write(target) as file:
        for block in _clean_blocks(source, cleaning, report, lower):
            n_bytes += file.write(block)
        if not n_bytes:
            raise CorpusError(f"{source}: holds no text")


def _clean_blocks(source: Path, cleaning: str, report: Report, lower: Lower) -> Iterator[bytes]:
    """Yield the clean text of a file in blocks, reporting how much of the file has been read."""
    total = source.stat().st_size
    gathered: list[bytes] = []
    size = 0
    with open_source(str(source)) as (stream, raw):
        for piece in CLEANINGS[cleaning](stream, lower):
            gathered.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                yield b"".join(gathered)
                report(Progress("cleaning", raw.tell(), total, "bytes"))
                gathered, size = [], 0
    yield b"".join(gathered)
    report(Progress("cleaning", total, total, "bytes"))
