"""A floor: a Flask application whose routes answer constants, under the server of this project.

python -m benchmarks.constant describe=900 create=90         a route for each name, and the bytes of its answer
"""

from __future__ import annotations

import signal
import sys

from flask import Flask, Response

from sagemaker_registry.emulator.serve import Server, listen, url_of


def create_app(sizes: dict[str, int]) -> Flask:
    app = Flask(__name__, static_folder=None)
    for name, size in sizes.items():
        body = b'"' + b"x" * (size - 2) + b'"'
        app.post(f"/{name}", endpoint=name)(lambda body=body: Response(body, content_type="application/x-amz-json-1.1"))
    return app


def main(arguments: list[str]) -> None:
    sizes = {name: int(size) for name, _, size in (argument.partition("=") for argument in arguments)}
    listener = listen("127.0.0.1", 0)
    server = Server(create_app(sizes), listener)
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    print(f"listening on {url_of(listener)}", flush=True)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1:])
