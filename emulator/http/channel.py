"""Answers whose head leaves with the first of their body, in one send.

A server killed between the two would leave a client with a status of 200 and nothing after it, which boto3 takes for a
success without members: no ARN where there always is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FOR_MOTO = "moto.preserved_header_names"
"""moto's own key in the environment: the original name of each header, by the name WSGI gives it."""
HEAD = "sagemaker_registry.head"
"""Where in the environment of a request is its head as it was sent: a signature is about each header and its spaces."""
_META: Final = b"x-amz-meta-"
_META_NAME = re.compile(rb"^x-amz-meta-[^:\s]+", re.IGNORECASE | re.MULTILINE)

CUT = "sagemaker_registry.cut"
"""Where in the environment of a request is what cuts its connection, if the server can."""

FIRST: Final = 2**16
"""Bytes of a body that leave with the head; a client that gets no more notices by Content-Length."""


class WholeChannel(HTTPChannel):  # type: ignore[misc]
    """A connection of waitress that can hold back what is to be sent until there is more."""

    _held: list[bytes] | None = None

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        """Send what was held back: the head and the first of the body at once, without a copy of a large rest."""
        held, self._held = self._held, None
        if not held:
            return
        *before, last = held
        self.write_soon(b"".join([*before, last[:FIRST]]))
        if len(last) > FIRST:
            self.write_soon(memoryview(last)[FIRST:])

    def write_soon(self, data: Any) -> int:
        if self._held is not None and isinstance(data, bytes):
            self._held.append(data)
            return len(data)
        sent: int = super().write_soon(data)
        return sent


def cut(environ: WSGIEnvironment) -> bool:
    """Have the connection of a request closed in place of its answer; False if this server cannot."""
    if CUT not in environ:
        return False
    environ[CUT]()
    return True


def add_metadata(environ: WSGIEnvironment, headers: Iterable[tuple[str, str]]) -> None:
    """Put headers with an underscore into an environment, under the names moto gives back; one with dashes wins."""
    names: dict[str, str] = environ.setdefault(FOR_MOTO, {})
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        if key not in environ:
            environ[key] = value
            names[key] = name


def metadata_of(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return the metadata among the headers of a request that a server drops: its names have an underscore."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in fields
        if b"_" in name and name[: len(_META)].lower() == _META
    ]


class Task(WSGITask):  # type: ignore[misc]
    """A request of waitress on such a connection, whose answer can be dropped.

    The answer spells metadata headers as they are: waitress capitalizes names, and clients keep what they get.
    """

    is_cut = False

    def build_response_header(self) -> bytes:
        sent = [name.encode("latin-1") for name, _ in self.response_headers if name.lower().startswith("x-amz-meta-")]
        spelling = {name.lower(): name for name in sent}
        head: bytes = super().build_response_header()
        return _META_NAME.sub(lambda found: spelling.get(found[0].lower(), found[0]), head)

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[CUT] = self.cut
        environ[HEAD] = getattr(self.request, "head", b"")
        add_metadata(environ, getattr(self.request, "metadata", []))
        return environ

    def cut(self) -> None:
        self.is_cut = True

    def write(self, data: bytes) -> None:
        if self.is_cut:
            self.wrote_header = True
            self.content_bytes_written += len(data)
            self.set_close_on_finish()
        elif self.wrote_header:
            super().write(data)
        else:
            self.channel.hold()
            try:
                super().write(data)
            finally:
                self.channel.release()
