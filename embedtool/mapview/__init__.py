"""The map page: the words of a model as points."""
