"""The map: as a file, as a page in a real browser, as a table."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from embedtool.analysis import projection_cache
from embedtool.mapview import page as page_module
from embedtool.mapview.map_data import MapData
from embedtool.model import store
from embedtool.model.vectors import Model, WordVectors
from embedtool.search.query import similar
from tests.cli.test_map_server import running
from tests.conftest import Run

CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
WAIT = 30_000
"""Milliseconds, on a machine that does other things too."""

Page = Any


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


def opened(view: Page, file: Path, more: str = "") -> Page:
    view.goto(f"{file.as_uri()}{more}")
    view.wait_for_selector("html[data-ready=all]", state="attached")
    return view


@pytest.fixture(scope="module")
def file(run: Run, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of one model."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    result = run("explore", models["word2vec"], "--layout", "pca", "--export", path)
    assert result.exit_code == 0
    assert result.stderr.startswith(f"{path}: 2,359 words, ")
    return path


@pytest.fixture(scope="module")
def two(run: Run, models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two models."""
    path = tmp_path_factory.mktemp("map") / "two.html"
    chosen = models["word2vec"], models["glove"]
    assert run("explore", *chosen, "--layout", "pca", "--export", path).exit_code == 0
    return path


def answers(view: Page, table: int = 0) -> list[tuple[str, float]]:
    rows = view.locator("#answers table").nth(table).locator("tbody tr")
    cells = (row.locator("td").all_inner_texts() for row in rows.all())
    return [(word, float(score)) for word, score in cells]


def point(view: Page, word: str, place: int = 0) -> tuple[float, float]:
    """Where a word's point is on the screen."""
    found: list[float] = view.evaluate(
        """([word, place]) => {
          const map = maps[place], id = map.model.ids.get(word);
          const { x, y } = map.window, { width, height } = map.size;
          const box = map.element.querySelector(".bk-Figure").getBoundingClientRect();
          return [box.left + (map.x[id] - x[0]) / (x[1] - x[0]) * width,
                  box.top + (1 - (map.y[id] - y[0]) / (y[1] - y[0])) * height];
        }""",
        [word, place],
    )
    return found[0], found[1]


def ask(view: Page, text: str) -> None:
    view.fill("#question", text)
    view.press("#question", "Enter")


@needs_browser
def test_search_finds_the_neighbours_that_the_command_finds(
    view: Page, file: Path, models: dict[str, Path]
) -> None:
    opened(view, file)
    view.fill("#question", "king")
    view.press("#question", "Enter")
    vectors = store.load(models["word2vec"]).vectors
    expected = {each.word: each.score for each in similar(vectors, "king", 15)}
    found = answers(view)
    assert len(found) == 12
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    for word, score in found:
        assert score == pytest.approx(expected[word], abs=0.004)
    assert view.inner_text("#status").startswith(f"12 words near to king: nearest {found[0][0]}")
    assert view.evaluate("document.activeElement.id") == "question"


@needs_browser
def test_words_are_offered_while_one_writes(view: Page, file: Path) -> None:
    opened(view, file)
    view.locator("#question").press_sequentially("man - que")
    offered = view.locator("#words li").all_inner_texts()
    assert "queen" in offered
    assert all(word.startswith("que") for word in offered)
    for _ in range(offered.index("queen") + 1):
        view.press("#question", "ArrowDown")
    chosen = view.get_attribute("#question", "aria-activedescendant")
    assert view.inner_text(f"#{chosen}") == "queen"
    view.press("#question", "Enter")
    assert view.input_value("#question") == "man - queen"
    assert len(answers(view)) == 12
    assert view.get_attribute("#question", "aria-expanded") == "false"


@needs_browser
def test_a_click_on_a_point_asks_for_its_word(view: Page, file: Path) -> None:
    opened(view, file)
    view.evaluate(
        """() => {
          const map = maps[0], id = map.model.ids.get("paris");
          const around = (middle) => [middle - 0.001, middle + 0.001];
          map.window = { x: around(map.x[id]), y: around(map.y[id]) };
        }"""
    )
    x, y = point(view, "paris")
    view.mouse.move(x, y)
    assert view.locator(".name").inner_text().startswith("paris · ")
    view.mouse.click(x, y)
    view.wait_for_function("document.querySelector('#question').value === 'paris'")
    assert len(answers(view)) == 12
    view.locator("#answers .word").first.click()
    assert view.input_value("#question") == view.evaluate("state.question") != "paris"


@needs_browser
def test_an_analogy_is_answered(view: Page, file: Path) -> None:
    opened(view, file)
    for name, word in [("first", "man"), ("second", "king"), ("third", "woman")]:
        view.fill(f"#analogy input[name={name}]", word)
    view.click("#analogy button")
    assert view.input_value("#question") == "king - man + woman"
    assert answers(view)[0][0] == "queen"
    view.fill("#analogy input[name=third]", "")
    view.click("#analogy button")
    assert view.inner_text("#status") == "An analogy needs three words."


@needs_browser
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kinges", "“kinges” is not among the 2,359 words; there are kingdom, king."),
        ("(king - man) + woman",
         "“(king” is not among the 2,359 words; write king - man + woman without parentheses."),
        ("king -", "Write words with spaces around + and -, as in king - man + woman."),
        *(
            (text, f"“{text}” is nothing at all: the words cancel out.")
            for text in ("king - king", "2*king - king - king", "0.1*king + 0.2*king - 0.3*king")
        ),
    ],
)  # fmt: skip
def test_an_error_is_told_and_the_old_answer_goes(
    view: Page, file: Path, text: str, told: str
) -> None:
    opened(view, file)
    ask(view, "king")
    assert view.evaluate("maps[0].found.data.x.length") == 13
    ask(view, text)
    assert view.inner_text("#status") == told
    assert view.input_value("#question") == text
    assert not view.locator("#answers table").count()
    assert view.evaluate("maps[0].found.data.x.length") == 0
    assert "q=" not in view.url


@needs_browser
def test_the_minus_of_a_paper_is_a_minus(view: Page, file: Path) -> None:
    opened(view, file)
    for minus in "−–":
        view.fill("#question", f"king {minus} man + woman")
        view.press("#question", "Enter")
        assert answers(view)[0][0] == "queen"


@needs_browser
def test_a_lasso_becomes_a_list_of_words_in_both_maps(view: Page, two: Path) -> None:
    opened(view, two)
    assert view.locator(".map h2").all_inner_texts() == ["word2vec", "glove"]
    view.locator(".map").first.get_by_role("button", name="Lasso").click()
    box = view.locator(".map .canvas").first.bounding_box()
    left, top = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    right, bottom = left + 0.4 * box["width"], top + 0.4 * box["height"]
    view.mouse.move(left, top)
    view.mouse.down()
    for x, y in [(right, top), (right, bottom), (left, bottom), (left, top)]:
        view.mouse.move(x, y, steps=5)
    view.mouse.up()
    view.wait_for_function("state.chosen.length > 0")
    chosen = view.evaluate("state.chosen")
    assert view.inner_text("#selection h2").startswith(f"{len(chosen):,} words chosen")
    other = view.evaluate("Array.from(maps[1].source.selected.indices, id => models[1].words[id])")
    assert set(other) == set(chosen)
    with view.expect_download() as download:
        view.click("#save-words")
    assert Path(download.value.path()).read_text("utf-8").split() == chosen
    view.click("#clear-words")
    assert not view.is_visible("#selection")
    view.fill("#question", "king")
    view.press("#question", "Enter")
    assert len(answers(view, 0)) == len(answers(view, 1)) == 12


@needs_browser
def test_an_address_brings_back_what_was_seen(view: Page, file: Path) -> None:
    opened(view, file)
    view.select_option("#colour", "frequency")
    view.fill("#question", "king - man + woman")
    view.press("#question", "Enter")
    view.focus(".canvas")
    view.keyboard.press("+")
    view.wait_for_timeout(300)
    address, window = view.url, view.evaluate("maps[0].window")
    assert "q=king+-+man+%2B+woman" in address
    view.goto("about:blank")
    view.goto(address)
    view.wait_for_selector("html[data-ready=all]", state="attached")
    assert view.input_value("#question") == "king - man + woman"
    assert view.input_value("#colour") == "frequency"
    again = view.evaluate("maps[0].window")
    assert again["x"] == pytest.approx(window["x"], rel=1e-3)
    assert again["y"] == pytest.approx(window["y"], rel=1e-3)


def same(first: dict[str, list[float]], second: dict[str, list[float]]) -> bool:
    """Whether two windows are one, but for the digits that an address has."""
    return all(first[axis] == pytest.approx(second[axis], rel=1e-3, abs=1e-4) for axis in "xy")


def window(view: Page, place: int = 0) -> dict[str, list[float]]:
    found: dict[str, list[float]] = view.evaluate("place => maps[place].window", place)
    return found


def chosen_place(view: Page) -> dict[str, list[float]]:
    """Ask, and go to a place of one's own; where that is."""
    ask(view, "king")
    view.focus(".canvas")
    for key in ("+", "ArrowLeft"):
        view.keyboard.press(key)
    view.wait_for_timeout(300)
    return window(view)


@needs_browser
def test_a_reload_keeps_question_and_place(view: Page, file: Path) -> None:
    opened(view, file)
    place = chosen_place(view)
    for _ in range(2):
        view.reload()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert view.evaluate("state.question") == view.input_value("#question") == "king"
        assert same(window(view), place)


@needs_browser
def test_the_nearest_place_stays_where_it_is_however_often(view: Page, file: Path) -> None:
    opened(view, file)
    view.evaluate("maps[0].window = { x: [0.1234, 0.1235], y: [-0.0321, -0.032] }")
    view.wait_for_timeout(300)
    place, address = window(view), view.url
    for _ in range(3):
        view.reload()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert view.url == address
    width = place["x"][1] - place["x"][0]
    assert window(view)["x"] == pytest.approx(place["x"], abs=1e-3 * width)


@needs_browser
def test_a_link_written_into_an_open_page_is_followed(view: Page, file: Path) -> None:
    opened(view, file)
    place = chosen_place(view)
    address = view.evaluate("location.hash")
    ask(view, "queen")
    view.evaluate("address => { location.hash = address; }", address)
    view.wait_for_function("state.question === 'king'")
    assert len(answers(view)) == 12
    assert same(window(view), place)


@needs_browser
def test_the_link_to_an_element_changes_neither_question_nor_place(view: Page, file: Path) -> None:
    opened(view, file)
    place = chosen_place(view)
    address = view.evaluate("location.hash")
    view.evaluate("document.querySelector('.skip').click()")
    view.wait_for_timeout(300)
    assert view.evaluate("[state.question, location.hash]") == ["king", address]
    assert same(window(view), place)


@needs_browser
def test_back_and_forward_go_from_question_to_question(view: Page, file: Path) -> None:
    opened(view, file)
    for word in ("king", "queen", "paris"):
        ask(view, word)
    ask(view, "kinges")
    for word in ("paris", "queen", "king", ""):
        view.evaluate("history.back()")
        view.wait_for_function("word => state.question === word", arg=word)
        assert view.input_value("#question") == word
        assert view.locator("#answers table").count() == (1 if word else 0)
    view.evaluate("history.forward()")
    view.wait_for_function("state.question === 'king'")
    assert view.evaluate("maps[0].found.data.x.length") == 13


@needs_browser
def test_the_second_layout_keeps_the_place_of_a_link(
    chromium: Any, models: dict[str, Path]
) -> None:
    vectors = store.load(models["word2vec"]).vectors
    with running(MapData("word2vec", vectors, 400, "tsne", 1)) as server:
        view = chromium.new_page()
        held: list[Any] = []
        view.goto(server.address)
        view.wait_for_selector("html[data-ready=all]", state="attached", timeout=2 * WAIT)
        place = chosen_place(view)
        address = view.url
        view.goto("about:blank")
        view.route("**/parts/0-points", lambda route: held.append(route))
        view.goto(address)
        view.wait_for_selector("html[data-ready=groups]", state="attached")
        assert view.evaluate("state.question") == "king"
        assert not view.evaluate("maps[0].final")
        view.wait_for_timeout(300)
        assert view.url == address
        while not held:
            view.wait_for_timeout(50)
        held[0].continue_()
        view.wait_for_selector("html[data-ready=all]", state="attached")
        view.wait_for_timeout(300)
        assert same(window(view), place)
        assert view.url == address
        view.close()


def scales(view: Page, place: int = 0) -> list[float]:
    """Pixels for one unit of x, and for one of y."""
    found: list[float] = view.evaluate(
        """place => {
          const { x, y } = maps[place].window, { width, height } = maps[place].size;
          return [width / (x[1] - x[0]), height / (y[1] - y[0])];
        }""",
        place,
    )
    return found


def assert_one_scale(view: Page, place: int = 0) -> None:
    across, along = scales(view, place)
    assert across == pytest.approx(along, rel=1e-6)


@needs_browser
def test_both_axes_have_one_scale(view: Page, two: Path) -> None:
    opened(view, two)
    for place in (0, 1):
        assert_one_scale(view, place)
    ask(view, "king")
    for place in (0, 1):
        assert_one_scale(view, place)
    box = view.locator(".map .canvas").first.bounding_box()
    view.mouse.move(box["x"] + 50, box["y"] + 90)
    view.mouse.wheel(0, -300)
    view.wait_for_timeout(500)
    assert_one_scale(view)
    view.click("text=Show all")
    for size in ({"width": 1500, "height": 500}, {"width": 700, "height": 900}):
        view.set_viewport_size(size)
        view.wait_for_timeout(300)
        for place in (0, 1):
            assert_one_scale(view, place)
        bounds, shown = view.evaluate("[maps[0].bounds, maps[0].window]")
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
    for turn, limit in ((-600, 1000), (600, 0.5)):
        for _ in range(60):
            view.mouse.wheel(0, turn)
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
    middle = "(maps[0].window.x[0] + maps[0].window.x[1]) / 2"
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
    view.fill("#question", "")
    view.locator("#question").press_sequentially("que")
    assert view.is_visible("#words")
    view.keyboard.press("Escape")
    assert not view.is_visible("#words")
    assert view.input_value("#question") == "que"
    assert len(answers(view)) == 12
    view.keyboard.press("Escape")
    assert view.input_value("#question") == ""
    assert not view.locator("#answers table").count()


@needs_browser
def test_all_answers_are_brought_into_view(view: Page, file: Path) -> None:
    opened(view, file)
    for text in ("king", "king - man + woman", "the", "paris"):
        ask(view, text)
        x, y = window(view).values()
        found = view.evaluate("maps[0].found.data")
        assert len(found["x"]) >= 13
        assert x[0] < min(found["x"]) <= max(found["x"]) < x[1]
        assert y[0] < min(found["y"]) <= max(found["y"]) < y[1]


@needs_browser
def test_a_larger_window_has_more_names(view: Page, file: Path) -> None:
    opened(view, file)
    count = "maps[0].labels.data.text.length"
    few = view.evaluate(count)
    view.set_viewport_size({"width": 2400, "height": 1500})
    view.wait_for_function(f"{count} > {2 * few}")


STRANGE = [
    "the",
    "\u00a0king",
    "New York",
    " lead",
    "a b c",
    "1*x",
    "שלום!",
    "(عربي)",
    "w" * 300,
    "+",
]


@pytest.fixture(scope="module")
def strange(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model whose words are hard to ask for, or run leftwards."""
    folder = tmp_path_factory.mktemp("strange")
    matrix = np.random.default_rng(1).normal(size=(len(STRANGE), 8)).astype(np.float32)
    store.save(Model(WordVectors(STRANGE, matrix), {"algorithm": "word2vec"}), folder / "model")
    path = folder / "map.html"
    result = run("explore", folder / "model", "--layout", "pca", "--export", path)
    assert result.exit_code == 0
    return path


@needs_browser
@pytest.mark.parametrize("word", STRANGE)
def test_every_word_can_be_asked(view: Page, strange: Path, word: str) -> None:
    opened(view, strange)
    ask(view, word)
    assert view.evaluate("state.question") == word
    assert {answer for answer, _ in raw_answers(view)} == set(STRANGE) - {word}
    view.reload()
    view.wait_for_selector("html[data-ready=all]", state="attached")
    assert view.evaluate("state.question") == word
    view.evaluate("word => maps[0].tell.ask(word)", "the")
    assert view.evaluate("state.question") == "the"


def raw_answers(view: Page) -> list[tuple[str, str]]:
    """The answers as they are, with all spaces."""
    found: list[list[str]] = view.evaluate(
        "Array.from(document.querySelectorAll('#answers tbody tr'), row =>"
        " Array.from(row.cells, cell => cell.textContent))"
    )
    return [(word, score) for word, score in found]


@needs_browser
def test_every_word_runs_in_its_own_direction(view: Page, strange: Path) -> None:
    opened(view, strange)
    view.evaluate("choose(models[0].words)")
    ask(view, "שלום!")
    view.evaluate("maps[0].hover(1)")
    for place in (
        "#status", "#answers caption", "#answers td:first-child", "#selection li", "#groups button",
        ".name",
    ):  # fmt: skip
        around = view.evaluate(
            """place => {
              const all = [...document.querySelectorAll(place)];
              return all.length > 0 && all.every((e) => e.querySelector("bdi"));
            }""",
            place,
        )
        assert around, place
    ask(view, "(عربي) - no")
    assert view.locator("#status bdi").all_text_contents() == ["no"]
    view.fill("#question", "")
    view.locator("#question").press_sequentially("ש")
    assert view.locator("#words li bdi").all_text_contents() == ["שלום!"]
    texts = view.evaluate("maps[0].labels.data.text")
    assert "\u2068(عربي)\u2069" in texts
    assert "w" * 32 + "…" in texts or max(map(len, texts)) <= 34


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
    whole = view.evaluate("maps[0].window")
    view.focus(".canvas")
    view.keyboard.press("ArrowRight")
    moved = view.evaluate("maps[0].window")
    assert moved["x"][0] > whole["x"][0]
    assert moved["y"] == whole["y"]
    view.keyboard.press("+")
    near = view.evaluate("maps[0].window")
    assert near["x"][1] - near["x"][0] < whole["x"][1] - whole["x"][0]
    view.keyboard.press("0")
    assert view.evaluate("maps[0].window") == whole
    view.keyboard.press("/")
    assert view.evaluate("document.activeElement.id") == "question"
    view.keyboard.type("king")
    view.keyboard.press("Enter")
    for _ in range(6):
        view.keyboard.press("Tab")
    word = view.evaluate("document.activeElement.textContent")
    assert word in [word for word, _ in answers(view)]
    view.keyboard.press("Enter")
    assert view.input_value("#question") == word
    view.keyboard.press("Escape")
    assert view.input_value("#question") == ""
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
    view.fill("#question", "king")
    view.press("#question", "Enter")
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
    words = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "{{PARTS}}", "a"]
    matrix = np.random.default_rng(1).normal(size=(4, 8)).astype(np.float32)
    store.save(Model(WordVectors(words, matrix), {"algorithm": "word2vec"}), tmp_path / "model")
    assert run("explore", tmp_path / "model", "--export", tmp_path / "map.html").exit_code == 0
    opened(view, tmp_path / "map.html")
    view.fill("#question", "a")
    view.press("#question", "Enter")
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
        view.route("**/parts/0-vectors", lambda route: held.append(route))
        view.goto(address)
        view.locator("#question").press_sequentially("ki")
        view.press("#question", "Enter")
        assert view.inner_text("#status") == "Still loading…"
        while not held:
            view.wait_for_timeout(50)
        held[0].continue_()
        view.wait_for_selector("html[data-ready=all]", state="attached", timeout=60_000)
        assert view.inner_text("#status") == "The map is done."
        view.fill("#question", "king")
        view.press("#question", "Enter")
        assert len(answers(view)) == 12
        view.close()
        assert not wrong
        where = urlsplit(address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port)
        for path, host, status in [
            ("/parts/0-words", where.netloc, 200),
            ("/parts/0-words", "example.org", 403),
            ("/parts/1-words", where.netloc, 404),
            ("/parts/0-secrets", where.netloc, 404),
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


def test_the_words_of_a_model_are_laid_out_once(
    run: Run, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    store.save(store.load(models["word2vec"]), model)
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    assert run("explore", model, "--max-words", 300, "--export", first).exit_code == 0
    made = [path.name for path in model.iterdir() if path.name.startswith("layout-")]
    assert len(made) == 1
    assert run("check", model).stdout == f"{model}: model: sound\n"
    monkeypatch.setattr(projection_cache, "layout", None)
    assert run("explore", model, "--max-words", 300, "--export", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_map_as_a_table(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "map.parquet"
    result = run(
        "explore", models["word2vec"], "--layout", "pca", "--export", path, "--max-words", 500
    )
    assert result.exit_code == 0
    assert result.stderr == (
        f"{path}: 500 words; embedding-atlas {path} --text word --x x --y y --neighbors neighbors\n"
    )
    table = pq.read_table(path).to_pydict()
    assert list(table) == ["word", "count", "x", "y", "group", "neighbors"]
    vectors = store.load(models["word2vec"]).vectors
    row = table["word"].index("king")
    found = [table["word"][i] for i in table["neighbors"][row]["ids"]]
    expected = similar(vectors, "king", 10, candidates=np.arange(500))
    assert found == [each.word for each in expected]
    assert table["neighbors"][row]["distances"] == pytest.approx(
        [1 - each.score for each in expected], abs=1e-5
    )


def test_what_cannot_be_shown(
    run: Run, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models["word2vec"]
    result = run("explore", model, "--export", tmp_path / "map.pdf")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path / 'map.pdf'}: the map is written as .html or .parquet; "
        "name such a file\n",
    )
    folder = tmp_path / "none"
    result = run("explore", model, "--export", folder / "map.html")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {folder / 'map.html'}: the folder {folder} does not exist; make it first\n",
    )
    result = run("explore", model, model, "--export", tmp_path / "map.parquet")
    assert result.exit_code == 2
    assert "points are those of one model; export each by itself" in result.stderr
    result = run("explore", model, "--seed", "-1", "--export", tmp_path / "map.html")
    assert result.exit_code == 2
    assert "-1 is not in the range 0<=x<=4294967295" in result.stderr
    result = run("explore", model, model, model)
    assert result.exit_code == 2
    assert "at most 2 models fit beside each other" in result.stderr
    result = run("explore", tmp_path / "none", "--no-browser")
    assert result.exit_code == 1
    monkeypatch.setattr(page_module, "find_spec", lambda name: None)
    result = run("explore", model, "--export", tmp_path / "map.html")
    assert (result.exit_code, result.stderr) == (
        1, "Error: the map needs: pip install 'embedtool[explore]'\n",
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken(run: Run, models: dict[str, Path]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("explore", models["word2vec"], "--port", port, "--no-browser")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: port {port} cannot be had: Address already in use\n",
    )  # fmt: skip
