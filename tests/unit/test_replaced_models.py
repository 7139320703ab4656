"""A served model whose folder is replaced: the new one answers, but for one that is broken."""

import asyncio
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mcp import Client
from starlette.testclient import TestClient

from embedtool.model import store
from embedtool.search.ann import build
from embedtool.serving import http_api
from embedtool.serving.http_api import application
from embedtool.serving.mcp_server import tool_server
from embedtool.serving.source import ModelSource
from tests.factories import numbered_words, saved_model, word_vectors

N = 300
WAIT = 60


def save(path: Path, first: str, n_words: int = N) -> str:
    """Save a model in which a word is first. Returns its checksum."""
    words = [first, *numbered_words(n_words)[1:]]
    saved_model(path, word_vectors(words, seed=n_words), algorithm=first)
    return str(json.loads((path / store.CONFIG).read_text())["checksum"])


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + WAIT
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(http_api, "POLL_SECONDS", 0.01)
    save(tmp_path / "model", "old")
    return tmp_path / "model"


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    source = ModelSource(path, False, 100, 100)
    with TestClient(application(source.open(), source=source)) as client:
        until(lambda: client.get("/ready").status_code == 200)
        yield client


def model_of(client: TestClient) -> dict[str, object]:
    answer = client.get("/health").json()
    assert answer["status"] == "ok"
    return answer["model"]


def test_health_tells_which_model_answers(path: Path, client: TestClient) -> None:
    checksum = json.loads((path / store.CONFIG).read_text())["checksum"]
    about = {"name": "model", "words": N, "vector_size": 8, "checksum": checksum}
    assert model_of(client) == about


def test_a_replaced_model_answers(path: Path, client: TestClient) -> None:
    assert client.get("/vector?word=old").status_code == 200
    checksum = save(path, "new", N + 50)
    until(lambda: model_of(client)["checksum"] == checksum)
    assert model_of(client)["words"] == client.get("/ready").json()["words"] == N + 50
    assert client.get("/vector?word=new").status_code == 200
    assert client.get("/vector?word=old").status_code == 404
    assert client.get(f"/similar?word=w{N + 49}").status_code == 200


def cut(path: Path) -> None:
    file = path / store.VECTORS
    file.write_bytes(file.read_bytes()[:-100])


def change(path: Path) -> None:
    file = path / store.VECTORS
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)


def empty(path: Path) -> None:
    (path / store.VECTORS).write_bytes(b"")


def spoil(path: Path) -> None:
    (path / store.CONFIG).write_text("{")


@pytest.mark.parametrize("breaking", [cut, change, empty, spoil])
def test_a_broken_replacement_leaves_the_old_one(
    breaking: Callable[[Path], None], path: Path, client: TestClient, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    before = model_of(client)
    save(tmp_path / "other", "new")
    breaking(tmp_path / "other")
    shutil.move(path, tmp_path / "away")
    shutil.move(tmp_path / "other", path)
    until(lambda: "the previous model still answers" in caplog.text)
    assert str(path) in caplog.text
    assert model_of(client) == before
    assert client.get("/similar?word=old").status_code == 200
    assert len(caplog.records) == 1
    checksum = save(tmp_path / "sound", "new")
    shutil.rmtree(path)
    assert client.get("/similar?word=old").status_code == 200
    shutil.move(tmp_path / "sound", path)
    until(lambda: model_of(client)["checksum"] == checksum)
    assert client.get("/similar?word=new").status_code == 200


def test_an_index_fits_the_model_that_answers(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build(store.load(path).vectors, path, 0.9)
    source = ModelSource(path, True, 100, 100)
    with TestClient(application(source.open(), source=source)) as client:
        until(lambda: client.get("/ready").status_code == 200)
        checksum = save(path, "new", N + 50)
        until(lambda: "has no index for approximate search" in caplog.text)
        assert client.get("/similar?word=old").json()["approximate"] is True
        build(store.load(path).vectors, path, 0.9)
        until(lambda: model_of(client)["checksum"] == checksum)
        found = client.get(f"/similar?word=w{N + 49}").json()
        assert found["approximate"] is True and len(found["answers"]) == 10


def test_tools_tell_which_model_answers_and_follow_it(path: Path) -> None:
    source = ModelSource(path, False, 100, 100)

    async def call() -> None:
        async with Client(tool_server(source.open(), source)) as client:
            old = json.loads((path / store.CONFIG).read_text())["checksum"]
            assert f"the model model: {N} words x 8, checksum {old};" in client.instructions
            answer = await client.call_tool("vector", {"words": ["old"]})
            assert answer.meta["model"]["checksum"] == old
            new = save(path, "new")
            answer = await client.call_tool("vector", {"words": ["new"]})
            assert not answer.is_error and answer.meta["model"]["checksum"] == new
            change(path)
            answer = await client.call_tool("vector", {"words": ["new"]})
            assert not answer.is_error and answer.meta["model"]["checksum"] == new

    asyncio.run(call())
