"""Vectors are read from the web as from a file, and only as much of them as is needed."""

import re
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import CorpusError, DamagedError, EmbedtoolError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.model import store
from tests.conftest import Run
from tests.pretrained.conftest import MakeOnce
from tests.pretrained.packing import SUFFIXES, compressed, lines, npy, packed, random_rows
from tests.pretrained.published import WORDS, Published
from tests.web_server import WebFile, WebServer

MEMBERS = {
    "wiki": "*.bin",
    "crawl with subwords": "*.bin",
    "glove.6B": "*.100d.txt",
    "glove.twitter": "*.25d.txt",
    "HistWords": "1990",
    "NLPL": "model.txt",
}
COLLECTIONS = [
    "supervised", "quantised", "crawl .bin", "crawl .vec", "wiki", "aligned", "wiki-news",
    "crawl with subwords", "glove.6B",
    "glove.840B", "glove.twitter", "glove 2024", "GoogleNews", "gensim-data", "Numberbatch",
    "Numberbatch English", "HistWords", "NLPL",
]  # fmt: skip
ROWS = random_rows(len(WORDS), 4)
CONTENT = lines(WORDS, ROWS)
PACKED = {suffix: compressed(CONTENT, suffix) for suffix in SUFFIXES}
SERVERS: dict[str, dict[str, object]] = {
    "usual": {},
    "without ranges": {"knows_range": False},
    "without a length": {"names_length": False, "knows_range": False},
    "in chunks": {"chunked": True, "knows_range": False},
    "with a date only": {"etag": None, "modified": "Tue, 01 Dec 2020 00:00:00 GMT"},
    "with a weak tag": {"etag": 'W/"first"'},
}
"""How servers answer."""

pytestmark = pytest.mark.usefixtures("impatient")


def check(url: str, expected: Published, **options: object) -> None:
    """Compare what is read with what the collection's own tool says."""
    vectors, _ = formats.read(url, options=ReadOptions(**options))  # type: ignore[arg-type]
    assert list(vectors.words) == list(expected.words)
    np.testing.assert_allclose(vectors.rows, expected.vectors, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_each_collection_is_what_its_own_tool_says(
    name: str, published: MakeOnce, server: WebServer
) -> None:
    expected = published(name)
    path, content = next(iter(expected.files.items()))
    file = server.put(f"/{path}", content)
    prefix = "/c/de/" if name == "Numberbatch" else None
    check(file.url, expected, member=MEMBERS.get(name), word_prefix=prefix)


@pytest.mark.parametrize("behaviour", SERVERS)
@pytest.mark.parametrize("suffix", PACKED)
def test_each_packing_from_each_server(suffix: str, behaviour: str, server: WebServer) -> None:
    file = server.put("/file", PACKED[suffix], **SERVERS[behaviour])
    check(file.url, Published({}, WORDS, ROWS))


@pytest.mark.parametrize(("chunked", "n_warnings"), [(False, 1), (True, 0)])
def test_a_length_that_nothing_tells_is_a_warning(
    chunked: bool, n_warnings: int, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    file = server.put("/file", CONTENT, names_length=False, knows_range=False, chunked=chunked)
    check(file.url, Published({}, WORDS, ROWS))
    assert [record.getMessage() for record in caplog.records] == n_warnings * [
        f"{file.url}: the server names no length; a file that was cut looks whole"
    ]


def test_a_slow_server(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.web_server.SEND_BYTES", 7)
    for suffix in (".gz", ".zip", ".tar.bz2"):
        file = server.put("/file", PACKED[suffix], pause=0.0005)
        check(file.url, Published({}, WORDS, ROWS))


def test_a_redirect_to_another_host(server: WebServer) -> None:
    there = server.put("/store/1?signature=a", PACKED[".gz"])
    moved = server.put("/releases/file.gz", location=there.url)
    check(moved.url, Published({}, WORDS, ROWS))
    assert server.paths == ["/releases/file.gz", "/store/1?signature=a"]


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".zip", ".tar.gz"])
def test_a_limit_ends_the_transfer_early(suffix: str, large: Published, server: WebServer) -> None:
    """The rest never comes, and nobody misses it."""
    packing = compressed(large.files[""], suffix)
    file = server.put("/file", packing, stalls_at=len(packing) // 2)
    check(file.url, large._replace(words=large.words[:50], vectors=large.vectors[:50]),
          limit=50)  # fmt: skip


@pytest.mark.parametrize("suffix", [".gz", ".zip", ""])
def test_a_cut_at_any_byte_changes_nothing(suffix: str, server: WebServer) -> None:
    content = PACKED[suffix]
    expected = Published({}, WORDS, ROWS)
    for byte in range(0, len(content), 2 if suffix == ".zip" else 1):
        file = server.put("/file", content, cuts=[byte])
        check(file.url, expected)
        assert f"bytes={byte}-" in file.asked or not byte


@pytest.mark.parametrize("behaviour", ["without ranges", "with a date only"])
def test_a_cut_where_the_beginning_comes_again(behaviour: str, server: WebServer) -> None:
    content = PACKED[".gz"]
    for byte in range(0, len(content), 10):
        file = server.put("/file", content, cuts=[byte], resets=True, **SERVERS[behaviour])
        check(file.url, Published({}, WORDS, ROWS))


def failing(file: WebFile, kind: type[EmbedtoolError] = CorpusError) -> str:
    """Return the message of the error that reading a file is."""
    with pytest.raises(kind) as caught:
        formats.read(file.url)
    assert file.url in str(caught.value)
    return str(caught.value).replace(file.url, "URL")


def test_a_file_that_changed_meanwhile_is_not_glued_together(server: WebServer) -> None:
    def change(number: int) -> None:
        if number:
            file.content, file.etag = lines(WORDS, ROWS * 2), '"second"'

    file = server.put("/file", CONTENT, cuts=[100], on_answer=change)
    assert failing(file) == "URL: the file changed while it was read; try again"


def test_a_file_without_a_tag_that_changed_meanwhile(server: WebServer) -> None:
    """Nothing tells that it is the same one."""

    def change(number: int) -> None:
        if number:
            file.content = lines(WORDS, -ROWS)

    file = server.put("/file", lines(WORDS, abs(ROWS)), etag=None, cuts=[100], on_answer=change)
    assert failing(file) == (
        "URL: the connection broke, and the server does not identify the file's version, without "
        "which it cannot be resumed; try again"
    )


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ({"cut": 100}, r"the connection ended after 100 of \d+ bytes; try again later"),
        ({"cut": 0}, r"the connection ended after 0 of \d+ bytes; try again later"),
        ({"stalls_at": 100}, r"the connection broke: timed out; try again later"),
        ({"is_silent": True}, r"cannot be reached: timed out; try again later"),
        ({"refusals": [503] * 4}, "the server answers 503 Service Unavailable; try again later"),
        ({"refusals": [404]}, "the server answers 404 Not Found: there is no such file, or it is "
                              "not for everyone"),
        ({"announced": 10_000}, r"the connection ended after \d+ of 10,000 bytes; try again later"),
    ],
)  # fmt: skip
def test_what_cannot_be_fetched(
    behaviour: dict[str, object], message: str, server: WebServer
) -> None:
    file = server.put("/file", CONTENT, **behaviour)
    assert re.fullmatch(f"URL: {message}", failing(file))


def test_faults_that_pass(server: WebServer) -> None:
    file = server.put("/file", CONTENT, refusals=[503, 429], cuts=[10, 20, 30, 40, 50, 60, 70])
    check(file.url, Published({}, WORDS, ROWS))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".zip", ".tar.gz"])
def test_a_damaged_file_is_named(suffix: str, server: WebServer) -> None:
    content = PACKED[suffix]
    middle = len(content) // 2
    file = server.put("/file", content[:middle] + b"\xff" * 20 + content[middle + 20 :])
    assert failing(file, DamagedError).startswith("URL: ")


def test_damaged_standard_input_is_named(run: Run, tmp_path: Path) -> None:
    result = run("import", "-", tmp_path / "model", input=PACKED[".gz"][:100])
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.match(
        r"Error: standard input: the compressed data is damaged or cut short: .*\n$", result.stderr
    )
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_standard_input_is_read_as_a_file(suffix: str, run: Run, tmp_path: Path) -> None:
    result = run("import", "-", tmp_path / "model", input=PACKED[suffix])
    assert result.exit_code == 0, result.stderr
    vectors = store.load(tmp_path / "model").vectors
    assert list(vectors.words) == WORDS
    np.testing.assert_array_equal(vectors.rows, ROWS)


@pytest.mark.parametrize(("given", "asked"), [("ü b.vec?q=ä", "/%C3%BC%20b.vec?q=%C3%A4"),
                                              ("a%20b.vec", "/a%20b.vec")])  # fmt: skip
def test_characters_of_an_address(given: str, asked: str, server: WebServer) -> None:
    server.put(asked, CONTENT)
    check(f"{server.address}/{given}", Published({}, WORDS, ROWS))
    assert server.paths == [asked]


def test_a_password_is_sent_to_its_host_only_and_never_shown(server: WebServer) -> None:
    def remember(_: int) -> None:
        seen.append(server.authorization)

    seen: list[str | None] = []
    server.put("/store", CONTENT, on_answer=remember)
    file = server.put("/file", location=f"{server.address}/store", on_answer=remember)
    url = file.url.replace("://", "://me:s%40cret@")
    check(url, Published({}, WORDS, ROWS))
    assert seen == ["Basic bWU6c0BjcmV0", None]
    server.put("/file", b"", refusals=[403])
    with pytest.raises(CorpusError) as caught:
        formats.read(url)
    assert str(caught.value).startswith(f"{file.url}: the server answers 403 Forbidden: ")


@pytest.mark.parametrize(
    "location", ["/loop", "file:///etc/passwd", "ftp://127.0.0.1/file", "http://[half"]
)
def test_a_redirect_to_nowhere(location: str, server: WebServer) -> None:
    file = server.put("/loop", location=location)
    assert failing(file) == "URL: the server redirects without end, or to no web address"


@pytest.mark.parametrize("url", ["http://", "http://host:no/", "http://host:99999/"])
def test_an_address_that_is_none_is_not_tried(url: str) -> None:
    with pytest.raises(CorpusError, match=r": is no address of a file on the web: "):
        formats.read(url)


def test_a_copy_is_named_by_its_address(server: WebServer) -> None:
    file = server.put("/file.npz", packed({"other.npy": npy(ROWS)}))
    with pytest.raises(FormatError) as caught:
        formats.read(file.url)
    assert str(caught.value).startswith(f"{file.url}: expected the arrays 'words' and 'vectors'")
    file.content = packed({"words.npy": npy(np.array(WORDS)), "vectors.npy": npy(ROWS)})
    vectors, description = formats.read_described(file.url)
    assert (list(vectors.words), description["source"]) == (WORDS, file.url)
