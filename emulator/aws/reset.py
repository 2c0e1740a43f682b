"""Resets as suites for moto's server ask for them: one request empties the registry and its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...backends.base import Backend, Caller
from ...backends.errors import AccessDeniedException, RegistryError
from ...backends.testing.clock import Clock
from ...backends.testing.controlled import START, ControlledBackend
from ...backends.urls import is_memory
from ..responses import headers, wsgi_error
from ..routes import MOTO, RESET

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AS_MOTO_SAYS = b'{"status": "ok"}'


def started(backend: Backend, clock: Clock, url: str, recognise: Callable[[Caller], Caller]) -> ControlledBackend:
    """Return a backend under test control; one in memory with a snapshot of how it is when it begins to answer.

    Others may be large: a copy of those is for whoever asks for it.
    """
    staged = ControlledBackend(backend, clock, recognise)
    if is_memory(url):
        staged.snapshot(START)
    return staged


class ResetMiddleware:
    """A WSGI application in front of the neighbours: who resets moto resets the registry too.

    Args:
        app: the neighbours.
        staged: the registry.
        is_idle: whether the neighbours have nothing to forget; then they are not loaded for it.
    """

    def __init__(self, app: WSGIApplication, staged: ControlledBackend, is_idle: Callable[[], bool]) -> None:
        self._app = app
        self._staged = staged
        self._is_idle = is_idle

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (environ["REQUEST_METHOD"], environ.get("PATH_INFO")) != ("POST", RESET):
            return self._app(environ, start_response)
        try:
            if "reset" in self._staged.extensions:
                self._staged.extension("reset", {}, Caller())
        except RegistryError as error:
            return wsgi_error(error, start_response)
        if not self._is_idle():
            return self._app(environ, start_response)
        start_response("200 OK", headers(AS_MOTO_SAYS, "text/html; charset=utf-8"))
        return [AS_MOTO_SAYS]


class NoResetMiddleware:
    """A WSGI application in front of the neighbours of a registry that is kept, which moto cannot be made to forget.

    The artefacts of kept versions are among what it holds.

    Args:
        app: the neighbours.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") or not environ.get("PATH_INFO", "").startswith(MOTO):
            return self._app(environ, start_response)
        refusal = AccessDeniedException(
            "This server is not under test control: start it with --test-controls to reset it."
        )
        return wsgi_error(refusal, start_response)
