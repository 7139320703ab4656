"""Static word embeddings: train, query, judge, export.

The names below are imported when they are first used, so that `import embedtool` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedtool.config.text import TextConfig
    from embedtool.config.training import FastTextConfig, GloveConfig, Word2VecConfig
    from embedtool.contextual.loading import open_encoder
    from embedtool.corpus.corpus import Corpus
    from embedtool.errors import EmbedtoolError
    from embedtool.model.store import load, save
    from embedtool.model.vectors import Model, WordVectors
    from embedtool.search.query import analogy, odd_one_out, similar, similarity
    from embedtool.trainers.training import train_model

__version__ = "0.1.0"

_HOMES = {
    "Corpus": "corpus.corpus",
    "EmbedtoolError": "errors",
    "FastTextConfig": "config.training",
    "GloveConfig": "config.training",
    "Model": "model.vectors",
    "TextConfig": "config.text",
    "Word2VecConfig": "config.training",
    "WordVectors": "model.vectors",
    "analogy": "search.query",
    "load": "model.store",
    "odd_one_out": "search.query",
    "open_encoder": "contextual.loading",
    "save": "model.store",
    "similar": "search.query",
    "similarity": "search.query",
    "train_model": "trainers.training",
}

__all__ = [
    "Corpus",
    "EmbedtoolError",
    "FastTextConfig",
    "GloveConfig",
    "Model",
    "TextConfig",
    "Word2VecConfig",
    "WordVectors",
    "__version__",
    "analogy",
    "load",
    "odd_one_out",
    "open_encoder",
    "save",
    "similar",
    "similarity",
    "train_model",
]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"embedtool.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'embedtool' has no attribute {name!r}")
