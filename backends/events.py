"""Constants, filters and notifications of events, shared by the registry and its subscribers."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

PENDING, FAILED, DONE, DEAD, SKIPPED = "pending", "failed", "done", "dead", "skipped"
"""States of a delivery: not attempted yet, to be retried, delivered, given up, excluded by the settings."""
Wanted = Callable[[Mapping[str, Any]], bool]

SOURCE: Final = "aws.sagemaker"
DETAIL_TYPE: Final = "SageMaker Model Package State Change"
STATUS: Final = "ModelApprovalStatus"
FIELDS: Final = "UpdatedModelPackageFields"


def is_wanted(
    envelope: Mapping[str, Any], *, on: Collection[str] = (), every: bool = False, groups: Collection[str] = ()
) -> bool:
    """Return whether an event has a status in `on`, and a group that matches a pattern in `groups`; empty means any.

    An edit that leaves the status unchanged matches only with `every`, because it is not an approval.
    """
    detail = envelope["detail"]
    if groups and not any(_matcher(pattern)(detail["ModelPackageGroupName"]) for pattern in groups):
        return False
    return not on or (detail.get(STATUS) in on and (every or STATUS in detail.get(FIELDS, [STATUS])))


def is_pattern(group: str | None) -> bool:
    return group is not None and not set("*?").isdisjoint(group)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> Callable[[str], object]:
    return re.compile(translate(pattern.replace("[", "[[]"))).match


class Notifier:
    """Wakes threads that wait for events of a registry in this process; they poll for events of other processes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0
        self.is_closed = False
        """Set when a server stops, so that no thread begins to wait; a plain attribute, safe in a signal handler."""

    def notify(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Wait until `count` differs from `seen`, for at most `seconds`."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, seconds)
