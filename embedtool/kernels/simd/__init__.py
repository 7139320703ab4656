"""Rows and small matrices in vector registers."""
