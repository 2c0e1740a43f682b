"""The goals: what was set out to be reached, what was measured, and whether it is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import floors, growing, moto, startup, writers
from .figures import Figures, number, ratio, table

AT = 10_000
"""Versions at which the comparison with moto is a goal."""

MOST = 1_000_000
"""Versions up to which growth is a goal."""


@dataclass(frozen=True)
class Goal:
    """A bound that a ratio should keep.

    Args:
        sentence: what is to be reached.
        measurement: the one it is read from.
        bound: the number.
        reads: returns the ratios that matter, by what they are of.
        at_least: whether the bound is one from below.
    """

    sentence: str
    measurement: str
    bound: float
    reads: Callable[[Figures], Iterator[tuple[str, float | None]]]
    at_least: bool = False

    def row(self, figures: Figures | None) -> list[str]:
        """Return the goal, the worst of what was measured, and whether it is reached."""
        found = [(times, what) for what, times in self.reads(figures) if times is not None] if figures else []
        if not found:
            return [self.sentence, "not measured yet", ""]
        worst, what = (min if self.at_least else max)(found)
        missed = [name for times, name in found if not self._holds(times)]
        measured = f"{number(worst)} x" + (f" ({what})" if what else "")
        if not missed:
            return [self.sentence, measured, "yes"]
        return [self.sentence, measured, "no" if len(found) == 1 else f"no: {len(missed)} of {len(found)} miss it"]

    def _holds(self, times: float) -> bool:
        return times >= self.bound if self.at_least else times <= self.bound


Ratios = Iterator[tuple[str, float | None]]


def _floor(name: str, how: str, *who: str) -> Callable[[Figures], Ratios]:
    def reads(figures: Figures) -> Ratios:
        for each in who:
            yield (each if len(who) > 1 else ""), floors.against_floor(figures, each, name, how)

    return reads


def _moto(figures: Figures) -> Ratios:
    for name in moto.requests(AT):
        for clients in moto.CLIENTS:
            mine, other = (figures.get(who, name, moto.MS, AT, clients) for who in (moto.SERVED, moto.MOTO_SERVER))
            yield f"{name}, {clients} client{'s' * (clients > 1)}", ratio(other, mine)


def _growth(figures: Figures) -> Ratios:
    for name in growing.DRAWN if growing.sizes(figures)[-1:] == [MOST] else ():
        yield name, growing.growing(figures, name)


def _start(figures: Figures) -> Ratios:
    for who, file in ((startup.OURS, "a new file"), (startup.EXISTING, "an existing file")):
        for unit in (startup.CPU, startup.WALL):
            yield f"{file}, {unit}", startup.to_moto(figures, who, startup.ANSWERED, unit)


def _memory(what: str) -> Callable[[Figures], Ratios]:
    def reads(figures: Figures) -> Ratios:
        yield "", startup.to_moto(figures, startup.OURS, what, startup.MIB)

    return reads


def _writers(figures: Figures) -> Ratios:
    for way in writers.WAYS:
        yield way, writers.spread(figures, way)


HTTP_CPU = "over HTTP, CPU of the server"
GOALS = (
    Goal(
        "describe over HTTP costs at most 1.35 x a Flask route that answers a constant, in CPU time of the server",
        "floors",
        1.35,
        _floor("describe", HTTP_CPU, floors.OURS),
    ),
    Goal(
        "a durable create over HTTP costs at most 1.35 x such a route and one SQLite commit",
        "floors",
        1.35,
        _floor("create", HTTP_CPU, floors.OURS),
    ),
    *(
        Goal(
            f"in process, {name} costs at most 2 x a boto3 call answered by a constant"
            + (", and one commit if durable" if writes else ""),
            "floors",
            2,
            _floor(name, "in process, CPU", floors.FILE, floors.MEMORY),
        )
        for name, writes in floors.OPERATIONS.items()
    ),
    Goal(
        f"every operation moto's server answers is answered at least 8 x as fast at {AT:,} versions",
        "moto",
        8,
        _moto,
        at_least=True,
    ),
    Goal(
        "create, describe, update, list in one group, and search by metadata one or few have, cost at most "
        f"1.3 x as much at {MOST:,} versions as at 1,000",
        "growth",
        1.3,
        _growth,
    ),
    Goal("the first call is answered in half of the time moto's server needs from its start", "startup", 0.5, _start),
    Goal(
        f"memory after {startup.VERSIONS} versions were registered and listed is at most half of that of moto's server",
        "startup",
        0.5,
        _memory(startup.MEMORY[1]),
    ),
    Goal(
        "memory after an upload to S3 besides, which loads moto, is at most half of that of moto's server",
        "startup",
        0.5,
        _memory(startup.MEMORY[2]),
    ),
    Goal("of 8 writers, the 99th percentile waits at most 10 x the median", "writers", 10, _writers),
)


def page(results: dict[str, Figures]) -> str:
    """Return the table of goals."""
    rows = (goal.row(results.get(goal.measurement)) for goal in GOALS)
    return table(["goal", "measured", "reached?"], rows)
