"""Pictures as files: what `scenes` shows, drawn by matplotlib.

In: a scene. Out: the bytes of a PNG or SVG file, the same for the same scene.
"""

import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from embedtool.explore.charts import drawing
from embedtool.explore.fonts import families
from embedtool.explore.labels import places
from embedtool.explore.scenes import Chart, HeatMap, Plane, Scene

Kind = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = ("png", "svg")

DOTS_AN_INCH = 150
MOST_DOTS = 20_000
"""Of a picture, from one side to the other; viewers refuse some dozens of thousands."""
COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17798a", "#8c564b", "#c2489b",
    "#6b7a1f", "#555555",
)  # fmt: skip
"""Of groups, one after the other: dark enough to be read on white."""
FAINT, GREY = "#d9d9d9", "#8a8a8a"
LABEL_SIZE, MAIN_SIZE, CAPTION_SIZE = 8, 10, 8
"""Of letters, in points."""

SQUARE_INCHES_OF_LABEL = 0.75
LEAST_SIDE, MOST_SIDE = 4.5, 30.0
"""Of a panel with words, in inches, if it were a square."""
WIDEST = 1.7
"""Width to height of a panel; some are as much higher than wide."""
CHART_INCHES = 6.0, 3.6
MOST_COLUMNS = 3
POINTS_AN_INCH = 72
MAIN_RADIUS, RADIUS = 3.5, 2.0
"""Of a point and the space around it, in points."""
SPACE = np.array([3.0, 0.5])
"""Beside and above a label, in points."""
FAR = 1.5
"""Radii; to a label that is farther from its point a line leads."""
POINTS_OF_ARROW = 20
"""That no label covers."""

INCHES_OF_CELL = 0.45
INCHES_OF_FRAME = 1.6
MOST_NUMBERS = 16
"""With more words than this, numbers in the cells are too many to read."""


@dataclass(frozen=True)
class Picture:
    """A picture's bytes, and the letters in it for which there is no font here."""

    data: bytes
    missing: str


def picture(scene: Scene, kind: Kind) -> Picture:
    """Draw a scene. Raises MissingExtraError where matplotlib is not installed.

    In an SVG text stays text: it is shown in the fonts of who looks at it, and none is missing.
    """
    with drawing("a picture") as make_figure, warnings.catch_warnings():
        from matplotlib import rc_context

        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        names, missing = families(_text(scene))
        with rc_context({"font.family": names, "svg.hashsalt": "embedtool"}):
            figure = _figure(scene, make_figure)
            file = io.BytesIO()
            figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return Picture(file.getvalue(), missing if kind == "png" else "")


def _text(scene: Scene) -> str:
    """All that is written in a scene."""
    if isinstance(scene, HeatMap):
        return "".join(scene.labels)
    parts: list[str] = []
    for each in scene:
        if isinstance(each, Plane):
            parts += [*each.labels, each.title, each.caption]
        else:
            parts += [curve.name for curve in each.curves]
    return "".join(parts)


def _figure(scene: Scene, make_figure: Any) -> Any:
    if isinstance(scene, HeatMap):
        cell = min(INCHES_OF_CELL, MOST_SIDE / len(scene.labels))
        side = cell * len(scene.labels) + INCHES_OF_FRAME
        figure = make_figure((side + 1, side), layout="constrained", dpi=DOTS_AN_INCH)
        _draw_heat_map(figure.subplots(), scene, min(MAIN_SIZE, cell * POINTS_AN_INCH))
        return figure
    n_columns = min(MOST_COLUMNS, len(scene))
    n_rows = math.ceil(len(scene) / n_columns)
    width, height = _panel(scene)
    size = width * n_columns, height * n_rows
    figure = make_figure(size, layout="constrained", dpi=min(DOTS_AN_INCH, MOST_DOTS / max(size)))
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes in panels[len(scene) :]:
        axes.remove()
    for axes, each in zip(panels, scene, strict=False):
        if isinstance(each, Plane):
            _draw_plane(axes, each)
        else:
            _draw_chart(axes, each)
    for axes, each in zip(panels, scene, strict=False):
        if isinstance(each, Plane):
            _write_labels(axes, each)
    return figure


def _panel(scene: Sequence[Plane | Chart]) -> tuple[float, float]:
    """Width and height of a panel in inches: room for its labels, in the shape of its points."""
    planes = [each for each in scene if isinstance(each, Plane)]
    if not planes:
        return CHART_INCHES
    n = max(len(plane.labels) for plane in planes)
    side = min(MOST_SIDE, max(LEAST_SIDE, math.sqrt(n * SQUARE_INCHES_OF_LABEL)))
    width, height = np.mean([np.ptp(plane.points, axis=0) for plane in planes], axis=0).tolist()
    shape = min(WIDEST, max(1 / WIDEST, width / height)) if width and height else WIDEST
    return side * math.sqrt(shape), side / math.sqrt(shape)


def _draw_plane(axes: Any, plane: Plane) -> None:
    from matplotlib.collections import LineCollection

    points = plane.points
    axes.add_collection(
        LineCollection([points[list(ends)] for ends in plane.lines], colors=FAINT, lw=0.6, zorder=1)
    )
    for start, end in plane.arrows:
        axes.annotate(
            "", points[end], points[start], zorder=2,
            arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1, "shrinkA": 3, "shrinkB": 3},
        )  # fmt: skip
    colours = [COLOURS[group % len(COLOURS)] for group in plane.groups]
    sizes = np.where(plane.is_main, 26, 9)
    axes.scatter(*points.T, s=sizes, c=colours, linewidths=0, zorder=3)
    axes.margins(0.1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    axes.set_title(plane.title, fontsize=MAIN_SIZE + 1)
    axes.set_xlabel(plane.caption, fontsize=CAPTION_SIZE, color=GREY, loc="right")


def _write_labels(axes: Any, plane: Plane) -> None:
    """Write the words beside their points, none over another; a line leads to one far away."""
    texts = [
        axes.text(
            *point, text, color=COLOURS[group % len(COLOURS)], zorder=4, in_layout=False,
            fontsize=MAIN_SIZE if is_main else LABEL_SIZE, weight="bold" if is_main else "normal",
            ha="center", va="center",
        )
        for point, text, group, is_main in zip(
            plane.points, plane.labels, plane.groups, plane.is_main, strict=True
        )
    ]  # fmt: skip
    figure = axes.figure
    figure.draw_without_rendering()
    axes.autoscale(False)
    dot = figure.dpi / POINTS_AN_INCH
    sizes = np.array([text.get_window_extent().size for text in texts]) + SPACE * dot
    radii = np.where(plane.is_main, MAIN_RADIUS, RADIUS) * dot
    marks = axes.transData.transform(plane.points)
    along = [
        marks[start] + share * (marks[end] - marks[start])
        for start, end in plane.arrows
        for share in np.linspace(0, 1, POINTS_OF_ARROW)
    ]
    inside = axes.get_window_extent()
    found = places(
        marks, sizes, radii, np.array([inside.p0, inside.p1]), np.array(along).reshape(-1, 2)
    )
    to_data = axes.transData.inverted().transform
    for text, mark, middle, size, radius in zip(texts, marks, found, sizes, radii, strict=True):
        text.set_position(to_data(middle))
        nearest = np.clip(mark, middle - size / 2, middle + size / 2)
        if np.abs(nearest - mark).max() > FAR * radius:
            axes.plot(*to_data([mark, nearest]).T, color=GREY, lw=0.5, zorder=2)


def _draw_chart(axes: Any, chart: Chart) -> None:
    for curve in chart.curves:
        colour = COLOURS[curve.group % len(COLOURS)]
        axes.plot(curve.x, curve.y, marker="o", ms=3, lw=1.4, color=colour, label=curve.name)
    axes.set_xlabel(chart.over)
    axes.set_title(chart.measure, fontsize=MAIN_SIZE + 1)
    if chart.over == "epochs":
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=FAINT, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=LABEL_SIZE)


def _draw_heat_map(axes: Any, found: HeatMap, letters: float) -> None:
    n, labels, values = len(found.labels), found.labels, found.values
    image = axes.imshow(values, cmap="Blues", vmin=found.low)
    axes.set_xticks(
        range(n), labels, rotation=45, ha="left", rotation_mode="anchor", fontsize=letters
    )
    axes.set_yticks(range(n), labels, fontsize=letters)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    axes.spines[:].set_visible(False)
    middle = (found.low + float(values.max())) / 2
    for row in range(n if n <= MOST_NUMBERS else 0):
        for column in range(n):
            value = float(values[row, column])
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                      color="white" if value > middle else "black")  # fmt: skip
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
