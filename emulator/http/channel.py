"""waitress connections that send the response head together with the beginning of the body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FOR_MOTO = "moto.preserved_header_names"
"""moto's environ key for the original header names, by WSGI name."""
HEAD = "sagemaker_registry.head"
"""The environ key of the unparsed request head, because signatures cover each header with its spaces."""
_META: Final = b"x-amz-meta-"
_META_NAME = re.compile(rb"^x-amz-meta-[^:\s]+", re.IGNORECASE | re.MULTILINE)

CUT = "sagemaker_registry.cut"
"""The environ key of a function that drops the connection, if the server supports it."""

FIRST: Final = 2**16
"""Bytes of a body that are sent together with the head; clients detect a missing rest by Content-Length."""


class WholeChannel(HTTPChannel):  # type: ignore[misc]
    """A waitress connection that sends the response head and the beginning of the body at once.

    If the server were killed between two sends, boto3 would take the bare 200 for a success without members.
    """

    _held: list[bytes] | None = None

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        """Send the held data: head and first FIRST bytes of the body at once, the rest without copying it."""
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
    """Drop the connection instead of responding; return False if this server does not support it."""
    if CUT not in environ:
        return False
    environ[CUT]()
    return True


def add_metadata(environ: WSGIEnvironment, headers: Iterable[tuple[str, str]]) -> None:
    """Add headers with an underscore to `environ` so that moto keeps their names; equal names with dashes win."""
    names: dict[str, str] = environ.setdefault(FOR_MOTO, {})
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        if key not in environ:
            environ[key] = value
            names[key] = name


def metadata_of(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return the S3 metadata headers with an underscore in their name, which waitress drops."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in fields
        if b"_" in name and name[: len(_META)].lower() == _META
    ]


class Task(WSGITask):  # type: ignore[misc]
    """A waitress task whose response can be dropped.

    It keeps the case of S3 metadata header names, which waitress would capitalize.
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
