"""How often somebody has failed within a minute: whoever fails too often is not looked at until it is over."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

SECONDS: Final = 60.0
MOST_PLACES: Final = 10_000


class Failures:
    """Counts failures by where they come from; thread-safe, and of a size that nobody can make grow.

    Args:
        most: failures within a minute, of one place.
        clock: the time in seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def are_too_many(self, place: Hashable) -> bool:
        """Whether a place has failed so often that it has to wait."""
        began, count = self._counts.get(place, (0.0, 0))
        return count >= self._most and self._clock() - began < SECONDS

    def note(self, place: Hashable) -> None:
        """Count one failure of a place; a minute begins with its first."""
        now = self._clock()
        with self._lock:
            began, count = self._counts.get(place, (now, 0))
            self._counts[place] = (now, 1) if now - began >= SECONDS else (began, count + 1)
            if len(self._counts) > MOST_PLACES:
                self._counts.popitem(last=False)
