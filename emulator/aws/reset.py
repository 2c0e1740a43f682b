"""Resets as suites for moto's server ask for them: one request empties the registry and the other AWS services."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...backends.base import Backend, Caller
from ...backends.errors import AccessDeniedException, RegistryError
from ...backends.testing.clock import Clock
from ...backends.testing.controlled import START, ControlledBackend
from ...backends.urls import is_memory
from ..responses import headers, wsgi_error
from ..routes import MOTO, RESET
from .other_services import MotoApp

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

AS_MOTO_SAYS = b'{"status": "ok"}'


def started(backend: Backend, clock: Clock, url: str, recognise: Callable[[Caller], Caller]) -> ControlledBackend:
    """Return a backend under test control, with a snapshot of its start if it is in memory: others may be large."""
    controlled = ControlledBackend(backend, clock, recognise)
    if is_memory(url):
        controlled.snapshot(START)
    return controlled


@dataclass(frozen=True, slots=True)
class ResetMiddleware:
    """A WSGI application in front of the other AWS services: a reset of moto resets the registry too.

    moto is not loaded for a reset while it cannot hold anything.
    """

    app: WSGIApplication
    registry: ControlledBackend
    moto: MotoApp

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (environ["REQUEST_METHOD"], environ.get("PATH_INFO")) != ("POST", RESET):
            return self.app(environ, start_response)
        try:
            if "reset" in self.registry.extensions:
                self.registry.extension("reset", {}, Caller())
        except RegistryError as error:
            return wsgi_error(error, start_response)
        if self.moto.may_hold_objects:
            return self.app(environ, start_response)
        start_response("200 OK", headers(AS_MOTO_SAYS, "text/html; charset=utf-8"))
        return [AS_MOTO_SAYS]


@dataclass(frozen=True, slots=True)
class NoResetMiddleware:
    """A WSGI application that rejects resets of moto: it holds the artifacts of the versions of a kept registry."""

    app: WSGIApplication

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") or not environ.get("PATH_INFO", "").startswith(MOTO):
            return self.app(environ, start_response)
        error = AccessDeniedException(
            "This server is not under test control: start it with --test-controls to reset it."
        )
        return wsgi_error(error, start_response)
