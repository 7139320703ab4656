"""Queries to word vectors, exact and approximate."""
