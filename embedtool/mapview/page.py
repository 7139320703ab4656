"""The map page: words of one or two models as points, with search, neighbours and analogies.

The data of the page are its payloads. They are embedded in the page, which is then a single file
without network access, or fetched from the server by name.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from embedtool import __version__
from embedtool.errors import MissingExtraError
from embedtool.mapview.map_data import MapData

SCRIPTS = ("vectors.js", "map.js", "address.js", "page.js")
"""Scripts in this package's folder `map`; the last one starts the page."""
BOKEH = ("bokeh.min.js", "bokeh-gl.min.js", "bokeh-api.min.js")
"""Scripts in Bokeh's package, which draws the points."""
PAYLOADS: dict[str, Callable[[MapData], bytes]] = {
    "words": lambda model: json.dumps(model.words, separators=(",", ":")).encode(),
    "counts": lambda model: b"" if model.counts is None else model.counts.astype("<f8").tobytes(),
    "vectors": lambda model: model.int8_directions.tobytes(),
    "pca": lambda model: model.pca_2d.astype("<f4").tobytes(),
    "groups": lambda model: model.groups.tobytes(),
    "names": lambda model: json.dumps(model.group_names, separators=(",", ":")).encode(),
    "points": lambda model: model.points.astype("<f4").tobytes(),
}
"""Payloads of each model by name: words, a JSON list; counts, float64, empty if unknown; vectors,
int8; pca, points, float32; groups, uint8; names, JSON lists of the words that name each group.
Numbers are little-endian."""
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Content security policy: the page loads nothing except from its own server."""


def page(models: Sequence[MapData], embed: bool) -> str:
    """Return the page of one model or two.

    Parameters
    ----------
    embed : bool
        Whether to embed all payloads in the page.

    Raises
    ------
    MissingExtraError
        If Bokeh is not installed.
    """
    folder = files("embedtool.mapview") / "map"
    metadata = {
        "models": [
            {
                "name": model.name, "nWords": model.n_words, "size": model.vector_size,
                "all": model.n_words_of_model, "method": model.method,
            }
            for model in models
        ],
        "version": __version__,
    }  # fmt: skip
    scripts = [_bokeh(name) for name in BOKEH]
    scripts += [(folder / name).read_text("utf-8") for name in SCRIPTS]
    payloads = [_embedded(i, model) for i, model in enumerate(models)] if embed else []
    slots = {
        "TITLE": escape(" and ".join(model.name for model in models)),
        "POLICY": POLICY,
        "STYLE": (folder / "page.css").read_text("utf-8"),
        "METADATA": _in_script(json.dumps(metadata)),
        "PAYLOADS": "\n".join(payloads),
        "SCRIPTS": "\n".join(f"<script>{each}</script>" for each in scripts),
    }
    text = (folder / "page.html").read_text("utf-8")
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda slot: slots[slot[1]], text)


def _embedded(i: int, model: MapData) -> str:
    kinds = [kind for kind in PAYLOADS if kind != "pca"]
    return "\n".join(
        f'<script type="application/octet-stream;base64" id="{i}-{kind}">'
        f"{b64encode(PAYLOADS[kind](model)).decode()}</script>"
        for kind in kinds
    )


def _in_script(text: str) -> str:
    """Escape JSON so that it cannot end its script element."""
    return text.replace("<", "\\u003c")


def _bokeh(name: str) -> str:
    """Return a script of Bokeh, found without importing Bokeh, which takes a second."""
    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the map", "explore")
    return (Path(spec.origin).parent / "server" / "static" / "js" / name).read_text("utf-8")
