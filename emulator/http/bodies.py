"""Request bodies, which are read twice: to verify the signature and to answer the request."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Final

from ...backends.errors import RequestTooLarge
from .channel import HEAD

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MAX_BODY: Final = 4 * 2**20
"""Maximum bytes of a registry request; does not apply to S3 uploads."""

MAX_UNVERIFIED: Final = 2**27
"""Maximum bytes of a body that must be read to verify its signature; AWS's own limits are lower."""
MAX_UPLOAD: Final = 5 * 2**30
"""Maximum bytes of a body whose hash is signed: S3's limit."""
IN_MEMORY: Final = 2**20
KEPT: Final = "sagemaker_registry.body"
"""The environ key of the file with the body, if the body was copied to a file."""
_PIECE: Final = 2**18
_MAX_DIGITS: Final = 15


def is_empty(environ: WSGIEnvironment) -> bool:
    """Whether a request to our own server, which sets the length of every body, has none."""
    return HEAD in environ and environ.get("CONTENT_LENGTH") in (None, "", "0")


def kept(environ: WSGIEnvironment, most: int) -> IO[bytes]:
    """Return the body of a request as a file; readers must seek back to its beginning.

    Our own server provides a file of known length. Other servers provide a stream that can be read once: it is copied
    to a temporary file, and `environ` is updated.

    Raises:
        RequestTooLarge: Another server provided more than `most` bytes; our own server has separate limits.
    """
    body: IO[bytes] = environ["wsgi.input"]
    if HEAD in environ or KEPT in environ:
        return body
    left = most + 1 if environ.get("wsgi.input_terminated") else length_of(environ) or 0
    if left > most + 1:
        raise _too_large(most)
    with ExitStack() as undo:
        file: IO[bytes] = undo.enter_context(SpooledTemporaryFile(IN_MEMORY))
        while left and (piece := body.read(min(left, _PIECE))):
            file.write(piece)
            left -= len(piece)
        if (size := file.tell()) > most:
            raise _too_large(most)
        file.seek(0)
        undo.pop_all()  # `released` closes the file
    environ.update({"wsgi.input": file, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(size), KEPT: file})
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return file


def released(environ: WSGIEnvironment, answer: Iterable[bytes]) -> Iterable[bytes]:
    """Return a response that closes the file of the request's body when it ends."""
    file: IO[bytes] | None = environ.get(KEPT)
    if file is None:
        return answer
    from werkzeug.wsgi import ClosingIterator  # needed only with other servers

    return ClosingIterator(answer, file.close)


def length_of(environ: WSGIEnvironment) -> int | None:
    """Return the Content-Length of a request; None if it is missing or invalid."""
    said: str = environ.get("CONTENT_LENGTH") or ""
    if not (said.isascii() and said.isdigit()):
        return None
    return int(said) if len(said) <= _MAX_DIGITS else sys.maxsize  # int() raises above 4,300 digits


def _too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request body is too large; the maximum is {most} bytes.")


def too_large() -> RequestTooLarge:
    return RequestTooLarge(f"The request body is too large; the maximum for registry requests is {MAX_BODY} bytes.")
