"""Following events over HTTP: a request that finds none waits for one, for some seconds, and is then asked again.

Long polling, and not a stream that stays open: it works through every proxy and with every client, a lost connection
loses nothing, and what a follower knows is a number. The server has few threads, so only some requests wait at once;
further followers are answered at once and told when to ask again.
"""

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
"""How often to look for what another process wrote."""
MAX_WAITING: Final = 2
ASK_AGAIN_SECONDS: Final = 2.0


class LongPolling:
    """Calls the extensions of a backend; a request that follows events is answered when there is one."""

    def __init__(self, backend: Backend, clock: Callable[[], float] = time.monotonic) -> None:
        self._backend = backend
        self._clock = clock
        self._places = threading.BoundedSemaphore(MAX_WAITING)
        self._notifier: Notifier = backend.outbox.notifier if backend.outbox else Notifier()

    def answer(self, name: str, params: Mapping[str, Any], caller: Caller) -> Any:
        """Return the answer of an extension.

        A page of followed events has `ask_again` besides: in how many seconds to ask for the next, 0 being at once.
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
    """Whether a question is to wait for its answer; only one in the order of time can."""
    return str(params.get("follow", "")).lower() in ("1", "true") and params.get("order") != "Descending"
