"""The application: the stages that a request passes through, assembled in front of a backend."""

# The stages, in order. The first four are WSGI middleware in front of Flask's routing.
#
# HostCheck       checks Host and Origin
# Authentication  verifies the signature and identifies the caller (only with a credentials file)
# Router          selects the registry API, the server's own paths, or another AWS service (S3, STS, ... by moto)
# RegistryApi     converts JSON 1.1 to Python values and calls the backend
# Flask           answers /_registry/... and the console at /console/

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
from .aws.deploy_gate import gate_of
from .aws.other_services import MotoApp
from .caller import is_signed_request
from .error_log import ErrorLog
from .routes import EXTENSION_PREFIX, TARGET_PREFIX, is_console

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

if find_spec("flask") is None:  # fail at startup, not on the first request
    raise ModuleNotFoundError("No module named 'flask'", name="flask")


class Options(TypedDict, total=False):
    """Options of an application."""

    other_services: WSGIApplication
    """The application that answers all other AWS calls; moto by default."""
    allowed_hosts: Iterable[str]
    """Accepted host names in addition to loopback names and IP addresses."""
    registry: str
    """The URL of the backend to display, without a password."""
    reviewed_at: console.Console | None
    """The settings of the console; None disables it."""
    say: Callable[[str], None]
    """Prints a line in the server's terminal; `print` by default."""
    authenticated: Callable[..., WSGIApplication] | None
    """Wraps an application in signature verification; without it, signatures are not verified."""


def create_app(backend: Backend, **options: Unpack[Options]) -> Flask:
    """Return the server as a Flask application, to serve, to test, or to add routes to.

    Args:
        backend: Answers registry operations; the caller closes it.
        options: See `Options`.
    """
    from . import flask_app

    parts = _Parts(backend, options)
    app = parts.own()
    if parts.console is not None:
        flask_app.add_pages(app, backend, parts.console, parts.error_log, parts.say)
    routing = app.wsgi_app
    fallback = flask_app.added(app, parts.other_services)
    wrapped = parts.assemble(routing, routing if parts.console is not None else None, fallback)
    app.wsgi_app = wrapped  # type: ignore[method-assign]  # Flask's documented place for middleware
    return app


def application(backend: Backend, **options: Unpack[Options]) -> WSGIApplication:
    """Return an application like `create_app`, but load Flask and the console on the first request that needs them."""
    parts = _Parts(backend, options)
    pages = LazyApp(partial(parts.pages, parts.console)) if parts.console is not None else None
    return parts.assemble(LazyApp(parts.own), pages, parts.other_services)


class _Parts:
    def __init__(self, backend: Backend, options: Options) -> None:
        self._backend, self._options = backend, options
        self._authenticated = options.get("authenticated")
        self._counted = Metrics()
        self.error_log = ErrorLog()
        self.other_services = options.get("other_services") or MotoApp(gate=gate_of(backend))
        self.say = options.get("say", print)
        self.console = options.get("reviewed_at")
        if self.console is not None and self._authenticated is not None:
            self.console = replace(self.console, is_strict=True)  # an open console would bypass authentication

    def own(self) -> Flask:
        from . import flask_app

        registry, has_console = self._options.get("registry", ""), self.console is not None
        return flask_app.own(self._backend, registry, self._counted, self.error_log, has_console=has_console)

    def pages(self, reviewed_at: console.Console) -> WSGIApplication:
        from . import flask_app

        return flask_app.pages(self._backend, reviewed_at, self.error_log, self.say)

    def assemble(self, ours: WSGIApplication, pages: WSGIApplication | None, fallback: WSGIApplication) -> HostCheck:
        """Return the applications with all checks in front; `fallback` answers the requests that the others do not."""
        calls = RegistryApi(self._backend, self.other_services, self._counted, self.error_log)
        app: WSGIApplication = Router(calls, ours, pages, fallback, self._backend.operations)
        if self._authenticated is not None:
            app = self._authenticated(app, error_log=self.error_log, has_console=self.console is not None)
        return HostCheck(app, self._options.get("allowed_hosts", ()), self.error_log)


@dataclass(frozen=True, slots=True)
class Router:
    """Route requests by path and target; `ours` also rejects requests that match nothing."""

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
            # A signed request to this path is for an S3 bucket called "console".
            return self.other_services if is_signed_request(environ) else self.pages
        if self._is_call(target, environ):
            return self.calls if path in ("", "/") and environ["REQUEST_METHOD"] == "POST" else self.ours
        return self.ours if path == "/" and _is_visit(environ) else self.other_services

    def _is_call(self, target: str, environ: WSGIEnvironment) -> bool:
        """Whether the registry answers or rejects a request."""
        if target.startswith(TARGET_PREFIX):
            operation = target.removeprefix(TARGET_PREFIX)
            return operation in self.operations or not model.known(operation)
        is_json = environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json")
        return is_json and not target  # rejected there: JSON calls require a target


def _is_visit(environ: WSGIEnvironment) -> bool:
    """Whether a person opened the server's address: an unsigned read without parameters is not an AWS call."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and not environ.get("QUERY_STRING")
    )


@dataclass(slots=True)
class LazyApp:
    """A WSGI application created on its first request; if `make` raises, the next request retries. Thread-safe."""

    make: Callable[[], WSGIApplication]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: WSGIApplication | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._made is None:
            with self._lock:
                self._made = self._made or self.make()
        return self._made(environ, start_response)
