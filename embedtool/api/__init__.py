"""What a Python user holds: word vectors that answer queries, and models of them."""
