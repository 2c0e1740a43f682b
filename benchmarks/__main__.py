"""Measure the registry and write docs/reference/performance.md: `python -m benchmarks --help`."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from . import figures, floors, growth, moto, writers
from .figures import Figures, Goal, Results, Run, table

PAGE = figures.ROOT / "docs" / "reference" / "performance.md"
INTRODUCTION = """---
description: The speed, memory use and growth of the registry, with the machine of each measurement.
---

# Performance

The speed of the registry, its memory, and how both change with its size. `python -m benchmarks --write` (`just bench`)
writes this page. The subjects of a comparison run alternately in each round. Figures are medians of the rounds; ratios
are medians of the ratios within each round. On another machine, expect similar ratios rather than similar milliseconds.
If other processes use the machine, CPU time is more reliable than latency. The cost of a durable write depends on the
disk, so each measurement states the speed of the disk before and after it. It also states the commit (with `+` for
uncommitted changes)."""
GOALS = """For a goal about several operations, the table shows the worst one and how many miss the goal.
[benchmarks/NOTES.md](../../benchmarks/NOTES.md) explains why goals are missed, and which attempts were abandoned."""


@dataclass(frozen=True)
class Measurement:
    """A measurement and its section of the page: the docstring of `measure`, the goals, and the tables."""

    measure: Callable[[Run], Figures]
    goals: Callable[[Figures], Iterable[Goal]]
    tables: Callable[[Figures], Iterable[str]]

    @property
    def text(self) -> str:
        return inspect.getdoc(self.measure) or ""

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0]


MEASUREMENTS = {
    "moto": Measurement(moto.measure, moto.goals, moto.tables),
    "startup": Measurement(moto.measure_startup, moto.startup_goals, moto.startup_tables),
    "floors": Measurement(floors.measure, floors.goals, floors.tables),
    "writers": Measurement(writers.measure, writers.goals, writers.tables),
    "growth": Measurement(growth.measure, growth.goals, growth.tables),
}
"""All measurements, in the order of the page."""


@click.command()
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice(list(MEASUREMENTS)),
    help="Run only this measurement; may be repeated.",
)
@click.option("--quick", is_flag=True, help="Use small sizes and few rounds; the figures are meaningless.")
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="Number of rounds.")
@click.option(
    "--size", "sizes", multiple=True, type=click.IntRange(10), metavar="N", help="Number of versions; may be repeated."
)
@click.option("--write", "writes", is_flag=True, help="Write docs/reference/performance.md instead of printing.")
@click.option(
    "--json", "kept", type=click.Path(dir_okay=False, path_type=Path), help="Merge the figures into this file."
)
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the figures from this file instead of measuring.",
)
def main(
    names: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    sizes: tuple[int, ...],
    writes: bool,
    kept: Path | None,
    source: Path | None,
) -> None:
    """Measure the registry.

    Compares the registry with moto and with lower bounds, and measures several writers and growing registries. Prints
    the page in Markdown (with --only, the sections of these measurements), or writes docs/reference/performance.md. The
    file of --json keeps the figures of other measurements, which the page then also shows. Progress is printed on
    stderr. All measurements take about 25 minutes on two idle cores, and 7 GB in $TMPDIR.

    \b
    Examples:
      python -m benchmarks --quick --only floors
      python -m benchmarks --only floors --only writers --json figures.json
      python -m benchmarks --only growth --size 1000 --size 100000
      python -m benchmarks --write --json figures.json
      python -m benchmarks --from figures.json --write
    """
    found: Results = {}
    try:
        for file in (kept, source):
            found |= figures.read(file, MEASUREMENTS) if file and file.exists() else {}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if source is None:
        _measure(found, names or tuple(MEASUREMENTS), Run(quick, rounds, sizes, _reporter()), kept)
    elif kept is not None:
        figures.write(kept, found)
    if writes:
        PAGE.write_text(_page(found), encoding="utf-8")
    else:
        click.echo("\n\n".join(_section(name, found) for name in names) if names else _page(found), nl=bool(names))


def _measure(found: Results, names: Iterable[str], run: Run, kept: Path | None) -> None:
    if sys.platform != "linux":
        raise click.ClickException("measuring requires Linux, because the CPU time of a server is read from /proc")
    for name in (name for name in MEASUREMENTS if name in names):
        run.say(f"{name}: {MEASUREMENTS[name].title}")
        found[name] = figures.taken(MEASUREMENTS[name].measure, run)
        if kept is not None:
            figures.write(kept, found)


def _reporter() -> Callable[[str], None]:
    begun = time.monotonic()

    def say(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        print(f"{minutes:3}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    return say


def _page(found: Results) -> str:
    listed = "\n".join(f"- [`{name}`](#{name}): {each.title}" for name, each in MEASUREMENTS.items())
    goals = table(["goal", "measured", "reached?"], (goal.row() for goal in _goals(found)))
    parts = [INTRODUCTION, f"## Goals\n\n{GOALS}\n\n{goals}", f"## What is measured\n\n{listed}"]
    return "\n\n".join([*parts, *(_section(name, found) for name in MEASUREMENTS)]) + "\n"


def _goals(found: Results) -> Iterator[Goal]:
    for name, each in MEASUREMENTS.items():
        yield from each.goals(Figures(found[name].figures if name in found else ()))


def _section(name: str, found: Results) -> str:
    head = f"## {name}\n\n{MEASUREMENTS[name].text}"
    if name not in found:
        return f"{head}\n\nNot measured yet: `python -m benchmarks --only {name}`."
    result = found[name]
    return "\n\n".join([head, result.conditions, *MEASUREMENTS[name].tables(Figures(result.figures))])


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
