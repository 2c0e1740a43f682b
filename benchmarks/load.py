"""A load of one request over kept-alive connections: one select loop, so that the server is what is measured."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host"


@dataclass(frozen=True)
class Load:
    """What was measured: requests a second, and the median and 99th percentile of a request in milliseconds."""

    rate: float
    median: float
    p99: float


def request(host: str, operation: str, body: bytes) -> bytes:
    """Return the bytes of one signed-looking registry request."""
    head = (
        f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"X-Amz-Target: SageMaker.{operation}\r\nAuthorization: {AUTHORIZATION}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def run(url: str, operation: str, body: bytes, *, clients: int, seconds: float) -> Load:
    """Send the request from `clients` connections, each waiting for its answer, for `seconds`."""
    host = url.removeprefix("http://")
    name, _, port = host.partition(":")
    message = request(host, operation, body)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            connection = socket.create_connection((name, int(port)))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(message)
            selector.register(connection, selectors.EVENT_READ, [time.perf_counter(), b""])
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for key, _ in selector.select(1):
                key.data[1] += key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not _is_whole(key.data[1]):
                    continue
                now = time.perf_counter()
                took.append(now - key.data[0])
                key.data[:] = [now, b""]
                key.fileobj.sendall(message)  # type: ignore[union-attr]
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    took.sort()
    return Load(len(took) / seconds, took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000)


def _is_whole(answer: bytes) -> bool:
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode(errors="replace"))
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return len(body) >= int(length.partition(b":")[2])
