"""The names of gensim.models.keyedvectors."""

from embedtool.gensim.keyed_vectors import KeyedVectors
from embedtool.gensim.subword_vectors import FastTextKeyedVectors

__all__ = ["FastTextKeyedVectors", "KeyedVectors"]
