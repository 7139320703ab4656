"""Pictures in characters, for terminals that show no others, and for pipes.

In: a scene, and how many columns and lines it may take. Out: its lines.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import numpy as np
from rich.cells import cell_len

from embedtool.messages import counted
from embedtool.plotting.scenes import Chart, HeatMap, ScatterPlot, Scene

COLOURS = ("blue", "red", "green", "magenta", "cyan", "yellow")
"""Of groups, one after the other, as the terminal shows them: it knows light from dark."""
FAINT = "bright_black"
MAIN, OTHER, HEAD = "●", "∙", "◆"
"""Of a word that was asked for, of a neighbour, and of the word that an arrow points to."""
OTHERS = (OTHER, "+", "×")
"""Of neighbours where groups have names, so that colour alone tells nothing."""

BRAILLE = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a braille character: four rows of two."""
DOT_ROWS, DOT_COLUMNS = DOTS.shape
SHADES = " ░▒▓█"
NUMBER, SHADE = 5, 2
"""Columns of the terminal for a number of two decimals, with its sign, and for a shade."""
LEAST_LINES = 8
CHART_LINES = 16


class Canvas:
    """Cells of a terminal: a character in each, and dots where there is none.

    A character that takes two columns leaves the second one empty.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self.n_rows, self.n_columns = n_rows, n_columns
        self.dots = np.zeros((n_rows, n_columns), np.int64)
        self.texts = np.full((n_rows, n_columns), " ", object)
        self.styles = np.full((n_rows, n_columns), None, object)

    def line(self, start: Sequence[float], end: Sequence[float], colour: str) -> None:
        """Draw a line of dots; places are rows and columns of cells, from 0, in fractions."""
        scale = np.array([DOT_ROWS, DOT_COLUMNS])
        ends = np.array([start, end]) * scale
        n_steps = int(np.abs(ends[1] - ends[0]).max()) + 1
        for place in np.linspace(ends[0], ends[1], n_steps + 1):
            row, column = np.clip(
                place.astype(int), 0, np.array(self.dots.shape) * scale - 1
            ).tolist()
            cell = row // DOT_ROWS, column // DOT_COLUMNS
            self.dots[cell] |= DOTS[row % DOT_ROWS, column % DOT_COLUMNS]
            self.styles[cell] = {"fg": colour}

    def fits(self, row: int, column: int, width: int, *, over_dots: bool) -> bool:
        """Whether a text, with a space on each side, covers no other, nor dots if they count."""
        if not (0 <= row < self.n_rows and column >= 0 and column + width <= self.n_columns):
            return False
        around = row, slice(max(0, column - 1), column + width + 1)
        is_free = (self.texts[around] == " ") & (over_dots | (self.dots[around] == 0))
        return bool(is_free.all())

    def write(self, row: int, column: int, text: str, **style: Any) -> None:
        """Write a text; over dots, if there are any."""
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
        """The lines of the canvas, with the escapes of their colours."""
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
    """The lines of a scene, with the escapes of colours and bold letters."""
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


def _scatter(plane: ScatterPlot, n_columns: int, n_lines: int) -> Iterator[str]:
    if plane.title:
        yield click.style(plane.title, bold=True)
    legend = list(_legend(plane.names, n_columns))
    n_told = 1 + bool(plane.title) + len(legend)
    canvas = Canvas(max(LEAST_LINES, n_lines - n_told), n_columns)
    low, high = plane.points.min(axis=0), plane.points.max(axis=0)
    spans = np.where(high > low, high - low, 1)
    shares = (plane.points - low) / spans
    shares[:, high == low] = 0.5
    room = np.array([canvas.n_rows - 1, canvas.n_columns - 1])
    places = np.stack([1 - shares[:, 1], shares[:, 0]], axis=1) * room
    cells = np.rint(places).astype(int).tolist()
    for start, end in plane.arrows:
        canvas.line(places[start] + 0.5, places[end] + 0.5, FAINT)
    heads = {end for _, end in plane.arrows}
    styles: list[dict[str, Any]] = [
        {"fg": COLOURS[group % len(COLOURS)], "bold": bool(is_main)}
        for group, is_main in zip(plane.groups, plane.is_main, strict=True)
    ]
    for i, (row, column) in enumerate(cells):
        other = OTHERS[plane.groups[i] % len(OTHERS)] if plane.names else OTHER
        mark = HEAD if i in heads else MAIN if plane.is_main[i] else other
        canvas.write(row, column, mark, **styles[i])
    n_left_out = 0
    for (row, column), text, style in zip(cells, plane.labels, styles, strict=True):
        place = _place(canvas, row, column, cell_len(text))
        if place:
            canvas.write(*place, text, **style)
        else:
            n_left_out += 1
    yield from canvas.lines()
    told = ""
    if n_left_out:
        told = f"; no room for {n_left_out:,} of {counted(len(styles), 'word')}: --output FILE"
    yield click.style(plane.caption + told, fg=FAINT)
    yield from legend


def _legend(names: Sequence[str], n_columns: int) -> Iterator[str]:
    """What marks and colours mean: in one line, or one each where that is too long."""
    told = [f"{mark} {name}" for mark, name in zip(OTHERS, names, strict=False)]
    lines = [click.style(text, fg=colour) for text, colour in zip(told, COLOURS, strict=False)]
    if told and cell_len("  ".join(told)) <= n_columns:
        lines = ["  ".join(lines)]
    yield from lines


def _place(canvas: Canvas, row: int, column: int, width: int) -> tuple[int, int] | None:
    """Where beside its mark a label covers nothing; None where there is no such place."""
    middle = column - width // 2
    right, left = column + 1, column - width
    places = (
        (row, right + 1), (row, left - 1), (row - 1, middle), (row + 1, middle),
        (row - 1, right), (row + 1, right), (row - 1, left), (row + 1, left),
    )  # fmt: skip
    for over_dots in (False, True):
        for place in places:
            if canvas.fits(*place, width, over_dots=over_dots):
                return place
    return None


def _heat_map(found: HeatMap, n_columns: int) -> Iterator[str]:
    """Cells with a shade and a number where there is room, else with a shade alone."""
    n, values = len(found.labels), found.values
    width = max(map(cell_len, found.labels))
    room = (n_columns - width) // n - 1
    if room < 1:
        yield f"no room for {counted(n, 'word')}: --output FILE"
        return
    has_numbers = room > NUMBER
    room = min(room, max(width, NUMBER + SHADE)) if has_numbers else min(room, SHADE)
    span = float(values.max()) - found.low or 1.0
    if has_numbers:
        heads = (_cut(text, room).rjust(room) for text in found.labels)
        yield " " * width + "".join(" " + head for head in heads)
    for text, row in zip(found.labels, values.tolist(), strict=True):
        cells = []
        for value in row:
            share = min(1.0, max(0.0, (value - found.low) / span))
            shade = SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
            number = f"{value:.2f}".replace("0.", ".", 1).rjust(NUMBER) if has_numbers else ""
            cells.append(" " + shade * (room - len(number)) + number)
        yield _ljust(text, width) + "".join(cells)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else text[: max(1, width - 1)] + "…"


def _ljust(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _chart(chart: Chart, n_columns: int, n_lines: int) -> Iterator[str]:
    """Curves, each with its name and last value where it ends."""
    x = np.concatenate([curve.x for curve in chart.curves])
    y = np.concatenate([curve.y for curve in chart.curves])
    scale = [f"{value:.4g}" for value in (y.max(), y.min())]
    left = max(map(len, scale)) + 1
    names = [f"{_cut(curve.name, n_columns // 4)} {curve.y[-1]:.4g}" for curve in chart.curves]
    right = n_columns - max(map(cell_len, names)) - 2
    canvas = Canvas(max(LEAST_LINES, n_lines - 3), n_columns)
    for curve, name in zip(chart.curves, names, strict=True):
        colour = COLOURS[curve.group % len(COLOURS)]
        columns = left + (curve.x - x.min()) / (np.ptp(x) or 1) * (right - 1 - left)
        rows = (y.max() - curve.y) / (np.ptp(y) or 1) * (canvas.n_rows - 1)
        places = np.stack([rows, columns], axis=1) + 0.5
        for start, end in zip(places, places[1:] if len(places) > 1 else places, strict=False):
            canvas.line(start, end, colour)
        at = min(int(places[-1][0]), canvas.n_rows - 1)
        for row in sorted(range(canvas.n_rows), key=lambda row: abs(row - at)):
            if canvas.fits(row, right + 1, cell_len(name), over_dots=True):
                canvas.write(row, right + 1, name, fg=colour)
                break
    for row, text in zip((0, canvas.n_rows - 1), scale, strict=True):
        canvas.write(row, 0, text.rjust(left - 1))
    yield click.style(chart.measure, bold=True)
    yield from canvas.lines()
    first, last = f"{x.min():g}", f"{x.max():g} {chart.over}"
    yield " " * left + first + last.rjust(right - left - len(first))
