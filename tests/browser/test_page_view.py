"""The map page in a browser: zoom, labels, colours and the keyboard."""

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.browser.map_page import (
    Page,
    answers,
    ask,
    needs_browser,
    opened,
    point,
    view_of,
)
from tests.conftest import Run

pytestmark = pytest.mark.xdist_group("browser")


def scales(view: Page, index: int = 0) -> list[float]:
    """Pixels for one unit of x, and for one of y."""
    found: list[float] = view.evaluate(
        """index => {
          const { x, y } = maps[index].view, { width, height } = maps[index].size;
          return [width / (x[1] - x[0]), height / (y[1] - y[0])];
        }""",
        index,
    )
    return found


def assert_one_scale(view: Page, index: int = 0) -> None:
    across, along = scales(view, index)
    assert across == pytest.approx(along, rel=1e-6)


@needs_browser
def test_both_axes_have_one_scale(view: Page, two: Path) -> None:
    opened(view, two)
    for index in (0, 1):
        assert_one_scale(view, index)
    ask(view, "king")
    for index in (0, 1):
        assert_one_scale(view, index)
    box = view.locator(".map .canvas").first.bounding_box()
    view.mouse.move(box["x"] + 50, box["y"] + 90)
    view.mouse.wheel(0, -300)
    view.wait_for_timeout(500)
    assert_one_scale(view)
    view.click("text=Show all")
    for size in ({"width": 1500, "height": 500}, {"width": 700, "height": 900}):
        view.set_viewport_size(size)
        view.wait_for_timeout(300)
        for index in (0, 1):
            assert_one_scale(view, index)
        bounds, shown = view.evaluate("[maps[0].bounds, maps[0].view]")
        for axis in "xy":
            assert shown[axis][0] <= bounds[axis][0] < bounds[axis][1] <= shown[axis][1]


@needs_browser
def test_zoom_has_limits(view: Page, file: Path) -> None:
    opened(view, file)
    whole = scales(view)[0]
    view.focus(".canvas")
    for key, factor in (("+", 1000), ("-", 0.5)):
        for _ in range(60):
            view.keyboard.press(key)
        assert scales(view)[0] == pytest.approx(factor * whole)
    view.keyboard.press("0")
    box = view.locator(".map .canvas").bounding_box()
    view.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for delta, limit in ((-600, 1000), (600, 0.5)):
        for _ in range(60):
            view.mouse.wheel(0, delta)
            view.wait_for_timeout(20)
        view.wait_for_timeout(300)
        assert scales(view)[0] == pytest.approx(limit * whole, rel=0.01)
        assert_one_scale(view)


@needs_browser
def test_the_map_cannot_be_lost(view: Page, file: Path) -> None:
    opened(view, file)
    view.focus(".canvas")
    for _ in range(40):
        view.keyboard.press("ArrowRight")
    middle = "(maps[0].view.x[0] + maps[0].view.x[1]) / 2"
    assert view.evaluate(middle) == pytest.approx(view.evaluate("maps[0].bounds.x[1]"))


@needs_browser
def test_a_hovered_word_stays_with_its_point(view: Page, file: Path) -> None:
    opened(view, file)

    def gap() -> float:
        """From the point to the nearest corner of its name."""
        box = view.locator(".name").bounding_box()
        x, y = point(view, "paris")
        across = min(abs(box["x"] - x), abs(box["x"] + box["width"] - x))
        return max(across, min(abs(box["y"] - y), abs(box["y"] + box["height"] - y)))

    before, _ = point(view, "paris")
    view.evaluate("maps[0].hover(models[0].ids.get('paris'))")
    assert view.inner_text(".name").startswith("paris · ")
    assert gap() < 15
    view.focus(".canvas")
    view.keyboard.press("ArrowLeft")
    assert point(view, "paris")[0] > before + 50
    assert gap() < 15
    for _ in range(30):
        view.keyboard.press("+")
    view.keyboard.press("ArrowRight")
    view.keyboard.press("ArrowRight")
    assert view.locator(".name").is_hidden() or gap() < 15


@needs_browser
def test_the_first_escape_closes_the_list_of_words_only(view: Page, file: Path) -> None:
    opened(view, file)
    ask(view, "king")
    view.fill("#query", "")
    view.locator("#query").press_sequentially("que")
    assert view.is_visible("#words")
    view.keyboard.press("Escape")
    assert not view.is_visible("#words")
    assert view.input_value("#query") == "que"
    assert len(answers(view)) == 12
    view.keyboard.press("Escape")
    assert view.input_value("#query") == ""
    assert not view.locator("#answers table").count()


@needs_browser
def test_all_answers_are_brought_into_view(view: Page, file: Path) -> None:
    opened(view, file)
    for text in ("king", "king - man + woman", "the", "paris"):
        ask(view, text)
        x, y = view_of(view).values()
        found = view.evaluate("maps[0].answerSource.data")
        assert len(found["x"]) >= 13
        assert x[0] < min(found["x"]) <= max(found["x"]) < x[1]
        assert y[0] < min(found["y"]) <= max(found["y"]) < y[1]


@needs_browser
def test_a_larger_window_has_more_names(view: Page, file: Path) -> None:
    opened(view, file)
    count = "maps[0].labelSource.data.text.length"
    few = view.evaluate(count)
    view.set_viewport_size({"width": 2400, "height": 1500})
    view.wait_for_function(f"{count} > {2 * few}")


@needs_browser
def test_a_colour_means_the_same_in_two_maps(view: Page, two: Path) -> None:
    opened(view, two)
    differ = view.evaluate(
        """() => models[0].words.filter((word, id) => models[1].ids.has(word)
          && maps[0].groups[id] !== maps[1].groups[models[1].ids.get(word)])"""
    )
    assert differ == []
    assert view.locator("#groups li").count() == 12


@needs_browser
def test_colours_by_frequency_have_a_legend(view: Page, file: Path) -> None:
    opened(view, file)
    assert not view.is_visible("#frequencies")
    view.select_option("#colour", "frequency")
    assert view.inner_text("#frequencies").split() == ["Frequency", "rare", "frequent"]
    assert "gradient" in view.evaluate(
        "getComputedStyle(document.querySelector('#frequencies i')).backgroundImage"
    )
    assert not view.is_visible("#groups")


@needs_browser
def test_the_keyboard_is_enough(view: Page, file: Path) -> None:
    opened(view, file)
    whole = view.evaluate("maps[0].view")
    view.focus(".canvas")
    view.keyboard.press("ArrowRight")
    moved = view.evaluate("maps[0].view")
    assert moved["x"][0] > whole["x"][0]
    assert moved["y"] == whole["y"]
    view.keyboard.press("+")
    near = view.evaluate("maps[0].view")
    assert near["x"][1] - near["x"][0] < whole["x"][1] - whole["x"][0]
    view.keyboard.press("0")
    assert view.evaluate("maps[0].view") == whole
    view.keyboard.press("/")
    assert view.evaluate("document.activeElement.id") == "query"
    view.keyboard.type("king")
    view.keyboard.press("Enter")
    for _ in range(6):
        view.keyboard.press("Tab")
    word = view.evaluate("document.activeElement.textContent")
    assert word in [word for word, _ in answers(view)]
    view.keyboard.press("Enter")
    assert view.input_value("#query") == word
    view.keyboard.press("Escape")
    assert view.input_value("#query") == ""
    assert not view.locator("#answers table").count()


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_reader_wants(view: Page, file: Path, scheme: str) -> None:
    view.emulate_media(color_scheme=scheme)
    opened(view, file)
    back = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 21, 28)"}
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == back[scheme]
    view.click("#theme")
    other = "dark" if scheme == "light" else "light"
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == back[other]


@needs_browser
def test_what_is_on_the_page_has_names_for_those_who_hear_it(view: Page, file: Path) -> None:
    opened(view, file)
    view.fill("#query", "king")
    view.press("#query", "Enter")
    unnamed = view.evaluate(
        """() => [...document.querySelectorAll("button, input, select, [role], [tabindex]")]
          .filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim()))
          .filter((e) => e.checkVisibility() && !e.closest(".bk-Figure"))
          .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    assert view.get_attribute("#status", "aria-live") == "polite"
    assert view.locator("html[lang=en]").count() == 1


@needs_browser
def test_words_are_text_whatever_they_hold(view: Page, run: Run, tmp_path: Path) -> None:
    words = [
        "</script><script>alert(1)</script>",
        "<img src=x onerror=alert(2)>",
        "{{PAYLOADS}}",
        "a",
    ]
    matrix = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    store.save(
        ModelRecord(VectorTable(words, matrix), {"algorithm": "word2vec"}), tmp_path / "model"
    )
    assert run("explore", tmp_path / "model", "--export", tmp_path / "map.html").exit_code == 0
    opened(view, tmp_path / "map.html")
    view.fill("#query", "a")
    view.press("#query", "Enter")
    assert {word for word, _ in answers(view)} == set(words[:3])


@needs_browser
def test_the_page_of_a_process(chromium: Any, models: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "embedtool", "explore", str(models["glove"])]
    command += ["--no-browser", "--max-words", "400"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        view = chromium.new_page()
        wrong: list[str] = []
        view.on("pageerror", lambda error: wrong.append(str(error)))
        held: list[Any] = []
        view.route("**/payloads/0-vectors", lambda route: held.append(route))
        view.goto(address)
        view.locator("#query").press_sequentially("ki")
        view.press("#query", "Enter")
        assert view.inner_text("#status") == "Still loading…"
        while not held:
            view.wait_for_timeout(50)
        held[0].continue_()
        view.wait_for_selector("html[data-ready=all]", state="attached", timeout=60_000)
        assert view.inner_text("#status") == "The map is done."
        view.fill("#query", "king")
        view.press("#query", "Enter")
        assert len(answers(view)) == 12
        view.close()
        assert not wrong
        where = urlsplit(address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        for path, host, status in [
            ("/payloads/0-words", where.netloc, 200),
            ("/payloads/0-words", "example.org", 403),
            ("/payloads/1-words", where.netloc, 404),
            ("/payloads/0-secrets", where.netloc, 404),
            ("/../../etc/passwd", where.netloc, 404),
        ]:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            body = answer.read()
            assert (path, answer.status) == (path, status)
            if status == 200:
                assert json.loads(body)[:1] == ["the"]
        connection.close()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert errors.split("\n")[0] == "Ctrl-C stops the map"
    assert "Traceback" not in errors
