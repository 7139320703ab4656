"""The map page: the words of a model or two as points, with search, neighbours and analogies.

In: MapData models. Out: the parts of the page, and the page: with all parts in it one file that
needs no network, or without them a page that asks for each by its name.
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
"""Of this package's folder `map`, the last of which begins."""
BOKEH = ("bokeh.min.js", "bokeh-gl.min.js", "bokeh-api.min.js")
"""Of Bokeh's package: the component that draws the points."""
PARTS: dict[str, Callable[[MapData], bytes]] = {
    "words": lambda model: json.dumps(model.words, separators=(",", ":")).encode(),
    "counts": lambda model: b"" if model.counts is None else model.counts.astype("<f8").tobytes(),
    "vectors": lambda model: model.int8_directions.tobytes(),
    "plane": lambda model: model.pca_2d.astype("<f4").tobytes(),
    "groups": lambda model: model.groups.tobytes(),
    "names": lambda model: json.dumps(model.group_names, separators=(",", ":")).encode(),
    "points": lambda model: model.points.astype("<f4").tobytes(),
}
"""What the page wants of each model, in this order: words as a list in JSON; counts, nothing where
they are not known; arrays as MapData has them (vectors: its levels), little-endian; and the words
that name each group, lists in JSON."""
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""The page loads nothing from anywhere but where it came from."""


def page(models: Sequence[MapData], whole: bool) -> str:
    """The page of one model or two.

    whole : whether all parts stand in it
    Raises MissingExtraError without Bokeh.
    """
    folder = files("embedtool.mapview") / "map"
    about = {
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
    parts = [_embedded(i, model) for i, model in enumerate(models)] if whole else []
    slots = {
        "TITLE": escape(" and ".join(model.name for model in models)),
        "POLICY": POLICY,
        "STYLE": (folder / "page.css").read_text("utf-8"),
        "ABOUT": _in_script(json.dumps(about)),
        "PARTS": "\n".join(parts),
        "SCRIPTS": "\n".join(f"<script>{each}</script>" for each in scripts),
    }
    text = (folder / "page.html").read_text("utf-8")
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda slot: slots[slot[1]], text)


def _embedded(i: int, model: MapData) -> str:
    kinds = [kind for kind in PARTS if kind != "plane"]
    return "\n".join(
        f'<script type="application/octet-stream;base64" id="{i}-{kind}">'
        f"{b64encode(PARTS[kind](model)).decode()}</script>"
        for kind in kinds
    )


def _in_script(text: str) -> str:
    """JSON that does not end the script that it stands in."""
    return text.replace("<", "\\u003c")


def _bokeh(name: str) -> str:
    """A script of Bokeh, found without importing it, which takes a second."""
    spec = find_spec("bokeh")
    if spec is None or spec.origin is None:
        raise MissingExtraError("the map", "explore")
    return (Path(spec.origin).parent / "server" / "static" / "js" / name).read_text("utf-8")
