"""Measurements, side by side in one run: `python -m benchmarks --help`; figures are in docs/performance.md."""

NAMES = ("moto", "startup", "floors", "writers")
"""The measurements, in the order of the page: each is a module here with `measure(run)` and `page(figures)`."""
