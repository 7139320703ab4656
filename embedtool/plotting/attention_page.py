"""Attention weights as a self-contained HTML page with a heat map."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedtool.contextual.static_attention import Attention

STYLE = """
:root { color-scheme: light dark; --heat: 31 119 180; }
@media (prefers-color-scheme: dark) { :root { --heat: 90 170 230; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { font-weight: 600; padding: .2rem .5rem; text-align: right; }
td { padding: .3rem .6rem; text-align: center; background: rgb(var(--heat) / var(--weight)); }
"""


def attention_page(attention: "Attention") -> str:
    """Return the page; its colours follow the reader's preference of light or dark."""
    head = "".join(f'<th scope="col">{escape(token)}</th>' for token in attention.tokens)
    rows = "".join(
        f'<tr><th scope="row">{escape(token)}</th>'
        + "".join(f'<td style="--weight: {weight:.3f}">{weight:.2f}</td>' for weight in row)
        + "</tr>\n"
        for token, row in zip(attention.tokens, attention.weights.tolist(), strict=True)
    )
    title = escape(" ".join(attention.tokens))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        "<p>Each row attends to the columns; rows sum to 1.</p>\n"
        f'<div class="wide"><table>\n<thead><tr><td></td>{head}</tr></thead>\n<tbody>\n{rows}'
        "</tbody>\n</table></div>\n</body>\n</html>\n"
    )
