"""Measurements, one question per file: `python -m benchmarks [name ...] [--json FILE] [--plot DIR]`."""
