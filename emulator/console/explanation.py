"""The possible transitions of a version and its rule results, as the extension `explain` reports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from ...backends.service import model
from .metrics import number
from .records import APPROVED, METADATA, Version

BLOCKED: Final = "blocked"
"""The kind of standing of a version whose approval a rule prevents."""

VERBS: Final = {"Approved": "Approve", "Rejected": "Reject", "PendingManualApproval": "Return to pending"}
LABELS: Final = {"Approved": "Approved", "Rejected": "Rejected", "PendingManualApproval": "Pending"}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says: passed, failed, pending (more people must approve) or needs_input (a reason)."""

    rule: str
    outcome: str
    why: str
    threshold: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(told["rule"], told["outcome"], told["why"], told.get("threshold"))


@dataclass(frozen=True, slots=True)
class Transition:
    """A status a version could get; `allowed` is None if it depends on the request, or on further approvals."""

    to: str
    allowed: bool | None = True
    why: str = ""
    rules: tuple[RuleResult, ...] = ()

    @property
    def verb(self) -> str:
        return VERBS.get(self.to, self.to)

    @property
    def needs_reason(self) -> bool:
        return any(result.outcome == "needs_input" for result in self.rules)

    @property
    def is_pending(self) -> bool:
        """Whether more people must approve after this decision."""
        return any(result.outcome == "pending" for result in self.rules)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        rules = tuple(RuleResult.of(result) for result in told["rules"])
        return cls(told["to"], told["allowed"], told["why"] or "", rules)


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that others must follow."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What may become of a version; `told` is whether its registry said so: AWS has no rules to ask."""

    told: bool
    transitions: tuple[Transition, ...]
    profile: str = ""
    since: str = ""
    rev: int | None = None
    approvals: tuple[Approval, ...] = ()
    always: tuple[RuleResult, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any] | None, status: str) -> Self:
        """Return the answer of `explain` about a version with that status; without one, every transition."""
        if told is None:
            every = (Transition(to) for to in model.enum("ModelApprovalStatus") if to != status)
            return cls(told=False, transitions=tuple(sorted(every, key=_order)))
        return cls(
            told=True,
            transitions=tuple(
                sorted((Transition.of(one) for one in told["transitions"] if one["to"] != status), key=_order)
            ),
            profile=told["profile"],
            since=told["since"],
            rev=told.get("rev"),
            approvals=tuple(Approval(one["name"], one["reason"] or "") for one in told["approvals"]),
            always=tuple(RuleResult.of(result) for result in told["always"]),
        )

    def transition(self, to: str) -> Transition | None:
        return next((one for one in self.transitions if one.to == to), None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a version stands that waits: in a word for its shape, in words, and why in a sentence."""

    kind: str
    words: str
    why: str = ""

    @property
    def sign(self) -> str:
        """The name of its sign."""
        return {BLOCKED: "failed", "pending": "pending"}.get(self.kind, "passed")


def standing(explanation: Explanation) -> Standing | None:
    """Return how a version stands before whoever is at the console; None where there is nobody to ask."""
    transition = explanation.transition(APPROVED)
    if not explanation.told or transition is None:
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


def _order(transition: Transition) -> int:
    return list(VERBS).index(transition.to) if transition.to in VERBS else len(VERBS)
