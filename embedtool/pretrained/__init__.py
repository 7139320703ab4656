"""Vectors that others trained, by name: which there are, how they come here, and where they are."""
