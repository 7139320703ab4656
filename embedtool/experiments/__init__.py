"""Many trainings judged together: how stable an algorithm is on a text."""
