"""Long polling for events: a request that finds no events waits up to WAIT_TIMEOUT seconds for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...backends.base import Backend, Caller
from ...backends.events import Notifier

EVENTS: Final = "events"
WAIT_TIMEOUT: Final = 20.0
POLL_SECONDS: Final = 1.0
"""The interval of checks for events that other processes wrote."""
MAX_WAITING: Final = 2
"""Limited because each waiting request occupies a thread; further requests return at once with `ask_again`."""
ASK_AGAIN_SECONDS: Final = 2.0


class LongPolling:
    """Call the extensions of a backend, and wait for events if a request follows them.

    Long polling works through all proxies and clients, and after a lost connection a client resumes by position.
    """

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._notifier: Notifier = backend.outbox.notifier if backend.outbox else Notifier()

    def answer(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Return the response of an extension.

        A page of followed events also contains `ask_again`, the number of seconds after which to request the next.
        """
        if name != EVENTS or not _follows(params):
            return self._backend.extension(name, params, caller)
        params = {member: value for member, value in params.items() if member != "follow"}
        seen = self._notifier.count
        page = self._backend.extension(name, params, caller)
        if page["events"] or page["more"]:
            return {**page, "ask_again": 0}
        if not self._places.acquire(blocking=False):
            return {**page, "ask_again": ASK_AGAIN_SECONDS}
        try:
            return {**self._wait(params, caller, page, seen), "ask_again": 0}
        finally:
            self._places.release()

    def _wait(self, params: Mapping[str, Any], caller: Caller, page: Any, seen: int) -> Any:
        deadline = self._clock() + WAIT_TIMEOUT
        while not (page["events"] or page["more"] or self._notifier.is_closed) and self._clock() < deadline:
            self._notifier.wait(seen, POLL_SECONDS)
            seen = self._notifier.count
            page = self._backend.extension(EVENTS, {**params, "after": page["position"]}, caller)
        return page


def _follows(params: Mapping[str, Any]) -> bool:
    """Whether a request follows events; not possible in descending order."""
    return str(params.get("follow", "")).lower() in ("1", "true") and params.get("order") != "Descending"
