"""Compiled functions over text: tokens, numbers, n-grams, co-occurrences."""
