"""Static word embeddings: train, query, judge, export.

The names below are imported when they are first used, so that `import embedtool` costs nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # what type checkers take for true; `typing` takes half the time to import

if TYPE_CHECKING:
    from embedtool.api.datasets import fetch_dataset as fetch_dataset
    from embedtool.api.datasets import list_datasets as list_datasets
    from embedtool.api.epoch import Epoch as Epoch
    from embedtool.api.judging import compare as compare
    from embedtool.api.model import Model as Model
    from embedtool.api.model import load as load
    from embedtool.api.model import read as read
    from embedtool.api.pretrained import fetch_model as fetch_model
    from embedtool.api.pretrained import list_models as list_models
    from embedtool.api.pretrained import remove_model as remove_model
    from embedtool.api.word_vectors import WordVectors as WordVectors
    from embedtool.config.tasks import ContextualConfig as ContextualConfig
    from embedtool.config.text import TextConfig as TextConfig
    from embedtool.config.training import ClusterConfig as ClusterConfig
    from embedtool.config.training import FastTextConfig as FastTextConfig
    from embedtool.config.training import GloveConfig as GloveConfig
    from embedtool.config.training import Word2VecConfig as Word2VecConfig
    from embedtool.contextual.loading import open_encoder as open_encoder
    from embedtool.corpus.corpus import Corpus as Corpus
    from embedtool.errors import EmbedtoolError as EmbedtoolError
    from embedtool.errors import UnknownWordError as UnknownWordError
    from embedtool.estimators import FastText as FastText
    from embedtool.estimators import Glove as Glove
    from embedtool.estimators import Word2Vec as Word2Vec
    from embedtool.trainers.checkpoint import StopRequest as StopRequest
    from embedtool.training import resume as resume
    from embedtool.training import train as train

__version__ = "0.1.0"

_MODULES = {
    "ClusterConfig": "config.training",
    "ContextualConfig": "config.tasks",
    "Corpus": "corpus.corpus",
    "EmbedtoolError": "errors",
    "Epoch": "api.epoch",
    "FastText": "estimators",
    "FastTextConfig": "config.training",
    "Glove": "estimators",
    "GloveConfig": "config.training",
    "Model": "api.model",
    "StopRequest": "trainers.checkpoint",
    "TextConfig": "config.text",
    "UnknownWordError": "errors",
    "Word2Vec": "estimators",
    "Word2VecConfig": "config.training",
    "WordVectors": "api.word_vectors",
    "compare": "api.judging",
    "fetch_dataset": "api.datasets",
    "fetch_model": "api.pretrained",
    "list_datasets": "api.datasets",
    "list_models": "api.pretrained",
    "load": "api.model",
    "open_encoder": "contextual.loading",
    "read": "api.model",
    "remove_model": "api.pretrained",
    "resume": "training",
    "train": "training",
}
"""The module of each public name."""

__all__ = sorted([*_MODULES, "__version__"])


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name):
        if name in _MODULES:
            return getattr(import_module(f"embedtool.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'embedtool' has no attribute {name!r}")
