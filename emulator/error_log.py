"""The error log: the last rejected requests, in memory, newest first."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec.structs import replace

MOST: Final = 50
LONGEST: Final = 500


_WHOLE: Final = re.compile(r"Value '(?:[{\[].*' at '|.*' at '(?=[^']*modelCardContent))", re.DOTALL)
"""What a sentence of AWS's repeats of a structure, a list or a map, or of what the model calls sensitive."""


def without_values(message: str) -> str:
    """Return a sentence as others than the caller may read it: an Environment that was refused is in AWS's own.

    Where several values were refused, what stands between the first and the last is left out with them.
    """
    return _WHOLE.sub("Value '...' at '", message)


class RejectedRequest(msgspec.Struct, frozen=True):
    """A rejected request: when, what and by whom it was, and the error it got."""

    at: datetime
    what: str
    who: str
    status: int
    code: str
    message: str


class ErrorLog:
    """The last rejected requests of a server. Adding and copying are atomic: any thread may do either."""

    def __init__(self) -> None:
        self._last: deque[RejectedRequest] = deque(maxlen=MOST)

    def note(self, what: str, who: str, status: int, code: str, message: str) -> None:
        message = without_values(message)
        short = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        self._last.appendleft(RejectedRequest(datetime.now(UTC), what[:200], who[:200], status, code, short))

    def last(self, named: Callable[[str], str] = str) -> tuple[RejectedRequest, ...]:
        """Return the rejected requests, newest first, each `who` by its name."""
        return tuple(replace(one, who=named(one.who)) for one in self._last.copy())
