"""The names of gensim.models.word2vec."""

from embedtool.gensim.keyed_vectors import KeyedVectors
from embedtool.gensim.text import LineSentence, PathLineSentences
from embedtool.gensim.word2vec import Word2Vec

__all__ = ["KeyedVectors", "LineSentence", "PathLineSentences", "Word2Vec"]
