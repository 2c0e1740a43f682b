"""The life of a request, on one page.

gate          Host and Origin: may this client speak here at all?
switchboard   a call of ours, a page of ours, or a neighbour's (S3, STS, ... by moto)?
calls         JSON 1.1 to Python values, the backend's answer or error, and back to JSON 1.1
Flask         /_registry/..., and the console at /console/
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from ..backends import model
from ..backends.base import Backend
from ..backends.errors import InternalFailure, RegistryError, UnknownOperationException
from . import answers, console, control, metrics, wire
from .calls import LARGEST_BODY, TARGET_PREFIX, Calls, note, too_large
from .gate import Gate
from .neighbours import Neighbours
from .refusals import Refusals

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


def create_app(
    backend: Backend,
    *,
    neighbours: WSGIApplication | None = None,
    allowed_hosts: Iterable[str] = (),
    registry: str = "",
    reviewed_at: console.Console | None = None,
    say: Callable[[str], None] = print,
) -> Flask:
    """Return the emulator as a WSGI application in front of a backend.

    Args:
        backend: who answers the registry's operations; closing it stays with the caller.
        neighbours: who answers every other AWS call; moto unless given.
        allowed_hosts: names the server answers for beyond loopback names and IP addresses.
        registry: the URL of the backend, as it may be shown.
        reviewed_at: the console where people review and decide; without, there is none.
        say: shows a line to whoever runs the server.
    """
    others = neighbours or Neighbours()
    refusals, counted = Refusals(), metrics.Metrics()
    application = partial(_application, refusals)
    app = application()
    app.register_blueprint(control.blueprint(backend, registry))
    app.register_blueprint(metrics.blueprint(counted))
    pages = None if reviewed_at is None else console.Pages(application, backend, reviewed_at, refusals, say)

    @app.before_request
    def people_are_shown_the_console() -> BaseResponse | None:
        looks = request.path == "/" and request.method in ("GET", "HEAD")
        if pages is not None and looks and "text/html" in request.accept_mimetypes.values():
            return redirect(f"{console.PREFIX}/")
        return None

    calls = Calls(backend, others, counted, refusals)
    switchboard = Switchboard(calls, app.wsgi_app, pages, others, backend.operations)
    app.wsgi_app = Gate(switchboard, allowed_hosts, refusals)  # type: ignore[method-assign]
    return app


def _application(refusals: Refusals) -> Flask:
    """Return an application without routes, which answers every error as AWS does."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY

    @app.before_request
    def only_post_calls() -> None:
        if "X-Amz-Target" in request.headers and request.method != "POST":
            raise MethodNotAllowed

    @app.errorhandler(RegistryError)
    def refused(error: RegistryError) -> Response:
        note(refusals, error, request.environ)
        body = wire.write_error(error)
        return Response(body, error.status, answers.headers(body, request_id=g.get("request_id", "")))

    @app.errorhandler(RequestEntityTooLarge)
    def over_the_limit(_: RequestEntityTooLarge) -> Response:
        return refused(too_large())

    @app.errorhandler(HTTPException)
    def no_such_route(error: HTTPException) -> Response:
        return refused(UnknownOperationException(f"{request.method} {request.path[:200]}: {error.name}."))

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.exception("failed to answer %s %s", request.method, request.path, exc_info=error)
        return refused(InternalFailure("The registry failed to answer; its log says why."))

    return app


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
        if path.startswith(control.PREFIX):
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
    return "HTTP_AUTHORIZATION" in environ or "X-Amz-" in environ.get("QUERY_STRING", "")


def _is_a_person(environ: WSGIEnvironment) -> bool:
    """Whether a request is a look at the address, not an AWS call: read, unsigned, without parameters."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and not environ.get("QUERY_STRING")
    )
