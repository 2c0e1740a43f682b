"""Prometheus metrics of registry requests: `GET /_registry/metrics`."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OK: Final = "ok"
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration buckets, in seconds."""


class Metrics:
    """Counts and durations of registry requests by operation and outcome; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: Counter[tuple[str, str]] = Counter()
        self._within: defaultdict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def note(self, operation: str, code: str, seconds: float) -> None:
        """Count one request; `code` is `ok` or the error code."""
        with self._lock:
            self._answered[operation, code] += 1
            self._within[operation][bisect_left(BOUNDS, seconds)] += 1
            self._seconds[operation] += seconds

    def text(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        from importlib.metadata import version

        yield from _head("info", "gauge", "The server.")
        yield _line("info", 1, version=version("sagemaker-registry"))
        yield from _head("requests_total", "counter", "Registry requests, by operation and outcome.")
        for (operation, code), count in sorted(self._answered.items()):
            yield _line("requests_total", count, operation=operation, code=code)
        yield from _head("request_seconds", "histogram", "Duration of registry requests, by operation.")
        for operation, within in sorted(self._within.items()):
            so_far = 0
            for bound, count in zip((*BOUNDS, "+Inf"), within, strict=True):
                so_far += count
                yield _line("request_seconds_bucket", so_far, operation=operation, le=str(bound))
            yield _line("request_seconds_sum", self._seconds[operation], operation=operation)
            yield _line("request_seconds_count", so_far, operation=operation)


def _head(name: str, kind: str, meaning: str) -> Iterator[str]:
    yield f"# HELP sagemaker_registry_{name} {meaning}"
    yield f"# TYPE sagemaker_registry_{name} {kind}"


def _line(name: str, value: float, **labels: str) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"sagemaker_registry_{name}{{{shown}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
