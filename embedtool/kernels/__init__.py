"""Compiled functions over arrays; `reference` holds the slow, plain version of each."""
