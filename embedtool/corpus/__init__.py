"""From text to numbers: sources, tokens, vocabulary, encoded corpus, co-occurrence."""
