"""moto's reset endpoint, `POST /moto-api/reset`, extended to the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...backends.base import Backend, Caller
from ...backends.errors import RegistryError
from ...backends.testing.clock import Clock
from ...backends.testing.controlled import START, ControlledBackend
from ...backends.urls import is_memory
from ..responses import headers, wsgi_error
from ..routes import MAY_RESET, RESET
from .other_services import MotoApp

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

RESET_RESPONSE = b'{"status": "ok"}'
"""The same response as moto's."""


def started(backend: Backend, clock: Clock, url: str, recognize: Callable[[Caller], Caller]) -> ControlledBackend:
    """Return a backend under test control, with a START snapshot if it is in memory (others may be too large)."""
    controlled = ControlledBackend(backend, clock, recognize)
    if is_memory(url):
        controlled.snapshot(START)
    return controlled


@dataclass(frozen=True, slots=True)
class ResetMiddleware:
    """Make a reset of moto also reset the registry, without loading moto while it is empty."""

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
            return self.app({**environ, MAY_RESET: True}, start_response)
        start_response("200 OK", headers(RESET_RESPONSE, "text/html; charset=utf-8"))
        return [RESET_RESPONSE]
