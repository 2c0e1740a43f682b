"""Answers that never arrive: the connection is closed instead, as when a network fails after the work is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .whole_answers import WholeTask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CUT = "sagemaker_registry.cut"
"""Where in the environment of a request is what cuts its connection, if the server can."""


def cut(environ: WSGIEnvironment) -> bool:
    """Have the connection of a request closed in place of its answer; False if this server cannot."""
    if CUT not in environ:
        return False
    environ[CUT]()
    return True


class CuttingTask(WholeTask):
    """A request of waitress whose answer can be dropped."""

    is_cut = False

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[CUT] = self.cut
        return environ

    def cut(self) -> None:
        self.is_cut = True

    def write(self, data: bytes) -> None:
        if not self.is_cut:
            super().write(data)
            return
        self.wrote_header = True
        self.content_bytes_written += len(data)
        self.set_close_on_finish()
