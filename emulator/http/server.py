"""A WSGI server on a socket: waitress, driven until it is told to stop."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel

from ...backends.errors import BackendUnavailable
from .connections import MAX_HEAD, NO_WATERMARK, READ_TIMEOUT, Channel, close_stalled, most_connections

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 4
"""Two more than may wait for events (`long_polling.MAX_WAITING`): with two in all, they would leave none to others.
A slow upload holds none: waitress reads a body before a thread has it."""
BACKLOG = 1024
"""Connections the system keeps until they are accepted."""
DRAIN_TIMEOUT = 30.0
MAX_UPLOAD = 5 * 2**30
"""Bytes of one request: S3's own limit for one PutObject."""
_WAKE_SECONDS = 1.0


def listen(host: str, port: int, *, anywhere: bool = False) -> socket.socket:
    """Return a listening socket; port 0 picks a free one, and only `anywhere` allows other machines to reach it.

    Raises:
        BackendUnavailable: the address is not this machine's, or in use, or one that others reach too.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        if not anywhere and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise BackendUnavailable(
                f"on {host} anybody who reaches this machine could read and change the registry: "
                "give --credentials FILE (made by: sagemaker-registry credentials add), or --i-accept-no-authentication"
            )
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise BackendUnavailable(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _has_visitors(listener: socket.socket) -> bool:
    """Whether a connection to a socket is not accepted yet."""
    kind = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select takes no number over 1023
    with kind() as selector:
        selector.register(listener, selectors.EVENT_READ)
        return bool(selector.select(0))


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """A WSGI application on a socket, in the thread that calls `run`; `stop` may be called from anywhere.

    Connections on which nothing is sent or read for `read_timeout` are closed; there are at most `most` of them, or as
    many as there are files for. `admits` tells from an Authorization header and a query whether to read a large body.
    """

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        *,
        threads: int = THREADS,
        read_timeout: float = READ_TIMEOUT,
        most: int | None = None,
        admits: Callable[[str, str], bool] = lambda authorization, query: True,
    ) -> None:
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # one warning for each waiting request
        self._listener = listener
        self._read_timeout = read_timeout
        self._checked = time.monotonic()
        self._map: dict[int, Any] = {}
        self._is_stopping = self._is_over = False
        self._ending = threading.RLock()  # a signal may come while it is held, and its handler runs in the same thread
        self._server = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=threads,
            connection_limit=most or most_connections(),
            channel_timeout=2**31,  # `close_stalled` looks for idle ones, by a clock that is never put forward
            max_request_body_size=MAX_UPLOAD,
            max_request_header_size=MAX_HEAD,
            backlog=BACKLOG,
            outbuf_high_watermark=NO_WATERMARK,
            ident="",  # AWS answers without a Server header
            clear_untrusted_proxy_headers=True,
        )

        self._server.channel_class = partial(Channel, admits=admits)

    def run(self) -> None:
        """Answer until `stop`; then finish every request that had reached this machine, and return."""
        while not self._is_stopping:
            self._step(min(_WAKE_SECONDS, self._read_timeout / 4))
        self._drain()

    def stop(self) -> None:
        """Make `run` finish. Safe in a signal handler, in another thread, and as often as one likes."""
        self._is_stopping = True
        with self._ending:
            if not self._is_over:  # or what is written to has been closed, and its number may be another file's
                self._server.pull_trigger()

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_TIMEOUT
        for _ in range(BACKLOG):  # who had connected before; others may go on doing so
            if not _has_visitors(self._listener) or time.monotonic() > deadline:
                break
            self._step(_WAKE_SECONDS if self._server.in_connection_overflow else 0)
        wasyncore.dispatcher.close(self._server)  # no new connections
        self._step(0)  # read what idle connections have sent
        while self._is_busy() and time.monotonic() < deadline:
            self._step(_WAKE_SECONDS)
        self._server.task_dispatcher.shutdown()
        with self._ending:
            self._is_over = True
        wasyncore.close_all(self._map)

    def _is_busy(self) -> bool:
        return any(
            channel.requests or channel.request is not None or channel.total_outbufs_len
            for channel in self._map.values()
            if isinstance(channel, HTTPChannel)
        )

    def _step(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
        if time.monotonic() - self._checked > min(self._read_timeout / 4, _WAKE_SECONDS):
            self._checked = time.monotonic()
            close_stalled(self._server.active_channels.values(), self._read_timeout)
