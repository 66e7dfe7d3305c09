"""Benchmarks: each prints a ratio against a named reference that runs beside it, and states its set-up."""
