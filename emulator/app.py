"""The life of a request, on one page.

gate          Host and Origin: may this client speak here at all?
authentication  is it signed, and by whom? (where there are keys)
switchboard   ours, or a neighbour's (S3, STS, ... by moto)?
Flask         the registry's calls, /_registry/..., and the console at /console/
wire          JSON 1.1 to Python values
backend       the answer, or an error with AWS's code
wire          back to JSON 1.1
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.wrappers import Response as BaseResponse

from ..backends import model
from ..backends.base import Backend
from ..backends.errors import (
    AnswerLost,
    Elsewhere,
    InternalFailure,
    RegistryError,
    RequestTooLarge,
    SerializationException,
    UnknownOperationException,
)
from . import answers, console, control, lost_answers, metrics, sigv4, wire
from .gate import Gate
from .neighbours import Neighbours
from .refusals import Refusals, without_values

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

TARGET_PREFIX = "SageMaker."
LARGEST_BODY = 4 * 2**20
"""Bytes of a registry request; uploads to S3 are not limited."""


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
    """Return the emulator as a WSGI application in front of a backend.

    Args:
        backend: who answers the registry's operations; closing it stays with the caller.
        neighbours: who answers every other AWS call; moto unless given.
        allowed_hosts: names the server answers for beyond loopback names and IP addresses.
        registry: the URL of the backend, as it may be shown.
        reviewed_at: the console where people review and decide; without, there is none.
        say: shows a line to whoever runs the server.
        authenticated: puts what verifies signatures in front of an application; without, nobody does.
    """
    app = Flask(__name__, static_folder=None)
    others = neighbours or Neighbours()
    refusals = Refusals()
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.register_blueprint(control.blueprint(backend, registry))
    metrics.measure(app)
    if reviewed_at is not None:
        app.register_blueprint(console.blueprint(backend, reviewed_at, refusals, say))

    @app.before_request
    def only_post_calls() -> None:
        if "X-Amz-Target" in request.headers and request.method != "POST":
            raise MethodNotAllowed

    @app.before_request
    def people_are_shown_the_console() -> BaseResponse | None:
        looks = request.path == "/" and request.method in ("GET", "HEAD")
        if reviewed_at is not None and looks and "text/html" in request.accept_mimetypes.values():
            return redirect(f"{console.PREFIX}/")
        return None

    @app.after_request
    def guarded(response: Response) -> Response:
        return console.guard(response, request.path)

    @app.post("/")
    def call() -> BaseResponse:
        g.operation = operation = _operation(request.headers.get("X-Amz-Target", ""))
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise SerializationException("Send the body without Content-Encoding.")
        g.request_id = wire.request_id(backend)
        caller = sigv4.caller(request.headers.get("Authorization", ""), request_id=g.request_id)
        sigv4.check_region(caller)
        body = request.get_data(cache=False)
        params = wire.read(operation, body)
        try:
            answer = wire.write(backend.call(operation, params, caller))
        except Elsewhere:
            del g.operation  # not one of the registry's
            return BaseResponse.from_app(others, {**request.environ, "wsgi.input": BytesIO(body)})
        log.info("%s %s/%s 200", operation, caller.account, caller.region)
        return _response(answer, 200)

    @app.errorhandler(RegistryError)
    def refused(error: RegistryError) -> Response:
        log.info("%s %s: %s", error.status, error.code, without_values(error.message))
        g.code = error.code
        who = sigv4.caller(request.headers.get("Authorization", "")).access_key
        what = request.headers.get("X-Amz-Target") or f"{request.method} {request.path}"
        refusals.note(what, who, error.status, error.code, error.message)
        return _response(wire.write_error(error), error.status)

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> Response:
        return refused(RequestTooLarge(f"The body of a registry request can have at most {LARGEST_BODY} bytes."))

    @app.errorhandler(HTTPException)
    def no_such_route(error: HTTPException) -> Response:
        return refused(UnknownOperationException(f"{request.method} {request.path[:200]}: {error.name}."))

    @app.errorhandler(AnswerLost)
    def lost(error: AnswerLost) -> Response:
        g.code = type(error).__name__
        if lost_answers.cut(request.environ):
            return Response()  # which nobody sees
        return refused(InternalFailure(str(error)))

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.exception("failed to answer %s", request.headers.get("X-Amz-Target"), exc_info=error)
        return refused(InternalFailure("The registry failed to answer; its log says why."))

    has_console = reviewed_at is not None
    behind: WSGIApplication = Switchboard(app.wsgi_app, others, backend.operations, has_console=has_console)
    if authenticated is not None:
        behind = authenticated(behind, refusals=refusals, has_console=has_console)
    app.wsgi_app = Gate(behind, allowed_hosts, refusals)  # type: ignore[method-assign]
    return app


class Switchboard:
    """A WSGI application that passes a request to the registry or to its neighbours, by path and target."""

    def __init__(
        self,
        registry: WSGIApplication,
        neighbours: WSGIApplication,
        operations: frozenset[str],
        *,
        has_console: bool = False,
    ) -> None:
        self._registry = registry
        self._neighbours = neighbours
        self._operations = operations
        self._has_console = has_console

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (self._registry if self._is_ours(environ) else self._neighbours)(environ, start_response)

    def _is_ours(self, environ: WSGIEnvironment) -> bool:
        if environ.get("PATH_INFO", "").startswith(control.PREFIX):
            return True
        if self._has_console and console.is_console(environ.get("PATH_INFO", "")):
            return not _is_signed(environ)  # signed, it is about a bucket of that name
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target.startswith(TARGET_PREFIX):
            operation = target.removeprefix(TARGET_PREFIX)
            return operation in self._operations or not model.known(operation)
        if environ.get("CONTENT_TYPE", "").startswith("application/x-amz-json"):
            return not target  # a JSON call without a target is nobody's: ours to refuse
        return environ.get("PATH_INFO") == "/" and _is_a_person(environ)


def _is_signed(environ: WSGIEnvironment) -> bool:
    return "HTTP_AUTHORIZATION" in environ or "X-Amz-" in environ.get("QUERY_STRING", "")


def _is_a_person(environ: WSGIEnvironment) -> bool:
    """Whether a request is a look at the address, not an AWS call: read, unsigned, without parameters."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and "HTTP_AUTHORIZATION" not in environ
        and not environ.get("QUERY_STRING")
    )


def _operation(target: str) -> str:
    operation = target.removeprefix(TARGET_PREFIX)
    if not target.startswith(TARGET_PREFIX) or not model.known(operation):
        raise UnknownOperationException(
            f"X-Amz-Target {target[:200]!r} is not an operation of SageMaker: it should read "
            f"{TARGET_PREFIX}DescribeModelPackage, for example."
        )
    return operation


def _response(body: bytes, status: int) -> Response:
    return Response(body, status, answers.headers(body, request_id=g.get("request_id", "")))
