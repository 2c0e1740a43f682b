"""The console's pages as WSGI, loaded when somebody first looks: most servers are asked by programs alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...backends.base import Backend
from ..refusals import Refusals
from .doors import Console, guard

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask, Response


class Pages:
    """A WSGI application that answers for the console; thread-safe.

    Args:
        application: makes a Flask application that answers errors as the server does.
        backend: whose versions are reviewed.
        console: who may come in, and where it looks.
        refusals: what the server has refused.
        say: shows a line to whoever runs the server.
    """

    def __init__(
        self,
        application: Callable[[], Flask],
        backend: Backend,
        console: Console,
        refusals: Refusals,
        say: Callable[[str], None],
    ) -> None:
        self._application = application
        self._given = backend, console, refusals, say
        self._lock = threading.Lock()
        self._loaded: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._loaded is None:
            with self._lock:
                self._loaded = self._loaded or self._load()
        return self._loaded(environ, start_response)

    def _load(self) -> WSGIApplication:
        from flask import request

        from .routes import blueprint

        app = self._application()
        app.register_blueprint(blueprint(*self._given))

        @app.after_request
        def guarded(response: Response) -> Response:
            return guard(response, request.path)

        return app
