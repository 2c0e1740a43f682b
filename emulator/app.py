"""The life of a request, on one page.

gate          Host and Origin: may this client speak here at all?
authentication  is it signed, and by whom? (where there are keys)
switchboard   a call of ours, a page of ours, or a neighbour's (S3, STS, ... by moto)?
calls         JSON 1.1 to Python values, the backend's answer or error, and back to JSON 1.1
Flask         /_registry/..., and the console at /console/

The first four are middleware in front of Flask's routing. `create_app` returns the Flask application with them in
place; `application` returns the same for a server of its own, which loads Flask when somebody asks for a path of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..backends import model
from ..backends.base import Backend
from . import PREFIX, console, sigv4
from .calls import TARGET_PREFIX, Calls
from .first_use import OnFirstUse
from .gate import Gate
from .metrics import Metrics
from .neighbours import Neighbours
from .refusals import Refusals

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask

if find_spec("flask") is None:  # better now than when somebody asks
    raise ModuleNotFoundError("No module named 'flask'", name="flask")


def create_app(
    backend: Backend,
    *,
    neighbours: WSGIApplication | None = None,
    allowed_hosts: Iterable[str] = (),
    registry: str = "",
    reviewed_at: console.Console | None = None,
    say: Callable[[str], None] = print,
    authenticated: Callable[..., WSGIApplication] | None = None,
) -> Flask:
    """Return the emulator as a Flask application in front of a backend, to serve, to test, or to add routes to.

    Args:
        backend: who answers the registry's operations; closing it stays with the caller.
        neighbours: who answers every other AWS call; moto unless given.
        allowed_hosts: names the server answers for beyond loopback names and IP addresses.
        registry: the URL of the backend, as it may be shown.
        reviewed_at: the console where people review and decide; without, there is none.
        say: shows a line to whoever runs the server.
        authenticated: puts what verifies signatures in front of an application; without, nobody does.
    """
    from . import paths

    refusals, counted = Refusals(), Metrics()
    app = paths.own(backend, registry, counted, refusals, has_console=reviewed_at is not None)
    if reviewed_at is not None:
        paths.add_pages(app, backend, reviewed_at, refusals, say)
    others, routing = neighbours or Neighbours(), app.wsgi_app
    behind = Switchboard(
        calls=Calls(backend, others, counted, refusals),
        ours=routing,
        pages=routing if reviewed_at is not None else None,
        neighbours=paths.added(app, others),
        operations=backend.operations,
    )
    guarded = _guarded(behind, allowed_hosts, refusals, authenticated, has_console=reviewed_at is not None)
    app.wsgi_app = guarded  # type: ignore[method-assign, assignment]  # Flask's own place for middleware
    return app


def application(
    backend: Backend,
    *,
    neighbours: WSGIApplication | None = None,
    allowed_hosts: Iterable[str] = (),
    registry: str = "",
    reviewed_at: console.Console | None = None,
    say: Callable[[str], None] = print,
    authenticated: Callable[..., WSGIApplication] | None = None,
) -> WSGIApplication:
    """Return what answers as `create_app` does, with its arguments: Flask and the console load when somebody asks."""
    others = neighbours or Neighbours()
    refusals, counted = Refusals(), Metrics()
    has_console = reviewed_at is not None

    def own_paths() -> WSGIApplication:
        from . import paths

        return paths.own(backend, registry, counted, refusals, has_console=has_console)

    def pages(reviewed_at: console.Console) -> WSGIApplication:
        from . import paths

        return paths.pages(backend, reviewed_at, refusals, say)

    behind = Switchboard(
        calls=Calls(backend, others, counted, refusals),
        ours=OnFirstUse(own_paths),
        pages=OnFirstUse(partial(pages, reviewed_at)) if reviewed_at is not None else None,
        neighbours=others,
        operations=backend.operations,
    )
    return _guarded(behind, allowed_hosts, refusals, authenticated, has_console=has_console)


def _guarded(
    behind: WSGIApplication,
    allowed_hosts: Iterable[str],
    refusals: Refusals,
    authenticated: Callable[..., WSGIApplication] | None,
    *,
    has_console: bool,
) -> WSGIApplication:
    """Return an application with what every request has to pass in front of it."""
    if authenticated is not None:
        behind = authenticated(behind, refusals=refusals, has_console=has_console)
    return Gate(behind, allowed_hosts, refusals)


class Switchboard:
    """A WSGI application that passes a request on, by path and target.

    Args:
        calls: answers the registry's calls.
        ours: answers for the server's own paths, and refuses what is nobody's.
        pages: answers for the console, if there is one.
        neighbours: answer every other AWS call.
        operations: the registry's.
    """

    def __init__(
        self,
        calls: WSGIApplication,
        ours: WSGIApplication,
        pages: WSGIApplication | None,
        neighbours: WSGIApplication,
        operations: frozenset[str],
    ) -> None:
        self._calls = calls
        self._ours = ours
        self._pages = pages
        self._neighbours = neighbours
        self._operations = operations

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._who_answers(environ)(environ, start_response)

    def _who_answers(self, environ: WSGIEnvironment) -> WSGIApplication:
        path, target = environ.get("PATH_INFO", ""), environ.get("HTTP_X_AMZ_TARGET", "")
        if path.startswith(PREFIX):
            return self._ours
        if self._pages is not None and console.is_console(path):
            return self._neighbours if _is_signed(environ) else self._pages  # signed, it is about a bucket of that name
        if self._is_call(target, environ):
            return self._calls if path in ("", "/") and environ["REQUEST_METHOD"] == "POST" else self._ours
        return self._ours if path == "/" and _is_a_person(environ) else self._neighbours

    def _is_call(self, target: str, environ: WSGIEnvironment) -> bool:
        """Whether a request is for the registry to answer, or to refuse."""
        if target.startswith(TARGET_PREFIX):
            operation = target.removeprefix(TARGET_PREFIX)
            return operation in self._operations or not model.known(operation)
        is_json = environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json")
        return is_json and not target  # a JSON call without a target is nobody's


def _is_signed(environ: WSGIEnvironment) -> bool:
    return sigv4.is_signed(environ.get("HTTP_AUTHORIZATION"), environ.get("QUERY_STRING", ""))


def _is_a_person(environ: WSGIEnvironment) -> bool:
    """Whether a request is a look at the address, not an AWS call: read, unsigned, without parameters."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and not environ.get("QUERY_STRING")
    )
