"""The emulator in a thread of a process that does something else, such as running tests: always under test control."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ..backends import open_backend
from ..backends.base import Caller
from ..backends.identities import Identities
from ..backends.settings import Settings
from ..backends.testing.clock import Clock
from ..backends.testing.controlled import START, Staged
from ..backends.urls import is_alone, without_password
from .app import application
from .aws.other_services import Neighbours, alone
from .aws.reset import ResetTogether, started
from .aws.sts import CallerIdentity
from .forks import Forks
from .http.server import Server, listen, url_of
from .routes import RESET
from .serve import surroundings_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Running(msgspec.Struct, frozen=True):
    """An emulator that is being served: where, and the registry it serves."""

    url: str
    staged: Staged
    neighbours: Neighbours

    def reset_neighbours(self) -> None:
        """Make S3 and the rest of AWS forget everything: moto's registry too, if that is what is served."""
        if self.neighbours.may_hold_objects:
            self.neighbours.ask(Caller(), "s3", "POST", RESET)

    def put_back(self) -> None:
        """Make the registry as it was at the beginning; one that is not in memory stays as it is."""
        if START in self.staged.snapshots():
            self.staged.restore(START)
        else:
            self.staged.forget()


@contextmanager
def running(url: str = "sqlite://", settings: Settings | None = None) -> Iterator[Running]:
    """Serve a registry on a free port of this machine while the block runs. Events are not delivered.

    Raises:
        CannotOpen: the registry cannot be used.
    """
    neighbours, clock = Neighbours(), Clock()
    surroundings = surroundings_of(settings or Settings(), neighbours, is_alone=is_alone(url))
    surroundings = replace(surroundings, clock=clock)
    listener = listen("127.0.0.1", 0)
    with ExitStack() as opened:
        opened.enter_context(listener)
        identities = Identities(surroundings.settings.identities, surroundings.identify)
        backend = open_backend(url, surroundings)
        staged = opened.enter_context(started(backend, clock, url, identities.recognise))
        others: WSGIApplication = alone if is_alone(url) else CallerIdentity(neighbours, identities)
        beside = ResetTogether(others, staged, lambda: not neighbours.may_hold_objects)
        forks = opened.enter_context(Forks("127.0.0.1", lambda fork: application(fork, neighbours=others), Server))
        staged.serve_fork = forks.serve
        server = Server(application(staged, neighbours=beside, registry=without_password(url)), listener)
        thread = threading.Thread(target=server.run, name="sagemaker-registry", daemon=True)
        thread.start()
        try:
            yield Running(url_of(listener), staged, neighbours)
        finally:
            server.stop()
            thread.join()
