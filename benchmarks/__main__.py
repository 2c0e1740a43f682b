"""One command that measures everything: `python -m benchmarks`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from . import NAMES, page, results
from .figures import Run
from .machine import described, disk, fdatasync, file_system

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


@click.command()
@click.option(
    "--only", "names", multiple=True, type=click.Choice(NAMES), metavar="NAME", help="Measure this alone; repeatable."
)
@click.option("--quick", is_flag=True, help="Small sizes and few rounds, for trying: the figures are worth nothing.")
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="How often everything is measured.")
@click.option("--list", "lists", is_flag=True, help="Say what there is to measure, and measure nothing.")
@click.option("--write", "writes", is_flag=True, help="Write docs/performance.md and its plot; otherwise print.")
@click.option(
    "--json",
    "kept",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep the figures in this file; those of other measurements in it stay, and are on the page.",
)
@click.option(
    "--from",
    "sources",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Measure nothing, but take the figures that --json kept; of several files, the last that has them.",
)
def main(
    names: tuple[str, ...],
    quick: bool,
    rounds: int | None,
    lists: bool,
    writes: bool,
    kept: Path | None,
    sources: tuple[Path, ...],
) -> None:
    """Measure the registry: against moto, against floors of its own, with many writers, and as it grows.

    Prints the page in Markdown, of --only some measurements their part of it, or writes it to docs/performance.md.
    Progress is on stderr. Everything takes some 25 minutes on two quiet cores, and 7 GB in $TMPDIR.

    \b
    Examples:
      python -m benchmarks --list
      python -m benchmarks --quick --only floors
      python -m benchmarks --only floors --only writers --json figures.json
      python -m benchmarks --write --json figures.json
      python -m benchmarks --from figures.json --write
    """
    if lists:
        for name in NAMES:
            click.echo(f"{name:<{max(map(len, NAMES))}}  {page.title(name)}")
        return
    try:
        found: results.Results = {}
        for file in sources:
            found |= results.read(file)
        if kept is not None and kept.exists():  # better refused before measuring than after
            found = {**results.read(kept), **found}
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not sources and sys.platform != "linux":
        raise click.ClickException("measuring needs Linux: the CPU time of a server is read from /proc.")
    wanted = [name for name in NAMES if name in (names or NAMES)]
    say = _clock()
    try:
        for number, name in enumerate(() if sources else wanted, 1):
            say(f"{name} ({number} of {len(wanted)}): {page.title(name)}")
            found[name] = _measured(name, Run(quick, rounds, say))
            if kept is not None:
                results.write(kept, found)
        if sources and kept is not None:
            results.write(kept, found)
        if writes:
            page.write(PAGE, found)
    except ModuleNotFoundError as error:
        raise click.ClickException(f"this needs the package {error.name!r}: pip install -e '.[all,bench]'") from error
    if writes:
        say(f"wrote {PAGE.name}")
    else:
        click.echo("\n\n".join(page.section(name, found) for name in names) if names else page.render(found))


def _measured(name: str, run: Run) -> results.Measured:
    before = fdatasync()
    figures = page.module(name).measure(run)
    return results.Measured(described(), figures, disk(file_system(), before, fdatasync()))


def _clock() -> Callable[[str], None]:
    """Return what shows a line of progress on stderr, and how long it has been."""
    begun = time.monotonic()

    def say(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        print(f"{minutes:3}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    return say


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
