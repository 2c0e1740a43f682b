"""A load of requests over kept-alive connections: one select loop, so that the server is what is measured."""

from __future__ import annotations

import math
import selectors
import socket
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson

HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "User-Agent": "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7",
    "X-Amz-Date": "20260101T120000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sagemaker/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={'0' * 64}",
    "amz-sdk-invocation-id": "0c1b4a0e-6d4f-4f0e-9d3a-6a0f2c1f7b11",
    "amz-sdk-request": "attempt=1",
    "Accept-Encoding": "identity",
}
"""What boto3 sends with a request."""


@dataclass(frozen=True)
class Load:
    """What was measured: the milliseconds each request took, and the seconds of all."""

    took: list[float]
    seconds: float
    answered: int = 0
    """Bytes of the last answer's body."""

    @property
    def median(self) -> float:
        return statistics.median(self.took)

    @property
    def p99(self) -> float:
        return sorted(self.took)[int(len(self.took) * 0.99)]

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds


def requests(operation: str, params: Any, path: str = "/") -> Iterator[bytes]:
    """Yield a request as boto3 sends it, for ever; creates have a ClientToken of their own each.

    Args:
        operation: its name.
        params: its members, or a list of such to be sent in turn.
        path: where to send it.
    """
    lines = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    bodies = [orjson.dumps(body) for body in (params if isinstance(params, list) else [params])]
    while True:
        for body in bodies:
            if operation == "CreateModelPackage":
                body = body[:-1] + f',"ClientToken":"{uuid.uuid4()}"}}'.encode()
            head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}X-Amz-Target: SageMaker.{operation}\r\n"
            yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def run(
    url: str,
    messages: Iterator[bytes],
    *,
    clients: int = 1,
    count: int = 0,
    seconds: float = 0,
    limit: float = math.inf,
    patience: float = 120,
) -> Load:
    """Send requests from `clients` connections, each waiting for its answer, until so many or so long are done.

    Every request that was sent has been answered when this returns. A server that closes the connection after each
    answer, as moto's does, is connected to anew, within the time of the request: so it is for every client of it.

    Args:
        url: the server.
        messages: what is sent, in turn.
        clients: how many connections there are.
        count: how many requests are sent,
        seconds: or for how long.
        limit: after which no more requests are sent, even if it were fewer.
        patience: how long an answer may take.

    Raises:
        TimeoutError: an answer took longer than `patience`.
    """
    took: list[float] = []
    sent = answered = 0
    begun = time.perf_counter()
    with selectors.DefaultSelector() as selector:

        def send(connection: socket.socket | None) -> None:
            nonlocal sent
            message, at = next(messages), time.perf_counter()
            if connection is None:
                connection = _connected(url)
                selector.register(connection, selectors.EVENT_READ, [at, b""])
            else:
                selector.get_key(connection).data[:] = [at, b""]
            connection.sendall(message)
            sent += 1

        for _ in range(min(clients, count or clients)):
            send(None)
        while selector.get_map():
            ready = selector.select(patience)
            if not ready:
                raise TimeoutError(f"no answer in {patience:g} s")
            for key, _ in ready:
                connection, state = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                data = connection.recv(1 << 18)
                if not data:
                    raise ConnectionError("the server closed the connection without an answer")
                state[1] += data
                size = _body(state[1])
                if size is None:
                    continue
                now = time.perf_counter()
                took.append((now - state[0]) * 1000)
                answered = size
                is_kept = b"connection: close" not in state[1].lower()
                goes_on = (sent < count and now - begun < limit) or now - begun < seconds
                if not (goes_on and is_kept):
                    selector.unregister(connection)
                    connection.close()
                if goes_on:
                    send(connection if is_kept else None)
    return Load(took, time.perf_counter() - begun, answered)


def threads(call: Callable[[], object], *, clients: int = 1, count: int, limit: float = math.inf) -> Load:
    """Call something in this process from `clients` threads, which begin together, `count` times each, or for so long.

    Where calls are this interpreter's own work, a thread makes several within its turn: what each takes is then that of
    one client alone, and what several clients get is the rate of all.
    """
    took: list[float] = []
    together = threading.Barrier(clients)

    def work() -> tuple[float, float]:
        together.wait()
        begun = time.perf_counter()
        for _ in range(count):
            at = time.perf_counter()
            call()
            now = time.perf_counter()
            took.append((now - at) * 1000)
            if now - begun > limit:
                break
        return begun, time.perf_counter()

    if clients == 1:
        spans = [work()]
    else:
        with ThreadPoolExecutor(clients) as pool:
            spans = [done.result() for done in [pool.submit(work) for _ in range(clients)]]
    return Load(took, max(end for _, end in spans) - min(begun for begun, _ in spans))


def _connected(url: str) -> socket.socket:
    name, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((name, int(port)), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _body(answer: bytes) -> int | None:
    """Return how many bytes the body of an answer has; None if it is not whole yet."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer.decode(errors="replace"))
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    size = int(length.partition(b":")[2])
    return size if len(body) >= size else None
