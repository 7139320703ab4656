"""What the tests of fetching share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pretrained.published import MAKERS, Published
from tests.web_server import WebServer, serving

MakeOnce = Callable[[str], Published]


@pytest.fixture
def server() -> Iterator[WebServer]:
    """A web server without files."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Make a collection once."""
    made: dict[str, Published] = {}

    def make(name: str) -> Published:
        if name not in made:
            made[name] = MAKERS[name](tmp_path_factory.mktemp("published"))
        return made[name]

    return make


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing between two attempts, and for a silent server a moment."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("embedtool.io.http_requests.TIMEOUT_SECONDS", 0.2)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where a model is written."""
    return tmp_path / "model"
