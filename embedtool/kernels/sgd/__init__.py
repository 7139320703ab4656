"""Word2Vec and FastText by stochastic gradient descent."""
