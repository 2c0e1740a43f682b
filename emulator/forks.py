"""Forks of a registry that is being served: copies in memory, each on a port of its own, until their server stops."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from ..backends.errors import BackendUnavailable, ConflictException, ServiceUnavailable
from ..backends.testing.controlled import START, ControlledBackend

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from .http.server import Server

MOST: Final = 16
"""Forks one server serves at once: each has threads and memory of its own."""


class Forks:
    """Serves copies of a registry; a context manager, which stops and closes them.

    Args:
        host: where to listen.
        app_of: makes the application for a copy.
        server_of: makes what answers with an application at a socket, within the limits of its own server.
    """

    def __init__(
        self,
        host: str,
        app_of: Callable[[ControlledBackend], WSGIApplication],
        server_of: Callable[[WSGIApplication, socket.socket], Server],
    ) -> None:
        self._host = host
        self._app_of, self._server_of = app_of, server_of
        self._opened = ExitStack()
        self._lock = threading.Lock()
        self._count = 0

    def serve(self, fork: ControlledBackend) -> str:
        """Serve a copy, which is closed with the others; return its URL.

        Raises:
            ConflictException: there are too many.
            ServiceUnavailable: no port is free.
        """
        from .http.server import listen, url_of  # which serves forks

        with self._lock, ExitStack() as undo:
            undo.callback(fork.close)
            if self._count >= MOST:
                raise ConflictException(f"{MOST} forks are being served already: they end with their server.")
            try:
                listener = undo.enter_context(listen(self._host, 0, anywhere=True))  # as its server does
            except BackendUnavailable as error:
                raise ServiceUnavailable(f"The fork cannot be served: {error}") from error
            fork.snapshot(START)
            server = self._server_of(self._app_of(fork), listener)
            thread = threading.Thread(target=server.run, name=f"fork-{self._count}", daemon=True)
            thread.start()
            undo.callback(thread.join)
            undo.callback(server.stop)
            self._count += 1
            self._opened.push(undo.pop_all())
            return url_of(listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
