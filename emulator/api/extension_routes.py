"""The routes of the extension API, `/_registry/...`."""

from __future__ import annotations

from importlib.metadata import version

import orjson
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from ...backends.base import Backend
from ...backends.errors import SerializationException, UnknownOperationException, did_you_mean, json_problem
from ..caller import caller_of, check_caller
from ..routes import EXTENSION_PREFIX
from .long_polling import LongPolling
from .metrics import CONTENT_TYPE, Metrics


def blueprint(backend: Backend, registry: str, counted: Metrics) -> Blueprint:
    """Return the routes; `GET /` is an alias of `GET /_registry/info`."""
    routes = Blueprint("extensions", __name__)
    followers = LongPolling(backend)

    @routes.get(f"{EXTENSION_PREFIX}/health")
    @routes.get(f"{EXTENSION_PREFIX}/ready")
    def health() -> Response:
        """Return 200 if the backend is available, otherwise its error; the server accepts requests only once seeded."""
        backend.ping()
        return _json({"status": "ok"})

    @routes.get("/")
    @routes.get(f"{EXTENSION_PREFIX}/info")
    def info() -> Response:
        return _json(
            {
                "name": "sagemaker-registry",
                "version": version("sagemaker-registry"),
                "registry": registry,
                "operations": sorted(backend.operations),
                "extensions": dict(backend.extensions),
                "health": f"{EXTENSION_PREFIX}/health",
                "openapi": f"{EXTENSION_PREFIX}/openapi.json",
            }
        )

    @routes.get(f"{EXTENSION_PREFIX}/openapi.json")
    def openapi() -> Response:
        from .openapi import document

        return _json(document(backend.extensions))

    @routes.get(f"{EXTENSION_PREFIX}/metrics")
    def metrics() -> Response:
        return Response(counted.text(), content_type=CONTENT_TYPE)

    @routes.route(f"{EXTENSION_PREFIX}/<path:name>", methods=["GET", "POST"])
    def extension(name: str) -> Response:
        """Call an extension with parameters from the query string (GET) or from a JSON object in the body (POST)."""
        if name not in backend.extensions:
            raise UnknownOperationException(
                f"This registry has no extension {name[:200]!r}{did_you_mean(name[:200], backend.extensions) or ';'} "
                f"{EXTENSION_PREFIX}/info lists all extensions."
            )
        if backend.extensions[name] and request.method != "POST":
            raise MethodNotAllowed
        g.request_id = backend.request_id()
        caller = caller_of(request.environ, g.request_id)
        check_caller(caller)
        params = request.args.to_dict() if request.method == "GET" else _object(request.get_data(cache=False))
        return _json(followers.answer(name, params, caller))

    return routes


def _object(body: bytes) -> dict[str, object]:
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise SerializationException(f"The body is not valid JSON: {json_problem(error)}.") from error
    if not isinstance(value, dict):
        raise SerializationException("The body must be a JSON object.")
    return value


def _json(value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n", content_type="application/json")
