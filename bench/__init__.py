"""Benchmarks: ratios between programs, measured interleaved in one run."""
