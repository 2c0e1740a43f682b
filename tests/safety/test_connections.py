"""What a connection may cost: how many, how long and how slow, each at a real socket of a server."""

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
    """Send a piece again and again, a byte at a time, until the server hangs up; return how long that took."""
    began = time.monotonic()
    connection.settimeout(0.05)  # what is between two bytes
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
def test_a_request_that_trickles_is_cut_off(address: tuple[str, int], before: bytes, piece: bytes) -> None:
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(before)
        took = is_closed_while_sending(connection, piece)
    assert READ_TIMEOUT * 0.9 < took < 20


@pytest.mark.parametrize("sent", [0, 200 * 1024], ids=["nothing", "much"])
@pytest.mark.parametrize("before", [b"", b"Expect: 100-continue\r\n"], ids=["sends", "asks"])
def test_a_body_that_stops_is_cut_off_however_much_of_it_came(
    address: tuple[str, int], before: bytes, sent: int
) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(UPLOAD + before + b"Content-Length: 1000000\r\n\r\n")
        connection.sendall(b"x" * sent)
        assert everything(connection) == (b"HTTP/1.1 100 Continue\r\n\r\n" if before else b"")


def test_a_body_behind_a_request_that_takes_long_has_its_time_from_the_answer_on() -> None:
    now = time.monotonic()
    answered, sends = Working(now - 20), Held(now - 20)
    for held in (answered, sends):
        held.request = Begun(now - 3600)  # type: ignore[assignment]
    close_stalled([answered, sends], 30)  # type: ignore[list-item]
    assert answered.request.began >= now  # type: ignore[attr-defined]
    assert [held.is_closed for held in (answered, sends)] == [False, False]
    for held in (answered, sends):
        held.moved = now - 31
    close_stalled([answered, sends], 30)  # type: ignore[list-item]
    assert [held.is_closed for held in (answered, sends)] == [False, True]


def test_many_slow_clients_keep_nobody_waiting(address: tuple[str, int], say: Callable[..., bytes]) -> None:
    slow = [socket.create_connection(address, timeout=60) for _ in range(100)]
    for connection in slow:
        connection.sendall(CALL + b"Content-Length: 100\r\n\r\n{")
    assert status_of(say(HEALTH)) == 200
    for connection in slow:
        with connection:
            assert everything(connection) == b""


def well(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "4")])
    return [b"well"]


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HTTP/1.1\r\n", UPLOAD + b"Content-Length: 1000000\r\n\r\nx"],
    ids=["silent", "heads", "bodies"],
)
def test_stalled_connections_are_closed_and_make_room_for_others(begun: bytes) -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(well, most=40, read_timeout=READ_TIMEOUT))
        for _ in range(60):
            opened.enter_context(socket.create_connection(address, timeout=60)).sendall(begun)
        asking = opened.enter_context(socket.create_connection(address, timeout=20))
        asking.sendall(HEALTH)
        assert status_of(everything(asking)) == 200


class Held:
    """A connection as `close_stalled` sees it."""

    request = None
    requests: tuple[str, ...] = ()
    total_outbufs_len = 0

    def __init__(self, moved: float) -> None:
        self.moved, self.is_closed = moved, False

    def handle_close(self) -> None:
        self.is_closed = True


@dataclass
class Begun:
    """A request as `close_stalled` sees it, of which more has come than must have."""

    began: float

    def is_too_slow(self, now: float, seconds: float) -> bool:
        return False


class Working(Held):
    requests = ("one that is being answered",)


class Answered(Working):
    total_outbufs_len = 1
    last_activity = time.time()


def test_a_connection_that_waits_for_its_next_request_is_closed_too() -> None:
    now = time.monotonic()
    held = [Held(now - 31), Held(now - 29), Working(now - 31)]
    close_stalled(held, 30)  # type: ignore[arg-type]
    assert [connection.is_closed for connection in held] == [True, False, False]


@pytest.mark.parametrize(("files", "most"), [(256, 64), (1024, 448), (64, 16), (2**20, 1000), (-1, 1000)])
def test_connections_leave_files_for_everything_else(monkeypatch: pytest.MonkeyPatch, files: int, most: int) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (files, files))
    assert most_connections() == most


def test_where_there_is_only_select_connections_are_fewer_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("select.poll")
    assert most_connections() < 512


def test_a_clock_that_is_put_forward_cuts_nobody_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(Bucket(), read_timeout=1.0))
        connection = opened.enter_context(socket.create_connection(address, timeout=60))
        connection.sendall(b"GET /bucket/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        came = len(connection.recv(1))
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 3600)
        slow = opened.enter_context(socket.create_connection(address, timeout=0.05))
        with suppress(ConnectionError):
            while is_open(slow):  # until it is cut off: the other was looked at too
                slow.send(b"G")
                came += len(connection.recv(2**18))
        assert came + len(everything(connection)) > 2**25


def test_who_reads_is_known_by_a_clock_that_is_never_put_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    reads, deaf = (Answered(time.monotonic() - seconds) for seconds in (29, 31))
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3600)
    close_stalled([reads, deaf], 30)  # type: ignore[list-item]
    assert not reads.is_closed
    assert deaf.is_closed


def is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True


def test_a_request_behind_one_that_takes_long_is_waited_for() -> None:
    release = threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        release.wait(60)
        return well(environ, start_response)

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


def test_a_large_answer_is_copied_once() -> None:
    body = bytes(range(256)) * 2**18  # 64 MiB, which an application holds anyway
    came, head = 0, b""

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
            assert body.startswith(rest, came)
            came += len(rest)
            rest = connection.recv(2**18)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert came == len(body)
    assert peak < len(body) * 1.5  # what the server keeps until it is read


def test_a_large_upload_may_take_its_time_as_long_as_it_goes_on(address: tuple[str, int], bucket: Bucket) -> None:
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
"""Asks for an answer of 32 MiB in 32 pieces."""


def deaf_client(address: tuple[str, int]) -> socket.socket:
    """Connect as somebody for whom little is kept on the way."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    connection.settimeout(60)
    connection.connect(address)
    return connection


def test_who_does_not_read_is_cut_off(address: tuple[str, int]) -> None:
    with deaf_client(address) as deaf:
        deaf.sendall(GET)
        for _ in range(2):  # for as long as two who are too slow are listened to
            with socket.create_connection(address, timeout=60) as other:
                is_closed_while_sending(other, b"G")
        assert len(everything(deaf)) < 2**25


def test_no_worker_waits_for_who_does_not_read() -> None:
    with ExitStack() as opened:
        address = opened.enter_context(served(Bucket()))
        deaf = [opened.enter_context(deaf_client(address)) for _ in range(THREADS + 1)]
        for connection in deaf:
            connection.sendall(GET * 2)
        for _ in range(3):
            asking = opened.enter_context(socket.create_connection(address, timeout=10))
            asking.sendall(HEALTH)
            assert status_of(everything(asking)) == 200
            for connection in deaf:
                assert connection.recv(2**16), "who reads a little now and then holds nobody up either"


def test_who_asks_for_more_than_they_read_has_all_of_what_was_answered_and_can_ask_again() -> None:
    begun, bucket = threading.Semaphore(0), Bucket()

    def counting(environ: Any, start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/_registry/health":
            return well(environ, start_response)
        begun.release()
        return bucket(environ, start_response)

    with ExitStack() as opened:
        address = opened.enter_context(served(counting, threads=1))
        connection = opened.enter_context(deaf_client(address))
        connection.sendall(GET * 3)
        assert begun.acquire(timeout=60)
        for _ in range(2):  # the one worker has then come to the second request
            asking = opened.enter_context(socket.create_connection(address, timeout=60))
            asking.sendall(HEALTH)
            everything(asking)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
        assert status_of(head) == 200
        assert len(body) == 2**25
        assert not begun.acquire(blocking=False)
