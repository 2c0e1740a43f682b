"""What a server loads when it is first asked: most are asked by AWS clients alone, which need no web framework."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class OnFirstUse:
    """A WSGI application that is made at its first request; thread-safe.

    Args:
        make: makes it; what it raises, the request meets, and the next one tries again.
    """

    def __init__(self, make: Callable[[], WSGIApplication]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._made is None:
            with self._lock:
                self._made = self._made or self._make()
        return self._made(environ, start_response)
