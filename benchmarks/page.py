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
latency where others use the machine too."""

GOALS = """Where a goal is about several operations, the worst is shown, and how many miss it. The tables
below have the operations that no goal is about, too."""


REASONS = """Where one is missed, this is what profiles said when it was last looked at (November 2026):

- **create and update, durable.** A floor's commit writes one row. A create writes some 28 pages of SQLite's log: the
  version and its indexes, history and its head, the note of an event, the token, and search terms (8 pages; 11 of an
  update). Of its CPU two fifths are Python, with no part above a few percent, a third the kernel's writes, and the rest
  SQLite's.
- **create and update against moto.** moto changes a dictionary and keeps nothing; half of what ours take is that the
  disk has it. HTTP is most of what moto's take.
- **list, 100 a page, in process.** The floor is a finished answer. 100 rows take 64 us to read, 70 to decode what is
  shown of each, and 19 to make; what would help is a column with the summary alone.
- **create and update in process.** As over HTTP, without HTTP to share it.
- **ready.** Of 190 ms, Python takes 22, sqlite-utils 28, click 10, the service model 15, and some 65 dataclasses 40:
  what a server needs for its first call.

Not every figure was steady. Growth was measured twice: in the first run a create cost 1.43 x, and a search by metadata
1.4 to 1.5 x, at 1,000,000; operations that do not touch the store's size rose as much there, so the second is shown.
Start was measured three times: 0.86, 0.66 and 0.65 x. The goal of growth is held for the operations it names; others
miss it, as its table shows: counting what many match 2 x, names that contain a text and searches without an index 100 x
and more."""


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
    return "\n\n".join(part for part in (head, more, f"Measured on {measured.machine}.", tables) if part)


def write(file: Path, results: Results) -> None:
    """Write the page, and the picture in it."""
    file.write_text(render(results), encoding="utf-8")
    if "growth" in results:
        growing.draw(Figures(results["growth"].figures), file.parent / "images" / growing.PLOT)
