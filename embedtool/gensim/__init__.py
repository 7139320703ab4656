"""The names of gensim: `from embedtool.gensim import Word2Vec, FastText, KeyedVectors, Phrases`.

A package that rests on gensim changes one import line: `gensim.models` becomes
`embedtool.gensim.models`, and `import gensim` becomes `import embedtool.gensim as gensim`. The
classes have gensim 4.4's arguments, attributes and methods; embedtool trains, searches and
evaluates, and gensim need not be installed.

What is not the same is the table "What differs" of docs/gensim.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedtool.gensim import models as models
    from embedtool.gensim.callbacks import CallbackAny2Vec as CallbackAny2Vec
    from embedtool.gensim.fasttext import FastText as FastText
    from embedtool.gensim.fasttext import load_facebook_model as load_facebook_model
    from embedtool.gensim.fasttext import load_facebook_vectors as load_facebook_vectors
    from embedtool.gensim.fasttext import save_facebook_model as save_facebook_model
    from embedtool.gensim.keyed_vectors import KeyedVectors as KeyedVectors
    from embedtool.gensim.phrases import ENGLISH_CONNECTOR_WORDS as ENGLISH_CONNECTOR_WORDS
    from embedtool.gensim.phrases import FrozenPhrases as FrozenPhrases
    from embedtool.gensim.phrases import Phraser as Phraser
    from embedtool.gensim.phrases import Phrases as Phrases
    from embedtool.gensim.subword_vectors import FastTextKeyedVectors as FastTextKeyedVectors
    from embedtool.gensim.text import LineSentence as LineSentence
    from embedtool.gensim.text import PathLineSentences as PathLineSentences
    from embedtool.gensim.vocabulary import RULE_DEFAULT as RULE_DEFAULT
    from embedtool.gensim.vocabulary import RULE_DISCARD as RULE_DISCARD
    from embedtool.gensim.vocabulary import RULE_KEEP as RULE_KEEP
    from embedtool.gensim.word2vec import Word2Vec as Word2Vec

__version__ = "4.4.0"
"""The version of gensim whose names these are."""

_MODULES = {
    "CallbackAny2Vec": "callbacks",
    "ENGLISH_CONNECTOR_WORDS": "phrases",
    "FastText": "fasttext",
    "FastTextKeyedVectors": "subword_vectors",
    "FrozenPhrases": "phrases",
    "KeyedVectors": "keyed_vectors",
    "LineSentence": "text",
    "PathLineSentences": "text",
    "Phraser": "phrases",
    "Phrases": "phrases",
    "RULE_DEFAULT": "vocabulary",
    "RULE_DISCARD": "vocabulary",
    "RULE_KEEP": "vocabulary",
    "Word2Vec": "word2vec",
    "load_facebook_model": "fasttext",
    "load_facebook_vectors": "fasttext",
    "save_facebook_model": "fasttext",
}
"""The module of each public name."""

__all__ = sorted([*_MODULES, "__version__", "models"])


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"embedtool.gensim.{_MODULES[name]}"), name)
    if name == "models":
        return import_module("embedtool.gensim.models")
    raise AttributeError(f"module 'embedtool.gensim' has no attribute {name!r}")
