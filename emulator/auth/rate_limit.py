"""How often a client has failed within a minute: after too many failures it is told to wait.

A correct request is answered all the same: others may come from the same address, and know the same access key.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

SECONDS: Final = 60.0
MAX_PLACES: Final = 10_000


class Failures:
    """Counts failures by place, at most `most` within a minute; thread-safe, and keeps at most MAX_PLACES places."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def is_one_too_many(self, place: Hashable) -> bool:
        """Count one more failure of a place; return whether it has had its share. A minute begins with the first."""
        now = self._clock()
        with self._lock:
            began, count = self._counts.get(place, (now, 0))
            began, count = (now, 1) if now - began >= SECONDS else (began, count + 1)
            self._counts[place] = (began, count)
            if len(self._counts) > MAX_PLACES:
                self._counts.popitem(last=False)
            return count > self._most
