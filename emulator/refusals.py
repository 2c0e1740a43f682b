"""The last requests that were refused, for whoever wonders why a client got an error: in memory, newest first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

MOST: Final = 50
LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was refused: what it was, by whom, and what it was told."""

    at: datetime
    what: str
    who: str
    status: int
    code: str
    message: str


class Refusals:
    """The last refusals of a server. Adding and copying are atomic: any thread may do either."""

    def __init__(self) -> None:
        self._last: deque[Refusal] = deque(maxlen=MOST)

    def note(self, what: str, who: str, status: int, code: str, message: str) -> None:
        """Remember a refusal."""
        short = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        self._last.appendleft(Refusal(datetime.now(UTC), what[:200], who[:200], status, code, short))

    def last(self, named: Callable[[str], str] = str) -> tuple[Refusal, ...]:
        """Return them, newest first, with people as they are named."""
        return tuple(replace(one, who=named(one.who)) for one in self._last.copy())
