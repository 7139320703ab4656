"""Fetching a model by its name when the network, the server or the user interferes."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedtool.io.checksums import sha256_of
from embedtool.model import store
from tests.conftest import Run, sends_signals
from tests.pretrained.conftest import MakeOnce
from tests.pretrained.packing import packed
from tests.pretrained.published import Published, fasttext_header
from tests.pretrained.test_get import known_by_checksum, serve
from tests.web_server import WebFile, WebServer

NAME = "glove-2024-wikigiga-50"
"""A model of a small archive without a published checksum."""
GET = [sys.executable, "-m", "embedtool", "models", "get"]


@pytest.fixture
def glove(published: MakeOnce, server: WebServer, installed: Path) -> WebFile:
    """The archive of NAME on the server, which is the mirror."""
    return serve(server, NAME, published("glove 2024").files)[0]


@pytest.fixture
def url(glove: WebFile) -> str:
    """Where the archive is, for messages."""
    return glove.url


def parts(installed: Path) -> dict[str, int]:
    """Return the files that were received in part, and their sizes."""
    return {path.name: path.stat().st_size for path in installed.rglob("*.part")}


def models(installed: Path) -> list[str]:
    """Return the names of the installed models."""
    return [path.name for path in installed.iterdir() if not path.name.startswith(".")]


def fetched(run: Run, installed: Path, name: str = NAME) -> str:
    """Fetch a model; return the checksum of its vectors."""
    result = run("models", "get", name)
    assert result.exit_code == 0, result.stderr
    return sha256_of(installed / name / "vectors.safetensors")


def check_cuts(step: int, glove: WebFile, run: Run, installed: Path) -> None:
    expected = fetched(run, installed)
    for byte in range(1, len(glove.content), step):
        assert run("models", "remove", NAME).exit_code == 0
        glove.cut = byte
        assert run("models", "get", NAME).exit_code == 1
        assert (models(installed), parts(installed)) == ([], {f"{Path(glove.url).name}.part": byte})
        glove.cut = None
        glove.asked.clear()
        assert fetched(run, installed) == expected
        assert glove.asked == [f"bytes={byte}-"]
        assert not parts(installed)


@pytest.mark.usefixtures("impatient")
def test_gone_on_with_after_a_cut(glove: WebFile, run: Run, installed: Path) -> None:
    check_cuts(211, glove, run, installed)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_gone_on_with_after_a_cut_at_any_byte(glove: WebFile, run: Run, installed: Path) -> None:
    check_cuts(1, glove, run, installed)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("behaviour", "message", "kept"),
    [
        ({"cut": 1000}, "the connection ended after 1,000 of 2,440 bytes; the received part is "
                        "kept; try again later", True),
        ({"cut": 0}, "the connection ended after 0 of 2,440 bytes; try again later", False),
        ({"stalls_at": 1000}, "the connection broke: timed out; the received part is kept; try "
                              "again later", True),
        ({"is_silent": True}, "cannot be reached: timed out; try again later", False),
        ({"refusals": [503] * 4}, "the server answers 503 Service Unavailable; try again later",
         False),
        ({"refusals": [404]}, "the server answers 404 Not Found: there is no such file, or it is "
                              "not for everyone", False),
    ],
)  # fmt: skip
def test_what_cannot_be_fetched(
    behaviour: dict[str, object], message: str, kept: bool, glove: WebFile, run: Run,
    installed: Path,
) -> None:  # fmt: skip
    glove.content = glove.content.ljust(2440, b"\0")[:2440]
    for field, value in behaviour.items():
        setattr(glove, field, value)
    result = run("models", "get", NAME)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[-1] == f"Error: {glove.url}: {message}"
    assert all(line.startswith(f"Info: {glove.url}: ") for line in lines[:-1])
    assert (models(installed), bool(parts(installed))) == ([], kept)


@pytest.mark.usefixtures("impatient")
def test_a_file_of_another_content_is_deleted(
    published: MakeOnce, server: WebServer, run: Run, installed: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    name = "glove-twitter-25"
    file = serve(server, name, published("gensim-data").files)[0]
    right = file.content
    known_by_checksum(monkeypatch, name, right)
    file.content = right[:-1] + bytes([right[-1] ^ 1])
    result = run("models", "get", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1].startswith(f"Error: {file.url}: the file has the MD5 ")
    assert result.stderr.endswith("; it was deleted, try again\n")
    assert (models(installed), parts(installed)) == ([], {})
    file.content = right + b"\0"
    result = run("models", "get", name)
    assert f"{file.url}: the file there has {len(right) + 1:,} bytes" in result.stderr
    file.content = right
    fetched(run, installed, name)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("wrong", ["page", "half", "damaged", "empty", "another archive"])
def test_a_wrong_file_does_not_stay(wrong: str, glove: WebFile, run: Run, installed: Path) -> None:
    right = glove.content
    middle = len(right) // 2
    glove.content = {
        "page": b"<!DOCTYPE html>\n<html><body>404</body></html>\n",
        "half": right[:middle],
        "damaged": right[:middle] + b"\xff" * 50 + right[middle + 50 :],
        "empty": b"",
        "another archive": packed({"about.txt": b"nothing"}),
    }[wrong]
    result = run("models", "get", NAME)
    assert (result.exit_code, result.stdout, models(installed)) == (1, "", [])
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    glove.content, glove.etag = right, '"second"'
    fetched(run, installed)


@pytest.mark.usefixtures("impatient")
def test_a_file_that_changed_since_is_fetched_anew(
    glove: WebFile, run: Run, installed: Path
) -> None:
    glove.cut = 1000
    assert run("models", "get", NAME).exit_code == 1
    member, rows = "a_combined.txt", b"word" + b" 0.5" * 50 + b"\n"
    glove.content, glove.etag, glove.cut = packed({member: rows * 1}), '"second"', None
    fetched(run, installed)
    assert list(store.load(installed / NAME).vectors.words) == ["word"]


@pytest.mark.usefixtures("impatient")
def test_the_first_words_end_the_transfer_early(
    large: Published, server: WebServer, run: Run, installed: Path
) -> None:
    """The rest never comes, and nobody misses it."""
    content = gzip.compress(fasttext_header(large) + large.files[""], 1)
    path = "dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.de.300.vec.gz"
    file = serve(server, "fasttext-cc-de-vec", {path: content})[0]
    file.stalls_at = len(content) // 2
    result = run("models", "get", "fasttext-cc-de-vec", "--max-words", 50)
    assert result.exit_code == 0, result.stderr
    assert list(store.load(installed / "fasttext-cc-de-vec").vectors.words) == large.words[:50]


@pytest.mark.usefixtures("impatient")
def test_two_at_once(glove: WebFile, run: Run, installed: Path) -> None:
    def second(number: int) -> None:
        if not number:
            result = run("models", "get", NAME)
            assert (result.exit_code, result.stderr) == (
                1, f"Error: {NAME}: another process is fetching it; wait for it\n",
            )  # fmt: skip
            seen.append(number)

    seen: list[int] = []
    glove.on_answer = second
    fetched(run, installed)
    assert seen == [0]


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it does not come to pass")


@sends_signals
@pytest.mark.parametrize(
    ("sent", "code", "message"),
    [
        (signal.SIGKILL, -signal.SIGKILL, ""),
        (
            signal.SIGINT,
            130,
            "Error: glove-2024-dolma-300: interrupted; the received part is kept, "
            "and the same command continues\n",
        ),
    ],
)
def test_stopped_in_the_middle_and_gone_on_with(
    sent: signal.Signals, code: int, message: str, large: Published, server: WebServer, run: Run,
    installed: Path,
) -> None:  # fmt: skip
    content = packed({"glove.txt": large.files[""]})
    name = "glove-2024-dolma-300"
    file = serve(
        server, name, {"nlp.stanford.edu/data/wordvecs/glove.2024.dolma.300d.zip": content}
    )[0]
    file.stalls_at = len(content) // 2
    with subprocess.Popen(
        [*GET, name], env={**os.environ, "COLUMNS": "80"}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        until(lambda: sum(parts(installed).values()) > len(content) // 3)
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert err.decode().strip() == message.strip()
    assert models(installed) == []
    (received,) = parts(installed).values()
    file.stalls_at = None
    file.asked.clear()
    fetched(run, installed, name)
    assert file.asked == [f"bytes={received}-"]
    assert store.load(installed / name).vectors.n_words == len(large.words)


@pytest.mark.usefixtures("impatient")
def test_a_repository_that_is_cut(
    published: MakeOnce, server: WebServer, run: Run, installed: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    name = "potion-base-2M"
    files = serve(server, name, published("potion").files)
    cut = [file for file in files if file.url.endswith("model.safetensors")]
    for file in cut:
        file.cut = 100
    result = run("models", "get", name)
    assert (result.exit_code, result.stdout, models(installed)) == (1, "", [])
    assert result.stderr.startswith("Error: hf:minishlab/potion-base-2M: cannot be downloaded: ")
    assert result.stderr.endswith("; try again later\n")
    assert not caplog.records
    for file in cut:
        file.cut = None
    fetched(run, installed, name)


def test_a_repository_that_is_not_there(run: Run, installed: Path) -> None:
    result = run("models", "get", "hf:nobody/nothing")
    assert (result.exit_code, result.stderr) == (
        1, "Error: hf:nobody/nothing: there is no such repository or revision\n",
    )  # fmt: skip
