"""The parts of a version that a reviewer has marked as reviewed: kept with the session, until the version changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .records import Version

PARTS: Final = {
    "metrics": "Metrics",
    "changed": "Changes",
    "card": "Model card",
    "containers": "Container",
    "origin": "Where it comes from",
}
"""The parts of a version's page that can be marked, by their ids."""

MAX_MARKS: Final = 500 * len(PARTS)
"""Marks of one session; beyond, the oldest one is forgotten."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The review of a version by one person: the ids of its parts, and of those that are marked as reviewed.

    It is outdated if only an earlier revision was reviewed.
    """

    parts: tuple[str, ...]
    done: tuple[str, ...]
    is_outdated: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the parts that are not marked."""
        return tuple(PARTS[part] for part in self.parts if part not in self.done)


class Marks:
    """The marks of one session; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: dict[tuple[str, str, str], None] = {}

    def reviewed(self, version: Version) -> Reviewed:
        parts = tuple(part for part in PARTS if part != "card" or "ModelCard" in version.record)
        with self._lock:
            marks = [(revision, part) for arn, revision, part in self._marks if arn == version.arn]
        done = tuple(part for part in parts if (version.revision, part) in marks)
        return Reviewed(parts, done, is_outdated=bool(marks) and not done)

    def set(self, version: Version, revision: str, part: str, *, is_reviewed: bool) -> None:
        """Mark a part of a version as reviewed in a revision, or remove that mark."""
        mark = (version.arn, revision, part)
        with self._lock:
            self._marks.pop(mark, None)
            if is_reviewed:
                self._marks[mark] = None
            while len(self._marks) > MAX_MARKS:
                del self._marks[next(iter(self._marks))]
