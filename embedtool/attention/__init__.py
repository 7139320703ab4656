"""Self-attention over word vectors: a vector for a word in its sentence."""
