"""Two floors: a Flask application whose routes answer constants, and a bare WSGI function behind the gate.

python -m benchmarks.constant flask describe=900 create=90     a route for each name, and the bytes of its answer
python -m benchmarks.constant wsgi describe=900 create=90

Both are under the server of this project.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response

from sagemaker_registry.emulator.gate import Gate
from sagemaker_registry.emulator.http.server import Server, listen, url_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTENT_TYPE = "application/x-amz-json-1.1"


def flask(bodies: dict[str, bytes]) -> WSGIApplication:
    """Return a Flask application with a route for each name."""
    app = Flask(__name__, static_folder=None)
    for name, body in bodies.items():
        app.post(f"/{name}", endpoint=name)(lambda body=body: Response(body, content_type=CONTENT_TYPE))
    return app


def wsgi(bodies: dict[str, bytes]) -> WSGIApplication:
    """Return a function that looks a path up, behind the gate."""
    answers = {f"/{name}": body for name, body in bodies.items()}

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = answers[environ["PATH_INFO"]]
        start_response("200 OK", [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body)))])
        return [body]

    return Gate(answer)


KINDS = {"flask": flask, "wsgi": wsgi}


def main(kind: str, *arguments: str) -> None:
    sizes = {name: int(size) for name, _, size in (argument.partition("=") for argument in arguments)}
    bodies = {name: b'"' + b"x" * (size - 2) + b'"' for name, size in sizes.items()}
    listener = listen("127.0.0.1", 0)
    server = Server(KINDS[kind](bodies), listener)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    print(f"listening on {url_of(listener)}", flush=True)
    server.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
