"""Approval as a state machine: all that says which move of a version is possible lives in this file, as rows.

A profile is a table of moves. A version begins in NEW: registering it is a move like any other. The states are the
values of the service model's ModelApprovalStatus. Where a profile has no row, the move is refused; a row may name
rules (see `rules`) that must hold besides.

The moves of a life cycle (ModelLifeCycle) are rows of the same kind. Its states are `Stage/StageStatus`, which AWS
leaves to its users, so a row's states are patterns there: `Staging/*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from ..identities import meet
from ..service import model

NEW = "new"
"""What a version is before it is registered; of a life cycle, a version that has none."""

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"
STATES = tuple(model.enum("ModelApprovalStatus"))

INITIAL = PENDING
"""Approval of a version created without one (our choice: AWS's default has not been seen)."""


class Move(msgspec.Struct, frozen=True):
    """A version may go from `source` to `target`, states or patterns of them, if the rules it `requires` hold."""

    source: str
    target: str
    requires: tuple[str, ...] = ()
    note: str = ""

    def fits(self, source: str, target: str) -> bool:
        return fnmatchcase(source, self.source) and fnmatchcase(target, self.target)


class Profile(msgspec.Struct, frozen=True):
    """A table of moves under a name; `note` says whom it is for."""

    name: str
    moves: tuple[Move, ...]
    note: str = ""

    def move(self, source: str, target: str) -> Move | None:
        """Return the row that allows a move, the first that fits; None: it is refused."""
        return next((move for move in self.moves if move.fits(source, target)), None)

    def targets(self, source: str) -> tuple[str, ...]:
        """Return where a version can go from a state, in the order of the rows."""
        return tuple(dict.fromkeys(move.target for move in self.moves if fnmatchcase(source, move.source)))

    def unreachable(self) -> str | None:
        """Return the first state of a row's source that no moves lead to from NEW; None: every row can be used."""
        reached, growing = {NEW}, True
        while growing:
            usable = {move.target for move in self.moves if any(meet(move.source, state) for state in reached)}
            growing = not usable <= reached
            reached |= usable
        return next((m.source for m in self.moves if not any(meet(m.source, state) for state in reached)), None)


_REASON = ("reason-required",)

_AWS = Profile(
    "aws",
    tuple(Move(source, target) for source in (NEW, *STATES) for target in STATES),
    "What AWS lets happen, happens: no refusal of a move has been seen.",
)
_DOCUMENTED = Profile(
    "documented",
    (
        *(Move(NEW, state, note="a version may be registered with any status") for state in STATES),
        Move(PENDING, APPROVED, note="on AWS's page: starts the deployment of that version"),
        Move(PENDING, REJECTED, note="on AWS's page: nothing is started"),
        Move(REJECTED, APPROVED, note="on AWS's page: starts the deployment of that version"),
        Move(APPROVED, REJECTED, note="on AWS's page: deploys the newest version that is still approved"),
        *(Move(state, state, note="our choice: repeating a status is no transition") for state in STATES),
    ),
    'The four transitions of AWS\'s developer guide ("Only valid transitions are shown."), and no way back to pending.',
)
_STRICT = Profile(
    "strict",
    (
        Move(NEW, PENDING, note="every version waits for a decision"),
        Move(PENDING, PENDING, note="repeating it decides nothing"),
        Move(PENDING, APPROVED, _REASON),
        Move(PENDING, REJECTED, _REASON),
        Move(APPROVED, REJECTED, _REASON, "taken back"),
        Move(REJECTED, PENDING, _REASON, "to be looked at again"),
    ),
    "Every decision has a reason, is taken once, and begins at pending: of two reviewers the second is told.",
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (_AWS, _DOCUMENTED, _STRICT)}


def life_cycle_state(life_cycle: Mapping[str, str] | None) -> str:
    """Return the state a ModelLifeCycle is in, as `Stage/StageStatus`."""
    return f"{life_cycle['Stage']}/{life_cycle['StageStatus']}" if life_cycle else NEW


def diagram(profile: Profile) -> str:
    """Return a profile as a mermaid state diagram, drawn from its rows."""
    lines = [f"    {_node(move.source)} --> {_node(move.target)}{_label(move.requires)}" for move in profile.moves]
    return "\n".join(["stateDiagram-v2", *lines])


def _node(state: str) -> str:
    return "[*]" if state == NEW else state


def _label(requires: Iterable[str]) -> str:
    names = ", ".join(requires)
    return f" : {names}" if names else ""
