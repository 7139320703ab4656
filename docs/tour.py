"""Draw docs/map.png and docs/map.gif: a tour of the map of the word2vec model of `make demo`.

make demo && .venv/bin/embedtool explore build/demo/word2vec --export build/demo/map.html
.venv/bin/python docs/tour.py
"""

from pathlib import Path
from shutil import which
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
MAP = ROOT / "build" / "demo" / "map.html"
SIZE = {"width": 1200, "height": 720}
SECONDS = [2, 3, 3, 3.5]
COLOURS = 96
SIDE = 60
"""Pixels from the word in the middle of the lasso to its sides."""
PLACE = """word => {
  const [map] = maps, id = map.model.ids.get(word);
  const { x, y } = map.window, { width, height } = map.size;
  const box = map.element.querySelector(".bk-Figure").getBoundingClientRect();
  return [box.left + (map.x[id] - x[0]) / (x[1] - x[0]) * width,
          box.top + (y[1] - map.y[id]) / (y[1] - y[0]) * height];
}"""


def tour(view: Any, folder: Path) -> list[Path]:
    """Look at the map, ask for a word, for an analogy, draw a lasso; a picture of each."""
    pictures = []

    def take() -> None:
        view.wait_for_timeout(500)
        pictures.append(folder / f"map-{len(pictures)}.png")
        view.screenshot(path=pictures[-1])

    take()
    view.fill("#question", "king")
    view.press("#question", "Enter")
    take()
    for name, word in [("first", "man"), ("second", "king"), ("third", "woman")]:
        view.fill(f"#analogy input[name={name}]", word)
    view.click("#analogy button")
    take()
    view.keyboard.press("Escape")
    view.get_by_role("button", name="Show all").click()
    view.get_by_role("button", name="Lasso").click()
    x, y = view.evaluate(PLACE, "queen")
    view.mouse.move(x - SIDE, y - SIDE)
    view.mouse.down()
    for right, down in [(SIDE, -SIDE), (SIDE, SIDE), (-SIDE, SIDE), (-SIDE, -SIDE)]:
        view.mouse.move(x + right, y + down, steps=4)
    view.mouse.up()
    take()
    return pictures


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
    page = browser.new_page(viewport=SIZE)
    page.goto(MAP.as_uri())
    page.wait_for_selector("html[data-ready=all]", state="attached")
    taken = [Image.open(path).convert("RGB") for path in tour(page, MAP.parent)]
    browser.close()
taken[1].quantize(256, dither=Image.Dither.NONE).save(ROOT / "docs" / "map.png", optimize=True)
frames = [
    each.resize((900, 540), Image.Resampling.LANCZOS).quantize(COLOURS, dither=Image.Dither.NONE)
    for each in taken
]
frames[0].save(
    ROOT / "docs" / "map.gif", save_all=True, append_images=frames[1:], loop=0,
    duration=[int(1000 * each) for each in SECONDS], optimize=True,
)  # fmt: skip
