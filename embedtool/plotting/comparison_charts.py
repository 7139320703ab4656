"""Charts of a comparison of models, as SVG for a page."""

import io
import re
from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

from embedtool.messages import printable_name
from embedtool.plotting.pictures import MARKERS, mpl_figure

if TYPE_CHECKING:
    from embedtool.evaluation.statistics import Interval
    from embedtool.experiments.model_comparison import Comparison

ROW_INCHES = 0.32
FRAME_INCHES = 0.75
WIDTH_INCHES = 7.5
"""Width of a chart; the page scales it down to its own width."""

Point = tuple[str, float, "Interval | None"]


def comparison_charts(result: "Comparison") -> Iterator[tuple[str, str]]:
    """Yield titles and SVG charts: scores with their intervals, and neighbour overlap by frequency.

    Raises MissingExtraError if matplotlib is not installed.
    """
    with mpl_figure("a page with charts") as make_figure:
        points = _points(result)
        if points:
            n_rows = sum(len(rows) for rows in points.values())
            height = ROW_INCHES * n_rows + FRAME_INCHES * len(points)
            figure = make_figure((WIDTH_INCHES, height), layout="constrained")
            axes = figure.subplots(
                len(points),
                squeeze=False,
                height_ratios=[len(rows) + 1 for rows in points.values()],
            )
            for axis, (dataset, rows) in zip(axes[:, 0], points.items(), strict=True):
                _draw_scores(axis, dataset, rows)
            yield (
                "scores with 95% confidence intervals",
                _svg(figure),
            )
        if any(pair.bands for pair in result.overlaps):
            figure = make_figure((WIDTH_INCHES, 3), layout="constrained")
            _draw_overlaps(figure.subplots(), result)
            yield "overlap of nearest neighbours by the rank of words", _svg(figure)


def _points(result: "Comparison") -> dict[str, list[Point]]:
    """Return each model's score and its interval, for each dataset."""
    points: dict[str, list[Point]] = {}
    for scores in result.scores:
        rows: list[Point] = []
        for model, score in zip(result.models, scores.results, strict=True):
            metric = score.primary_metric
            if metric.score is not None:
                rows.append((model, metric.score, metric.interval))
        if rows:
            points[scores.dataset] = rows
    return points


def _draw_scores(axis: Any, dataset: str, rows: list[Point]) -> None:
    for y, (_, score, interval) in enumerate(reversed(rows)):
        low, high = (interval.low, interval.high) if interval else (score, score)
        axis.plot([low, high], [y, y], color="C0", linewidth=2)
        axis.plot([score], [y], "o", color="C0")
        axis.annotate(
            f"{score:.3f}", (score, y), (0, 5), textcoords="offset points", ha="center",
            fontsize=8, color="#808080",
        )  # fmt: skip
    axis.set_yticks(range(len(rows)), [model for model, _, _ in reversed(rows)])
    axis.set_ylim(-0.7, len(rows) - 0.2)
    axis.set_title(printable_name(dataset), loc="left", fontsize=10)
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
    """Return a figure as SVG whose text and lines have the colour of the page's text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"#000000|\bblack\b", "currentColor", text)
