"""How all charts of embedtool are drawn.

In: nothing. Out: what makes figures, under settings that all of them share.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from embedtool.errors import MissingExtraError

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


@contextmanager
def drawing(capability: str) -> Iterator[Callable[..., Any]]:
    """Yield matplotlib's Figure; `capability` needs it, says the MissingExtraError without it."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(capability, "plots") from None
    with rc_context(SETTINGS):
        yield Figure
