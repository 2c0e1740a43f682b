"""The life of a request, on one page.

gate          Host and Origin: may this client speak here at all?
authentication  is it signed, and by whom? (where there are keys)
router        a call of ours, a page of ours, or one for another service (S3, STS, ... by moto)?
calls         JSON 1.1 to Python values, the backend's answer or error, and back to JSON 1.1
Flask         /_registry/..., and the console at /console/

The first four are middleware in front of Flask's routing. `create_app` returns the Flask application with them in
place; `application` returns the same for a server of its own, which loads Flask at the first request that needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypedDict, Unpack

from msgspec.structs import replace

from ..backends.base import Backend
from ..backends.service import model
from . import console
from .api.metrics import Metrics
from .api.registry_api import RegistryApi
from .auth.host_check import HostCheck
from .aws.other_services import MotoApp
from .caller import is_signed_request
from .error_log import ErrorLog
from .routes import EXTENSION_PREFIX, TARGET_PREFIX, is_console

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

if find_spec("flask") is None:  # better now than at a request
    raise ModuleNotFoundError("No module named 'flask'", name="flask")


class Options(TypedDict, total=False):
    """What an application is made with, besides its backend."""

    other_services: WSGIApplication
    """Who answers every other AWS call; moto unless given."""
    allowed_hosts: Iterable[str]
    """Names the server answers for beyond loopback names and IP addresses."""
    registry: str
    """The URL of the backend, as it may be shown."""
    reviewed_at: console.Console | None
    """The console where people review and decide; without, there is none."""
    say: Callable[[str], None]
    """Shows a line in the server's terminal; `print` unless given."""
    authenticated: Callable[..., WSGIApplication] | None
    """Puts signature verification in front of an application; without it, signatures are not verified."""


def create_app(backend: Backend, **options: Unpack[Options]) -> Flask:
    """Return the emulator as a Flask application in front of a backend, to serve, to test, or to add routes to.

    Args:
        backend: who answers the registry's operations; closing it stays with the caller.
        options: see Options.
    """
    from . import flask_app

    parts = _Parts(backend, options)
    app = parts.own()
    if parts.console is not None:
        flask_app.add_pages(app, backend, parts.console, parts.error_log, parts.say)
    routing = app.wsgi_app
    beyond = flask_app.added(app, parts.other_services)
    whole = parts.assembled(routing, routing if parts.console is not None else None, beyond)
    app.wsgi_app = whole  # type: ignore[method-assign]  # Flask's own place for middleware
    return app


def application(backend: Backend, **options: Unpack[Options]) -> WSGIApplication:
    """Return an application like `create_app`'s; Flask and the console load at the first request that needs them."""
    parts = _Parts(backend, options)
    pages = LazyApp(partial(parts.pages, parts.console)) if parts.console is not None else None
    return parts.assembled(LazyApp(parts.own), pages, parts.other_services)


class _Parts:
    def __init__(self, backend: Backend, options: Options) -> None:
        self._backend, self._options = backend, options
        self._authenticated = options.get("authenticated")
        self._counted = Metrics()
        self.error_log = ErrorLog()
        self.other_services = options.get("other_services") or MotoApp()
        self.say = options.get("say", print)
        self.console = options.get("reviewed_at")
        if self.console is not None and self._authenticated is not None:
            self.console = replace(self.console, is_strict=True)  # keys are worth no more than what goes round them

    def own(self) -> Flask:
        from . import flask_app

        registry, has_console = self._options.get("registry", ""), self.console is not None
        return flask_app.own(self._backend, registry, self._counted, self.error_log, has_console=has_console)

    def pages(self, reviewed_at: console.Console) -> WSGIApplication:
        from . import flask_app

        return flask_app.pages(self._backend, reviewed_at, self.error_log, self.say)

    def assembled(self, ours: WSGIApplication, pages: WSGIApplication | None, beyond: WSGIApplication) -> HostCheck:
        """Put the applications together behind the checks that every request passes; `beyond` answers all the rest."""
        calls = RegistryApi(self._backend, self.other_services, self._counted, self.error_log)
        behind: WSGIApplication = Router(calls, ours, pages, beyond, self._backend.operations)
        if self._authenticated is not None:
            behind = self._authenticated(behind, error_log=self.error_log, has_console=self.console is not None)
        return HostCheck(behind, self._options.get("allowed_hosts", ()), self.error_log)


@dataclass(frozen=True, slots=True)
class Router:
    """A WSGI application that passes a request on, by path and target; `ours` also rejects what nothing answers."""

    calls: WSGIApplication
    ours: WSGIApplication
    pages: WSGIApplication | None
    other_services: WSGIApplication
    operations: frozenset[str]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._route(environ)(environ, start_response)

    def _route(self, environ: WSGIEnvironment) -> WSGIApplication:
        path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
        if path.startswith(EXTENSION_PREFIX):
            return self.ours
        if self.pages is not None and is_console(path):
            # signed, it is about a bucket of that name
            return self.other_services if is_signed_request(environ) else self.pages
        if self._is_call(target, environ):
            return self.calls if path in ("", "/") and environ["REQUEST_METHOD"] == "POST" else self.ours
        return self.ours if path == "/" and _is_a_person(environ) else self.other_services

    def _is_call(self, target: str, environ: WSGIEnvironment) -> bool:
        """Whether a request is for the registry to answer, or to refuse."""
        if target.startswith(TARGET_PREFIX):
            operation = target.removeprefix(TARGET_PREFIX)
            return operation in self.operations or not model.known(operation)
        is_json = environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json")
        return is_json and not target  # rejected: a JSON call has a target


def _is_a_person(environ: WSGIEnvironment) -> bool:
    """Whether a request is a look at the address, not an AWS call: read, unsigned, without parameters."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and not environ.get("QUERY_STRING")
    )


@dataclass(slots=True)
class LazyApp:
    """A WSGI application made at its first request; if `make` raises, the next request tries again. Thread-safe."""

    make: Callable[[], WSGIApplication]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._made is None:
            with self._lock:
                self._made = self._made or self.make()
        return self._made(environ, start_response)
