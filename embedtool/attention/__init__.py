"""Self-attention over word vectors."""
