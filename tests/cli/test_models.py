"""models: which there are, and how they are fetched, used and removed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from embedtool.cli.main import cli
from embedtool.errors import OutputError
from embedtool.io import download
from embedtool.io.locks import lock_file
from embedtool.model import store
from embedtool.pretrained import registry as registry_module
from tests.conftest import Run
from tests.unit import conftest
from tests.web_server import WebFile

site = conftest.site

VECTORS = b"3 2\nking 1 0\nqueen 0.8 0.6\nman 0 1\n"
REGISTRY = """
[citations]
us = "Us 2020"
[mini]
name = "mini-{language}"
title = "Words of {language}"
kind = "static"
url = "URL.vec"
page = "https://example.org"
licence = "MIT"
citation = ["us"]
dimensions = 2
format = "word2vec"
by_frequency = BY_FREQUENCY
each.language = "de en"
"""


@pytest.fixture
def mini(site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A registry of two models on a web server of our own; the folder where they go."""
    site.content = VECTORS
    monkeypatch.setenv("EMBEDTOOL_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    write_registry(tmp_path, monkeypatch, site)
    yield tmp_path / "models"
    forget()


def write_registry(
    folder: Path, monkeypatch: pytest.MonkeyPatch, site: WebFile, *, more: str = "",
    by_frequency: str = "false",
) -> None:  # fmt: skip
    text = REGISTRY.replace("URL", site.url).replace("BY_FREQUENCY", by_frequency)
    (folder / "registry.toml").write_text(text + more)
    monkeypatch.setattr(registry_module, "REGISTRY", folder / "registry.toml")
    forget()


def forget() -> None:
    registry_module.collections.cache_clear()
    registry_module.registry.cache_clear()


def left(folder: Path) -> list[str]:
    """Return what a fetch has left behind besides models and empty files for locks."""
    downloads = folder / ".downloads"
    return sorted(each.name for each in downloads.rglob("*") if each.suffix != ".lock")


def test_collections_are_listed(run: Run) -> None:
    result = run("models", "list")
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()}
    assert rows["name"][1:] == ["kind", "models", "dimensions", "licence"]
    assert rows["fasttext-cc-{language}"][1:4] == ["fasttext", "158", "300"]
    assert rows["glove-6b-{dimensions}"][1:7] == ["static", "4", "50,", "100,", "200,", "300"]
    assert result.exit_code == 0


def test_models_of_a_language(run: Run) -> None:
    lines = run("models", "list", "--language", "de", "--kind", "fasttext").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "fasttext-cc-de", "fasttext-wiki-de"]
    found = json.loads(run("models", "list", "--language", "ru", "--json").stdout)
    entry = next(each for each in found if each["name"] == "word2vec-ruscorpora-300")
    assert entry["md5"] == "9bdebdc8ae6d17d20839dd9b5af10bc4"
    assert entry["installed"] is False
    assert run("models", "list", "--language", "tlh", "--tsv").stdout.count("\n") == 1


def test_info_has_the_citation(run: Run) -> None:
    result = run("models", "info", "glove-6b-100")
    assert "Pennington, Socher & Manning 2014" in result.stdout
    assert "no; run: embedtool models get glove-6b-100" in result.stdout
    assert json.loads(run("models", "info", "nlpl-40", "--json").stdout)["url"].endswith("40.zip")


def test_info_of_an_unknown_name(run: Run) -> None:
    result = run("models", "info", "glove-6b-101")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: glove-6b-101: no model has this name; did you mean glove-6b-100"
    )
    result = run("models", "get", "nonsense")
    assert result.stderr == (
        "Error: nonsense: no model has this name; see: embedtool models list\n"
    )


def test_a_model_is_fetched_used_and_removed(run: Run, mini: Path, site: WebFile) -> None:
    result = run("similar", "mini-de", "king")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: mini-de: is not installed; fetch it with: embedtool models get mini-de\n"
    )
    assert not site.asked
    result = run("models", "get", "mini-de")
    assert result.stdout == f"{mini / 'mini-de'}\n"
    assert "mini-de: 3 words x 2; licence: MIT\n  cite: Us 2020\n" in result.stderr
    assert left(mini) == []
    description = store.describe(mini / "mini-de")
    assert description["name"] == "mini-de"
    assert description["source"] == f"{site.url}.vec"
    assert description["citation"] == ["Us 2020"]
    assert description["licence"] == "MIT"
    assert description["source_sha256"] == hashlib.sha256(VECTORS).hexdigest()
    assert "max_words" not in description

    assert "queen" in run("similar", "mini-de", "king").stdout
    assert run("models", "list", "--installed").stdout.splitlines()[1].split()[:5] == [
        "mini-de", "static", "de", "3", "2",
    ]  # fmt: skip
    n_requests = len(site.asked)
    assert run("models", "get", "mini-de").exit_code == 0
    assert len(site.asked) == n_requests

    result = run("models", "remove", "mini-de")
    assert result.stderr == f"{mini / 'mini-de'}: removed\n"
    result = run("models", "remove", "mini-de")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: mini-de: is not installed; see: embedtool models list --installed\n"
    )


@pytest.mark.datasets("google", "wordsim353", "simlex999")
def test_every_kind_of_command_takes_a_name(run: Run, mini: Path) -> None:
    assert run("models", "get", "mini-de", "mini-en").exit_code == 0
    both = ("mini-de", "mini-en")
    for arguments in (
        ("similarity", "mini-de", "king", "queen"),
        ("info", "mini-de"),
        ("check", "mini-de"),
        ("export", "mini-de", "out.vec"),
        ("transform", "mini-de", "transformed", "--center"),
        ("align", *both, "aligned"),
        ("drift", *both),
        ("compare", *both, "--word", "king", "--expression", "king - man"),
        ("plot", "words", "mini-de", "king", "--output", "words.svg"),
    ):
        result = run(*arguments)
        assert result.exit_code == 0, (arguments, result.stderr)
    assert store.is_model("aligned")
    assert not (mini / "aligned").exists()


def test_what_is_written_is_never_a_name(run: Run, mini: Path) -> None:
    assert run("models", "get", "mini-de").exit_code == 0
    assert run("transform", "mini-de", "mini-en", "--center").exit_code == 0
    assert store.is_model("mini-en")
    assert not (mini / "mini-en").exists()


def test_max_words_are_kept(run: Run, mini: Path) -> None:
    result = run("models", "get", "mini-de", "--max-words", 2)
    assert "mini-de: 2 words x 2" in result.stderr
    assert "the first 2 need not be the most frequent ones" in result.stderr
    assert store.describe(mini / "mini-de")["max_words"] == 2
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: mini-de: is installed with --max-words 2; fetch it again with --overwrite\n"
    )
    assert run("models", "get", "mini-de", "--overwrite").exit_code == 0
    assert store.describe(mini / "mini-de")["sizes"]["words"] == 3


def test_a_file_that_is_not_as_expected_leaves_nothing(run: Run, mini: Path, site: WebFile) -> None:
    site.content = b"1 3\nking 1 0 0\n"
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        f"Error: {site.url}.vec: refused: the vectors have 3 dimensions, 2 were expected\n"
    )
    site.content = b"<!doctype html><html>moved</html>"
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert "is a web page" in result.stderr
    assert left(mini) == ["mini-de"]
    assert not (mini / "mini-de").exists()


def test_a_missing_file(run: Run, mini: Path, site: WebFile) -> None:
    site.refusals = [404]
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {site.url}.vec: the server answers 404")
    assert not (mini / "mini-de").exists()


def test_two_processes_do_not_fetch_one_model(run: Run, mini: Path) -> None:
    (mini / ".downloads").mkdir(parents=True)
    with (mini / ".downloads" / "mini-de.lock").open("ab") as lock:
        lock_file(lock.fileno())
        result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert result.stderr == "Error: mini-de: another process is fetching it; wait for it\n"


def test_a_full_disk_is_noticed_before(
    run: Run, mini: Path, site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_registry(tmp_path, monkeypatch, site, more="of.de = { size = 1_000_000_000_000_000_000 }")
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert "mini-de needs 1000000000.0 GB" in result.stderr
    assert result.stderr.endswith("choose another disk with EMBEDTOOL_MODELS\n")
    assert not site.asked


def test_a_mirror_is_asked(
    run: Run, mini: Path, site: WebFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = site.url.removesuffix("/file")
    monkeypatch.setenv("EMBEDTOOL_MIRROR", mirror)
    assert run("models", "get", "mini-de").exit_code == 0
    assert store.describe(mini / "mini-de")["source"] == f"{site.url}.vec"


def test_names_are_completed(run: Run, mini: Path) -> None:
    shell = ShellComplete(cli, {}, "embedtool", "_EMBEDTOOL_COMPLETE")

    def completed(*words: str) -> list[str]:
        return [each.value for each in shell.get_completions([*words[:-1]], words[-1])]

    assert completed("models", "get", "mini") == ["mini-de", "mini-en"]
    assert completed("models", "info", "mini-d") == ["mini-de"]
    assert completed("models", "remove", "mini") == []
    assert run("models", "get", "mini-en").exit_code == 0
    assert completed("models", "remove", "mini") == ["mini-en"]
    assert completed("similar", "mini") == ["mini", "mini-en"]
    assert completed("similar", "mini-en", "qu") == ["queen"]
    assert completed("train", "word2vec", "--init", "mini") == ["mini", "mini-en"]
    assert completed("align", "mini-en", "mini") == ["mini", "mini-en"]
    assert completed("align", "mini-en", "mini-en", "mini") == ["mini"]


def test_only_the_beginning_of_text_in_order_of_frequency_is_read(
    run: Run, mini: Path, site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_registry(tmp_path, monkeypatch, site, by_frequency="true")
    assert run("models", "get", "mini-de", "--max-words", 2).exit_code == 0
    description = store.describe(mini / "mini-de")
    assert description["sizes"]["words"] == description["max_words"] == 2
    assert description["verified"] == "no, only its beginning was read"
    assert "source_sha256" not in description
    assert left(mini) == []


def test_a_published_checksum_is_verified(
    run: Run, mini: Path, site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def publish(content: bytes) -> None:
        md5 = hashlib.md5(content).hexdigest()
        facts = f'of.de = {{ size = {len(content)}, md5 = "{md5}" }}'
        write_registry(tmp_path, monkeypatch, site, more=facts)

    publish(VECTORS.replace(b"man", b"cat"))
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert f"Error: {site.url}.vec: the file " in result.stderr
    assert "it was deleted, try again" in result.stderr
    assert not (mini / "mini-de").exists()
    publish(VECTORS)
    assert run("models", "get", "mini-de").exit_code == 0
    md5 = hashlib.md5(VECTORS).hexdigest()
    assert store.describe(mini / "mini-de")["verified"] == f"md5 {md5}"


def test_a_file_with_the_right_checksum_is_kept(
    run: Run, mini: Path, site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.content = b"1 3\nking 1 0 0\n"
    md5 = hashlib.md5(site.content).hexdigest()
    facts = f'of.de = {{ size = {len(site.content)}, md5 = "{md5}" }}'
    write_registry(tmp_path, monkeypatch, site, more=facts)
    assert run("models", "get", "mini-de").exit_code == 1
    assert left(mini) == ["file.vec", "mini-de"]
    assert run("models", "get", "mini-de").exit_code == 1
    assert len(site.asked) == 1


def test_a_cut_download_is_continued(run: Run, mini: Path, site: WebFile) -> None:
    site.cut = 20
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert "the received part is kept; try again later" in result.stderr
    assert (mini / ".downloads" / "mini-de" / "file.vec.part").stat().st_size == 20
    site.cut = None
    assert run("models", "get", "mini-de").exit_code == 0
    assert site.asked[-1] == "bytes=20-"
    assert store.describe(mini / "mini-de")["sizes"]["words"] == 3


def test_an_interrupted_fetch_says_how_it_goes_on(
    run: Run, mini: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "save", interrupt)
    result = run("models", "get", "mini-de")
    assert result.exit_code == 130
    assert result.stderr.endswith(
        "Error: mini-de: interrupted; the received part is kept, and the same command continues\n"
    )
    assert left(mini) == ["file.vec", "mini-de"]
    assert list(mini.iterdir()) == [mini / ".downloads"]


def test_a_downloaded_file_is_not_fetched_again(
    run: Run, mini: Path, site: WebFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", fail)
        assert run("models", "get", "mini-de").exit_code == 1
    n_requests = len(site.asked)
    assert run("models", "get", "mini-de").exit_code == 0
    assert len(site.asked) == n_requests


def test_a_folder_that_cannot_be_made(
    run: Run, mini: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMBEDTOOL_MODELS", str(tmp_path / "file" / "models"))
    result = run("models", "get", "mini-de")
    assert result.exit_code == 1
    assert result.stderr.endswith("choose another folder with EMBEDTOOL_MODELS\n")
    assert result.stderr.count("\n") == 1
    assert run("models", "list", "--installed", "--tsv").stdout.count("\n") == 1


@pytest.mark.parametrize("form", ["./{}", "{}/", "../{}"])
def test_what_is_written_as_a_path_is_no_name(form: str, run: Run, mini: Path) -> None:
    assert run("models", "get", "mini-de").exit_code == 0
    assert run("similar", "mini-de", "king").exit_code == 0
    result = run("similar", form.format("mini-de"), "king")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no such model" in result.stderr


def test_fewer_words_than_published(
    run: Run, mini: Path, site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "[few]\n" + REGISTRY.partition("[mini]\n")[2].replace("mini-", "few-")
    more = more.replace("URL", site.url).replace("BY_FREQUENCY", "false\nwords = 4")
    write_registry(tmp_path, monkeypatch, site, more=more)
    assert "few-de: has 3 words, 4 were published" in run("models", "get", "few-de").stderr
    assert "published" not in run("models", "get", "few-en", "--max-words", "2").stderr
    assert json.loads(run("models", "info", "few-en", "--json").stdout)["words"] == 2
    result = run("models", "remove", "few-de", "nope")
    assert result.exit_code == 1
    assert (
        result.stderr == "Error: nope: is not installed; see: embedtool models list --installed\n"
    )
    assert store.is_model(mini / "few-de")


def test_no_model_of_a_language(run: Run, mini: Path) -> None:
    assert run("models", "list", "--language", "german").stderr == (
        "none; languages are codes of ISO 639 or Wikipedia's, such as de; "
        "embedtool models list has the collections\n"
    )
