"""Pictures shown: in a file, by a terminal that shows pictures, or in characters.

In: a scene. Out: a file, or what a terminal makes of what it is sent.
"""

import base64
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from embedtool.cli.output.console import echo_err, escape_unprintable, is_terminal
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write, check_output_file

if TYPE_CHECKING:
    from embedtool.plotting.pictures import Kind, Look
    from embedtool.plotting.scenes import Scene

FIGURE_FORMATS: "dict[str, Kind]" = {".png": "png", ".svg": "svg", ".pdf": "pdf"}
LINES_LEFT = 2
"""Of the terminal, so that the prompt after a picture moves nothing out of sight."""
WIDEST = 100
"""Columns of a picture, however wide the terminal is."""
MOST_LETTERS = 20
"""That a note names."""
CHUNK = 4096
"""Bytes that kitty takes at once."""
OF_KITTY = {"xterm-kitty", "xterm-ghostty"}
OF_ITERM = {"iTerm.app", "iTerm2", "WezTerm", "mintty"}


def check_output(output: Path | None) -> None:
    """Raise OutputError unless a picture can be written there, before the work begins."""
    if output is None:
        return
    if output.suffix.lower() not in FIGURE_FORMATS:
        raise OutputError(f"{output}: a picture is written as .png, .svg or .pdf; name such a file")
    check_output_file(output)


def display_figure(scene: "Scene", output: Path | None, look: "Look | None" = None) -> None:
    """Write a picture, or show it in the terminal as well as that can."""
    if output:
        write_figure(scene, output, look)
        return
    escapes = _protocol()
    if escapes:
        click.echo(escapes(_drawn(scene, "png", look)))
        return
    from embedtool.cli.output.text_renderer import render_text

    columns, lines = get_terminal_size()
    has_colours = is_terminal() and not os.environ.get("NO_COLOR")
    if look and look.title:
        click.secho(escape_unprintable(look.title), bold=True, color=has_colours)
        lines -= 1
    for line in render_text(scene, columns, lines - LINES_LEFT):
        click.echo(line, color=has_colours)


def write_figure(scene: "Scene", output: Path, look: "Look | None" = None) -> None:
    """Write a picture as a file, as the end of its name says."""
    data = _drawn(scene, FIGURE_FORMATS[output.suffix.lower()], look)
    with atomic_write(output) as file:
        file.write(data)


def _drawn(scene: "Scene", kind: "Kind", look: "Look | None") -> bytes:
    from embedtool.plotting.fonts import packages
    from embedtool.plotting.pictures import PLAIN, picture

    found = picture(scene, kind, look or PLAIN)
    if found.missing:
        letters = found.missing[:MOST_LETTERS] + "…" * (len(found.missing) > MOST_LETTERS)
        names = " and ".join(packages(found.missing))
        echo_err(
            f"no font here has {letters}: boxes stand for them; install a font that does"
            + (f", such as Debian's {names}" if names else "")
            + ", or write an .svg"
        )
    return found.data


def _protocol() -> Callable[[bytes], str] | None:
    """How the terminal is given a picture; None where it shows none, or there is none to give.

    By the environment alone: a terminal that is asked answers on standard input, among what the
    user types, or not at all. tmux and screen pass on the names of terminals that they hide.
    """
    environment = os.environ
    hidden = {"TMUX", "STY", "NO_COLOR"} & {name for name, value in environment.items() if value}
    if hidden or not is_terminal() or not find_spec("matplotlib"):
        return None
    if environment.get("TERM") in OF_KITTY:
        return _for_kitty
    if {environment.get("TERM_PROGRAM"), environment.get("LC_TERMINAL")} & OF_ITERM:
        return _for_iterm
    return None


def _for_kitty(png: bytes) -> str:
    """The escapes of kitty's graphics protocol; q=2: it is not to answer."""
    data = base64.b64encode(png).decode()
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    head = f"a=T,f=100,q=2,c={_width()},"
    return "".join(
        f"\x1b_G{'' if i else head}m={int(i < len(chunks) - 1)};{chunk}\x1b\\"
        for i, chunk in enumerate(chunks)
    )


def _for_iterm(png: bytes) -> str:
    """The escapes of iTerm2's inline images."""
    data = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={_width()}:{data}\x07"


def _width() -> int:
    """Columns for a picture."""
    return min(get_terminal_size().columns, WIDEST)
