"""How good word vectors are: analogies, similarity, neighbourhoods, models side by side."""
