"""The WSGI server: waitress on a listening socket, with a graceful stop."""

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
"""Two more than can wait for events (`long_polling.MAX_WAITING`), so that long polling cannot occupy all threads. Slow
uploads do not occupy a thread, because waitress reads the whole body first."""
BACKLOG = 1024
"""Connections that the system queues before they are accepted."""
DRAIN_TIMEOUT = 30.0
MAX_UPLOAD = 5 * 2**30
"""Maximum bytes of one request: S3's limit for PutObject."""
_WAKE_SECONDS = 1.0


def listen(host: str, port: int, *, anywhere: bool = False) -> socket.socket:
    """Return a listening socket; port 0 selects a free one, and `anywhere` allows addresses other than loopback.

    Raises:
        BackendUnavailable: The address is in use, does not belong to this machine, or is not allowed.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        if not anywhere and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise BackendUnavailable(
                f"--host {host} accepts connections from other machines: add --credentials FILE (create it with "
                "`sagemaker-registry credentials add NAME --file FILE`) or --i-accept-no-authentication"
            )
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise BackendUnavailable(f"cannot listen on {host} port {port}: {error.strerror or error}") from error


def _has_pending(listener: socket.socket) -> bool:
    """Whether the socket has a connection that is not accepted yet."""
    kind = getattr(selectors, "PollSelector", selectors.SelectSelector)  # select() fails for descriptors above 1023
    with kind() as selector:
        selector.register(listener, selectors.EVENT_READ)
        return bool(selector.select(0))


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """Serve a WSGI application on a socket in the thread that calls `run`, until any thread calls `stop`.

    The event loop of waitress is driven here, because waitress drops queued requests when it stops. Connections that
    stall for `read_timeout` seconds are closed. `most` limits the number of connections; by default, the number of
    available file descriptors does. `admits` decides by Authorization header and query whether to read a large body.
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
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns about each queued request
        self._listener = listener
        self._read_timeout = read_timeout
        self._checked = time.monotonic()
        self._map: dict[int, Any] = {}
        self._is_stopping = self._is_over = False
        self._ending = threading.RLock()  # reentrant: a signal handler may run in the thread that holds it
        self._server = create_server(
            app,
            map=self._map,
            sockets=[listener],
            threads=threads,
            connection_limit=most or most_connections(),
            channel_timeout=2**31,  # `close_stalled` closes idle connections instead, by the monotonic clock
            max_request_body_size=MAX_UPLOAD,
            max_request_header_size=MAX_HEAD,
            backlog=BACKLOG,
            outbuf_high_watermark=NO_WATERMARK,
            ident="",  # AWS answers without a Server header
            clear_untrusted_proxy_headers=True,
        )

        self._server.channel_class = partial(Channel, admits=admits)

    def run(self) -> None:
        """Serve until `stop`; then finish all requests that have reached this machine, and return."""
        while not self._is_stopping:
            self._step(min(_WAKE_SECONDS, self._read_timeout / 4))
        self._drain()

    def stop(self) -> None:
        """Make `run` return. Safe in signal handlers and other threads, and when called repeatedly."""
        self._is_stopping = True
        with self._ending:
            if not self._is_over:  # afterwards, the descriptor of the trigger may belong to another file
                self._server.pull_trigger()

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_TIMEOUT
        for _ in range(BACKLOG):  # accept what is queued, but not new connections forever
            if not _has_pending(self._listener) or time.monotonic() > deadline:
                break
            self._step(_WAKE_SECONDS if self._server.in_connection_overflow else 0)
        wasyncore.dispatcher.close(self._server)  # stop accepting connections
        self._step(0)  # read requests that idle connections have already sent
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
