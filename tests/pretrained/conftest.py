"""What the tests of fetching share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pretrained.published import MAKERS, Published, much_text
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
def large(monkeypatch: pytest.MonkeyPatch) -> Published:
    """A text that is read in small pieces, so that its end is far away."""
    monkeypatch.setattr("embedtool.formats.text_rows.PIECE_BYTES", 2**14)
    return much_text()


@pytest.fixture
def installed(tmp_path: Path, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of installed models, of which the server is the mirror."""
    monkeypatch.setenv("EMBEDTOOL_MIRROR", server.address)
    monkeypatch.setenv("EMBEDTOOL_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing between two attempts."""
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def hasty(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a silent server a moment only."""
    monkeypatch.setattr("embedtool.io.http_requests.TIMEOUT_SECONDS", 0.2)
