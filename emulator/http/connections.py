"""What a connection may do: how large, how many and how slow a request may be, and that it can be read in one way only.

waitress reads a request before the application does. Here it is told where to stop: what two servers could read in two
ways is rejected, what is too large for the registry is rejected unread, and what comes too slowly is cut off.
"""

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
"""Bytes of the request line and all headers."""
MAX_HEADERS: Final = 200
MAX_READ: Final = 2**24
"""Bytes of a body for the registry that are read, if only to refuse it: a client that is cut off hears no reason."""
READ_TIMEOUT: Final = 30.0
"""How long a head may take, and how long a connection may stay open while nothing is sent or read."""
SLOWEST: Final = 1024
"""Bytes a second, on average, of a body that takes longer: uploads to S3 may, what trickles may not."""
MAX_UNREAD: Final = 2**20
"""Bytes of answers that a connection may have unread where another request of it is to be answered: as many as waitress
keeps in memory, so that a connection has no more than two files of them."""
NO_WATERMARK: Final = sys.maxsize
"""Of what is to be sent: at waitress's, a worker waits until a reader has got on, and readers may take their time. What
is not read lies in a file (but for 1 MiB), and who reads nothing of it for long is cut off."""
MAX_CONNECTIONS: Final = 1000
MAX_WITHOUT_POLL: Final = 400
"""Connections where there is only select, which takes 512 files on Windows."""
MAX_LENGTH: Final = 15
"""Digits of a Content-Length: Python refuses to read thousands, and some server would read one as a small number."""
MAX_LINE: Final = 8192
"""Bytes before a chunk, and behind the last: waitress keeps them in memory, and looks at all of them each time."""
_NEVER_IN_A_PATH: Final = bytes([*range(0x21), 0x7F])
"""Tabs among them, which urlsplit takes out: what is answered would not be what is signed."""
ONCE: Final = (b"host", b"content-length", b"transfer-encoding", b"authorization")
"""Headers a request can have once."""


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request, remembers what waitress drops, and refuses what is ambiguous or too much."""

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
            self.expect_continue = False  # or waitress says "continue", and waits for what has come or never will
        return consumed

    def _too_much(self) -> Error | None:
        """Return what is wrong with the size of a body, as far as it has come."""
        if not self._may_be_large and max(self.content_length, self.body_bytes_received) > MAX_READ:
            if self._is_ours():
                return RequestEntityTooLarge(f"exceeds max_body of {MAX_READ}")
            if not self._admits(self.headers.get("AUTHORIZATION", ""), self.query):
                return _Unauthenticated("is of nobody with a key")
            self._may_be_large = True
        if self.chunked and max(len(self.body_rcv.control_line), len(self.body_rcv.trailer)) > MAX_LINE:
            return BadRequest(f"The line before a chunk, and what follows the last, have at most {MAX_LINE} bytes.")
        return None

    def _is_ours(self) -> bool:
        """Whether it is never large: a path of ours, any call of SageMaker's, the unsigned console's; others may be."""
        path = f"/{self.path.lstrip('/')}"  # as waitress hands it on
        if self.headers.get("X_AMZ_TARGET", "").startswith(TARGET_PREFIX) or path.startswith(EXTENSION_PREFIX):
            return True
        return is_console(path) and not is_signed(self.headers.get("AUTHORIZATION"), self.query)

    def is_too_slow(self, now: float, seconds: float) -> bool:
        waited = now - self.began - seconds
        return bool(waited > (self.body_bytes_received / SLOWEST if self.headers_finished else 0))


def _fields(rest: bytes) -> list[tuple[bytes, bytes]]:
    """Return the names and the values of headers, without the spaces around a value.

    waitress's pattern for a header takes time with the square of those. Its pattern for the request line is worse, and
    is only shown lines that `_check_line` has found good.
    """
    fields: list[tuple[bytes, bytes]] = []
    lines = rest.split(b"\r\n")
    if len(lines) > MAX_HEADERS + 2:  # the last two are empty
        raise ParsingError(f"A request can have at most {MAX_HEADERS} headers.")
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):  # goes on with the one before
            if not fields:
                raise ParsingError("A head begins with a header's name.")
            fields[-1] = (fields[-1][0], b"%b %b" % (fields[-1][1], line.strip(b" \t")))
        elif colon:
            fields.append((name, value.strip(b" \t")))
        elif line:
            raise ParsingError("A header is a name, a colon and a value.")
    return fields


def _check_line(first: bytes) -> bytes:
    """Return the version of a request line; raise ParsingError for one that is not a method, a path and a version."""
    method, *more = first.rstrip().split(b" ")
    if not 1 <= len(more) <= 2 or more[1:] not in ([], [b"HTTP/1.0"], [b"HTTP/1.1"]):
        raise ParsingError("A request line is a method, a path, and HTTP/1.1 or HTTP/1.0.")
    if not method or more[0][:1] not in (b"/", b"*") or b"#" in more[0]:
        raise ParsingError("A request line names a path: the host is in the header Host.")
    target = more[0]
    if len(target.translate(None, _NEVER_IN_A_PATH)) < len(target):
        raise ParsingError("A path has no control characters: each is sent as a % and two digits.")
    if target[:2] == b"//":  # as keys of S3 may begin; moto reads a host there
        try:
            urlsplit(target.decode("latin-1"))
        except ValueError as error:
            raise ParsingError("A path that begins with two slashes has its brackets sent as %5B and %5D.") from error
    return more[1] if more[1:] else b""


def _check_fields(version: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise ParsingError for headers that could be read in two ways."""
    names = [name.lower() for name, _ in fields]
    for name in ONCE:
        if names.count(name) > 1:
            raise ParsingError(f"A request has {name.decode()} once.")
    if b"transfer-encoding" in names:
        if b"content-length" in names or version != b"HTTP/1.1":
            raise ParsingError("A request has Transfer-Encoding in HTTP/1.1, and then no Content-Length.")
        if fields[names.index(b"transfer-encoding")][1].lower() != b"chunked":
            raise TransferEncodingNotImplemented("Transfer-Encoding is chunked, once, and nothing else.")
    elif b"content-length" in names and len(fields[names.index(b"content-length")][1]) > MAX_LENGTH:
        raise ParsingError(f"Content-Length has at most {MAX_LENGTH} digits.")


class _Unauthenticated(Error):  # type: ignore[misc]
    """A large body of a client without a known key: it is not read, for it would only fill a disk."""

    code, reason = HTTPStatus.FORBIDDEN.value, HTTPStatus.FORBIDDEN.phrase


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that could not be read, as every other error is answered: JSON, with a code."""

    def execute(self) -> None:
        found = self.request.error
        if isinstance(found, _Unauthenticated):
            self._turn_away()
            return
        error: RegistryError = ValidationException(f"The request cannot be read: {found.body}")
        if found.code in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE):
            error = RequestTooLarge(f"The request is too large: it {found.body}.")
        elif isinstance(found, InternalServerError):  # what the application raised
            error = InternalFailure("The server failed to answer; its log says why.")
        body = wire.write_error(error)
        self._answer(f"{found.code} {found.reason}", responses.headers(body), body)

    def _turn_away(self) -> None:
        """Answer as `Authentication` does, in the form that the client reads."""
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
    """A connection of waitress that keeps to all of this."""

    task_class = Task
    error_task_class = _ErrorTask
    requests: list[_Parser]
    moved = 0.0
    """When anything last came or went, by a clock that is never put forward."""

    def __init__(self, *arguments: Any, admits: Callable[[str, str], bool], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.parser_class = partial(_Parser, admits=admits)
        self.moved = time.monotonic()

    def received(self, data: bytes) -> bool:
        self.moved = time.monotonic()
        return bool(super().received(data))

    def service(self) -> None:
        """Answer the next request; if over MAX_UNREAD bytes of answers are unread, close the connection after those.

        The client can send its other requests again, and no worker waits for it to read.
        """
        if self.total_outbufs_len <= MAX_UNREAD:
            super().service()
            return
        with self.requests_lock:  # as waitress does for the last answer of a connection
            self.close_when_flushed = True
            for request in self.requests:
                request.close()
            self.requests = []
        self.server.pull_trigger()

    def write_soon(self, data: Any) -> int:
        if not self.total_outbufs_len:  # what is sent begins now
            self.moved = time.monotonic()
        return super().write_soon(data)

    def _flush_some(self, do_close: bool = True) -> bool:
        has_sent = bool(super()._flush_some(do_close))
        if has_sent:
            self.moved = time.monotonic()
        return has_sent


def most_connections() -> int:
    """Return how many connections a server can have: each may be two files, itself and a body, and others are open."""
    if not hasattr(select, "poll"):
        return MAX_WITHOUT_POLL
    import resource  # where there is no poll, there may be no such module

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, max((files - 128) // 2, files // 4))


def close_stalled(channels: Iterable[Channel], seconds: float) -> None:
    """Close each connection on which nothing was sent or read for that long, and each request that comes too slowly.

    A connection whose request is being answered stays open, unless its client does not read the answer.
    """
    now = time.monotonic()
    for channel in list(channels):
        request, is_answered = channel.request, channel.requests or channel.total_outbufs_len
        if request is not None and is_answered:
            request.began = now
        is_slow = request is not None and request.is_too_slow(now, seconds)
        is_waiting = channel.total_outbufs_len > 0 or not channel.requests
        if is_slow or (is_waiting and channel.moved < now - seconds):
            channel.handle_close()  # at once: waitress waits until there is something to write, which may be never
