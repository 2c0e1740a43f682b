"""A rate limit for failed authentication attempts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

SECONDS: Final = 60.0
MAX_PLACES: Final = 10_000


class Failures:
    """Count failures by place (such as a client address), with at most `most` a minute; thread-safe.

    Only failures are throttled: valid requests may come from the same address or name the same access key.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._counts: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def is_one_too_many(self, place: Hashable) -> bool:
        """Count a failure and return whether the limit is exceeded. The minute begins with the first failure."""
        now, place = self._clock(), hash(place)  # clients choose the length of an access key
        with self._lock:
            began, count = self._counts.get(place, (now, 0))
            began, count = (now, 1) if now - began >= SECONDS else (began, count + 1)
            self._counts[place] = (began, count)
            if len(self._counts) > MAX_PLACES:
                self._counts.popitem(last=False)
            return count > self._most
