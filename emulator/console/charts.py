"""Coordinates of charts, which templates draw as SVG next to a table of the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from .metrics import printed
from .records import Version

WIDTH: Final = 960
HEIGHT: Final = 200
MARGIN: Final = 16
SPARK: Final = (112, 28, 4)
"""Width, height and margin of a sparkline."""
SCALE: Final = 64
"""Width of the scale at the left of a chart."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    version: Version
    value: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A metric over versions, oldest first; `path` is the SVG path through its points."""

    metric: str
    width: int
    height: int
    points: tuple[Point, ...]
    path: str
    top: int
    bottom: int
    lowest: str
    highest: str

    @property
    def sentence(self) -> str:
        """The chart's accessible name."""
        first, last = self.points[0], self.points[-1]
        return (
            f"{self.metric} over {len(self.points)} versions: {first.value} in version {first.version.number}, "
            f"{last.value} in version {last.version.number}, between {self.lowest} and {self.highest}"
        )


def trend(versions: Sequence[Version], metric: str | None) -> Chart | None:
    """Return the chart of a metric, given versions newest first; None if fewer than two have the metric."""
    return _chart(versions, metric, WIDTH, HEIGHT, MARGIN, left=SCALE)


def sparkline(versions: Sequence[Version], metric: str | None) -> Chart | None:
    return _chart(versions, metric, *SPARK)


def _chart(
    versions: Sequence[Version], metric: str | None, width: int, height: int, margin: int, left: int = 0
) -> Chart | None:
    known = [version for version in reversed(versions) if metric is not None and metric in version.metrics]
    if metric is None or len(known) < 2:
        return None
    values = [version.metrics[metric] for version in known]
    low, high = min(values), max(values)
    across = (width - left - 2 * margin) / (len(known) - 1)
    points = tuple(
        Point(
            round(left + margin + place * across, 1),
            round(height - margin - _share(value, low, high) * (height - 2 * margin), 1),
            version,
            version.metadata[metric],
        )
        for place, (version, value) in enumerate(zip(known, values, strict=True))
    )
    path = "M" + "L".join(f"{point.x} {point.y}" for point in points)
    return Chart(metric, width, height, points, path, margin, height - margin, printed(low), printed(high))


def _share(value: Decimal, low: Decimal, high: Decimal) -> float:
    """Return the position of a value in a range from 0 to 1; 0.5 for an empty range."""
    return float((value - low) / (high - low)) if high > low else 0.5
