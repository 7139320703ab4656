"""A comparison of models as one HTML page with charts, which needs no other file."""

from html import escape
from typing import TYPE_CHECKING

from embedtool.plotting.comparison_charts import comparison_charts
from embedtool.tables import Table

if TYPE_CHECKING:
    from embedtool.experiments.model_comparison import Comparison

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; }
h2 { margin-top: 2.5rem; font-size: 1.15rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid; }
.number { text-align: right; }
.wide { overflow-x: auto; }
svg { max-width: 100%; height: auto; fill: currentColor; }
"""


def page(result: "Comparison") -> str:
    """Return the page. Raises MissingExtraError if matplotlib is not installed."""
    names = " and ".join(map(escape, result.models))
    summary = "".join(f"<li>{escape(verdict)}</li>" for verdict in result.verdicts)
    charts = "".join(
        f'<h2>{escape(title)}</h2><figure role="img" aria-label="{escape(title)}">{svg}</figure>'
        for title, svg in comparison_charts(result)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{names}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{names}</h1>\n"
        f"<ul>{summary}</ul>\n{charts}\n"
        f"{''.join(_html(table) for table in result.tables())}\n</body>\n</html>\n"
    )


def _html(table: Table) -> str:
    kinds = [' class="number"' if right else "" for right in table.numeric]
    head = "".join(f"<th{k}>{escape(c)}</th>" for k, c in zip(kinds, table.columns, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{k}>{escape(v)}</td>' for k, v in zip(kinds, row, strict=True))}</tr>\n"
        for row in table.cells
    )
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table>\n<thead><tr>{head}</tr></thead>'
        f"\n<tbody>\n{body}</tbody></table></div>\n"
    )
