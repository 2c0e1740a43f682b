"""HTTP connections to a fixed IP address, loaded with the first webhook."""

from __future__ import annotations

import http.client
import socket
import ssl
from contextlib import suppress


class Connection(http.client.HTTPConnection):
    """A connection to a numeric address that sends the URL's host name, without resolving it again."""

    def __init__(self, host: str, port: int, numeric: str, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._numeric = numeric
        self.is_cut = False

    def connect(self) -> None:
        self.sock = socket.create_connection((self._numeric, self.port), self.timeout)

    def cut(self) -> None:
        """Shut the connection down from another thread."""
        self.is_cut = True
        with suppress(OSError, AttributeError):  # not connected, or already closed
            self.sock.shutdown(socket.SHUT_RDWR)


class SecureConnection(Connection):
    """A TLS connection that verifies the certificate against the URL's host name."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
