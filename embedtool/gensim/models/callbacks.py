"""The names of gensim.models.callbacks."""

from embedtool.gensim.callbacks import CallbackAny2Vec

__all__ = ["CallbackAny2Vec"]
