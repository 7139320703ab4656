"""Scenes drawn by matplotlib as PNG, SVG or PDF; the same scene gives the same bytes."""

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
"""Colours of groups, in turn: dark enough to be read on white, and distinct to the red- and
green-blind as well (simulated as in Machado, Oliveira & Fernandes 2009)."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
"""Markers of groups, in turn, so that nothing depends on colour alone."""

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
"""Metadata left out of a file, so that its bytes do not depend on the date."""
NO_ROOM = "constrained_layout not applied"
"""The beginning of matplotlib's warning that there is no room for the axes."""

DPI = 150
MAX_DOTS = 20_000
"""Maximum width or height of a picture in dots; viewers refuse some tens of thousands."""
FAINT, GREY = "#d9d9d9", "#8a8a8a"
MIN_FONT, LABEL_FONT, CAPTION_FONT, MAIN_FONT, TITLE_FONT = 1, 8, 8, 10, 13
"""Font sizes, in points."""

LABEL_SQUARE_INCHES = 0.75
"""Area of a panel for each label."""
MIN_SIDE, MAX_SIDE = 4.5, 30.0
"""Side of a panel with words, in inches, as if it were a square."""
MAX_ASPECT = 1.7
"""Largest ratio of a panel's sides."""
CHART_INCHES = 6.0, 3.6
MAX_PANEL_COLUMNS = 3
POINTS_PER_INCH = 72
MAIN_RADIUS, RADIUS = 3.5, 2.0
"""Radius of a point and the space around it, in points."""
LABEL_SPACE = np.array([3.0, 0.5])
"""Space beside and above a label, in points."""
LEADER_DISTANCE = 1.5
"""A line connects a label with its point beyond this distance, in radii of the point."""
ARROW_SAMPLES = 20
"""Points of an arrow that no label may cover."""

CELL_INCHES = 0.45
FRAME_INCHES = 1.6
MAX_NUMBERED = 16
"""Maximum words of a heat map whose cells have numbers."""


@contextmanager
def mpl_figure(capability: str) -> Iterator[Callable[..., Any]]:
    """Yield matplotlib's class Figure, within the settings that all figures share.

    Parameters
    ----------
    capability : str
        The feature that needs matplotlib, for the message of MissingExtraError.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(capability, "plots") from None
    with rc_context(SETTINGS):
        yield Figure


@dataclass(frozen=True)
class Look:
    """Title and size of a picture.

    Attributes
    ----------
    title : str
        Title above the whole picture; empty for none.
    size : tuple of float, optional
        Width and height in inches; None to fit the contents.
    dpi : int, optional
        Dots per inch of a PNG; None for DPI, or less for a large picture.
    """

    title: str = ""
    size: tuple[float, float] | None = None
    dpi: int | None = None


PLAIN = Look()


@dataclass(frozen=True)
class Picture:
    """A picture's bytes, and its characters that no installed font has."""

    data: bytes
    missing: str


def picture(scene: Scene, kind: Kind, look: Look = PLAIN) -> Picture:
    """Draw a scene.

    Text in an SVG remains text, which viewers show in their own fonts; no character is missing.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If the size is too small or too large.
    """
    with mpl_figure("a picture") as make_figure, warnings.catch_warnings():
        from matplotlib import rc_context

        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("error", message=NO_ROOM)
        names, missing = families(visible(look.title) + _text(scene))
        # the generic name is for viewers of an SVG that have none of the other fonts
        with rc_context({"font.family": [*names, "sans-serif"], "svg.hashsalt": "embedtool"}):
            file = io.BytesIO()
            try:
                figure = _figure(scene, make_figure, look)
                figure.savefig(file, format=kind, metadata=UNDATED[kind])
            except UserWarning:
                raise OutputError("the picture has no room; choose a larger size") from None
    return Picture(file.getvalue(), "" if kind == "svg" else missing)


def _text(scene: Scene) -> str:
    """Return all text in a scene."""
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
    n_columns = min(MAX_PANEL_COLUMNS, len(scene))
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
    """Return an empty figure with its title, of a default size unless `look` has one."""
    size = look.size or size
    dpi = look.dpi or min(DPI, MAX_DOTS / max(size))
    if max(size) * dpi > MAX_DOTS:
        raise OutputError(
            f"the picture would have {max(size) * dpi:,.0f} dots from side to side, at most "
            f"{MAX_DOTS:,} can be shown; choose a smaller size or dpi"
        )
    figure = make_figure(size, layout="constrained", dpi=dpi)
    if look.title:
        figure.suptitle(visible(look.title), fontsize=TITLE_FONT)
    return figure


def _heat_map(heat_map: HeatMap, make_figure: Any, look: Look) -> Any:
    n = len(heat_map.labels)
    side = min(CELL_INCHES, MAX_SIDE / n) * n + FRAME_INCHES
    figure = _empty(make_figure, look, (side + 1, side))
    cell = max(0.0, min(figure.get_size_inches()) - FRAME_INCHES) / n
    _draw_heat_map(
        figure.subplots(), heat_map, max(MIN_FONT, min(MAIN_FONT, cell * POINTS_PER_INCH))
    )
    return figure


def _panel(scene: Sequence[ScatterPlot | Chart]) -> tuple[float, float]:
    """Return width and height of a panel in inches, from its number of labels and its points."""
    plots = [each for each in scene if isinstance(each, ScatterPlot)]
    if not plots:
        return CHART_INCHES
    n = max(len(plot.labels) for plot in plots)
    side = min(MAX_SIDE, max(MIN_SIDE, math.sqrt(n * LABEL_SQUARE_INCHES)))
    width, height = np.mean([np.ptp(plot.points, axis=0) for plot in plots], axis=0).tolist()
    aspect = MAX_ASPECT
    if width and height:
        aspect = min(MAX_ASPECT, max(1 / MAX_ASPECT, width / height))
    return side * math.sqrt(aspect), side / math.sqrt(aspect)


def _draw_scatter(axes: Any, plot: ScatterPlot) -> None:
    from matplotlib.collections import LineCollection

    points = plot.points
    axes.add_collection(
        LineCollection([points[list(ends)] for ends in plot.lines], colors=FAINT, lw=0.6, zorder=1)
    )
    for start, end in plot.arrows:
        axes.annotate(
            "", points[end], points[start], zorder=2,
            arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1, "shrinkA": 3, "shrinkB": 3},
        )  # fmt: skip
    sizes = np.where(plot.is_main, 26, 11 if plot.names else 9)
    for group in np.unique(plot.groups):
        here = plot.groups == group
        axes.scatter(*points[here].T, s=sizes[here], c=COLOURS[group % len(COLOURS)],
                     marker=MARKERS[group % len(MARKERS)], linewidths=0, zorder=3)  # fmt: skip
    axes.margins(0.1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(FAINT)
    axes.set_title(plot.title, fontsize=MAIN_FONT + 1)
    axes.set_xlabel(plot.caption, fontsize=CAPTION_FONT, color=GREY, loc="right")


def _draw_legend(figure: Any, names: Sequence[str]) -> None:
    """Draw a legend of the colours and markers of groups below a picture."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", ms=4, mew=0, color=colour, marker=marker, label=name)
        for name, colour, marker in zip(names, COLOURS, MARKERS, strict=False)
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=len(names), frameon=False,
                  fontsize=CAPTION_FONT)  # fmt: skip


def _write_labels(axes: Any, plot: ScatterPlot) -> None:
    """Write the words beside their points without overlap; a line leads to a distant one."""
    texts = [
        axes.text(
            *point, text, color=COLOURS[group % len(COLOURS)], zorder=4, in_layout=False,
            fontsize=MAIN_FONT if is_main else LABEL_FONT, weight="bold" if is_main else "normal",
            ha="center", va="center",
        )
        for point, text, group, is_main in zip(
            plot.points, plot.labels, plot.groups, plot.is_main, strict=True
        )
    ]  # fmt: skip
    figure = axes.figure
    figure.draw_without_rendering()
    axes.autoscale(False)
    dots_per_point = figure.dpi / POINTS_PER_INCH
    sizes = (
        np.array([text.get_window_extent().size for text in texts]) + LABEL_SPACE * dots_per_point
    )
    radii = np.where(plot.is_main, MAIN_RADIUS, RADIUS) * dots_per_point
    marks = axes.transData.transform(plot.points)
    along = [
        marks[start] + fraction * (marks[end] - marks[start])
        for start, end in plot.arrows
        for fraction in np.linspace(0, 1, ARROW_SAMPLES)
    ]
    inside = axes.get_window_extent()
    middles = place_labels(
        marks, sizes, radii, np.array([inside.p0, inside.p1]), np.array(along).reshape(-1, 2)
    )
    to_data = axes.transData.inverted().transform
    for text, mark, middle, size, radius in zip(texts, marks, middles, sizes, radii, strict=True):
        text.set_position(to_data(middle))
        nearest = np.clip(mark, middle - size / 2, middle + size / 2)
        if np.abs(nearest - mark).max() > LEADER_DISTANCE * radius:
            axes.plot(*to_data([mark, nearest]).T, color=GREY, lw=0.5, zorder=2)


def _draw_chart(axes: Any, chart: Chart) -> None:
    for curve in chart.curves:
        colour = COLOURS[curve.group % len(COLOURS)]
        marker = MARKERS[curve.group % len(MARKERS)]
        axes.plot(curve.x, curve.y, marker=marker, ms=3, lw=1.4, color=colour, label=curve.name)
    axes.set_xlabel(chart.over)
    axes.set_title(chart.measure, fontsize=MAIN_FONT + 1)
    if chart.over == "epochs":
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y", color=FAINT, lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=LABEL_FONT)


def _draw_heat_map(axes: Any, heat_map: HeatMap, letters: float) -> None:
    n, labels, values = len(heat_map.labels), heat_map.labels, heat_map.values
    image = axes.imshow(values, cmap="Blues", vmin=heat_map.low)
    axes.set_xticks(
        range(n), labels, rotation=45, ha="left", rotation_mode="anchor", fontsize=letters
    )
    axes.set_yticks(range(n), labels, fontsize=letters)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    axes.spines[:].set_visible(False)
    middle = (heat_map.low + float(values.max())) / 2
    for row in range(n if n <= MAX_NUMBERED else 0):
        for column in range(n):
            value = float(values[row, column])
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                      color="white" if value > middle else "black")  # fmt: skip
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
