"""A comparison of models as one HTML page with charts, which needs no other file.

In: a Comparison. Out: the page.
"""

import io
import re
from collections.abc import Iterator
from html import escape
from itertools import cycle
from typing import TYPE_CHECKING, Any

from embedtool.cli.output.comparison import Table, tables, verdicts
from embedtool.cli.output.console import format_cell, is_numeric
from embedtool.plotting.pictures import MARKERS, mpl_figure

if TYPE_CHECKING:
    from embedtool.evaluation.statistics import Interval
    from embedtool.experiments.model_comparison import Comparison

INCHES_OF_ROW = 0.32
INCHES_OF_FRAME = 0.75
WIDTH = 7.5
"""Of a chart, in inches, which the page shows no wider than itself."""
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
    """The page. Raises MissingExtraError where matplotlib is not installed."""
    names = " and ".join(map(escape, result.models))
    told = "".join(f"<li>{escape(verdict)}</li>" for verdict in verdicts(result))
    charts = "".join(
        f'<h2>{escape(title)}</h2><figure role="img" aria-label="{escape(title)}">{svg}</figure>'
        for title, svg in _charts(result)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{names}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{names}</h1>\n"
        f"<ul>{told}</ul>\n{charts}\n"
        f"{''.join(_html(table) for table in tables(result))}\n</body>\n</html>\n"
    )


def _html(table: Table) -> str:
    numeric = [is_numeric([row[i] for row in table.rows]) for i in range(len(table.columns))]
    kinds = [' class="number"' if right else "" for right in numeric]
    head = "".join(f"<th{k}>{escape(c)}</th>" for k, c in zip(kinds, table.columns, strict=True))
    body = "".join(
        f"<tr>{''.join(_data(kind, v) for kind, v in zip(kinds, row, strict=True))}</tr>\n"
        for row in table.rows
    )
    return (
        f'<h2>{escape(table.title)}</h2>\n<div class="wide"><table>\n<thead><tr>{head}</tr></thead>'
        f"\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _data(kind: str, value: Any) -> str:
    return f"<td{kind}>{escape(format_cell(value))}</td>"


def _charts(result: "Comparison") -> Iterator[tuple[str, str]]:
    """Titles and pictures: scores with their intervals, overlap by frequency."""
    with mpl_figure("a page with charts") as make_figure:
        points = _points(result)
        if points:
            n_rows = sum(len(rows) for rows in points.values())
            height = INCHES_OF_ROW * n_rows + INCHES_OF_FRAME * len(points)
            figure = make_figure((WIDTH, height), layout="constrained")
            axes = figure.subplots(
                len(points),
                squeeze=False,
                height_ratios=[len(rows) + 1 for rows in points.values()],
            )
            for axis, (dataset, rows) in zip(axes[:, 0], points.items(), strict=True):
                _draw_scores(axis, dataset, rows)
            yield (
                "scores, with the intervals that hold the true value 95 times in 100",
                _svg(figure),
            )
        if any(pair.bands for pair in result.overlaps):
            figure = make_figure((WIDTH, 3), layout="constrained")
            _draw_overlaps(figure.subplots(), result)
            yield "share of nearest neighbours in common, by the rank of words", _svg(figure)


Point = tuple[str, float, "Interval | None"]


def _points(result: "Comparison") -> dict[str, list[Point]]:
    """For each dataset each model's score and its interval."""
    from embedtool.evaluation.scoring import primary_metric

    points: dict[str, list[Point]] = {}
    for scores in result.scores:
        rows: list[Point] = []
        for model, found in zip(result.models, scores.results, strict=True):
            part = primary_metric(found)
            if part.score is not None:
                rows.append((model, part.score, part.interval))
        if rows:
            points[scores.dataset] = rows
    return points


def _draw_scores(axis: Any, dataset: str, rows: list[Point]) -> None:
    for place, (_, score, interval) in enumerate(reversed(rows)):
        low, high = (interval.low, interval.high) if interval else (score, score)
        axis.plot([low, high], [place, place], color="C0", linewidth=2)
        axis.plot([score], [place], "o", color="C0")
        axis.annotate(
            f"{score:.3f}", (score, place), (0, 5), textcoords="offset points", ha="center",
            fontsize=8, color="#808080",
        )  # fmt: skip
    axis.set_yticks(range(len(rows)), [model for model, _, _ in reversed(rows)])
    axis.set_ylim(-0.7, len(rows) - 0.2)
    axis.set_title(dataset, loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)


def _draw_overlaps(axis: Any, result: "Comparison") -> None:
    for pair, marker in zip(result.overlaps, cycle(MARKERS), strict=False):
        axis.plot(
            [f"{band.first:,} to {band.last:,}" for band in pair.bands],
            [band.overlap for band in pair.bands],
            marker=marker,
            label=f"{pair.first}, {pair.second}",
        )
    axis.set_ylim(0, 1)
    axis.legend(frameon=False)
    axis.spines[["top", "right"]].set_visible(False)


def _svg(figure: Any) -> str:
    """A figure as SVG that takes the page's colour for its text and lines."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"#000000|\bblack\b", "currentColor", text)
