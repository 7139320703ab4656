"""The names of gensim where gensim has them.

`from gensim.models.word2vec import Word2Vec` becomes
`from embedtool.gensim.models.word2vec import Word2Vec`.
"""

from embedtool.gensim.fasttext import FastText
from embedtool.gensim.keyed_vectors import KeyedVectors
from embedtool.gensim.phrases import Phrases
from embedtool.gensim.word2vec import Word2Vec

__all__ = ["FastText", "KeyedVectors", "Phrases", "Word2Vec"]
