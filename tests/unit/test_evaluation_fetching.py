"""Datasets are fetched once, checked, and verified ever after; from a web server on 127.0.0.1."""

import hashlib
import shutil
from importlib import invalidate_caches
from pathlib import Path

import pytest

from embedtool.errors import CorpusError, EvaluationError, OutputError
from embedtool.evaluation import fetching
from embedtool.evaluation.datasets import read_analogies, read_datasets, read_pairs
from embedtool.evaluation.fetching import cache_folder, fetch, is_available, locate
from embedtool.evaluation.registry import DatasetEntry, find_dataset
from tests.unit.recipe_sources import left_in
from tests.web_server import WebFile

CONTENT = b"old\tnew\t1.58\nsmart\tdumb\t0.55\n"
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "embedtool" / "datasets"
    return cache_folder()


@pytest.fixture
def entry(site: WebFile, cache: Path) -> DatasetEntry:
    site.content = CONTENT
    return DatasetEntry("mini", "pairs", "Two", "en", "none", "us", url=f"{site.url}.txt", items=2)


def changed(entry: DatasetEntry, **fields: object) -> DatasetEntry:
    return DatasetEntry(**{**vars(entry), **fields})


def test_a_dataset_is_fetched_once_and_verified(
    site: WebFile, cache: Path, entry: DatasetEntry
) -> None:
    assert not is_available(entry)
    with pytest.raises(EvaluationError) as error:
        locate(entry)
    assert str(error.value) == "mini is not available; run: embedtool.fetch_dataset('mini')"
    path = fetch(entry)
    assert path == cache / "mini.txt" and path.read_bytes() == CONTENT
    assert left_in(cache) == {"mini.txt", "mini.txt.sha256"}
    assert (cache / "mini.txt.sha256").read_text() == f"{CHECKSUM}  mini.txt\n"
    assert is_available(entry) and locate(entry) == path == fetch(entry)
    assert len(site.asked) == 1


def test_a_file_that_changes_later_is_refused_and_can_be_fetched_again(
    site: WebFile, cache: Path, entry: DatasetEntry
) -> None:
    path = fetch(entry)
    path.write_bytes(CONTENT.replace(b"0.55", b"9.55"))
    for use in (locate, fetch):
        with pytest.raises(EvaluationError) as error:
            use(entry)
        assert f"{path}: has changed since it was fetched: it has the SHA-256" in str(error.value)
        assert str(error.value).endswith("; run: embedtool.fetch_dataset('mini', force=True)")
    assert fetch(entry, force=True).read_bytes() == CONTENT
    assert locate(entry) == path


def test_a_file_without_its_checksum_is_not_available(
    site: WebFile, cache: Path, entry: DatasetEntry
) -> None:
    fetch(entry)
    (cache / "mini.txt.sha256").unlink()
    assert not is_available(entry)
    fetch(entry)
    assert is_available(entry) and len(site.asked) == 2


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"items": 3}, "refused: mini: the file holds 2 items, 3 were expected"),
        ({"groups": 2}, "refused: mini: the file holds 1 groups, 2 were expected"),
        ({"task": "categories"}, "line 1: expected a word and its category"),
        ({"task": "analogies"}, "line 1: expected four words"),
    ],
)
def test_a_file_that_is_not_the_one_expected_is_refused(
    cache: Path, entry: DatasetEntry, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        fetch(changed(entry, **fields))
    assert not left_in(cache)


def test_a_file_that_is_refused_does_not_replace_the_good_one(
    site: WebFile, cache: Path, entry: DatasetEntry
) -> None:
    fetch(entry)
    site.content, site.etag = b"<html>", '"second"'
    with pytest.raises(EvaluationError, match=r"refused: .* expected two words and a number"):
        fetch(entry, force=True)
    assert locate(entry).read_bytes() == CONTENT


def test_a_known_checksum_is_demanded(cache: Path, entry: DatasetEntry) -> None:
    with pytest.raises(CorpusError, match=r"has the SHA-256 .*, not 00"):
        fetch(changed(entry, sha256="00"))
    assert fetch(changed(entry, sha256=CHECKSUM)).is_file()
    with pytest.raises(EvaluationError, match="has changed since it was fetched"):
        locate(changed(entry, sha256="00"))


def test_a_dataset_that_is_not_on_the_web_is_an_error(
    site: WebFile, cache: Path, entry: DatasetEntry
) -> None:
    site.refusals = [404]
    with pytest.raises(CorpusError, match="the server answers 404 Not Found"):
        fetch(entry)
    assert not left_in(cache)


def test_a_cache_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: DatasetEntry
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot be made: .* another with XDG_CACHE_HOME"):
        fetch(entry)


@pytest.fixture
def packaged(entry: DatasetEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetEntry:
    """The same dataset, which a package of ours holds too."""
    package = tmp_path / "small_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "pairs.txt").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    return changed(entry, wheel="small_package/pairs.txt", sha256=CHECKSUM)


def test_a_dataset_of_an_installed_package_is_not_fetched(
    site: WebFile, cache: Path, packaged: DatasetEntry, tmp_path: Path
) -> None:
    path = tmp_path / "small_package" / "pairs.txt"
    assert is_available(packaged)
    assert path == locate(packaged) == fetch(packaged) == fetch(packaged, force=True)
    assert not site.asked and not cache.exists()


@pytest.mark.parametrize("package", ["is not installed", "lacks the file", "has other line ends"])
def test_a_dataset_that_its_package_does_not_hold_is_fetched(
    package: str, site: WebFile, cache: Path, packaged: DatasetEntry, tmp_path: Path
) -> None:
    path = tmp_path / "small_package" / "pairs.txt"
    if package == "is not installed":
        shutil.rmtree(path.parent)
        invalidate_caches()
    elif package == "lacks the file":
        path.unlink()
    else:
        path.write_bytes(CONTENT.replace(b"\n", b"\r\n"))
    assert not is_available(packaged)
    with pytest.raises(EvaluationError, match="mini is not available; run: "):
        locate(packaged)
    assert fetch(packaged) == cache / "mini.txt" == locate(packaged)
    assert locate(packaged).read_bytes() == CONTENT
    site.content, site.etag = CONTENT + b"a b 1\n", '"second"'
    with pytest.raises(CorpusError, match="has the SHA-256"):
        fetch(packaged, force=True)
    assert locate(packaged).read_bytes() == CONTENT


def test_all_that_has_to_be_fetched_is_named_at_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "in_package", lambda _: None)
    with pytest.raises(EvaluationError) as error:
        read_datasets()
    assert str(error.value).startswith("google, wordsim353, simlex999 are not available; run: ")
    call = error.value.call
    assert call is not None
    assert call.command == "embedtool datasets get google wordsim353 simlex999"
    with pytest.raises(EvaluationError, match="google is a dataset of analogies, not of pairs"):
        read_datasets(pairs=["google"])


def test_an_unknown_dataset() -> None:
    with pytest.raises(EvaluationError, match="mem: no such dataset; see: "):
        find_dataset("mem")


@pytest.mark.datasets("google", "wordsim353", "simlex999")
@pytest.mark.parametrize("name", ["google", "wordsim353", "simlex999"])
def test_what_comes_with_gensim_is_as_large_as_the_registry_says(name: str) -> None:
    entry = find_dataset(name)
    entry.check(read_analogies(name) if entry.task == "analogies" else read_pairs(name))
    assert entry.sha256
