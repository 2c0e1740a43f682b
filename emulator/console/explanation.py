"""Explanations as pages show them: ordered transitions, the readiness of pending versions, and thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from ...backends.service import model
from ...backends.views import APPROVED, METADATA, Explanation, Transition, parse_number
from .records import Version

BLOCKED: Final = "blocked"
"""The kind of readiness of a version that a rule prevents from being approved."""

VERBS: Final = {"Approved": "Approve", "Rejected": "Reject", "PendingManualApproval": "Return to pending"}
LABELS: Final = {"Approved": "Approved", "Rejected": "Rejected", "PendingManualApproval": "Pending"}


def explanation_of(answer: Mapping[str, Any] | None, version: Version) -> Explanation:
    """Return an answer of `explain` with ordered transitions, without the version's current status.

    Without an answer, such as on AWS, every transition is possible.
    """
    found = Explanation(version.arn, version.status) if answer is None else Explanation.from_answer(answer)
    every = map(Transition, model.enum("ModelApprovalStatus")) if answer is None else found.transitions
    other = (one for one in every if one.to != version.status)
    order = {status: place for place, status in enumerate(VERBS)}
    return replace(found, transitions=tuple(sorted(other, key=lambda one: order.get(one.to, len(order)))))


def verb(status: str) -> str:
    return VERBS.get(status, status)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a pending version can be approved: a kind for the icon, a label, and the reason."""

    kind: str
    words: str
    why: str = ""

    @property
    def sign(self) -> str:
        return {BLOCKED: "failed", "pending": "pending"}.get(self.kind, "passed")


def readiness(explanation: Explanation) -> Readiness | None:
    """Return the readiness of a pending version for the current user; None without the extension `explain`."""
    transition = explanation.transition(APPROVED)
    if not explanation.answer or transition is None:
        return None
    stopping = [result for result in transition.rules if result.outcome in ("failed", "pending")]
    if transition.allowed is False:
        named = ", ".join(result.rule for result in stopping)
        why = " ".join(result.why for result in stopping) or transition.why
        return Readiness(BLOCKED, f"Blocked by {named}" if named else "Cannot be approved", why)
    if stopping:
        return Readiness("pending", "More approvals needed", " ".join(result.why for result in stopping))
    if transition.needs_reason:
        return Readiness("ready", "Ready (reason required)")
    return Readiness("ready", "Ready")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The bounds that a rule sets for a metric, and whether a version meets them."""

    rule: str
    least: Decimal | None
    most: Decimal | None
    meets: bool


def thresholds(explanation: Explanation, version: Version) -> dict[str, Threshold]:
    """Return the thresholds of the rules for approving a version, by metric name."""
    transition = explanation.transition(APPROVED)
    found = {}
    for result in transition.rules if transition else ():
        bounds = result.threshold
        if bounds is not None and bounds["source"] == METADATA and bounds["metric"] in version.metrics:
            least, most = (
                parse_number(str(bounds[end])) if bounds[end] is not None else None for end in ("min", "max")
            )
            found[bounds["metric"]] = Threshold(result.rule, least, most, result.outcome == "passed")
    return found
