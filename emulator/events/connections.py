"""Connections to one address, whatever a name resolves to by then; loaded with the first webhook."""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import suppress


class Connection(http.client.HTTPConnection):
    """A connection for a URL's host to one numeric address."""

    def __init__(self, host: str, port: int, numeric: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._numeric = numeric
        self.is_cut = False

    def connect(self) -> None:
        self.sock = socket.create_connection((self._numeric, self.port), self.timeout)

    def cut(self) -> None:
        """End it, from another thread."""
        self.is_cut = True
        with suppress(OSError, AttributeError):  # not connected yet, or not any more
            self.sock.shutdown(socket.SHUT_RDWR)


class SecureConnection(Connection):
    """The same with TLS, whose certificate must be that of the URL's host."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
