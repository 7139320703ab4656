"""Scenes drawn in characters, for terminals that show no images, and for pipes."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import numpy as np
from rich.cells import cell_len

from embedtool.messages import counted
from embedtool.plotting.scenes import Chart, HeatMap, ScatterPlot, Scene

COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow")
"""Colours of groups, in turn; the terminal's theme decides how they look."""
FAINT = "bright_black"
MAIN, OTHER, HEAD = "●", "∙", "◆"
"""Marks of a queried word, of a neighbour, and of the word that an arrow points to."""
OTHERS = (OTHER, "+", "×")
"""Marks of neighbours by group if groups have names, so that nothing depends only on colour."""

BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a braille character: four rows of two."""
DOT_ROWS, DOT_COLUMNS = DOTS.shape
SHADES = " ░▒▓█"
NUMBER_WIDTH, SHADE_WIDTH = 5, 2
"""Columns of the terminal for a number of two decimals, with its sign, and for a shade."""
MIN_LINES = 8
CHART_LINES = 16


class Canvas:
    """Cells of a terminal, each with a character or braille dots.

    A character that is two columns wide has an empty string in the second cell.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self.n_rows, self.n_columns = n_rows, n_columns
        self.dots = np.zeros((n_rows, n_columns), np.int64)
        self.texts = np.full((n_rows, n_columns), " ", object)
        self.styles = np.full((n_rows, n_columns), None, object)

    def line(self, start: Sequence[float], end: Sequence[float], colour: str) -> None:
        """Draw a line of dots; positions are rows and columns of cells, from 0, in fractions."""
        scale = np.array([DOT_ROWS, DOT_COLUMNS])
        ends = np.array([start, end]) * scale
        n_steps = int(np.abs(ends[1] - ends[0]).max()) + 1
        for position in np.linspace(ends[0], ends[1], n_steps + 1):
            row, column = np.clip(
                position.astype(int), 0, np.array(self.dots.shape) * scale - 1
            ).tolist()
            cell = row // DOT_ROWS, column // DOT_COLUMNS
            self.dots[cell] |= DOTS[row % DOT_ROWS, column % DOT_COLUMNS]
            self.styles[cell] = {"fg": colour}

    def fits(self, row: int, column: int, width: int, *, over_dots: bool) -> bool:
        """Return whether a text with a space on each side fits without covering other text.

        Dots may be covered only with `over_dots`.
        """
        if not (0 <= row < self.n_rows and column >= 0 and column + width <= self.n_columns):
            return False
        around = row, slice(max(0, column - 1), column + width + 1)
        is_free = (self.texts[around] == " ") & (over_dots | (self.dots[around] == 0))
        return bool(is_free.all())

    def write(self, row: int, column: int, text: str, **style: Any) -> None:
        """Write a text; it replaces dots."""
        for character in text:
            width = cell_len(character)
            if not width:  # an accent belongs to the character before it
                self.texts[row, column - 1] += character
                continue
            self.texts[row, column : column + width] = [character, *[""] * (width - 1)]
            self.dots[row, column : column + width] = 0
            self.styles[row, column : column + width] = [style] * width
            column += width

    def lines(self) -> Iterator[str]:
        """Yield the lines of the canvas, with ANSI escapes for colours."""
        for texts, dots, styles in zip(self.texts, self.dots, self.styles, strict=True):
            cells = [chr(BRAILLE + d) if d else t for t, d in zip(texts, dots, strict=True)]
            line, start = "", 0
            for i in range(1, len(cells) + 1):
                if i == len(cells) or styles[i] != styles[start]:
                    run = "".join(cells[start:i])
                    line += click.style(run, **styles[start]) if styles[start] else run
                    start = i
            yield line.rstrip()


def render_text(scene: Scene, n_columns: int, n_lines: int) -> Iterator[str]:
    """Yield the lines of a scene, with ANSI escapes for colours and bold text."""
    if isinstance(scene, HeatMap):
        yield from _heat_map(scene, n_columns)
        return
    for i, each in enumerate(scene):
        if i:
            yield ""
        if isinstance(each, ScatterPlot):
            yield from _scatter(each, n_columns, n_lines)
        else:
            yield from _chart(each, n_columns, min(n_lines, CHART_LINES))


def _scatter(plot: ScatterPlot, n_columns: int, n_lines: int) -> Iterator[str]:
    if plot.title:
        yield click.style(plot.title, bold=True)
    legend = list(_legend(plot.names, n_columns))
    n_text_lines = 1 + bool(plot.title) + len(legend)
    canvas = Canvas(max(MIN_LINES, n_lines - n_text_lines), n_columns)
    low, high = plot.points.min(axis=0), plot.points.max(axis=0)
    spans = np.where(high > low, high - low, 1)
    fractions = (plot.points - low) / spans
    fractions[:, high == low] = 0.5
    size = np.array([canvas.n_rows - 1, canvas.n_columns - 1])
    positions = np.stack([1 - fractions[:, 1], fractions[:, 0]], axis=1) * size
    cells = np.rint(positions).astype(int).tolist()
    for start, end in plot.arrows:
        canvas.line(positions[start] + 0.5, positions[end] + 0.5, FAINT)
    heads = {end for _, end in plot.arrows}
    styles: list[dict[str, Any]] = [
        {"fg": COLOURS[group % len(COLOURS)], "bold": bool(is_main)}
        for group, is_main in zip(plot.groups, plot.is_main, strict=True)
    ]
    for i, (row, column) in enumerate(cells):
        other = OTHERS[plot.groups[i] % len(OTHERS)] if plot.names else OTHER
        mark = HEAD if i in heads else MAIN if plot.is_main[i] else other
        canvas.write(row, column, mark, **styles[i])
    n_left_out = 0
    for (row, column), text, style in zip(cells, plot.labels, styles, strict=True):
        position = _label_position(canvas, row, column, cell_len(text))
        if position:
            canvas.write(*position, text, **style)
        else:
            n_left_out += 1
    yield from canvas.lines()
    omitted = ""
    if n_left_out:
        omitted = f"; no room for {n_left_out:,} of {counted(len(styles), 'word')}: --output FILE"
    yield click.style(plot.caption + omitted, fg=FAINT)
    yield from legend


def _legend(names: Sequence[str], n_columns: int) -> Iterator[str]:
    """Yield the legend of marks and colours: in one line, or in one each if that is too long."""
    entries = [f"{mark} {name}" for mark, name in zip(OTHERS, names, strict=False)]
    lines = [click.style(text, fg=colour) for text, colour in zip(entries, COLOURS, strict=False)]
    if entries and cell_len("  ".join(entries)) <= n_columns:
        lines = ["  ".join(lines)]
    yield from lines


def _label_position(canvas: Canvas, row: int, column: int, width: int) -> tuple[int, int] | None:
    """Return a position beside its mark where a label covers nothing; None if there is none."""
    middle = column - width // 2
    right, left = column + 1, column - width
    positions = (
        (row, right + 1), (row, left - 1), (row - 1, middle), (row + 1, middle),
        (row - 1, right), (row + 1, right), (row - 1, left), (row + 1, left),
    )  # fmt: skip
    for over_dots in (False, True):
        for position in positions:
            if canvas.fits(*position, width, over_dots=over_dots):
                return position
    return None


def _heat_map(heat_map: HeatMap, n_columns: int) -> Iterator[str]:
    """Yield cells with a shade and a number, or with a shade alone if there is no room."""
    n, values = len(heat_map.labels), heat_map.values
    width = max(map(cell_len, heat_map.labels))
    room = (n_columns - width) // n - 1
    if room < 1:
        yield f"no room for {counted(n, 'word')}: --output FILE"
        return
    has_numbers = room > NUMBER_WIDTH
    room = (
        min(room, max(width, NUMBER_WIDTH + SHADE_WIDTH)) if has_numbers else min(room, SHADE_WIDTH)
    )
    span = float(values.max()) - heat_map.low or 1.0
    if has_numbers:
        heads = (_cut(text, room).rjust(room) for text in heat_map.labels)
        yield " " * width + "".join(" " + head for head in heads)
    for text, row in zip(heat_map.labels, values.tolist(), strict=True):
        cells = []
        for value in row:
            fraction = min(1.0, max(0.0, (value - heat_map.low) / span))
            shade = SHADES[min(int(fraction * len(SHADES)), len(SHADES) - 1)]
            number = f"{value:.2f}".replace("0.", ".", 1).rjust(NUMBER_WIDTH) if has_numbers else ""
            cells.append(" " + shade * (room - len(number)) + number)
        yield _ljust(text, width) + "".join(cells)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else text[: max(1, width - 1)] + "…"


def _ljust(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _chart(chart: Chart, n_columns: int, n_lines: int) -> Iterator[str]:
    """Yield the lines of curves, each with its name and last value at its end."""
    x = np.concatenate([curve.x for curve in chart.curves])
    y = np.concatenate([curve.y for curve in chart.curves])
    scale = [f"{value:.4g}" for value in (y.max(), y.min())]
    left = max(map(len, scale)) + 1
    names = [f"{_cut(curve.name, n_columns // 4)} {curve.y[-1]:.4g}" for curve in chart.curves]
    right = n_columns - max(map(cell_len, names)) - 2
    canvas = Canvas(max(MIN_LINES, n_lines - 3), n_columns)
    for curve, name in zip(chart.curves, names, strict=True):
        colour = COLOURS[curve.group % len(COLOURS)]
        columns = left + (curve.x - x.min()) / (np.ptp(x) or 1) * (right - 1 - left)
        rows = (y.max() - curve.y) / (np.ptp(y) or 1) * (canvas.n_rows - 1)
        points = np.stack([rows, columns], axis=1) + 0.5
        for start, end in zip(points, points[1:] if len(points) > 1 else points, strict=False):
            canvas.line(start, end, colour)
        last_row = min(int(points[-1][0]), canvas.n_rows - 1)
        for row in sorted(range(canvas.n_rows), key=lambda row: abs(row - last_row)):
            if canvas.fits(row, right + 1, cell_len(name), over_dots=True):
                canvas.write(row, right + 1, name, fg=colour)
                break
    for row, text in zip((0, canvas.n_rows - 1), scale, strict=True):
        canvas.write(row, 0, text.rjust(left - 1))
    yield click.style(chart.measure, bold=True)
    yield from canvas.lines()
    first, last = f"{x.min():g}", f"{x.max():g} {chart.over}"
    yield " " * left + first + last.rjust(right - left - len(first))
