"""What the rules say of a version, as the extension `explain` tells it, and what that means for a reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from ...backends.service import model
from .metrics import number
from .records import APPROVED, Version

METRIC: Final = "metric"
"""The kind of rule that has a threshold."""

BLOCKED: Final = "blocked"
"""The kind of standing that rules stand in the way of."""

VERBS: Final = {"Approved": "Approve", "Rejected": "Reject", "PendingManualApproval": "Return to pending"}
LABELS: Final = {"Approved": "Approved", "Rejected": "Rejected", "PendingManualApproval": "Pending"}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says: `outcome` is holds, broken, waits (for others) or asks (for something with the decision)."""

    rule: str
    kind: str
    outcome: str
    why: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return a ruling as the extension tells it."""
        return cls(told["rule"], told["is"], told["outcome"], told["why"])


@dataclass(frozen=True, slots=True)
class Move:
    """A status a version could get; `allowed` is None where it depends on what is sent, or on others."""

    to: str
    allowed: bool | None = True
    why: str = ""
    rules: tuple[Ruling, ...] = ()

    @property
    def verb(self) -> str:
        """What one does to get it there."""
        return VERBS.get(self.to, self.to)

    @property
    def asks_reason(self) -> bool:
        """Whether a rule asks for a reason."""
        return any(ruling.outcome == "asks" for ruling in self.rules)

    @property
    def waits(self) -> bool:
        """Whether a rule waits for others after this decision."""
        return any(ruling.outcome == "waits" for ruling in self.rules)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return a move as the extension tells it."""
        rules = tuple(Ruling.of(ruling) for ruling in told["rules"])
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
    moves: tuple[Move, ...]
    profile: str = ""
    since: str = ""
    rev: int | None = None
    approvals: tuple[Approval, ...] = ()
    always: tuple[Ruling, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any] | None, status: str) -> Self:
        """Return what a registry told of a version with that status; of one that tells nothing, every move."""
        if told is None:
            moves = (Move(to) for to in model.enum("ModelApprovalStatus") if to != status)
            return cls(told=False, moves=tuple(sorted(moves, key=_order)))
        return cls(
            told=True,
            moves=tuple(sorted((Move.of(one) for one in told["moves"] if one["to"] != status), key=_order)),
            profile=told["profile"],
            since=told["since"],
            rev=told.get("rev"),
            approvals=tuple(Approval(one["name"], one["reason"] or "") for one in told["approvals"]),
            always=tuple(Ruling.of(ruling) for ruling in told["always"]),
        )

    def move(self, to: str) -> Move | None:
        """Return the move to a status, if there is one."""
        return next((move for move in self.moves if move.to == to), None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a version stands that waits: in a word for its shape, in words, and why in a sentence."""

    kind: str
    words: str
    why: str = ""

    @property
    def sign(self) -> str:
        """The name of its sign."""
        return {BLOCKED: "broken", "waits": "pending"}.get(self.kind, "holds")


def standing(explanation: Explanation) -> Standing | None:
    """Return how a version stands before whoever is at the console; None where there is nobody to ask."""
    move = explanation.move(APPROVED)
    if not explanation.told or move is None:
        return None
    stopping = [ruling for ruling in move.rules if ruling.outcome in ("broken", "waits")]
    if move.allowed is False:
        named = ", ".join(ruling.rule for ruling in stopping)
        why = " ".join(ruling.why for ruling in stopping) or move.why
        return Standing(BLOCKED, f"Blocked by {named}" if named else "Cannot be approved", why)
    if stopping:
        return Standing("waits", "More approvals needed", " ".join(ruling.why for ruling in stopping))
    if move.asks_reason:
        return Standing("ready", "Ready, with a reason")
    return Standing("ready", "Ready to decide")


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a rule demands of a metric, and whether a version meets it."""

    rule: str
    least: Decimal | None
    most: Decimal | None
    meets: bool


def thresholds(explanation: Explanation, settings: Mapping[str, Any], version: Version) -> dict[str, Threshold]:
    """Return the thresholds that rules set for approving a version, by the metric of its metadata."""
    move = explanation.move(APPROVED)
    rules = {ruling.rule for ruling in (move.rules if move else ()) if ruling.kind == METRIC}
    found = {}
    for name in rules:
        options = settings.get("rules", {}).get(name, {})
        metric = options.get("metric")
        if metric in version.metrics and options.get("source", "CustomerMetadataProperties").startswith("Customer"):
            value = version.metrics[metric]
            least, most = (
                number(str(options[end])) if options.get(end) is not None else None for end in ("min", "max")
            )
            meets = (least is None or value >= least) and (most is None or value <= most)
            found[metric] = Threshold(name, least, most, meets)
    return found


def _order(move: Move) -> int:
    return list(VERBS).index(move.to) if move.to in VERBS else len(VERBS)
