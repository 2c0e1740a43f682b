"""Answers whose head leaves with the first of their body, in one send.

A server killed between the two would leave a client with a status of 200 and nothing after it, which boto3 takes for a
success without members: no ARN where there always is one.
"""

from __future__ import annotations

from typing import Any, Final

from waitress.channel import HTTPChannel
from waitress.task import WSGITask

FIRST: Final = 2**16
"""Bytes of a body that leave with the head; whoever gets no more misses some of what Content-Length says."""


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


class WholeTask(WSGITask):  # type: ignore[misc]
    """A request of waitress on such a connection."""

    def write(self, data: bytes) -> None:
        if self.wrote_header or not isinstance(self.channel, WholeChannel):
            super().write(data)
            return
        self.channel.hold()
        try:
            super().write(data)
        finally:
            self.channel.release()
