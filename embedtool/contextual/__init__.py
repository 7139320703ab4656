"""Words in their sentences: self-attention over word vectors."""
