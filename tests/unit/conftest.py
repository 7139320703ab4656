"""Fixtures that several modules share."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.unit.recipe_sources import Site, change_recipe, sha256

LEE = "Hundreds of people, some of them old, fled.\nThe king's land: flooded!\n"


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
def small_lee(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The corpus lee, made from two lines in a package of ours; the file there."""
    path = tmp_path / "small_package" / "lee.cor"
    path.parent.mkdir()
    (path.parent / "__init__.py").touch()
    path.write_text(LEE)
    monkeypatch.syspath_prepend(tmp_path)
    change_recipe(
        monkeypatch, "lee", wheel="small_package/lee.cor", tokens=13, bytes=len(LEE),
        sha256=sha256(LEE.encode()),
    )  # fmt: skip
    return path
