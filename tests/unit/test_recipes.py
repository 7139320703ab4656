"""Corpora by name: prepared once, whole or not at all."""

import bz2
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from embedtool.corpus.cleaning import CLEANINGS
from embedtool.corpus.recipes import (
    data_folder,
    find_recipe,
    get,
    path_of,
    prepared,
    recipes,
    shipped_folder,
)
from embedtool.errors import ConfigError, CorpusError, MissingExtraError, OutputError
from embedtool.io.progress import Progress
from tests.unit.recipe_sources import (
    DUMP,
    DUMP_TEXT,
    change_recipe,
    left_in,
    n_tokens,
    sha256,
    zipped,
)
from tests.web_server import WebFile


@pytest.mark.parametrize("name", recipes())
class TestEveryRecipe:
    def test_is_well_formed(self, name: str) -> None:
        recipe = recipes()[name]
        assert re.fullmatch("[a-z0-9]+", name)
        assert [recipe.file, recipe.extra, recipe.url].count(None) == 2
        assert recipe.cleaning in CLEANINGS
        assert re.fullmatch("[a-z]{2}|any", recipe.language)
        assert recipe.title and recipe.license
        assert recipe.sha256 is None or re.fullmatch("[0-9a-f]{64}", recipe.sha256)
        assert recipe.sha256 is None or recipe.bytes
        assert recipe.tokens or recipe.parameters
        assert not recipe.extra or recipe.wheel
        assert not (recipe.wheel and recipe.url) or recipe.sha256

    def test_parameters_are_those_of_the_address(self, name: str) -> None:
        recipe = recipes()[name]
        assert set(re.findall(r"\{(\w+)\}", recipe.url or "")) == set(recipe.parameters)
        for parameter in recipe.parameters.values():
            assert re.fullmatch(parameter.pattern, parameter.example)
            for bad in ("", "..", "a/b", "a b", "ä", "a-b"):
                assert not re.fullmatch(parameter.pattern, bad)


class TestGet:
    @pytest.fixture(autouse=True)
    def _data(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMBEDTOOL_DATA", str(tmp_path / "data"))

    @pytest.mark.parametrize(
        ("name", "first", "n_lines"),
        [
            ("kingdoms", None, None),
            pytest.param(
                "lee",
                "hundreds of people have been forced to vacate their homes in the",
                300,
                marks=pytest.mark.skipif(not find_spec("gensim"), reason="comes with gensim"),
            ),
            ("bible", "in the beginning god created the heaven and the earth\n", 31_102),
        ],
    )
    def test_corpora_that_are_at_hand(
        self, name: str, first: str | None, n_lines: int | None
    ) -> None:
        text = get(name).read_text()
        assert n_tokens(name, text) == recipes()[name].tokens
        assert all(re.fullmatch(r"[\w ]+", line) for line in text.splitlines())
        if first and n_lines:
            assert text.startswith(first)
            assert text.count("\n") == n_lines

    def test_shipped_corpus_stays_where_it_is(self) -> None:
        path = get("kingdoms", force=True)
        assert path == shipped_folder() / "kingdoms.txt" == path_of("kingdoms")
        assert not data_folder().exists()

    def test_output(self, tmp_path: Path, small_lee: Path) -> None:
        for name in ("kingdoms", "lee"):
            path = tmp_path / f"{name}-copy"
            assert get(name, output=path) == path
            assert n_tokens(name, path.read_text()) == find_recipe(name).tokens
        assert not data_folder().exists()
        assert get("lee").read_bytes() == (tmp_path / "lee-copy").read_bytes()

    def test_output_over_the_corpus_itself(self, small_lee: Path) -> None:
        path = get("lee")
        text = path.read_bytes()
        assert get("lee", output=path).read_bytes() == text

    def test_output_in_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="make it first"):
            get("lee", output=tmp_path / "missing" / "file")

    def test_what_is_here_is_not_made_again_but_by_force(self, small_lee: Path) -> None:
        path = get("lee")
        path.write_text("changed\n")
        assert get("lee").read_text() == "changed\n"
        assert get("lee", force=True).read_text() != "changed\n"

    def test_text8(self, site: WebFile, monkeypatch: pytest.MonkeyPatch) -> None:
        site.content = zipped(b" anarchism originated as a term of abuse")
        change_recipe(monkeypatch, "text8", url=site.url, bytes=None, sha256=sha256(site.content))
        path = get("text8")
        assert path.read_bytes() == b" anarchism originated as a term of abuse"
        assert left_in(data_folder()) == {"corpora", "downloads"}
        assert not left_in(data_folder() / "downloads")
        get("text8")
        assert len(site.asked) == 1
        get("text8", force=True)
        assert site.asked == [None, None]

    def test_wikipedia(self, site: WebFile, monkeypatch: pytest.MonkeyPatch) -> None:
        site.content = bz2.compress(DUMP.encode())
        change_recipe(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        seen: list[Progress] = []
        path = get("wikipedia", parameters={"language": "de"}, report=seen.append)
        assert path == data_folder() / "corpora" / "wikipedia-de.txt"
        assert path.read_text() == DUMP_TEXT
        assert prepared(recipes()["wikipedia"]) == {"de": path}
        total = len(site.content)
        assert seen[-1] == Progress("cleaning", total, total, "bytes")

    def test_lower_case_is_that_of_the_language(
        self, site: WebFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = DUMP.replace("Der Hund bellt.", "ISPARTA").encode()
        change_recipe(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        for language, word in (("tr", "ısparta"), ("de", "isparta")):
            text = get("wikipedia", parameters={"language": language}).read_text()
            assert text.endswith(f"\n{word}\n")

    def test_interrupted_download_goes_on(
        self, site: WebFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = zipped(b"a b c")
        change_recipe(monkeypatch, "text8", url=site.url, bytes=None, sha256=None)
        downloads = data_folder() / "downloads"
        downloads.mkdir(parents=True)
        (downloads / "text8.part").write_bytes(site.content[:50])
        (downloads / "text8.part.tag").write_text('"first"')
        assert get("text8").read_bytes() == b"a b c"
        assert site.asked == ["bytes=50-"]

    def test_damaged_download_leaves_nothing(
        self, site: WebFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = bz2.compress(DUMP.encode())[:-20]
        change_recipe(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        with pytest.raises(CorpusError, match=r"damaged or cut short.*the download was deleted"):
            get("wikipedia", parameters={"language": "de"})
        assert not left_in(data_folder() / "downloads")
        assert not left_in(data_folder() / "corpora")

    def test_source_that_holds_no_text(
        self, site: WebFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = zipped(b"")
        change_recipe(monkeypatch, "text8", url=site.url, bytes=None, sha256=None)
        with pytest.raises(CorpusError, match="holds no text"):
            get("text8")

    def test_package_file_that_is_another(
        self, monkeypatch: pytest.MonkeyPatch, small_lee: Path
    ) -> None:
        change_recipe(monkeypatch, "bible", wheel="small_package/lee.cor")
        with pytest.raises(CorpusError, match=r"lee\.cor: not the file that the recipe"):
            get("bible")

    @pytest.mark.parametrize("package", ["is not installed", "has other line ends"])
    def test_file_of_a_package_that_is_fetched_instead(
        self, package: str, small_lee: Path, site: WebFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = small_lee.read_bytes()
        text = get("lee").read_bytes()
        assert small_lee.read_bytes() == site.content
        recipe = find_recipe("lee")
        change_recipe(
            monkeypatch, "lee", url=site.url, wheel=recipe.wheel, bytes=recipe.bytes,
            sha256=recipe.sha256,
        )  # fmt: skip
        assert get("lee", force=True).read_bytes() == text
        assert not site.asked
        if package == "is not installed":
            monkeypatch.setattr("embedtool.corpus.recipes.in_package", lambda _: None)
        else:
            small_lee.write_bytes(site.content.replace(b"\n", b"\r\n"))
        assert get("lee", force=True).read_bytes() == text
        assert site.asked == [None] and small_lee.exists()
        assert not left_in(data_folder() / "downloads")

    def test_missing_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        change_recipe(monkeypatch, "bible", wheel="no_such_package/data/kjv.jsonl")
        with pytest.raises(MissingExtraError, match=r"pip install 'embedtool\[bible\]'"):
            get("bible")

    def test_data_folder_that_cannot_be_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "taken").write_text("")
        monkeypatch.setenv("EMBEDTOOL_DATA", str(tmp_path / "taken"))
        with pytest.raises(OutputError, match="EMBEDTOOL_DATA"):
            get("lee")


class TestNames:
    def test_unknown_corpus(self) -> None:
        with pytest.raises(CorpusError, match="nosuch: no such corpus; there are kingdoms, lee,"):
            find_recipe("nosuch")

    @pytest.mark.parametrize(
        ("name", "parameters", "message"),
        [
            ("wikipedia", {}, "wikipedia needs language, such as language='de'"),
            ("lee", {"language": "de"}, "lee takes no language"),
            (
                "gutenberg",
                {"book": "0x"},
                "'0x' cannot be the book of gutenberg; give one such as book='1342'",
            ),
            ("wikipedia", {"language": "../x"}, "'../x' cannot be the language of wikipedia"),
        ],
    )
    def test_parameters(self, name: str, parameters: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
            path_of(name, parameters)

    def test_data_folder(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("EMBEDTOOL_DATA", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HOME", "/home/me")
        assert path_of("lee") == Path("/home/me/.local/share/embedtool/corpora/lee.txt")
        monkeypatch.setenv("XDG_DATA_HOME", "/xdg")
        assert data_folder() == Path("/xdg/embedtool")
        monkeypatch.setenv("EMBEDTOOL_DATA", "/mine")
        assert data_folder() == Path("/mine")
