"""Analyses of vectors: alignment, drift, translation, bias, neighbours."""
