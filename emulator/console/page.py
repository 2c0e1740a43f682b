"""A page of the console as one object: its routes, its template, and its place in the menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from ...backends.base import Backend
from ...backends.errors import RegistryError
from ..auth.rate_limit import Failures
from ..error_log import ErrorLog
from .reader import Reader
from .sessions import Session
from .site import Console


@dataclass(frozen=True, slots=True)
class Server:
    """What the console of one server works with; `say` prints in its terminal, `failures` are of logins by address."""

    backend: Backend
    console: Console
    error_log: ErrorLog
    say: Callable[[str], None]
    failures: Failures


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with a session: who makes it, and the registry as they see it."""

    server: Server
    session: Session
    reader: Reader

    def note(self, error: RegistryError) -> None:
        what = f"{request.method} {request.path}"
        self.server.error_log.note(what, self.session.user, error.status, error.code, error.message)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the console.

    Args:
        template: the file in templates/; it gets the content that a view returns as `page`.
        routes: the views by method and path below `/console`; the function's name is the endpoint. A view returns the
            content, the content and a status, or a response of its own. A view of GET never writes.
        menu: the label in the menu; pages without one are not in it.
        key: the key that opens the page after `g`, for pages in the menu.
        is_open: whether the page needs no session. Its views then get the Server instead of a Visit, and it has no
            address for each account and region.
    """

    template: str
    routes: Mapping[str, Callable[..., Any]]
    menu: str = ""
    key: str = ""
    is_open: bool = False

    @property
    def endpoint(self) -> str:
        """The name of the first view, which is the page itself."""
        return next(iter(self.routes.values())).__name__
