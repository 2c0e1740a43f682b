"""Growth: what an operation costs among a hundred versions, and among a million.

One group has the versions; there is a group more for each ten of them, so at a million there are 100,000. Figures are
milliseconds of this process, which holds the registry (`benchmarks/growth.py`); one in fifty versions waits for a
decision, ten are rejected and ten have "rare" in their metadata, whatever the size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import growth
from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table

SIZES, QUICK_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000), (100, 300)
WHO, MS = "registry", "CPU ms"
BASE = 1_000
"""The size that others are compared with."""
PLOT = "performance-growth.svg"
DRAWN = (
    "create",
    "describe",
    "update",
    "list, page 1",
    "list, page 1,000",
    "list, few with that status",
    "search, metadata of one",
    "search, metadata of few",
)
"""What the picture shows, and the goal is about: the rest is in the table."""


def measure(run: Run) -> list[Figure]:
    """Measure a registry as it grows, once for each round."""
    found = Notebook()
    for _ in range(run.rounds or 1):
        for name, by_size in growth.measure(QUICK_SIZES if run.quick else SIZES, run.say).items():
            for size, milliseconds in by_size.items():
                found.add(WHO, name, MS, milliseconds, size=size)
    return found.figures()


def sizes(figures: Figures) -> list[int]:
    return sorted({figure.size for figure in figures.all})


def growing(figures: Figures, name: str) -> float | None:
    """Return how many times as much an operation costs at the largest size as at the base, or at the smallest."""
    found = sizes(figures)
    base = BASE if BASE in found else found[0]
    return ratio(*(figures.get(WHO, name, MS, size) for size in (found[-1], base)))


def page(figures: Figures) -> str:
    """Return the picture and the table of all operations, the slowest growing last."""
    found = sizes(figures)
    base = BASE if BASE in found else found[0]
    names = dict.fromkeys(figure.what for figure in figures.all)
    rows = []
    for name in names:
        times = growing(figures, name)
        shown = f"{number(times)} x" if times is not None else ""
        rows.append([name, *(cell(figures.get(WHO, name, MS, size)) for size in found), shown])
    head = ["CPU milliseconds a call, at", *(f"{size:,}" for size in found), f"{found[-1]:,} to {base:,}"]
    return f"![What operations cost as the registry grows](images/{PLOT})\n\n{table(head, rows)}"


def draw(figures: Figures, file: Path) -> None:
    """Draw what operations cost at each size, both on a logarithmic scale; the same figures give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Picture

    style: dict[Any, Any] = {"svg.hashsalt": "growth", "svg.fonttype": "none", "font.family": "sans-serif"}
    with mpl.rc_context(style):
        picture = Picture(figsize=(8, 4.5), layout="constrained", facecolor="white")
        axes = picture.subplots()
        for name, marker in zip(DRAWN, "osD^vP*X", strict=True):
            points = [(size, found.median) for size in sizes(figures) if (found := figures.get(WHO, name, MS, size))]
            if points:
                axes.plot(*zip(*points, strict=True), marker=marker, markersize=5, label=name)
        axes.set(xscale="log", yscale="log", xlabel="versions in one group", ylabel="CPU milliseconds a call")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(visible=True, which="major", color="#dddddd")
        picture.legend(loc="outside right upper", frameon=False)
        picture.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
