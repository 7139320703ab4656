"""Fixtures that several modules share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.recipe_sources import CONTENT, change_recipe, sha256
from tests.web_server import WebFile, serving

LEE = "Hundreds of people, some of them old, fled.\nThe king's land: flooded!\n"


@pytest.fixture
def site() -> Iterator[WebFile]:
    """One file on a web server, under any path."""
    with serving() as server:
        yield server.put("*", CONTENT)


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
