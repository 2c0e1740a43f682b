"""docs/performance.md, made of results: what was measured, the goals, and the tables of each measurement."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from . import MODULES, NAMES, goals, growing
from .figures import Figures
from .results import Results

INTRODUCTION = """# Performance

How fast the registry is, what it costs, and how it grows. This page is written by `python -m benchmarks --write`
(`just bench`). What is compared runs in turn in one run; figures are medians of the rounds, and ratios are medians of
the ratios within each round. Milliseconds tell little about another machine, ratios more; CPU time tells more than
latency where others use the machine too. What a durable write costs depends on the disk, so each measurement says how
fast that was before and after; and of which commit it is (with `+`: of a checkout that had changes)."""

GOALS = """Where a goal is about several operations, the worst is shown, and how many miss it. The tables
below have the operations that no goal is about, too."""

REASONS = """Where goals are missed, these are the causes. What profiles have shown by hand, and what was tried and
dropped, is in [performance-notes.md](performance-notes.md), each with its day.

- **create and update, durable.** A floor's commit writes one row. A create writes the version and its indexes, history
  and its head, the note of an event, the token, and search terms; an update most of these.
- **create and update against moto.** moto changes a dictionary in memory; ours answers when it is on the disk.
- **create and update in process.** As over HTTP, without HTTP to share it.
- **list, 100 a page, in process.** The floor is a finished answer; a hundred records are read and decoded to make one.
- **memory after an upload to S3.** moto answers S3 here too, and is loaded for it.
- **growth of what no goal is about.** Names that contain a text and searches without an index look at all there are."""


def module(name: str) -> ModuleType:
    return import_module(f"benchmarks.{MODULES[name]}")


def title(name: str) -> str:
    """Return what a measurement is of, in one line: that of its module's docstring."""
    first: str = (module(name).__doc__ or "").strip().partition("\n")[0]
    return first


def explained(name: str) -> str:
    """Return what else its module's docstring says."""
    return (module(name).__doc__ or "").strip().partition("\n")[2].strip()


def listed() -> str:
    """Return the list of all measurements."""
    return "\n".join(f"- [`{name}`](#{name}): {title(name)}" for name in NAMES)


def render(results: Results) -> str:
    """Return the page."""
    figures = {name: Figures(measured.figures) for name, measured in results.items()}
    reached = f"## Goals\n\n{GOALS}\n\n{goals.page(figures)}\n\n{REASONS}"
    parts = [INTRODUCTION, reached, f"## What is measured\n\n{listed()}"]
    parts += [section(name, results) for name in NAMES]
    return "\n\n".join(parts) + "\n"


def section(name: str, results: Results) -> str:
    """Return what the page says of one measurement."""
    head = f"## {name}\n\n{title(name)}"
    if name not in results:
        return f"{head}\n\nNot measured yet: `python -m benchmarks --only {name}`."
    measured = results[name]
    tables: str = module(name).page(Figures(measured.figures))
    more = explained(name)
    return "\n\n".join(
        part for part in (head, more, f"Measured on {measured.machine}. {measured.disk}".rstrip(), tables) if part
    )


def write(file: Path, results: Results) -> None:
    """Write the page, and the picture in it."""
    file.write_text(render(results), encoding="utf-8")
    if "growth" in results:
        growing.draw(Figures(results["growth"].figures), file.parent / "images" / growing.PLOT)
