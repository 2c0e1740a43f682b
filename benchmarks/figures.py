"""What every measurement gives: figures, one value of each round, kept as JSON until they are a page."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was measured once in every round.

    Args:
        who: what was measured, such as "`sqlite://`".
        what: what it did, such as "describe".
        unit: in what that is counted, such as "CPU ms".
        values: one of each round, in their order; none where it could not be measured.
        size: how many versions there were.
        clients: how many asked at once.
        note: why there are no values.
    """

    who: str
    what: str
    unit: str
    values: list[float] = []
    size: int = 0
    clients: int = 1
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Run:
    """How much is measured, and who is told how far it is.

    Args:
        quick: whether it is only to be tried: small sizes, few requests.
        rounds: how often everything is measured; what is right for each measurement, if None.
        say: shows a line of progress.
    """

    quick: bool = False
    rounds: int | None = None
    say: Callable[[str], None] = lambda line: None

    def times(self, usual: int) -> int:
        """Return how many rounds there are, where `usual` gives steady medians."""
        return self.rounds or (2 if self.quick else usual)

    def count(self, usual: int) -> int:
        """Return how many requests there are in a round, where `usual` gives steady figures."""
        return max(usual // 20, 10) if self.quick else usual


Key = tuple[str, str, str, int, int]


@dataclass
class Notebook:
    """Values as they come in, round by round."""

    _found: dict[Key, list[float]] = field(default_factory=dict)
    _notes: dict[Key, str] = field(default_factory=dict)

    def add(self, who: str, what: str, unit: str, value: float, *, size: int = 0, clients: int = 1) -> None:
        self._found.setdefault((who, what, unit, size, clients), []).append(value)

    def gave_up(self, who: str, what: str, unit: str, note: str, *, size: int = 0, clients: int = 1) -> None:
        """Say why something has no values."""
        self._notes[who, what, unit, size, clients] = note

    def figures(self) -> list[Figure]:
        """Return what was noted; a figure that was given up has no values, whatever came before."""
        return [
            Figure(
                who=who,
                what=what,
                unit=unit,
                size=size,
                clients=clients,
                values=[] if key in self._notes else [float(f"{value:.5g}") for value in self._found[key]],
                note=self._notes.get(key, ""),
            )
            for key in {**self._found, **self._notes}
            for who, what, unit, size, clients in [key]
        ]


class Figures:
    """The figures of one measurement, to be looked up."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self.all = list(figures)

    def get(self, who: str, what: str, unit: str, size: int = 0, clients: int = 1) -> Figure | None:
        """Return a figure, or None if it was never measured."""
        wanted = (who, what, unit, size, clients)
        return next((it for it in self.all if (it.who, it.what, it.unit, it.size, it.clients) == wanted), None)


def ratio(figure: Figure | None, *floor: Figure | None) -> float | None:
    """Return the median of what a figure is of the sum of others, each taken in the same round; None without values."""
    if figure is None or not figure.values or any(part is None or not part.values for part in floor):
        return None
    rounds = zip(*(part.values for part in floor if part is not None), strict=True)
    times = [value / sum(parts) for value, parts in zip(figure.values, rounds, strict=True)]
    return float(statistics.median(times))


def number(value: float) -> str:
    """Write a number with three digits, as one reads it: 0.127, 1.35, 47.8, 1,250."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 0.1 else f"{value:#.3g}"


def cell(figure: Figure | None) -> str:
    """Write a figure's median, or why there is none."""
    if figure is None:
        return ""
    return number(figure.median) if figure.values else figure.note


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        f"| {' | '.join(line)} |" if line[0] != "---" else "|---" * len(columns) + "|" for line in map(list, lines)
    )
