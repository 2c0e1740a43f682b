"""What somebody has looked at of each version: in their session, until the version changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from .records import Version

MAX_VERSIONS: Final = 500
"""Of one session; beyond, the version that was ticked longest ago is forgotten."""

LOOKED: Final = "looked"
"""What the token of a form that ticks is about, beside the version."""

PARTS: Final = {
    "metrics": "Metrics",
    "changed": "What changed",
    "containers": "Containers",
    "card": "Model card",
    "origin": "Where it comes from",
    "metadata": "Metadata",
    "timeline": "Timeline",
    "others": "Everything else",
}
"""The parts of a version's page, by the id of each."""


class Looked(msgspec.Struct, frozen=True):
    """How far somebody is with a version.

    Args:
        parts: those its page has, by id.
        ticked: those that were looked at.
        is_outdated: whether parts were looked at, and the version has changed since.
    """

    parts: tuple[str, ...]
    ticked: frozenset[str] = frozenset()
    is_outdated: bool = False

    @property
    def done(self) -> int:
        return sum(part in self.ticked for part in self.parts)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of those that were not."""
        return tuple(PARTS[part] for part in self.parts if part not in self.ticked)


class Ticks:
    """The ticks of one session; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, tuple[str, frozenset[str]]] = {}

    def looked(self, version: Version) -> Looked:
        """Return how far somebody is with a version as it is."""
        with self._lock:
            revision, ticked = self._of.get(version.arn, (version.revision, frozenset()))
        is_same = revision == version.revision
        return Looked(parts_of(version), ticked if is_same else frozenset(), not is_same and bool(ticked))

    def set(self, version: Version, revision: str, part: str, *, is_ticked: bool) -> None:
        """Tick a part of a version as it was in a revision, or take the tick away.

        If that is not how the version is now, the tick does not count, and `looked` says that it is outdated.
        """
        with self._lock:
            before, ticked = self._of.pop(version.arn, (revision, frozenset()))
            if revision != before and before == version.revision:  # a page that was open too long
                self._of[version.arn] = (before, ticked)
                return
            ticked = ticked if before == revision else frozenset()
            self._of[version.arn] = (revision, ticked | {part} if is_ticked else ticked - {part})
            while len(self._of) > MAX_VERSIONS:
                del self._of[next(iter(self._of))]


def parts_of(version: Version) -> tuple[str, ...]:
    """Return the parts that the page of a version has, in order."""
    has = {"card": "ModelCard" in version.record, "metadata": bool(version.notes)}
    return tuple(part for part in PARTS if has.get(part, True))
