"""The error log: the latest rejected requests, in memory."""

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
"""A structure, list, map or sensitive value that is quoted in one of AWS's messages."""


def without_values(message: str) -> str:
    """Remove rejected values from a message, because AWS's messages repeat even a container's Environment.

    If a message contains several values, everything from the first to the last is removed.
    """
    return _WHOLE.sub("Value '...' at '", message)


class RejectedRequest(msgspec.Struct, frozen=True):
    """A rejected request: `what` is its target or path, `who` the access key."""

    at: datetime
    what: str
    who: str
    status: int
    code: str
    message: str


class ErrorLog:
    """The latest MOST rejected requests of a server; thread-safe."""

    def __init__(self) -> None:
        self._last: deque[RejectedRequest] = deque(maxlen=MOST)

    def note(self, what: str, who: str, status: int, code: str, message: str) -> None:
        message = without_values(message)
        short = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        self._last.appendleft(RejectedRequest(datetime.now(UTC), what[:200], who[:200], status, code, short))

    def last(self, named: Callable[[str], str] = str) -> tuple[RejectedRequest, ...]:
        """Return the rejected requests, newest first, with `named` applied to each `who`."""
        return tuple(replace(one, who=named(one.who)) for one in self._last.copy())
