"""What pages show of an explanation: its transitions in order, the state of a waiting version, thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from ...backends.service import model
from ...backends.views import APPROVED, METADATA, Explanation, Transition
from .metrics import number
from .records import Version

BLOCKED: Final = "blocked"
"""The kind of standing of a version whose approval a rule prevents."""

VERBS: Final = {"Approved": "Approve", "Rejected": "Reject", "PendingManualApproval": "Return to pending"}
LABELS: Final = {"Approved": "Approved", "Rejected": "Rejected", "PendingManualApproval": "Pending"}


def explanation_of(answer: Mapping[str, Any] | None, version: Version) -> Explanation:
    """Return an answer of `explain` with the transitions in order; without one, as of AWS, every transition.

    The version's own status is not among them.
    """
    found = Explanation(version.arn, version.status) if answer is None else Explanation.from_answer(answer)
    every = map(Transition, model.enum("ModelApprovalStatus")) if answer is None else found.transitions
    other = (one for one in every if one.to != version.status)
    order = {status: place for place, status in enumerate(VERBS)}
    return replace(found, transitions=tuple(sorted(other, key=lambda one: order.get(one.to, len(order)))))


def verb(status: str) -> str:
    return VERBS.get(status, status)


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of a waiting version: in a word for its shape, in words, and why in a sentence."""

    kind: str
    words: str
    why: str = ""

    @property
    def sign(self) -> str:
        return {BLOCKED: "failed", "pending": "pending"}.get(self.kind, "passed")


def standing(explanation: Explanation) -> Standing | None:
    """Return the state of a waiting version for the session's user; None where the registry does not explain."""
    transition = explanation.transition(APPROVED)
    if not explanation.answer or transition is None:
        return None
    stopping = [result for result in transition.rules if result.outcome in ("failed", "pending")]
    if transition.allowed is False:
        named = ", ".join(result.rule for result in stopping)
        why = " ".join(result.why for result in stopping) or transition.why
        return Standing(BLOCKED, f"Blocked by {named}" if named else "Cannot be approved", why)
    if stopping:
        return Standing("pending", "More approvals needed", " ".join(result.why for result in stopping))
    if transition.needs_reason:
        return Standing("ready", "Ready, with a reason")
    return Standing("ready", "Ready to decide")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The bounds that a rule sets for a metric, and whether a version is within them."""

    rule: str
    least: Decimal | None
    most: Decimal | None
    meets: bool


def thresholds(explanation: Explanation, version: Version) -> dict[str, Threshold]:
    """Return the thresholds that rules set for approving a version, by the metric of its metadata."""
    transition = explanation.transition(APPROVED)
    found = {}
    for result in transition.rules if transition else ():
        bounds = result.threshold
        if bounds is not None and bounds["source"] == METADATA and bounds["metric"] in version.metrics:
            least, most = (number(str(bounds[end])) if bounds[end] is not None else None for end in ("min", "max"))
            found[bounds["metric"]] = Threshold(result.rule, least, most, result.outcome == "passed")
    return found
