"""Tests of the benchmarks; nothing under `tests` needs the benchmarks."""
