"""The small server of the map, asked by programs."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from embedtool.mapview.map_data import MapData
from embedtool.mapview.map_server import MapServer
from embedtool.model import store


@contextmanager
def running(*shown: MapData) -> Iterator[MapServer]:
    """The map of some models, served in this process."""
    with MapServer(shown, 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def served(models: dict[str, Path]) -> Iterator[MapServer]:
    with running(
        MapData("word2vec", store.load(models["word2vec"]).vectors, 400, "pca", 1)
    ) as each:
        yield each


def asked(
    server: MapServer, path: str, method: str = "GET", host: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer to one request, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    default = f"127.0.0.1:{server.server_port}"
    connection.request(method, path, headers={"Host": default if host is None else host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize("path", ["/", "/?", "/?anything", "/?q=king&x=/payloads/0-words"])
def test_what_stands_after_a_question_mark_changes_no_page(served: MapServer, path: str) -> None:
    answer, body = asked(served, path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert body == served.page


def test_a_payload_may_have_a_query_string_too(served: MapServer) -> None:
    answer, body = asked(served, "/payloads/0-words?again")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert len(json.loads(body)) == 400


@pytest.mark.parametrize("path", ["/", "/?anything", "/payloads/0-words", "/payloads/0-none"])
def test_head_has_the_headers_of_get(served: MapServer, path: str) -> None:
    got, body = asked(served, path)
    head, nothing = asked(served, path, "HEAD")
    assert (head.status, nothing) == (got.status, b"")
    for name in ("Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert head.headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_map_is_only_read(served: MapServer, method: str) -> None:
    answer, body = asked(served, "/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert body == b"the map is only read\n"


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:9000", "[::1]:9000", "localhost"])
def test_a_tunnel_may_have_another_port(served: MapServer, host: str) -> None:
    answer, body = asked(served, "/", host=host)
    assert (answer.status, body) == (200, served.page)


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "10.0.0.7:80", "", "["])
def test_another_host_is_told_how_to_reach_the_map(served: MapServer, host: str) -> None:
    answer, body = asked(served, "/", host=host)
    port = served.server_port
    assert (answer.status, answer.headers["Content-Type"]) == (403, "text/plain")
    assert body.decode() == (
        f"The map is only for this machine: open http://127.0.0.1:{port}/ here. From another "
        f"machine: ssh -L {port}:127.0.0.1:{port} NAME-OF-THIS-MACHINE, and the same address "
        "there.\n"
    )
