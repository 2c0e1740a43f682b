"""Figures of a measurement and its conditions, and functions that store and format them."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from .load import Load

ROOT = Path(__file__).parents[1]
CPU, MS, RATE = "CPU ms", "ms", "/s"


class Figure(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The cost of one operation of one subject: a value per round, or a note with the reason for the missing values.

    `size` is the number of versions in the registry, `clients` the number of concurrent clients.
    """

    subject: str
    operation: str
    unit: str
    size: int = 0
    clients: int = 1
    values: list[float] = []
    note: str = ""

    def __str__(self) -> str:
        return number(statistics.median(self.values)) if self.values else self.note


class Figures:
    """The figures of one measurement, by subject, operation, unit, size and clients."""

    def __init__(self, figures: Iterable[Figure] = ()) -> None:
        self._by_key = {(it.subject, it.operation, it.unit, it.size, it.clients): it for it in figures}

    def get(self, subject: str, operation: str, unit: str, size: int = 0, clients: int = 1) -> Figure:
        """Return a figure; it has no values if it was not measured."""
        new = Figure(subject=subject, operation=operation, unit=unit, size=size, clients=clients)
        return self._by_key.setdefault((subject, operation, unit, size, clients), new)

    def add(self, subject: str, operation: str, unit: str, value: float, size: int = 0, clients: int = 1) -> None:
        """Add the value of one round."""
        self.get(subject, operation, unit, size, clients).values.append(float(f"{value:.5g}"))

    def add_load(self, subject: str, operation: str, load: Load, size: int = 0, clients: int = 1) -> None:
        """Add the CPU time and the median latency of a request, and the rate of all requests."""
        for unit, value in {CPU: load.cpu, MS: load.median, RATE: load.rate}.items():
            self.add(subject, operation, unit, value, size, clients)

    def drop(self, subject: str, operation: str, note: str, size: int = 0, clients: int = 1) -> None:
        """Replace the figures of a load by a note."""
        for unit in (CPU, MS, RATE):
            figure = self.get(subject, operation, unit, size, clients)
            figure.values, figure.note = [], note

    def __iter__(self) -> Iterator[Figure]:
        return (figure for figure in self._by_key.values() if figure.values or figure.note)

    @property
    def sizes(self) -> list[int]:
        return sorted({figure.size for figure in self})


@dataclass(frozen=True)
class Run:
    """The extent of a measurement, and a function that prints a line of progress."""

    quick: bool = False
    rounds: int | None = None
    sizes: tuple[int, ...] = ()
    say: Callable[[str], None] = lambda line: None

    def rounds_of(self, usual: int) -> int:
        return self.rounds or (2 if self.quick else usual)

    def requests_of(self, usual: int) -> int:
        return max(usual // 20, 10) if self.quick else usual

    def sizes_of(self, usual: tuple[int, ...]) -> list[int]:
        return sorted(set(self.sizes or ((100, 300) if self.quick else usual)))


@dataclass(frozen=True)
class Goal:
    """A bound on ratios, by the name of their operation; None means not measured."""

    sentence: str
    bound: float
    ratios: dict[str, float | None]
    at_least: bool = False

    def row(self) -> list[str]:
        """Return the goal, the worst ratio, and whether the goal is reached."""
        found = [(ratio, of) for of, ratio in self.ratios.items() if ratio is not None]
        if not found:
            return [self.sentence, "not measured yet", ""]
        worst, of = (min if self.at_least else max)(found)
        missed = sum(ratio < self.bound if self.at_least else ratio > self.bound for ratio, _ in found)
        verdict = "yes" if not missed else "no" if len(found) == 1 else f"no: {missed} of {len(found)} miss it"
        return [self.sentence, times(worst) + (f" ({of})" if of else ""), verdict]


def ratio(figure: Figure, *bases: Figure) -> float | None:
    """Return the median over all rounds of a figure divided by the sum of others; None if any has no values."""
    if not figure.values or not all(base.values for base in bases):
        return None
    rounds = zip(figure.values, *(base.values for base in bases), strict=True)
    return float(statistics.median(value / sum(base) for value, *base in rounds))


def number(value: float) -> str:
    """Format a number with three digits: 0.127, 1.35, 47.8, 1,250."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 0.1 else f"{value:#.3g}"


def times(value: float | None) -> str:
    """Format a ratio; None is an empty string."""
    return "" if value is None else f"{number(value)} x"


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    first, *others = ([str(cell) for cell in row] for row in (head, *rows))
    lines = ["|" + "---|" * len(first), *(f"| {' | '.join(row)} |" for row in others)]
    return "\n".join([f"| {' | '.join(first)} |", *lines])


class Result(msgspec.Struct, frozen=True):
    """The figures of one measurement, and a description of its conditions."""

    conditions: str
    figures: list[Figure]


Results = dict[str, Result]
"""Results by the name of the measurement."""


def read(file: Path, names: Iterable[str]) -> Results:
    """Read results from a JSON file.

    Raises:
        ValueError: the file does not contain results of these measurements.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{file}: {error}") from error
    if unknown := found.keys() - set(names):
        raise ValueError(f"{file}: unknown measurement: {', '.join(sorted(unknown))}; expected {', '.join(names)}")
    return found


def write(file: Path, results: Results) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def taken(measure: Callable[[Run], Figures], run: Run) -> Result:
    """Measure, and record the conditions."""
    before = fdatasync()
    figures = list(measure(run))
    return Result(f"Measured on {machine()}. {disk(file_system(), before, fdatasync())}", figures)


def machine() -> str:
    """Return cores, system, versions, commit, and date, but nothing that identifies the machine."""
    parts = [f"{len(os.sched_getaffinity(0))} cores", f"{platform.system()} {platform.machine()}"]
    parts += [f"{platform.python_implementation()} {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    parts += [f"sagemaker-registry {metadata.version('sagemaker-registry')}{commit()}"]
    parts += [f"{name} {metadata.version(name)}" for name in ("boto3", "flask", "waitress", "moto")]
    return ", ".join([*parts, f"{datetime.now(UTC):%Y-%m-%d}"])


def commit(root: Path = ROOT) -> str:
    """Return the current commit, such as ` at 0123abc`, with `+` if there are uncommitted changes.

    Without git, or outside of a checkout, return an empty string.
    """
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", "--dirty=+"]
    try:
        return f" at {subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()}"
    except (OSError, subprocess.CalledProcessError):
        return ""


def fdatasync() -> float:
    """Return the median milliseconds until an overwritten block of a temporary file is on the disk.

    The file already has its final size, as SQLite's write-ahead log does after a while.
    """
    took = []
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(bytes(4096 * 200))
        os.fsync(file.fileno())
        for place in range(200):
            os.pwrite(file.fileno(), b"p" * 4096, 4096 * place)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def file_system(folder: str | None = None, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system of a folder, such as `ext4`; by default of that for temporary files."""
    here, found = Path(folder or tempfile.gettempdir()).resolve(), (-1, "an unknown file system")
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, point, kind, *_ = line.split(" ")
        mount = Path(point.replace("\\040", " "))
        if here.is_relative_to(mount):
            found = max(found, (len(mount.parts), kind), key=lambda each: each[0])
    return found[1]


def disk(kind: str, before: float, after: float) -> str:
    """Return a sentence about the file system, and about the time of `fdatasync` before and after a measurement."""
    if kind in {"tmpfs", "ramfs"}:
        return f"Files are on {kind}, in memory: no write was durable; set TMPDIR to a folder on a disk."
    return f"Files are on {kind}; `fdatasync` of 4 KiB took {before:.2g} ms before, and {after:.2g} ms after."
