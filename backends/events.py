"""What the registry and its subscribers both know of events."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, Final

PENDING, FAILED, DONE, DEAD, SKIPPED = "pending", "failed", "done", "dead", "skipped"
"""Not tried yet; tried, and to be tried again; told; given up; not to be told after all."""
Wanted = Callable[[Mapping[str, Any]], bool]

SOURCE: Final = "aws.sagemaker"
DETAIL_TYPE: Final = "SageMaker Model Package State Change"
STATUS: Final = "ModelApprovalStatus"
FIELDS: Final = "UpdatedModelPackageFields"


def is_wanted(
    envelope: Mapping[str, Any], *, on: Collection[str] = (), every: bool = False, groups: Collection[str] = ()
) -> bool:
    """Whether an event is of a version with a status of `on`, and of a group that a pattern matches; empty means all.

    An edit of a version that had the status before counts only with `every`: it is no approval.
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
    """Wakes those who wait for news of a registry in this process; what other processes write they look for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.count = 0
        self.is_closed = False
        """Set when a server stops: nobody should begin to wait. A plain attribute, safe in a signal handler."""

    def notify(self) -> None:
        with self._condition:
            self.count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Return when the bell has rung since `count` was `seen`, or after some seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self.count != seen, seconds)
