"""A log of recent requests and their outcomes, for assertions in tests."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from ..base import Caller
from ..errors import NotHandled, RegistryError

KEPT: Final = 10_000
"""Maximum number of logged requests; the oldest are dropped."""

ANSWERED: Final = "ok"


class Recorded(NamedTuple):
    """A request; `principal` is the caller's PrincipalId, `outcome` is `ok` or the error code."""

    number: int
    operation: str
    account: str
    region: str
    principal: str
    params: Mapping[str, Any]
    at: float
    request_id: str
    outcome: str = ANSWERED
    message: str = ""
    milliseconds: float = 0.0


class Log:
    """The latest `most` requests, oldest first; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time, most: int = KEPT) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[Recorded] = deque(maxlen=most)
        self._count = 0

    @contextmanager
    def noting(self, operation: str, params: Mapping[str, Any], caller: Caller) -> Iterator[None]:
        """Log a request when the block that answers it ends, unless the block raises NotHandled."""
        at, began = self._clock(), time.perf_counter()
        outcome, message = ANSWERED, ""
        try:
            yield
        except NotHandled:
            outcome = ""
            raise
        except Exception as error:
            outcome, message = error.code if isinstance(error, RegistryError) else type(error).__name__, str(error)
            raise
        finally:
            if outcome:
                took = round((time.perf_counter() - began) * 1000, 3)
                who = (caller.account, caller.region, caller.principal)
                with self._lock:
                    self._count += 1
                    self._calls.append(
                        Recorded(self._count, operation, *who, params, at, caller.request_id, outcome, message, took)
                    )

    def calls(self, operation: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return requests with numbers above `since` as JSON values, oldest first; optionally of one operation."""
        with self._lock:
            found = [call for call in self._calls if call.number > since and operation in (None, call.operation)]
        return [_json(call._asdict()) for call in found]

    def clear(self) -> None:
        """Remove all requests; the next is number 1."""
        with self._lock:
            self._calls.clear()
            self._count = 0


def _json(value: Any) -> Any:
    """Return a value with all datetimes as ISO 8601 text."""
    if isinstance(value, Mapping):
        return {name: _json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
