"""Growth: what an operation costs among a hundred versions, and among a million.

One group has the versions; there is a group more for each ten of them, so at a million there are 100,000. One in fifty
versions waits for a decision, ten are rejected and ten have "rare" in their metadata, whatever the size. A registry of
each size is filled once, and all are measured in turn in every round: copies, so that no round sees what another wrote,
but of the largest, which a few hundred versions more do not change. Figures are milliseconds of this process, which
holds the registry.

`python -m benchmarks.growing` measures growth alone, at sizes of one's own and in PostgreSQL too.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.local.sqlite import CHECKS

from . import growth
from .figures import Figure, Figures, Notebook, Run, cell, number, ratio, table

SIZES, QUICK_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000), (100, 300)
WHO, MS = "registry", "CPU ms"
BASE = 1_000
"""The size that others are compared with, where it was measured."""
ROUNDS = 3
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
    """Measure registries of all sizes in turn."""
    return _of_files(QUICK_SIZES if run.quick else SIZES, run.times(ROUNDS), run.say)


def _of_files(wanted: Sequence[int], rounds: int, say: growth.Say) -> list[Figure]:
    found = Notebook()
    with tempfile.TemporaryDirectory() as temporary:
        files = _filled(Path(temporary), wanted, say)
        for turn in range(rounds):
            for size, file in files.items():
                say(f"growth: {size:,} versions, round {turn + 1} of {rounds}")
                with _measurable(file, copied=size != wanted[-1]) as measurable:
                    _note(found, size, growth.measured(f"sqlite:///{measurable}", size))
    return found.figures()


def _grown(url: str, wanted: Sequence[int], say: growth.Say) -> list[Figure]:
    """Measure one registry as it grows: what cannot be copied."""
    found = Notebook()
    for size in wanted:
        say(f"growth: {size:,} versions")
        with open_backend(url) as registry:
            growth.fill(growth.local(registry), size, say)
        _note(found, size, growth.measured(url, size))
    return found.figures()


def _filled(folder: Path, wanted: Sequence[int], say: growth.Say) -> dict[int, Path]:
    """Return a file for each size, the larger ones grown out of the smaller ones."""
    files: dict[int, Path] = {}
    for size in wanted:
        say(f"growth: filling up to {size:,} versions")
        file = folder / f"{size}.db"
        if files:
            shutil.copy([*files.values()][-1], file)
        with open_backend(f"sqlite:///{file}") as registry:
            growth.fill(growth.local(registry), size, say)
        files[size] = file
    return files


@contextmanager
def _measurable(file: Path, *, copied: bool) -> Iterator[Path]:
    """Yield a file to be measured: a copy, which is removed again, or itself."""
    if not copied:
        yield file
        return
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        yield Path(shutil.copy(file, folder))


def _note(found: Notebook, size: int, times: dict[str, float]) -> None:
    for name, milliseconds in times.items():
        found.add(WHO, name, MS, milliseconds, size=size)


def sizes(figures: Figures) -> list[int]:
    return sorted({figure.size for figure in figures.all})


def growing(figures: Figures, name: str) -> float | None:
    """Return how many times as much an operation costs at the largest size as at the base, or at the smallest."""
    found = sizes(figures)
    return ratio(*(figures.get(WHO, name, MS, size) for size in (found[-1], base(found))))


def base(found: Sequence[int]) -> int:
    """Return the size that others are compared with."""
    return BASE if BASE in found else found[0]


def page(figures: Figures) -> str:
    """Return the picture, what "open" is, and the table of all operations."""
    thorough, quick = (f"{CHECKS[name] // 2**20} MiB" for name in ("integrity_check", "quick_check"))
    opened = (
        f'"open" looks for damage in a file: with its indexes up to {thorough}, without them up to {quick}. A larger\n'
        "one is opened unchecked (`sagemaker-registry doctor` checks it): that is why it costs less, and no speed."
    )
    return f"![What operations cost as the registry grows](images/{PLOT})\n\n{opened}\n\n{table_of(figures)}"


def table_of(figures: Figures) -> str:
    """Return the table of all operations: what each costs at every size, and at the largest to the base."""
    found = sizes(figures)
    rows = []
    for name in dict.fromkeys(figure.what for figure in figures.all):
        times = growing(figures, name)
        shown = f"{number(times)} x" if times is not None else ""
        rows.append([name, *(cell(figures.get(WHO, name, MS, size)) for size in found), shown])
    return table(
        ["CPU milliseconds a call, at", *(f"{size:,}" for size in found), f"{found[-1]:,} to {base(found):,}"], rows
    )


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


@click.command()
@click.argument("versions", nargs=-1, type=click.IntRange(1), metavar="[VERSIONS]...")
@click.option("--url", help="An empty registry to fill; by default, files of SQLite's that are removed afterwards.")
@click.option("--rounds", type=click.IntRange(1), default=1, help="How often files are measured (1).")
def main(versions: tuple[int, ...], url: str | None, rounds: int) -> None:
    """Measure what operations cost in registries of so many VERSIONS: 100 to 100,000 unless said.

    \b
    Examples:
      python -m benchmarks.growing 1000 1000000
      python -m benchmarks.growing --url postgresql://localhost/empty 1000 10000
    """
    wanted = sorted(set(versions or SIZES[:-1]))
    is_seen = sys.stderr.isatty()
    say = (lambda text: print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)) if is_seen else (lambda _: None)
    print(table_of(Figures(_grown(url, wanted, say) if url else _of_files(wanted, rounds, say))))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.growing")
