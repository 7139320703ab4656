"""Weights of attention as a heat map.

In: what attends to what. Out: a picture, or a page that needs no other file.
"""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.cli.output import display
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write

if TYPE_CHECKING:
    from embedtool.contextual.static_attention import Attention

PAGE = ".html"
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
    if path.suffix.lower() not in (*display.FIGURE_FORMATS, PAGE):
        raise OutputError(
            f"{path}: a heat map is written as .png, .svg, .pdf or .html; name such a file"
        )


def write(found: "Attention", path: Path) -> None:
    """Write a picture or a page, as the end of the name says.

    Raises MissingExtraError where a picture is asked for and matplotlib is not installed.
    """
    if path.suffix.lower() == PAGE:
        with atomic_write(path) as file:
            file.write(page(found).encode("utf-8", "replace"))
    else:
        from embedtool.plotting.scenes import HeatMap, label

        display.write_figure(HeatMap(tuple(map(label, found.tokens)), found.weights), path)


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
