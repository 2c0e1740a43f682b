"""A server in a background thread, for tests; test control is always on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec

from ..backends import open_backend
from ..backends.base import Caller
from ..backends.identities import Identities
from ..backends.settings import Settings
from ..backends.testing.clock import Clock
from ..backends.testing.controlled import START, ControlledBackend
from ..backends.urls import is_gateway, without_password
from .app import application
from .aws.deploy_gate import gate_of
from .aws.other_services import MotoApp, alone
from .aws.reset import ResetMiddleware, started
from .aws.sts import CallerIdentity
from .http.server import Server, listen, url_of
from .routes import RESET
from .serve import options_of_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Running(msgspec.Struct, frozen=True):
    """A running server."""

    url: str
    controlled: ControlledBackend
    moto: MotoApp

    def reset_other_services(self) -> None:
        """Delete all moto state: S3 and the other services, and moto's registry if the server uses `moto://`."""
        if self.moto.may_hold_objects:
            self.moto.ask(Caller(), "s3", "POST", RESET)

    def put_back(self) -> None:
        """Restore the initial state of an in-memory registry; otherwise reset only the log, faults and clock."""
        if START in self.controlled.snapshots():
            self.controlled.restore(START)
        else:
            self.controlled.forget()


@contextmanager
def running(url: str = "sqlite://", settings: Settings | None = None) -> Iterator[Running]:
    """Serve a registry on a free loopback port inside the block. Events are not delivered.

    Raises:
        BackendUnavailable: The registry cannot be opened.
    """
    moto, clock = MotoApp(), Clock()
    options = options_of_settings(settings or Settings(), moto, clock, is_gateway=is_gateway(url))
    identities = Identities(options.settings.identities, options.identify)
    with ExitStack() as opened:
        listener = opened.enter_context(listen("127.0.0.1", 0))
        backend = open_backend(url, options)
        moto.gate = gate_of(backend)
        controlled = opened.enter_context(started(backend, clock, url, identities.recognize))
        other_services: WSGIApplication = alone if is_gateway(url) else CallerIdentity(moto, identities)
        other_services = ResetMiddleware(other_services, controlled, moto)
        server = Server(
            application(controlled, other_services=other_services, registry=without_password(url)), listener
        )
        thread = threading.Thread(target=server.run, name="sagemaker-registry", daemon=True)
        thread.start()
        try:
            yield Running(url_of(listener), controlled, moto)
        finally:
            server.stop()
            thread.join()
