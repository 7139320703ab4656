"""Weights of attention as a heat map.

In: what attends to what. Out: a picture, or a page that needs no other file.
"""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.errors import OutputError
from embedtool.explore.charts import drawing
from embedtool.files import replaced

if TYPE_CHECKING:
    from embedtool.attention.static import Attention

PICTURES = (".png", ".svg")
PAGE = ".html"
INCHES_OF_CELL = 0.45
INCHES_OF_FRAME = 1.6
DOTS_AN_INCH = 150
MOST_NUMBERS = 16
"""With more words than this, numbers in the cells are too many to read."""
STYLE = """
:root { color-scheme: light dark; --heat: 31 119 180; }
@media (prefers-color-scheme: dark) { :root { --heat: 90 170 230; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { font-weight: 600; padding: .2rem .5rem; text-align: right; }
td { padding: .3rem .6rem; text-align: center; background: rgb(var(--heat) / var(--weight)); }
"""


def check_kind(path: Path) -> None:
    """Raise OutputError unless a heat map can be written as such a file."""
    if path.suffix.lower() not in (*PICTURES, PAGE):
        raise OutputError(f"{path}: a heat map is written as .png, .svg or .html; name such a file")


def write(found: "Attention", path: Path) -> None:
    """Write a picture or a page, as the end of the name says.

    Raises MissingExtraError where a picture is asked for and matplotlib is not installed.
    """
    if path.suffix.lower() == PAGE:
        with replaced(path) as file:
            file.write(page(found).encode("utf-8", "replace"))
    else:
        _draw(found, path)


def page(found: "Attention") -> str:
    """The page. Colours follow the reader's choice of light or dark."""
    head = "".join(f'<th scope="col">{escape(token)}</th>' for token in found.tokens)
    rows = "".join(
        f'<tr><th scope="row">{escape(token)}</th>'
        + "".join(f'<td style="--weight: {weight:.3f}">{weight:.2f}</td>' for weight in row)
        + "</tr>\n"
        for token, row in zip(found.tokens, found.weights.tolist(), strict=True)
    )
    title = escape(" ".join(found.tokens))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        "<p>Each row attends to the columns; rows sum to 1.</p>\n"
        f'<div class="wide"><table>\n<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}'
        "</tbody>\n</table></div>\n</body>\n</html>\n"
    )


def _draw(found: "Attention", path: Path) -> None:
    n, tokens = len(found.tokens), found.tokens
    side = INCHES_OF_CELL * n + INCHES_OF_FRAME
    with drawing("a picture of a heat map") as make_figure:
        figure = make_figure((side + 1, side), layout="constrained", dpi=DOTS_AN_INCH)
        axes = figure.subplots()
        image = axes.imshow(found.weights, cmap="Blues", vmin=0)
        axes.set_xticks(range(n), tokens, rotation=45, ha="left", rotation_mode="anchor")
        axes.set_yticks(range(n), tokens)
        axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        axes.spines[:].set_visible(False)
        dark = float(found.weights.max()) / 2
        for row in range(n if n <= MOST_NUMBERS else 0):
            for column in range(n):
                weight = float(found.weights[row, column])
                colour = "white" if weight > dark else "black"
                axes.text(column, row, f"{weight:.2f}", ha="center", va="center", color=colour,
                          fontsize=8)  # fmt: skip
        figure.colorbar(image, ax=axes, shrink=0.8)
        with replaced(path) as file:
            figure.savefig(file, format=path.suffix.lower().removeprefix("."))
