"""The log of the latest requests, for tests: who asked for what, and what came of it."""

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
"""Requests that are remembered; older ones make room."""

ANSWERED: Final = "ok"


class Recorded(NamedTuple):
    """A request; `principal` is the caller's PrincipalId, `outcome` is `ok` or the error code of its answer."""

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
    """The latest requests, `most` of them, oldest first; thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time, most: int = KEPT) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: deque[Recorded] = deque(maxlen=most)
        self._count = 0

    @contextmanager
    def noting(self, operation: str, params: Mapping[str, Any], caller: Caller) -> Iterator[None]:
        """Note a request when the block that answers it ends; one that the rest of SageMaker answers is not noted."""
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
        """Return requests (of an operation) as JSON values, oldest first, after the one with the number `since`."""
        with self._lock:
            found = [call for call in self._calls if call.number > since and operation in (None, call.operation)]
        return [_json(call._asdict()) for call in found]

    def clear(self) -> None:
        """Forget every request; the next is number one."""
        with self._lock:
            self._calls.clear()
            self._count = 0


def _json(value: Any) -> Any:
    """Return the parameters of a request as JSON values: moments as text."""
    if isinstance(value, Mapping):
        return {name: _json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
