"""Word vectors in memory and on disk."""
