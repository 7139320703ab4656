"""The map page in a browser: queries and their answers."""

from pathlib import Path

import pytest

from embedtool.model import store
from embedtool.search.query import similar
from tests.browser.map_page import Page, answers, ask, needs_browser, opened, point
from tests.conftest import Run
from tests.factories import saved_model, word_vectors

pytestmark = pytest.mark.xdist_group("browser")


@needs_browser
def test_search_finds_the_neighbours_that_the_command_finds(
    view: Page, file: Path, models: dict[str, Path]
) -> None:
    opened(view, file)
    view.fill("#query", "king")
    view.press("#query", "Enter")
    vectors = store.load(models["word2vec"]).vectors
    expected = {each.word: each.score for each in similar(vectors, "king", 15)}
    found = answers(view)
    assert len(found) == 12
    assert [score for _, score in found] == sorted((s for _, s in found), reverse=True)
    for word, score in found:
        assert score == pytest.approx(expected[word], abs=0.004)
    assert view.inner_text("#status").startswith(f"12 words near to king: nearest {found[0][0]}")
    assert view.evaluate("document.activeElement.id") == "query"


@needs_browser
def test_words_are_suggested_while_a_query_is_typed(view: Page, file: Path) -> None:
    opened(view, file)
    view.locator("#query").press_sequentially("man - que")
    offered = view.locator("#words li").all_inner_texts()
    assert "queen" in offered
    assert all(word.startswith("que") for word in offered)
    for _ in range(offered.index("queen") + 1):
        view.press("#query", "ArrowDown")
    chosen = view.get_attribute("#query", "aria-activedescendant")
    assert view.inner_text(f"#{chosen}") == "queen"
    view.press("#query", "Enter")
    assert view.input_value("#query") == "man - queen"
    assert len(answers(view)) == 12
    assert view.get_attribute("#query", "aria-expanded") == "false"


@needs_browser
def test_a_click_on_a_point_asks_for_its_word(view: Page, file: Path) -> None:
    opened(view, file)
    view.evaluate(
        """() => {
          const map = maps[0], id = map.model.ids.get("paris");
          const around = (middle) => [middle - 0.001, middle + 0.001];
          map.view = { x: around(map.x[id]), y: around(map.y[id]) };
        }"""
    )
    x, y = point(view, "paris")
    view.mouse.move(x, y)
    assert view.locator(".name").inner_text().startswith("paris · ")
    view.mouse.click(x, y)
    view.wait_for_function("document.querySelector('#query').value === 'paris'")
    assert len(answers(view)) == 12
    view.locator("#answers .word").first.click()
    assert view.input_value("#query") == view.evaluate("state.query") != "paris"


@needs_browser
def test_an_analogy_is_answered(view: Page, file: Path) -> None:
    opened(view, file)
    for name, word in [("first", "man"), ("second", "king"), ("third", "woman")]:
        view.fill(f"#analogy input[name={name}]", word)
    view.click("#analogy button")
    assert view.input_value("#query") == "king - man + woman"
    assert answers(view)[0][0] == "queen"
    view.fill("#analogy input[name=third]", "")
    view.click("#analogy button")
    assert view.inner_text("#status") == "An analogy needs three words."


@needs_browser
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("kinges", "“kinges” is not among the 2,359 words; there are kingdom, king."),
        ("(king - man) + woman",
         "“(king” is not among the 2,359 words; write king - man + woman without parentheses."),
        ("king -", "Write words with spaces around + and -, as in king - man + woman."),
        *(
            (text, f"“{text}” is zero: the words cancel out.")
            for text in ("king - king", "2*king - king - king", "0.1*king + 0.2*king - 0.3*king")
        ),
    ],
)  # fmt: skip
def test_an_error_is_shown_and_the_old_answer_removed(
    view: Page, file: Path, text: str, status: str
) -> None:
    opened(view, file)
    ask(view, "king")
    assert view.evaluate("maps[0].answerSource.data.x.length") == 13
    ask(view, text)
    assert view.inner_text("#status") == status
    assert view.input_value("#query") == text
    assert not view.locator("#answers table").count()
    assert view.evaluate("maps[0].answerSource.data.x.length") == 0
    assert "q=" not in view.url


@needs_browser
def test_the_minus_of_a_paper_is_a_minus(view: Page, file: Path) -> None:
    opened(view, file)
    for minus in "−–":
        view.fill("#query", f"king {minus} man + woman")
        view.press("#query", "Enter")
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
    view.wait_for_function("state.selectedWords.length > 0")
    chosen = view.evaluate("state.selectedWords")
    assert view.inner_text("#selection h2").startswith(f"{len(chosen):,} words chosen")
    other = view.evaluate("Array.from(maps[1].source.selected.indices, id => models[1].words[id])")
    assert set(other) == set(chosen)
    with view.expect_download() as download:
        view.click("#save-words")
    assert Path(download.value.path()).read_text("utf-8").split() == chosen
    view.click("#clear-words")
    assert not view.is_visible("#selection")
    view.fill("#query", "king")
    view.press("#query", "Enter")
    assert len(answers(view, 0)) == len(answers(view, 1)) == 12


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
    model = saved_model(folder / "model", word_vectors(STRANGE), algorithm="word2vec")
    path = folder / "map.html"
    result = run("explore", model, "--layout", "pca", "--export", path)
    assert result.exit_code == 0
    return path


@needs_browser
@pytest.mark.parametrize("word", STRANGE)
def test_every_word_can_be_queried(view: Page, strange: Path, word: str) -> None:
    opened(view, strange)
    ask(view, word)
    assert view.evaluate("state.query") == word
    assert {answer for answer, _ in raw_answers(view)} == set(STRANGE) - {word}
    view.reload()
    view.wait_for_selector("html[data-ready=all]", state="attached")
    assert view.evaluate("state.query") == word
    view.evaluate("word => maps[0].callbacks.ask(word)", "the")
    assert view.evaluate("state.query") == "the"


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
    view.evaluate("selectWords(models[0].words)")
    ask(view, "שלום!")
    view.evaluate("maps[0].hover(1)")
    for selector in (
        "#status", "#answers caption", "#answers td:first-child", "#selection li", "#groups button",
        ".name",
    ):  # fmt: skip
        around = view.evaluate(
            """selector => {
              const all = [...document.querySelectorAll(selector)];
              return all.length > 0 && all.every((e) => e.querySelector("bdi"));
            }""",
            selector,
        )
        assert around, selector
    ask(view, "(عربي) - no")
    assert view.locator("#status bdi").all_text_contents() == ["no"]
    view.fill("#query", "")
    view.locator("#query").press_sequentially("ש")
    assert view.locator("#words li bdi").all_text_contents() == ["שלום!"]
    texts = view.evaluate("maps[0].labelSource.data.text")
    assert "\u2068(عربي)\u2069" in texts
    assert "w" * 32 + "…" in texts or max(map(len, texts)) <= 34
