"""Machines that do not answer, or not to the end: said, given up after a while, interruptible."""

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from embedtool.corpus import sources, waiting
from embedtool.corpus.sources import open_source
from embedtool.corpus.waiting import wait_for_answer
from embedtool.errors import CorpusError
from tests.conftest import sends_signals

SECONDS = 60
URLS = {
    "http": "http://127.0.0.1:{}/a.txt",
    "s3": "s3://key:secret@bucket/a.txt?scheme=http&endpoint_override=127.0.0.1:{}",
    "gs": "gs://anonymous@bucket/a.txt?scheme=http&endpoint_override=127.0.0.1:{}",
}
PROGRAM = """
import sys
from embedtool.corpus import waiting
waiting.NOTICE_SECONDS = 0.2
waiting.ANSWER_SECONDS = float(sys.argv.pop(1))
from embedtool.cli.main import main
main()
"""


@contextmanager
def server(said: bytes, ends: bool) -> Iterator[int]:
    """A port where every request is answered by some bytes, and then by the end or by silence."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                kept.append(connection)
                if said or ends:
                    connection.recv(65536)
                    connection.sendall(said)
                if ends:
                    connection.close()

        Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()


@contextmanager
def asking(url: str, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """The program, reading a text at a URL."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(seconds), "vocab", url],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@sends_signals
@pytest.mark.parametrize("kind", URLS)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_who_waits_for_an_answer_can_be_stopped(
    kind: str, number: signal.Signals, code: int
) -> None:
    with server(b"", False) as port, asking(URLS[kind].format(port), 600) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(f"Info: {kind}://") and line.endswith(": waiting for an answer\n")
        process.send_signal(number)
        process.wait(SECONDS)
    assert process.returncode == code


@pytest.mark.parametrize("kind", URLS)
def test_no_answer_is_an_error_after_a_while(kind: str) -> None:
    with server(b"", False) as port, asking(URLS[kind].format(port), 0.5) as process:
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    first, last = stderr.splitlines()
    assert first.endswith(": waiting for an answer") and "secret" not in stderr
    assert last.startswith(f"Error: {kind}://")
    assert last.endswith(": no answer within 0.5 s; is the network there?")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "ends", "why"),
    [
        (b"", False, "Read timed out"),
        (b"", True, "Connection aborted"),
        (HEAD, False, "Read timed out"),
        (HEAD + b"a word " * 1000, False, "Read timed out"),
        (HEAD, True, "IncompleteRead"),
        (HEAD + b"a word " * 1000, True, "IncompleteRead"),
    ],
)
def test_a_text_that_does_not_come_to_its_end_is_an_error(
    said: bytes, ends: bool, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "HTTP_TIMEOUT_SECONDS", 0.3)
    with server(said, ends) as port:
        url = URLS["http"].format(port)
        with (
            pytest.raises(CorpusError, match=f"^{url}: cannot be read: .*{why}"),
            open_source(url) as (text, _),
        ):
            text.read()


def test_a_text_that_comes_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a word \n" * 100_000
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text
    with server(said, True) as port, open_source(URLS["http"].format(port)) as (found, _):
        assert found.read() == text


def test_what_work_raises_is_raised_and_what_it_gives_is_given() -> None:
    assert wait_for_answer("a", lambda: 5) == 5
    for error in (ValueError("no"), TimeoutError("no"), OSError(5, "no")):
        with pytest.raises(type(error)) as caught:
            wait_for_answer("a", lambda error=error: (_ for _ in ()).throw(error))
        assert caught.value is error


def test_waiting_is_told_and_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(waiting, "NOTICE_SECONDS", 0.01)
    release = Event()
    with pytest.raises(CorpusError, match=r"^a: no answer within 0\.02 s; is the network there\?$"):
        wait_for_answer("a", release.wait, 0.02)
    assert [record.getMessage() for record in caplog.records] == ["a: waiting for an answer"]
    assert waiting.is_waiting()
    release.set()
    while waiting.is_waiting():
        pass
