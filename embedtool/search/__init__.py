"""Questions to word vectors: nearest neighbours, analogies, the odd one out."""
