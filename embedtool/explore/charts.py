"""How all charts of embedtool are drawn.

In: nothing. Out: what makes figures, under settings that all of them share.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from embedtool.errors import MissingExtraError

SETTINGS = {
    "svg.fonttype": "none",
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
