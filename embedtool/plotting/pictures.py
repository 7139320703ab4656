"""Pictures as files: what `scenes` shows, drawn by matplotlib.

In: a scene. Out: the bytes of a PNG, SVG or PDF file, the same for the same scene.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from embedtool.errors import MissingExtraError, OutputError
from embedtool.plotting.fonts import families
from embedtool.plotting.labels import place_labels
from embedtool.plotting.scenes import Chart, HeatMap, ScatterPlot, Scene, visible

COLOURS = (
    "#0060b4", "#cc4800", "#601830", "#54849c", "#907860", "#6060fc", "#540054", "#781800",
    "#18009c", "#0000fc",
)  # fmt: skip
"""Of groups, one after the other: dark enough to be read on white, and told apart by those who see
no red or no green (Machado, Oliveira & Fernandes 2009)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
"""Of groups likewise, so that nothing is told by colour alone."""

SETTINGS = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # text that can be searched and edited, not drawn by programs (Type 3)
    "font.family": "sans-serif",
    "font.size": 10,
    "text.parse_math": False,  # a word may hold a dollar sign
}

Kind = Literal["png", "svg", "pdf"]
UNDATED: dict[Kind, dict[str, None]] = {
    "png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None},
}  # fmt: skip
"""What is left out of a file so that it has the same bytes each day."""
NO_ROOM = "constrained_layout not applied"
"""What a warning of matplotlib begins with where there is no room for the axes."""

DOTS_AN_INCH = 150
MOST_DOTS = 20_000
"""Of a picture, from one side to the other; viewers refuse some dozens of thousands."""
FAINT, GREY = "#d9d9d9", "#8a8a8a"
LEAST_SIZE, LABEL_SIZE, CAPTION_SIZE, MAIN_SIZE, TITLE_SIZE = 1, 8, 8, 10, 13
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


@contextmanager
def mpl_figure(capability: str) -> Iterator[Callable[..., Any]]:
    """Yield matplotlib's Figure; `capability` needs it, says the MissingExtraError without it."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(capability, "plots") from None
    with rc_context(SETTINGS):
        yield Figure


@dataclass(frozen=True)
class Look:
    """How a picture is to be; what is None is as its contents want it.

    title : above all of it; empty for none
    size  : width and height, in inches
    dpi   : dots an inch of a PNG
    """

    title: str = ""
    size: tuple[float, float] | None = None
    dpi: int | None = None


PLAIN = Look()


@dataclass(frozen=True)
class Picture:
    """A picture's bytes, and the letters in it for which there is no font here."""

    data: bytes
    missing: str


def picture(scene: Scene, kind: Kind, look: Look = PLAIN) -> Picture:
    """Draw a scene.

    In an SVG text stays text: it is shown in the fonts of who looks at it, and none is missing.
    Raises MissingExtraError where matplotlib is not installed, OutputError on a size that is too
    small or too large.
    """
    with mpl_figure("a picture") as make_figure, warnings.catch_warnings():
        from matplotlib import rc_context

        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("error", message=NO_ROOM)
        names, missing = families(visible(look.title) + _text(scene))
        # the generic name: a viewer that has none of the others takes what it has
        with rc_context({"font.family": [*names, "sans-serif"], "svg.hashsalt": "embedtool"}):
            file = io.BytesIO()
            try:
                figure = _figure(scene, make_figure, look)
                figure.savefig(file, format=kind, metadata=UNDATED[kind])
            except UserWarning:
                raise OutputError("the picture has no room; choose a larger size") from None
    return Picture(file.getvalue(), "" if kind == "svg" else missing)


def _text(scene: Scene) -> str:
    """All that is written in a scene."""
    if isinstance(scene, HeatMap):
        return "".join(scene.labels)
    parts: list[str] = []
    for each in scene:
        if isinstance(each, ScatterPlot):
            parts += [*each.labels, *each.names, each.title, each.caption]
        else:
            parts += [curve.name for curve in each.curves]
    return "".join(parts)


def _figure(scene: Scene, make_figure: Any, look: Look = PLAIN) -> Any:
    if isinstance(scene, HeatMap):
        return _heat_map(scene, make_figure, look)
    n_columns = min(MOST_COLUMNS, len(scene))
    n_rows = math.ceil(len(scene) / n_columns)
    width, height = _panel(scene)
    figure = _empty(make_figure, look, (width * n_columns, height * n_rows))
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axes in panels[len(scene) :]:
        axes.remove()
    for axes, each in zip(panels, scene, strict=False):
        if isinstance(each, ScatterPlot):
            _draw_scatter(axes, each)
        else:
            _draw_chart(axes, each)
    if isinstance(scene[0], ScatterPlot) and scene[0].names:
        _draw_legend(figure, scene[0].names)
    for axes, each in zip(panels, scene, strict=False):
        if isinstance(each, ScatterPlot):
            _write_labels(axes, each)
    return figure


def _empty(make_figure: Any, look: Look, size: tuple[float, float]) -> Any:
    """A figure with nothing but its title, of a size unless another is asked for."""
    size = look.size or size
    dpi = look.dpi or min(DOTS_AN_INCH, MOST_DOTS / max(size))
    if max(size) * dpi > MOST_DOTS:
        raise OutputError(
            f"the picture would have {max(size) * dpi:,.0f} dots from side to side, at most "
            f"{MOST_DOTS:,} can be shown; choose a smaller size or dpi"
        )
    figure = make_figure(size, layout="constrained", dpi=dpi)
    if look.title:
        figure.suptitle(visible(look.title), fontsize=TITLE_SIZE)
    return figure


def _heat_map(found: HeatMap, make_figure: Any, look: Look) -> Any:
    n = len(found.labels)
    side = min(INCHES_OF_CELL, MOST_SIDE / n) * n + INCHES_OF_FRAME
    figure = _empty(make_figure, look, (side + 1, side))
    cell = max(0.0, min(figure.get_size_inches()) - INCHES_OF_FRAME) / n
    _draw_heat_map(figure.subplots(), found, max(LEAST_SIZE, min(MAIN_SIZE, cell * POINTS_AN_INCH)))
    return figure


def _panel(scene: Sequence[ScatterPlot | Chart]) -> tuple[float, float]:
    """Width and height of a panel in inches: room for its labels, in the shape of its points."""
    planes = [each for each in scene if isinstance(each, ScatterPlot)]
    if not planes:
        return CHART_INCHES
    n = max(len(plane.labels) for plane in planes)
    side = min(MOST_SIDE, max(LEAST_SIDE, math.sqrt(n * SQUARE_INCHES_OF_LABEL)))
    width, height = np.mean([np.ptp(plane.points, axis=0) for plane in planes], axis=0).tolist()
    shape = min(WIDEST, max(1 / WIDEST, width / height)) if width and height else WIDEST
    return side * math.sqrt(shape), side / math.sqrt(shape)


def _draw_scatter(axes: Any, plane: ScatterPlot) -> None:
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
    sizes = np.where(plane.is_main, 26, 11 if plane.names else 9)
    for group in np.unique(plane.groups):
        here = plane.groups == group
        axes.scatter(*points[here].T, s=sizes[here], c=COLOURS[group % len(COLOURS)],
                     marker=MARKERS[group % len(MARKERS)], linewidths=0, zorder=3)  # fmt: skip
    axes.margins(0.1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    axes.set_title(plane.title, fontsize=MAIN_SIZE + 1)
    axes.set_xlabel(plane.caption, fontsize=CAPTION_SIZE, color=GREY, loc="right")


def _draw_legend(figure: Any, names: Sequence[str]) -> None:
    """Tell below a picture what the colours and shapes of its points mean."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", ms=4, mew=0, color=colour, marker=marker, label=name)
        for name, colour, marker in zip(names, COLOURS, MARKERS, strict=False)
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=len(names), frameon=False,
                  fontsize=CAPTION_SIZE)  # fmt: skip


def _write_labels(axes: Any, plane: ScatterPlot) -> None:
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
    found = place_labels(
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
        marker = MARKERS[curve.group % len(MARKERS)]
        axes.plot(curve.x, curve.y, marker=marker, ms=3, lw=1.4, color=colour, label=curve.name)
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
