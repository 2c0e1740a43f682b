"""The body of a request that is read twice: to verify its signature, and to answer it.

Our own server gives a body as a file, whole and of a length that is known. Others give a stream that can be read once,
in chunks of an unknown number: it is kept first, and then every reader reads the kept file.
"""

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
"""Bytes of a registry request; uploads to S3 are not limited."""

MAX_UNVERIFIED: Final = 2**27
"""Bytes of a body that must be read to know whether it was signed; AWS's services take less."""
MAX_UPLOAD: Final = 5 * 2**30
"""Bytes of one whose hash was signed: S3's limit."""
IN_MEMORY: Final = 2**20
KEPT: Final = "sagemaker_registry.body"
"""Where in the environment of a request is the file of its body, if that was kept."""
_PIECE: Final = 2**18
_MAX_DIGITS: Final = 15


def is_empty(environ: WSGIEnvironment) -> bool:
    """Whether a request of our own server has no body: it says the length of each."""
    return HEAD in environ and environ.get("CONTENT_LENGTH") in (None, "", "0")


def kept(environ: WSGIEnvironment, most: int) -> IO[bytes]:
    """Return the body of a request at its beginning, where each reader leaves it; correct what `environ` says of it.

    Raises:
        RequestTooLarge: another server gives more than `most` bytes; ours has limits of its own.
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
        undo.pop_all()  # the request has it, until `released`
    environ.update({"wsgi.input": file, "wsgi.input_terminated": True, "CONTENT_LENGTH": str(size), KEPT: file})
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return file


def released(environ: WSGIEnvironment, answer: Iterable[bytes]) -> Iterable[bytes]:
    """Return an answer whose end is the end of what was kept of the request."""
    file: IO[bytes] | None = environ.get(KEPT)
    if file is None:
        return answer
    from werkzeug.wsgi import ClosingIterator  # for servers of others

    return ClosingIterator(answer, file.close)


def length_of(environ: WSGIEnvironment) -> int | None:
    """Return the length that a request says its body has; None if it says none."""
    said: str = environ.get("CONTENT_LENGTH") or ""
    if not (said.isascii() and said.isdigit()):
        return None
    return int(said) if len(said) <= _MAX_DIGITS else sys.maxsize  # Python itself reads no more than 4,300 digits


def _too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(f"The body of such a request can have at most {most} bytes.")


def too_large() -> RequestTooLarge:
    return RequestTooLarge(f"The body of a registry request can have at most {MAX_BODY} bytes.")
