"""What happened, one line for each change: who did what to which version, from which status to which, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .records import Difference, Person, differences

MAX_DIFFERENCES: Final = 20
"""Values in which a change may differ on a page; the record has them all."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a group, a package or a policy; `before` and `after` are its statuses, where those changed."""

    at: datetime
    person: Person
    did: str
    kind: str
    group: str
    version: int | None
    arn: str
    before: str | None
    after: str | None
    reason: str
    rules: tuple[str, ...]
    request_id: str
    operation: str
    differences: tuple[Difference, ...]
    seq: int
    hash: str

    @property
    def name(self) -> str:
        """What was changed, as commands take it."""
        return self.group if self.version is None else f"{self.group}/{self.version}"


def event_of(change: Mapping[str, Any]) -> Event:
    """Return a change as the extension `history` tells it."""
    before, after = change["before"] or {}, change["after"] or {}
    was, became = before.get("ModelApprovalStatus"), after.get("ModelApprovalStatus")
    is_move = was != became and became is not None
    return Event(
        at=datetime.fromisoformat(change["at"]),
        person=Person.of_arn(change["actor"]),
        did=_did(change, is_decision=is_move and bool(before)),
        kind=change["kind"],
        group=change["name"],
        version=change["version"],
        arn=change["arn"],
        before=was if is_move else None,
        after=became if is_move else None,
        reason=change["reason"] or "",
        rules=tuple(str(note) for note in change["rules"]),
        request_id=change["request_id"],
        operation=change["operation"],
        differences=differences(before, after)[:MAX_DIFFERENCES] if before and after else (),
        seq=change["seq"],
        hash=change["hash"],
    )


def _did(change: Mapping[str, Any], *, is_decision: bool) -> str:
    if change["before"] is None:
        return _BEGAN.get(change["kind"], "made")
    if change["after"] is None:
        return "deleted"
    return "decided" if is_decision else "changed"


_BEGAN: Final = {"package": "registered", "group": "made the group", "policy": "set the policy of"}
