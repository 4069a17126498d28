"""Benchmarks: one command each (`python -m bench.e1`), with what they are compared to, in one run."""
