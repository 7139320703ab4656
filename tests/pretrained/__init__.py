"""Fetching vectors that others trained, from a web server that plays every host."""
