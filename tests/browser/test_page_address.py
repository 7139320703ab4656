"""The map page in a browser: the address, links and the history."""

from pathlib import Path
from typing import Any

import pytest

from embedtool.mapview.map_data import MapData
from embedtool.model import store
from tests.browser.map_page import (
    WAIT,
    Page,
    answers,
    ask,
    needs_browser,
    opened,
    view_of,
)
from tests.cli.test_map_server import running

pytestmark = pytest.mark.xdist_group("browser")


@needs_browser
def test_an_address_restores_the_state(view: Page, file: Path) -> None:
    opened(view, file)
    view.select_option("#colour", "frequency")
    view.fill("#query", "king - man + woman")
    view.press("#query", "Enter")
    view.focus(".canvas")
    view.keyboard.press("+")
    view.wait_for_timeout(300)
    address, window = view.url, view.evaluate("maps[0].view")
    assert "q=king+-+man+%2B+woman" in address
    view.goto("about:blank")
    view.goto(address)
    view.wait_for_selector("html[data-ready=all]", state="attached")
    assert view.input_value("#query") == "king - man + woman"
    assert view.input_value("#colour") == "frequency"
    again = view.evaluate("maps[0].view")
    assert again["x"] == pytest.approx(window["x"], rel=1e-3)
    assert again["y"] == pytest.approx(window["y"], rel=1e-3)


def same(first: dict[str, list[float]], second: dict[str, list[float]]) -> bool:
    """Whether two windows are one, but for the digits that an address has."""
    return all(first[axis] == pytest.approx(second[axis], rel=1e-3, abs=1e-4) for axis in "xy")


def changed_view(view: Page) -> dict[str, list[float]]:
    """Ask a query, move the view, and return its window."""
    ask(view, "king")
    view.focus(".canvas")
    for key in ("+", "ArrowLeft"):
        view.keyboard.press(key)
    view.wait_for_timeout(300)
    return view_of(view)


@needs_browser
def test_a_reload_keeps_query_and_view(view: Page, file: Path) -> None:
    opened(view, file)
    window = changed_view(view)
    for _ in range(2):
        view.reload()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert view.evaluate("state.query") == view.input_value("#query") == "king"
        assert same(view_of(view), window)


@needs_browser
def test_the_closest_view_is_stable(view: Page, file: Path) -> None:
    opened(view, file)
    view.evaluate("maps[0].view = { x: [0.1234, 0.1235], y: [-0.0321, -0.032] }")
    view.wait_for_timeout(300)
    window, address = view_of(view), view.url
    for _ in range(3):
        view.reload()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert view.url == address
    width = window["x"][1] - window["x"][0]
    assert view_of(view)["x"] == pytest.approx(window["x"], abs=1e-3 * width)


@needs_browser
def test_a_link_written_into_an_open_page_is_followed(view: Page, file: Path) -> None:
    opened(view, file)
    window = changed_view(view)
    address = view.evaluate("location.hash")
    ask(view, "queen")
    view.evaluate("address => { location.hash = address; }", address)
    view.wait_for_function("state.query === 'king'")
    assert len(answers(view)) == 12
    assert same(view_of(view), window)


@needs_browser
def test_the_link_to_an_element_changes_neither_query_nor_view(view: Page, file: Path) -> None:
    opened(view, file)
    window = changed_view(view)
    address = view.evaluate("location.hash")
    view.evaluate("document.querySelector('.skip').click()")
    view.wait_for_timeout(300)
    assert view.evaluate("[state.query, location.hash]") == ["king", address]
    assert same(view_of(view), window)


@needs_browser
def test_back_and_forward_go_from_query_to_query(view: Page, file: Path) -> None:
    opened(view, file)
    for word in ("king", "queen", "paris"):
        ask(view, word)
    ask(view, "kinges")
    for word in ("paris", "queen", "king", ""):
        view.evaluate("history.back()")
        view.wait_for_function("word => state.query === word", arg=word)
        assert view.input_value("#query") == word
        assert view.locator("#answers table").count() == (1 if word else 0)
    view.evaluate("history.forward()")
    view.wait_for_function("state.query === 'king'")
    assert view.evaluate("maps[0].answerSource.data.x.length") == 13


@needs_browser
def test_the_final_layout_keeps_the_view_of_a_link(chromium: Any, models: dict[str, Path]) -> None:
    vectors = store.load(models["word2vec"]).vectors
    with running(MapData("word2vec", vectors, 400, "tsne", 1)) as server:
        view = chromium.new_page()
        held: list[Any] = []
        view.goto(server.address)
        view.wait_for_selector("html[data-ready=all]", state="attached", timeout=2 * WAIT)
        window = changed_view(view)
        address = view.url
        view.goto("about:blank")
        view.route("**/payloads/0-points", lambda route: held.append(route))
        view.goto(address)
        view.wait_for_selector("html[data-ready=groups]", state="attached")
        assert view.evaluate("state.query") == "king"
        assert not view.evaluate("maps[0].isFinal")
        view.wait_for_timeout(300)
        assert view.url == address
        while not held:
            view.wait_for_timeout(50)
        held[0].continue_()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert same(view_of(view), window)
        assert view.url == address
        view.close()
