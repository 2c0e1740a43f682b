"""Measurements, side by side in one run: `python -m benchmarks --help`; figures are in docs/performance.md."""

MODULES = {
    "moto": "moto",
    "startup": "startup",
    "floors": "floors",
    "writers": "writers",
    "growth": "growing",
    "servers": "servers",
}
"""The measurements in the order of the page, and where each is: a module with `measure(run)` and `page(figures)`."""

NAMES = tuple(MODULES)
