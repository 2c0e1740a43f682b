"""The Flask application: `/`, `/_registry/...`, and the console at `/console/`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import MapAdapter, RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from ..backends.base import Backend
from ..backends.errors import InternalFailure, RegistryError, UnknownOperationException
from ..backends.service import wire
from . import console, responses
from .api import extension_routes
from .api.metrics import Metrics
from .api.registry_api import note
from .error_log import ErrorLog
from .http.bodies import MAX_BODY, too_large
from .routes import CONSOLE_PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


def own(backend: Backend, registry: str, counted: Metrics, error_log: ErrorLog, *, has_console: bool) -> Flask:
    """Return the application for `/` and `/_registry/...`, which rejects all other paths.

    With `has_console`, a browser at `/` is redirected to the console.
    """
    app = _application(error_log)
    app.register_blueprint(extension_routes.blueprint(backend, registry, counted))

    @app.before_request
    def redirect_to_console() -> BaseResponse | None:
        looks = request.path == "/" and request.method in ("GET", "HEAD")
        if has_console and looks and "text/html" in request.accept_mimetypes.values():
            return redirect(f"{CONSOLE_PREFIX}/")
        return None

    return app


def pages(backend: Backend, reviewed_at: console.Console, error_log: ErrorLog, say: Callable[[str], None]) -> Flask:
    app = _application(error_log)
    add_pages(app, backend, reviewed_at, error_log, say)
    return app


def add_pages(
    app: Flask, backend: Backend, reviewed_at: console.Console, error_log: ErrorLog, say: Callable[[str], None]
) -> None:
    from .console.routes import blueprint

    app.register_blueprint(blueprint(backend, reviewed_at, error_log, say))

    @app.after_request
    def guarded(response: Response) -> Response:
        return console.guard(response, request.path)


def added(app: Flask, other_services: WSGIApplication) -> WSGIApplication:
    """Return an application for routes that are added to `app` later; other AWS services answer the rest.

    Existing routes such as `GET /` also go to other services, because only signed requests for them arrive here.
    """
    own, routing = frozenset(app.view_functions), app.wsgi_app

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            endpoint = _endpoint(app.url_map.bind_to_environ(environ))
        except HTTPException:  # no such route
            return other_services(environ, start_response)
        return (other_services if endpoint in own else routing)(environ, start_response)

    return answer


def _endpoint(adapter: MapAdapter) -> str:
    """Return the endpoint of a path; also for redirects, such as from `/report` to `/report/`."""
    try:
        endpoint: str = adapter.match()[0]
    except RequestRedirect:
        endpoint = adapter.match(f"{adapter.path_info}/")[0]
    return endpoint


def _application(error_log: ErrorLog) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY

    @app.before_request
    def only_post_calls() -> None:
        if "X-Amz-Target" in request.headers and request.method != "POST":
            raise MethodNotAllowed

    @app.errorhandler(RegistryError)
    def refused(error: RegistryError) -> Response:
        note(error_log, error, request.environ)
        body = wire.write_error(error)
        return Response(body, error.status, responses.headers(body, request_id=g.get("request_id", "")))

    @app.errorhandler(RequestEntityTooLarge)
    def over_the_limit(_: RequestEntityTooLarge) -> Response:
        return refused(too_large())

    @app.errorhandler(MethodNotAllowed)
    def other_method(_: MethodNotAllowed) -> Response:
        return refused(
            UnknownOperationException(
                f"{request.path[:200]} does not accept {request.method}; send the request as POST."
            )
        )

    @app.errorhandler(HTTPException)
    def no_such_route(error: HTTPException) -> Response:
        return refused(
            UnknownOperationException(f"The server cannot answer {request.method} {request.path[:200]}: {error.name}.")
        )

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        log.exception("failed to answer %s %s", request.method, request.path, exc_info=error)
        return refused(InternalFailure("The server failed; see its log for the cause."))

    return app
