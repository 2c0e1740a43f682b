"""A clock that tests can freeze, advance and resume."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from typing import Final

from ..base import random_id

_VERSION_4: Final = uuid.UUID("00000000-0000-4000-8000-000000000000").int
"""The version and variant bits of a random UUID, so that counted request IDs look like those of AWS."""


class Clock:
    """Return the time in epoch seconds when called; also generate request IDs, which are sequential while frozen."""

    def __init__(self, running: Callable[[], float] = time.time) -> None:
        self._running = running
        self._lock = threading.Lock()
        self._stopped: float | None = None
        self._ahead = 0.0
        self._requests = 0

    def __call__(self) -> float:
        with self._lock:
            return self._now()

    @property
    def is_stopped(self) -> bool:
        return self._stopped is not None

    def freeze(self, moment: float | None = None) -> None:
        """Stop at `moment` (epoch seconds; default: now) and restart the request IDs."""
        with self._lock:
            self._stopped = self._now() if moment is None else moment
            self._requests = 0

    def advance(self, seconds: float) -> None:
        with self._lock:
            if self._stopped is None:
                self._ahead += seconds
            else:
                self._stopped += seconds

    def resume(self) -> None:
        """Return to system time."""
        with self._lock:
            self._stopped, self._ahead = None, 0.0

    def request_id(self) -> str:
        """Return an ID for a request; while the clock is frozen, IDs are reproducible."""
        with self._lock:
            if self._stopped is None:
                return random_id()
            self._requests += 1
            return str(uuid.UUID(int=_VERSION_4 + self._requests))

    def _now(self) -> float:
        return self._running() + self._ahead if self._stopped is None else self._stopped
