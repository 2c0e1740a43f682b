"""A requested change of a version, as rules see it, and the result of a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from ..base import Caller, NoProbe, Probe
from ..errors import RegistryError, ValidationException

Record = Mapping[str, Any]

APPROVAL, LIFE_CYCLE = "ModelApprovalStatus", "ModelLifeCycle"
METADATA = "CustomerMetadataProperties"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Step(msgspec.Struct, frozen=True):
    """A transition that a change makes: the member, its old and new value, and the reason sent with it."""

    member: str = ""
    source: str = ""
    target: str = ""
    reason: str | None = None


class Change(msgspec.Struct, frozen=True):
    """A requested change of a version, as rules see it.

    `now` is in epoch ms; `before` is empty if the version is being registered, `after` if it would be deleted; `tags`
    are those of its group; `approvals` are those recorded so far (see `Approvers`). `editors` are the ARNs of
    the callers who changed the content of the version, this change included. `is_known` is whether the caller's ARN is
    the one that records would show. In a `hypothetical` change, the request is not known yet. `step` is the transition
    to evaluate, for rules about transitions.
    """

    caller: Caller
    now: int
    before: Record
    after: Record
    tags: Mapping[str, str]
    approvals: Sequence[Record] = ()
    editors: Sequence[str] = ()
    probe: Probe = NoProbe()
    is_known: bool = True
    hypothetical: bool = False
    step: Step = Step()

    @property
    def is_new(self) -> bool:
        return not self.before

    @property
    def age(self) -> int:
        """The time since the version was registered, in ms."""
        return self.now - round(self.before["CreationTime"] * 1000) if self.before else 0

    @property
    def touched(self) -> set[str]:
        """The members that would change, except those that every decision changes."""
        ignored = {APPROVAL, "LastModifiedTime", "LastModifiedBy"}
        if self.before.get(APPROVAL) != self.after.get(APPROVAL):
            ignored.add("ApprovalDescription")
        names = {*self.before, *self.after} - ignored
        # members that begin with an underscore are internal to the registry
        return {name for name in names if name[:1] != "_" and self.before.get(name) != self.after.get(name)}


Outcome = Literal["passed", "failed", "pending", "needs_input"]


class RuleResult(msgspec.Struct, frozen=True):
    """The result of a rule: `pending` if more people must approve, `needs_input` if it depends on the request.

    A request that fails the rule gets the `error`. `counts` is whether the caller's approval counts; `approvals` is the
    number that the rule requires, or 0. For a metric rule, `threshold` contains the metric, its source (see
    `metrics.value_of`), min and max. `rule` is the name in registry.toml.
    """

    outcome: Outcome
    why: str
    error: type[RegistryError] = ValidationException
    counts: bool = False
    approvals: int = 0
    threshold: Mapping[str, str | float | None] | None = None
    rule: str = ""
    kind: str = ""


def creator_of(record: Record, member: str = "CreatedBy") -> str | None:
    arn: str | None = record.get(member, {}).get("IamIdentity", {}).get("Arn")
    return arn


def member_of(record: Record, path: str) -> Any:
    """Return the value at a dotted path in a record; None if it is absent."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def milliseconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] * 1000


def moment(epoch_ms: float) -> str:
    return f"{datetime.fromtimestamp(epoch_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
