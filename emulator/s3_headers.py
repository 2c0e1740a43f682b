"""S3 metadata headers: names with an underscore, which HTTP servers drop, and their spelling, which they change.

WSGI cannot tell `x-amz-meta-git_commit` from `x-amz-meta-git-commit`, so servers ignore the first: an object would lose
metadata without a word. They travel beside the environment's own headers instead, and moto reads them from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from .lost_answers import CuttingTask
from .whole_answers import WholeChannel

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

FOR_MOTO = "moto.preserved_header_names"
"""moto's own key in the environment: the original name of each header, by the name WSGI gives it."""

HEAD = "sagemaker_registry.head"
"""Where in the environment of a request is its head as it was sent: a signature is about each header and its spaces."""

_META: Final = b"x-amz-meta-"
_META_NAME = re.compile(rb"^x-amz-meta-[^:\s]+", re.IGNORECASE | re.MULTILINE)


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


class _Task(CuttingTask):
    """Answers with metadata headers spelled as they are: waitress capitalizes names, and clients keep what they get."""

    def build_response_header(self) -> bytes:
        sent = [name.encode("latin-1") for name, _ in self.response_headers if name.lower().startswith("x-amz-meta-")]
        spelling = {name.lower(): name for name in sent}
        head: bytes = super().build_response_header()
        return _META_NAME.sub(lambda found: spelling.get(found[0].lower(), found[0]), head)

    def get_environment(self) -> dict[str, Any]:
        environ = super().get_environment()
        environ[HEAD] = getattr(self.request, "head", b"")
        add_metadata(environ, getattr(self.request, "metadata", []))
        return environ


class Channel(WholeChannel):
    """A connection of waitress whose requests keep those headers, if its parser has."""

    task_class = _Task
