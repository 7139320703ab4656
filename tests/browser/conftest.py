"""A browser, and pages of one model and of two."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.map_page import CHROMIUM, WAIT, Page
from tests.conftest import Run


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield browser
        browser.close()


@pytest.fixture
def view(chromium: Any) -> Iterator[Page]:
    """A page that reaches no network and on which nothing goes wrong."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.set_offline(True)
    view = context.new_page()
    view.set_default_timeout(WAIT)
    wrong: list[str] = []
    view.on("pageerror", lambda error: wrong.append(str(error)))
    view.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    view.on("dialog", lambda dialog: wrong.append(dialog.message))
    yield view
    context.close()
    assert not wrong


@pytest.fixture(scope="session")
def file(run: Run, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one model."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    result = run("explore", models["word2vec"], "--layout", "pca", "--export", path)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{path}: 2,359 words, ")
    return path


@pytest.fixture(scope="session")
def two(run: Run, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two models."""
    path = tmp_path_factory.mktemp("map") / "two.html"
    chosen = models["word2vec"], models["glove"]
    assert run("explore", *chosen, "--layout", "pca", "--export", path).exit_code == 0
    return path
