"""Static word embeddings: train, query, judge, export."""

__version__ = "0.1.0"
