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
    """The dependencies of a console; `say` prints in the server's terminal, `failures` counts logins by address."""

    backend: Backend
    console: Console
    error_log: ErrorLog
    say: Callable[[str], None]
    failures: Failures


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a logged-in user, with a reader of the registry on the user's behalf."""

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
        template: the file in templates/; it receives the content that a view returns as `page`.
        routes: the views by method and path below `/console`; the function's name is the endpoint. A view returns
            content, content and a status, or a response. A GET view never writes.
        menu: the label in the menu; pages without a label are not in the menu.
        key: the key that opens the page after `g`, for pages in the menu.
        is_open: whether the page needs no session. Its views then receive a Server instead of a Visit, and it has no
            URLs per account and region.
    """

    template: str
    routes: Mapping[str, Callable[..., Any]]
    menu: str = ""
    key: str = ""
    is_open: bool = False

    @property
    def endpoint(self) -> str:
        """The name of the first view, which shows the page."""
        return next(iter(self.routes.values())).__name__
