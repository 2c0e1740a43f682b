"""Limits of connections: reject ambiguous and oversized requests, and close slow connections."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest, Error, InternalServerError, RequestEntityTooLarge

from ...backends.errors import InternalFailure, RegistryError, RequestTooLarge, ValidationException
from ...backends.service import wire
from .. import responses
from ..caller import is_signed
from ..responses import COMMON_HEADERS, AuthenticationFailed, error_response
from ..routes import EXTENSION_PREFIX, TARGET_PREFIX, is_console
from .channel import Task, WholeChannel, metadata_of

MAX_HEAD: Final = 2**15
"""Maximum bytes of the request line and all headers."""
MAX_HEADERS: Final = 200
MAX_READ: Final = 2**24
"""Maximum bytes of a registry request's body that are read, more than MAX_BODY: a client receives the error only if the
server has read its request."""
READ_TIMEOUT: Final = 30.0
"""Seconds that a request head may take, and that a connection may stay open without progress."""
SLOWEST: Final = 1024
"""Minimum average bytes per second of a body after READ_TIMEOUT; allows long S3 uploads, but not trickling clients."""
MAX_UNREAD: Final = 2**20
"""Maximum bytes of unread responses before the next request of a connection is refused. waitress keeps as many bytes in
memory, so a connection has at most two temporary files."""
NO_WATERMARK: Final = sys.maxsize
"""Disables waitress's watermark, at which a worker thread waits for slow readers. Unread responses above 1 MiB are kept
in a file, and `close_stalled` closes connections that read nothing."""
MAX_CONNECTIONS: Final = 1000
MAX_WITHOUT_POLL: Final = 400
"""Maximum connections without poll(): select() supports 512 descriptors on Windows."""
MAX_LENGTH: Final = 15
"""Maximum digits of Content-Length: int() rejects thousands of digits, and other servers may overflow."""
MAX_LINE: Final = 8192
"""Maximum bytes of a chunk header and of the trailers: waitress keeps them in memory and rescans them on each read."""
_NEVER_IN_A_PATH: Final = bytes([*range(0x21), 0x7F])
"""Control characters and space; urlsplit removes tabs, so the path that is answered would not be the signed one."""
ONCE: Final = (b"host", b"content-length", b"transfer-encoding", b"authorization")
"""Headers that must not be repeated."""


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Parse a request, keep the parts that waitress drops, and reject ambiguous or oversized requests."""

    def __init__(self, adjustments: Any, admits: Callable[[str, str], bool]) -> None:
        super().__init__(adjustments)
        self._admits, self._may_be_large = admits, False
        self.began = time.monotonic()
        self.error: Any = None

    def parse_header(self, header_plus: bytes) -> None:
        first, _, rest = header_plus.partition(b"\r\n")
        fields = _fields(rest)
        _check_fields(_check_line(first), fields)
        self.head, self.metadata = header_plus, metadata_of(fields)
        super().parse_header(b"\r\n".join([first, *[b"%b:%b" % field for field in fields], b""]))

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.error is None and self.body_rcv is not None:
            self.error = self._too_much()
        if self.error is not None:
            self.completed = True
        if self.completed:
            self.expect_continue = False  # or waitress would send "100 Continue" and wait for a body
        return consumed

    def _too_much(self) -> Error | None:
        """Return an error if the part of the body received so far, or its Content-Length, is too large."""
        if not self._may_be_large and max(self.content_length, self.body_bytes_received) > MAX_READ:
            if self._is_ours():
                return RequestEntityTooLarge(f"exceeds max_body of {MAX_READ}")  # waitress's wording for its own limit
            if not self._admits(self.headers.get("AUTHORIZATION", ""), self.query):
                return _Unauthenticated("")
            self._may_be_large = True
        if self.chunked and max(len(self.body_rcv.control_line), len(self.body_rcv.trailer)) > MAX_LINE:
            return BadRequest(f"Chunk headers and trailers are limited to {MAX_LINE} bytes.")
        return None

    def _is_ours(self) -> bool:
        """Whether the request goes to SageMaker, the extension API or the console, whose requests are never large."""
        path = f"/{self.path.lstrip('/')}"  # as waitress normalizes it
        if self.headers.get("X_AMZ_TARGET", "").startswith(TARGET_PREFIX) or path.startswith(EXTENSION_PREFIX):
            return True
        return is_console(path) and not is_signed(self.headers.get("AUTHORIZATION"), self.query)

    def is_too_slow(self, now: float, seconds: float) -> bool:
        waited = now - self.began - seconds
        return bool(waited > (self.body_bytes_received / SLOWEST if self.headers_finished else 0))


def _fields(rest: bytes) -> list[tuple[bytes, bytes]]:
    """Return the names and values of the headers, without spaces around the values.

    waitress's header regex takes quadratic time in such spaces. Its request line regex is worse, and is applied only
    to lines that passed `_check_line`.
    """
    fields: list[tuple[bytes, bytes]] = []
    lines = rest.split(b"\r\n")
    if len(lines) > MAX_HEADERS + 2:  # the last two are empty
        raise ParsingError(f"The request has more than {MAX_HEADERS} headers.")
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):  # continues the previous header
            if not fields:
                raise ParsingError("The first header must not begin with a space or tab.")
            fields[-1] = (fields[-1][0], b"%b %b" % (fields[-1][1], line.strip(b" \t")))
        elif colon:
            fields.append((name, value.strip(b" \t")))
        elif line:
            raise ParsingError("Each header must have the form `Name: value`.")
    return fields


def _check_line(first: bytes) -> bytes:
    """Return the HTTP version of a request line, or raise ParsingError if the line is invalid."""
    method, *more = first.rstrip().split(b" ")
    if not 1 <= len(more) <= 2 or more[1:] not in ([], [b"HTTP/1.0"], [b"HTTP/1.1"]):
        raise ParsingError("The request line must be `METHOD PATH HTTP/1.1` or `METHOD PATH HTTP/1.0`.")
    if not method or more[0][:1] not in (b"/", b"*") or b"#" in more[0]:
        raise ParsingError("The request line must have a method and a path without `#`; send the host in Host.")
    target = more[0]
    if len(target.translate(None, _NEVER_IN_A_PATH)) < len(target):
        raise ParsingError("The path contains control characters; percent-encode them.")
    if target[:2] == b"//":  # S3 keys may begin with a slash, but moto would parse a host
        try:
            urlsplit(target.decode("latin-1"))
        except ValueError as error:
            raise ParsingError("The path begins with `//`; encode its brackets as %5B and %5D.") from error
    return more[1] if more[1:] else b""


def _check_fields(version: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise ParsingError for headers that two servers could interpret differently."""
    names = [name.lower() for name, _ in fields]
    for name in ONCE:
        if names.count(name) > 1:
            raise ParsingError(f"The header {name.decode()} must not be repeated.")
    if b"transfer-encoding" in names:
        if b"content-length" in names or version != b"HTTP/1.1":
            raise ParsingError("Transfer-Encoding requires HTTP/1.1 and must not be combined with Content-Length.")
        if fields[names.index(b"transfer-encoding")][1].lower() != b"chunked":
            raise TransferEncodingNotImplemented("The only supported Transfer-Encoding is `chunked`.")
    elif b"content-length" in names and len(fields[names.index(b"content-length")][1]) > MAX_LENGTH:
        raise ParsingError(f"Content-Length has more than {MAX_LENGTH} digits.")


class _Unauthenticated(Error):  # type: ignore[misc]
    """A large body from a client without a known access key, which is not read because it could fill the disk."""

    code, reason = HTTPStatus.FORBIDDEN.value, HTTPStatus.FORBIDDEN.phrase


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Respond to an unreadable request with a JSON error instead of waitress's plain text."""

    def execute(self) -> None:
        found = self.request.error
        if isinstance(found, _Unauthenticated):
            self._reject_unauthenticated()
            return
        error: RegistryError = ValidationException(f"Invalid request: {found.body}")
        if found.code in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE):
            error = RequestTooLarge(f"The request is too large: it {found.body}.")
        elif isinstance(found, InternalServerError):  # the application raised an exception
            error = InternalFailure("The server failed; see its log for the cause.")
        body = wire.write_error(error)
        self._answer(f"{found.code} {found.reason}", responses.headers(body), body)

    def _reject_unauthenticated(self) -> None:
        """Respond as `Authentication` does, in the protocol of the client."""
        environ = WSGITask(self.channel, self.request).get_environment()
        reason = "unknown" if is_signed(environ.get("HTTP_AUTHORIZATION"), self.request.query) else "missing"
        error = AuthenticationFailed(reason).as_error(environ)
        started: list[Any] = []
        body = b"".join(error_response(error, environ, lambda *said: started.extend(said)))  # type: ignore[arg-type]
        status, headers = started
        self._answer(status, headers, body)

    def _answer(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        self.response_headers.extend([*headers, *COMMON_HEADERS.items()])
        self.set_close_on_finish()
        self.content_length = len(body)
        is_head = self.request.headers_finished and getattr(self.request, "command", "") == "HEAD"
        self.write(b"" if is_head else body)


class Channel(WholeChannel):
    """A waitress connection that enforces these limits."""

    task_class = Task
    error_task_class = _ErrorTask
    requests: list[_Parser]
    moved = 0.0
    """Monotonic time of the last byte that was received or sent."""

    def __init__(self, *arguments: Any, admits: Callable[[str, str], bool], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.parser_class = partial(_Parser, admits=admits)
        self.moved = time.monotonic()

    def received(self, data: bytes) -> bool:
        self.moved = time.monotonic()
        return bool(super().received(data))

    def service(self) -> None:
        """Answer the next request; if more than MAX_UNREAD bytes are unread, close the connection after sending them.

        No worker then waits for the client to read, and the client can retry its other requests.
        """
        if self.total_outbufs_len <= MAX_UNREAD:
            super().service()
            return
        with self.requests_lock:  # as in waitress after the last response of a connection
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        self.server.pull_trigger()

    def write_soon(self, data: Any) -> int:
        if not self.total_outbufs_len:  # sending begins now
            self.moved = time.monotonic()
        return super().write_soon(data)

    def _flush_some(self, do_close: bool = True) -> bool:
        has_sent = bool(super()._flush_some(do_close))
        if has_sent:
            self.moved = time.monotonic()
        return has_sent


def most_connections() -> int:
    """Return the maximum number of connections; each may need two file descriptors, for its socket and for a body."""
    if not hasattr(select, "poll"):
        return MAX_WITHOUT_POLL
    import resource  # not available on all platforms without poll()

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max((files - 128) // 2, files // 4))


def close_stalled(channels: Iterable[Channel], seconds: float) -> None:
    """Close connections without progress for `seconds`, and connections whose request arrives too slowly.

    A connection stays open while its request is being answered, unless the client does not read the response.
    """
    now = time.monotonic()
    for channel in list(channels):
        request, is_answered = channel.request, channel.requests or channel.total_outbufs_len
        if request is not None and is_answered:
            request.began = now
        is_slow = request is not None and request.is_too_slow(now, seconds)
        is_waiting = channel.total_outbufs_len > 0 or not channel.requests
        if is_slow or (is_waiting and channel.moved < now - seconds):
            channel.handle_close()  # immediately: waitress would wait until it can write, possibly forever
