"""Measurements, side by side in one run: `python -m benchmarks.servers`, `python -m benchmarks.startup`."""
