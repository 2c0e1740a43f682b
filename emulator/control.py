"""The emulator's own paths, `/_registry/...`: for health checks and people, not for AWS clients."""

from __future__ import annotations

from importlib.metadata import version

import orjson
from flask import Blueprint, Response

from ..backends.base import Backend

PREFIX = "/_registry"


def blueprint(backend: Backend) -> Blueprint:
    """Return the routes; `GET /` is the same as `GET /_registry/info`."""
    routes = Blueprint("control", __name__)

    @routes.get(f"{PREFIX}/health")
    def health() -> Response:
        """Answer 200 when the backend can answer, else its error."""
        backend.ping()
        return _json({"status": "ok"})

    @routes.get("/")
    @routes.get(f"{PREFIX}/info")
    def info() -> Response:
        return _json(
            {
                "name": "sagemaker-registry",
                "version": version("sagemaker-registry"),
                "operations": sorted(backend.operations),
                "health": f"{PREFIX}/health",
            }
        )

    return routes


def _json(value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n", content_type="application/json")
