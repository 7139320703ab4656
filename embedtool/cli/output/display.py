"""Figures: written to a file, or shown in the terminal as an image or in characters."""

import base64
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from embedtool.cli.output.console import echo_err, is_terminal
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write, check_output_file
from embedtool.messages import escape_unprintable

if TYPE_CHECKING:
    from embedtool.plotting.pictures import Kind, Look
    from embedtool.plotting.scenes import Scene

FIGURE_FORMATS: "dict[str, Kind]" = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
PROMPT_LINES = 2
"""Lines of the terminal left free, so that the prompt does not scroll the figure out of sight."""
MAX_COLUMNS = 100
"""Columns of an image, however wide the terminal is."""
MAX_MISSING_CHARS = 20
"""Characters without a font that a message names."""
KITTY_CHUNK = 4096
"""Bytes of base64 that kitty's protocol allows in one escape sequence."""
KITTY_TERMS = {"xterm-kitty", "xterm-ghostty"}
"""Values of TERM of terminals with kitty's graphics protocol."""
ITERM_PROGRAMS = {"iTerm.app", "iTerm2", "WezTerm", "mintty"}
"""Values of TERM_PROGRAM of terminals with iTerm2's inline images."""


def check_output(output: Path | None) -> None:
    """Raise OutputError unless a figure can be written to `output`, before the work begins."""
    if output is None:
        return
    if output.suffix.lower() not in FIGURE_FORMATS:
        raise OutputError(f"{output}: a picture is written as .png, .svg or .pdf; name such a file")
    check_output_file(output)


def display_figure(scene: "Scene", output: Path | None, look: "Look | None" = None) -> None:
    """Write a figure to `output`, or show it in the terminal as well as possible."""
    if output:
        write_figure(scene, output, look)
        return
    encode = _image_protocol()
    if encode:
        click.echo(encode(_render(scene, "png", look)))
        return
    from embedtool.cli.output.text_renderer import render_text

    columns, lines = get_terminal_size()
    has_colours = is_terminal() and not os.environ.get("NO_COLOR")
    if look and look.title:
        click.secho(escape_unprintable(look.title), bold=True, color=has_colours)
        lines -= 1
    for line in render_text(scene, columns, lines - PROMPT_LINES):
        click.echo(line, color=has_colours)


def write_figure(scene: "Scene", output: Path, look: "Look | None" = None) -> None:
    """Write a figure to a file in the format of its suffix."""
    data = _render(scene, FIGURE_FORMATS[output.suffix.lower()], look)
    with atomic_write(output) as file:
        file.write(data)


def _render(scene: "Scene", kind: "Kind", look: "Look | None") -> bytes:
    from embedtool.plotting.fonts import packages
    from embedtool.plotting.pictures import PLAIN, picture

    figure = picture(scene, kind, look or PLAIN)
    if figure.missing:
        chars = figure.missing[:MAX_MISSING_CHARS] + "…" * (len(figure.missing) > MAX_MISSING_CHARS)
        names = " and ".join(packages(figure.missing))
        echo_err(
            f"no installed font has {chars}, which are drawn as boxes; install one that does"
            + (f", such as Debian's {names}" if names else "")
            + ", or write an .svg"
        )
    return figure.data


def _image_protocol() -> Callable[[bytes], str] | None:
    """Return the function that encodes a PNG for the terminal; None if it shows no images.

    Only environment variables are checked: a terminal would answer a query on standard input, mixed
    with what the user types, or not at all. tmux and screen pass on the names of the terminals that
    they hide.
    """
    environment = os.environ
    hidden = {"TMUX", "STY", "NO_COLOR"} & {name for name, value in environment.items() if value}
    if hidden or not is_terminal() or not find_spec("matplotlib"):
        return None
    if environment.get("TERM") in KITTY_TERMS:
        return _kitty_image
    if {environment.get("TERM_PROGRAM"), environment.get("LC_TERMINAL")} & ITERM_PROGRAMS:
        return _iterm_image
    return None


def _kitty_image(png: bytes) -> str:
    """Encode a PNG in kitty's graphics protocol; with q=2 the terminal does not answer."""
    data = base64.b64encode(png).decode()
    chunks = [data[start : start + KITTY_CHUNK] for start in range(0, len(data), KITTY_CHUNK)]
    head = f"a=T,f=100,q=2,c={_image_columns()},"
    return "".join(
        f"\x1b_G{'' if i else head}m={int(i < len(chunks) - 1)};{chunk}\x1b\\"
        for i, chunk in enumerate(chunks)
    )


def _iterm_image(png: bytes) -> str:
    """Encode a PNG as an inline image of iTerm2."""
    data = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={_image_columns()}:{data}\x07"


def _image_columns() -> int:
    """Return the number of terminal columns of an image."""
    return min(get_terminal_size().columns, MAX_COLUMNS)
