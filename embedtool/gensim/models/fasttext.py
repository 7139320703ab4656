"""The names of gensim.models.fasttext."""

from embedtool.gensim.fasttext import (
    FastText,
    load_facebook_model,
    load_facebook_vectors,
    save_facebook_model,
)
from embedtool.gensim.subword_vectors import FastTextKeyedVectors

__all__ = [
    "FastText",
    "FastTextKeyedVectors",
    "load_facebook_model",
    "load_facebook_vectors",
    "save_facebook_model",
]
