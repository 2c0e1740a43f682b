"""Limits of connections: number, duration and slow clients, on real sockets of a server."""

from __future__ import annotations

import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from safety.listener import CALL, HEALTH, READ_TIMEOUT, UPLOAD, Bucket, everything, served, status_of
from sagemaker_registry.emulator.http.connections import close_stalled, most_connections
from sagemaker_registry.emulator.http.server import THREADS


def is_closed_while_sending(connection: socket.socket, piece: bytes) -> float:
    """Send a piece repeatedly, byte by byte, until the server closes the connection; return the time it took."""
    began = time.monotonic()
    connection.settimeout(0.05)  # the pause between two bytes
    while time.monotonic() - began < 30:
        try:
            connection.send(piece)
            if connection.recv(1) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except ConnectionError:
            return time.monotonic() - began
    raise AssertionError("the server still listens")


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        (b"", b"G"),
        (b"GET / HTTP/1.1\r\n", b"X-A: b\r\n"),
        (CALL + b"Content-Length: 4000000\r\n\r\n", b"x"),
        (UPLOAD + b"Content-Length: 4000000000\r\n\r\n", b"x"),
        (UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["request line", "headers", "call", "upload", "chunks"],
)
def test_a_slow_request_is_cut_off(address: tuple[str, int], before: bytes, piece: bytes) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(before)
        took = is_closed_while_sending(connection, piece)
    assert READ_TIMEOUT * 0.9 < took < 20


@pytest.mark.parametrize("sent", [0, 200 * 1024], ids=["nothing", "much"])
@pytest.mark.parametrize("before", [b"", b"Expect: 100-continue\r\n"], ids=["sends", "asks"])
def test_a_stalled_body_is_cut_off_at_any_point(address: tuple[str, int], before: bytes, sent: int) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(UPLOAD + before + b"Content-Length: 1000000\r\n\r\n")
        connection.sendall(b"x" * sent)
        assert everything(connection) == (b"HTTP/1.1 100 Continue\r\n\r\n" if before else b"")


def test_the_time_of_a_pipelined_body_starts_with_the_previous_response() -> None:
    now = time.monotonic()
    answered, sends = WorkingConnection(now - 20), FakeConnection(now - 20)
    for held in (answered, sends):
        held.request = FakeRequest(now - 3600)  # type: ignore[assignment]
    close_stalled([answered, sends], 30)  # type: ignore[list-item]
    assert answered.request.began >= now  # type: ignore[attr-defined]
    assert [held.is_closed for held in (answered, sends)] == [False, False]
    for held in (answered, sends):
        held.moved = now - 31
    close_stalled([answered, sends], 30)  # type: ignore[list-item]
    assert [held.is_closed for held in (answered, sends)] == [False, True]


def test_many_slow_clients_do_not_block_others(address: tuple[str, int], say: Callable[..., bytes]) -> None:
    slow = [socket.create_connection(address, timeout=60) for _ in range(100)]
    for connection in slow:
        connection.sendall(CALL + b"Content-Length: 100\r\n\r\n{")
    assert status_of(say(HEALTH)) == 200
    for connection in slow:
        with connection:
            assert everything(connection) == b""


def ok(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HTTP/1.1\r\n", UPLOAD + b"Content-Length: 1000000\r\n\r\nx"],
    ids=["silent", "heads", "bodies"],
)
def test_stalled_connections_are_closed_to_make_room_for_others(begun: bytes) -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(ok, most=40, read_timeout=READ_TIMEOUT))
        for _ in range(60):
            opened.enter_context(socket.create_connection(address, timeout=60)).sendall(begun)
        client = opened.enter_context(socket.create_connection(address, timeout=20))
        client.sendall(HEALTH)
        assert status_of(everything(client)) == 200


class FakeConnection:
    """A connection as `close_stalled` sees it."""

    request = None
    requests: tuple[str, ...] = ()
    total_outbufs_len = 0

    def __init__(self, moved: float) -> None:
        self.moved, self.is_closed = moved, False

    def handle_close(self) -> None:
        self.is_closed = True


@dataclass
class FakeRequest:
    """A partial request as `close_stalled` sees it, of which enough has arrived."""

    began: float

    def is_too_slow(self, now: float, seconds: float) -> bool:
        return False


class WorkingConnection(FakeConnection):
    requests = ("one that is being answered",)


class AnsweredConnection(WorkingConnection):
    total_outbufs_len = 1
    last_activity = time.time()


def test_an_idle_connection_is_closed() -> None:
    now = time.monotonic()
    held = [FakeConnection(now - 31), FakeConnection(now - 29), WorkingConnection(now - 31)]
    close_stalled(held, 30)  # type: ignore[arg-type]
    assert [connection.is_closed for connection in held] == [True, False, False]


@pytest.mark.parametrize(("files", "most"), [(256, 64), (1024, 448), (64, 16), (2**20, 1000), (-1, 1000)])
def test_the_connection_limit_leaves_file_descriptors_for_other_uses(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
    assert most_connections() == most


def test_the_connection_limit_is_below_the_limit_of_select(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("select.poll")
    assert most_connections() < 512


def test_a_clock_set_forward_closes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(Bucket(), read_timeout=1.0))
        connection = opened.enter_context(socket.create_connection(address, timeout=60))
        connection.sendall(b"GET /bucket/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = len(connection.recv(1))
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 3600)
        slow = opened.enter_context(socket.create_connection(address, timeout=0.05))
        with suppress(ConnectionError):
            while is_open(slow):  # until it is cut off, so that the other one was checked too
                slow.send(b"G")
                received += len(connection.recv(2**18))
        assert received + len(everything(connection)) > 2**25


def test_slow_readers_are_measured_with_a_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, unread = (AnsweredConnection(time.monotonic() - seconds) for seconds in (29, 31))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    close_stalled([reading, unread], 30)  # type: ignore[list-item]
    assert not reading.is_closed
    assert unread.is_closed


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True


def test_a_partial_request_behind_a_long_one_is_not_cut_off() -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        release.wait(60)
        return ok(environ, start_response)

    with ExitStack() as opened:
        address = opened.enter_context(served(slow, read_timeout=READ_TIMEOUT))
        connection = opened.enter_context(socket.create_connection(address, timeout=60))
        half = len(HEALTH) // 2
        connection.sendall(HEALTH.replace(b"Connection: close\r\n", b"") + HEALTH[:half])
        for _ in range(2):
            other = opened.enter_context(socket.create_connection(address, timeout=60))
            assert is_closed_while_sending(other, b"G") > READ_TIMEOUT * 0.9
        release.set()
        assert status_of(connection.recv(15)) == 200
        connection.sendall(HEALTH[half:])
        assert everything(connection).count(b"200 OK") == 1


def test_a_large_response_is_copied_once() -> None:
    body = bytes(range(256)) * 2**18  # 64 MiB, which the application holds anyway
    received, head = 0, b""

    def large(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    with served(large) as address, socket.create_connection(address, timeout=60) as connection:
        tracemalloc.start()
        connection.sendall(HEALTH)
        while b"\r\n\r\n" not in head:
            head += connection.recv(2**16)
        rest = head.partition(b"\r\n\r\n")[2]
        while rest:
            assert body.startswith(rest, received)
            received += len(rest)
            rest = connection.recv(2**18)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert received == len(body)
    assert peak < len(body) * 1.5  # the copy that the server keeps until it is read


def test_a_large_upload_may_take_long_while_it_makes_progress(address: tuple[str, int], bucket: Bucket) -> None:
    began, sent = time.monotonic(), 0
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while time.monotonic() - began < READ_TIMEOUT * 3:
            connection.sendall(b"1000\r\n" + b"u" * 4096 + b"\r\n")
            sent += 4096
        connection.sendall(b"0\r\n\r\n")
        assert status_of(everything(connection)) == 200
    assert bucket.sizes[-1] == sent


GET = b"GET /bucket/key HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""Requests a response of 32 MiB in 32 pieces."""


def slow_reader(address: tuple[str, int]) -> socket.socket:
    """Connect with a small receive buffer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    connection.settimeout(60)
    connection.connect(address)
    return connection


def test_a_client_that_does_not_read_is_cut_off(address: tuple[str, int]) -> None:
    with slow_reader(address) as unread:
        unread.sendall(GET)
        for _ in range(2):  # as long as two slow clients are tolerated
            with socket.create_connection(address, timeout=60) as other:
                is_closed_while_sending(other, b"G")
        assert len(everything(unread)) < 2**25


def test_clients_that_do_not_read_occupy_no_worker() -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(Bucket()))
        unread = [opened.enter_context(slow_reader(address)) for _ in range(THREADS + 1)]
        for connection in unread:
            connection.sendall(GET * 2)
        for _ in range(3):
            client = opened.enter_context(socket.create_connection(address, timeout=10))
            client.sendall(HEALTH)
            assert status_of(everything(client)) == 200
            for connection in unread:
                assert connection.recv(2**16), "a client that reads a little from time to time must not block others"


def test_a_pipelining_client_that_does_not_read_gets_complete_responses() -> None:
    begun, bucket = threading.Semaphore(0), Bucket()

    def counting(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/_registry/health":
            return ok(environ, start_response)
        begun.release()
        return bucket(environ, start_response)

    with ExitStack() as opened:
        address = opened.enter_context(served(counting, threads=1))
        connection = opened.enter_context(slow_reader(address))
        connection.sendall(GET * 3)
        assert begun.acquire(timeout=60)
        for _ in range(2):  # the only worker has then started the second request
            client = opened.enter_context(socket.create_connection(address, timeout=60))
            client.sendall(HEALTH)
            everything(client)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
        assert status_of(head) == 200
        assert len(body) == 2**25
        assert not begun.acquire(blocking=False)
