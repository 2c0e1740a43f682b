"""The parts of a version that a reviewer marked as reviewed, kept in the session until the version changes."""

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
"""The labels of the parts that can be marked, by element ID."""

MAX_MARKS: Final = 500 * len(PARTS)
"""Maximum marks per session; the oldest ones are dropped."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The IDs of the parts, and of those reviewed; outdated if only an earlier revision was reviewed."""

    parts: tuple[str, ...]
    done: tuple[str, ...]
    is_outdated: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """The labels of the parts that are not marked."""
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
        """Set or remove the mark of a part for one revision of a version."""
        mark = (version.arn, revision, part)
        with self._lock:
            self._marks.pop(mark, None)
            if is_reviewed:
                self._marks[mark] = None
            while len(self._marks) > MAX_MARKS:
                del self._marks[next(iter(self._marks))]
