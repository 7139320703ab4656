"""Experiments of many trainings: stability, hyperparameter search, comparisons."""
