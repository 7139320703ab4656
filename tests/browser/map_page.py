"""What tests of the map page share: a browser, and what stands on the page."""

from pathlib import Path
from shutil import which
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
WAIT = 30_000
"""Milliseconds, on a machine that does other things too."""

Page = Any


def opened(view: Page, file: Path, more: str = "") -> Page:
    view.goto(f"{file.as_uri()}{more}")
    view.wait_for_selector("html[data-ready=all]", state="attached")
    return view


def answers(view: Page, table: int = 0) -> list[tuple[str, float]]:
    rows = view.locator("#answers table").nth(table).locator("tbody tr")
    cells = (row.locator("td").all_inner_texts() for row in rows.all())
    return [(word, float(score)) for word, score in cells]


def point(view: Page, word: str, index: int = 0) -> tuple[float, float]:
    """Where a word's point is on the screen."""
    found: list[float] = view.evaluate(
        """([word, index]) => {
          const map = maps[index], id = map.model.ids.get(word);
          const { x, y } = map.view, { width, height } = map.size;
          const box = map.element.querySelector(".bk-Figure").getBoundingClientRect();
          return [box.left + (map.x[id] - x[0]) / (x[1] - x[0]) * width,
                  box.top + (1 - (map.y[id] - y[0]) / (y[1] - y[0])) * height];
        }""",
        [word, index],
    )
    return found[0], found[1]


def ask(view: Page, text: str) -> None:
    view.fill("#query", text)
    view.press("#query", "Enter")


def view_of(view: Page, index: int = 0) -> dict[str, list[float]]:
    found: dict[str, list[float]] = view.evaluate("index => maps[index].view", index)
    return found
