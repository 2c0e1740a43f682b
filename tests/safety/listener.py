"""A server on a real socket with configurable limits, for tests of limits."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sagemaker_registry.emulator.http.server import Server, listen

READ_TIMEOUT = 0.4
MAX_BODY = 4 * 2**20
CALL = b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: SageMaker.ListModelPackageGroups\r\n"
CALL += b"Content-Type: application/x-amz-json-1.1\r\n"
UPLOAD = b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
HEALTH = b"GET /_registry/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Bucket:
    """Takes the place of S3, and records the sizes of uploads."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.files: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            start_response("200 OK", [("Content-Length", str(2**25))])
            return [b"z" * 2**20] * 32
        body = environ["wsgi.input"]
        if hasattr(body, "fileno"):
            with suppress(OSError):  # held in memory
                self.files.append(os.readlink(f"/proc/self/fd/{body.fileno()}"))
        self.sizes.append(sum(len(piece) for piece in iter(lambda: body.read(2**16), b"")))
        start_response("200 OK", [("Content-Length", "0")])
        return []


@contextmanager
def served(app: Any, **limits: Any) -> Iterator[tuple[str, int]]:
    """Serve an application with these limits, and yield its address."""
    listener = listen("127.0.0.1", 0)
    server = Server(app, listener, **limits)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()


def everything(connection: socket.socket) -> bytes:
    found = []
    with suppress(ConnectionResetError):
        while piece := connection.recv(2**18):
            found.append(piece)
    return b"".join(found)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
