"""The approval states of a version, and profiles: tables of the possible transitions between them.

A version begins in NEW: registering it is a transition like any other. The states are the values of the service model's
ModelApprovalStatus. A transition without a row is refused; a row may name rules (see `rules`) that must pass.

The transitions of a life cycle (ModelLifeCycle) are rows of the same kind. Its states are `Stage/StageStatus`, which
AWS leaves to its users, so a row's states are patterns there: `Staging/*`.
"""

from __future__ import annotations

from collections.abc import Mapping
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


class Transition(msgspec.Struct, frozen=True):
    """A row of a profile: from `source` to `target`, states or patterns of them, if the rules it `requires` pass."""

    source: str
    target: str
    requires: tuple[str, ...] = ()
    note: str = ""

    def fits(self, source: str, target: str) -> bool:
        return fnmatchcase(source, self.source) and fnmatchcase(target, self.target)


class Profile(msgspec.Struct, frozen=True):
    """A named table of transitions."""

    name: str
    transitions: tuple[Transition, ...]
    note: str = ""

    def transition(self, source: str, target: str) -> Transition | None:
        """Return the first row that allows a transition; None if it is refused."""
        return next((row for row in self.transitions if row.fits(source, target)), None)

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the states a version can reach from a state, in the order of the rows."""
        return tuple(dict.fromkeys(row.target for row in self.transitions if fnmatchcase(source, row.source)))

    def unreachable(self) -> str | None:
        """Return the first source of a row that cannot be reached from NEW; None if every row can be used."""
        reached, growing = {NEW}, True
        while growing:
            usable = {row.target for row in self.transitions if any(meet(row.source, state) for state in reached)}
            growing = not usable <= reached
            reached |= usable
        unreached = (row.source for row in self.transitions if not any(meet(row.source, state) for state in reached))
        return next(unreached, None)


_REASON = ("reason-required",)

_AWS = Profile(
    "aws",
    tuple(Transition(source, target) for source in (NEW, *STATES) for target in STATES),
    "Every transition is allowed, as by AWS, where no refusal of one has been seen.",
)
_DOCUMENTED = Profile(
    "documented",
    (
        *(Transition(NEW, state, note="a version may be registered with any status") for state in STATES),
        Transition(PENDING, APPROVED, note="on AWS's page: starts the deployment of that version"),
        Transition(PENDING, REJECTED, note="on AWS's page: nothing is started"),
        Transition(REJECTED, APPROVED, note="on AWS's page: starts the deployment of that version"),
        Transition(APPROVED, REJECTED, note="on AWS's page: deploys the newest version that is still approved"),
        *(Transition(state, state, note="our choice: repeating a status is no transition") for state in STATES),
    ),
    'The four transitions of AWS\'s developer guide ("Only valid transitions are shown."), and no way back to pending.',
)
_STRICT = Profile(
    "strict",
    (
        Transition(NEW, PENDING, note="every version waits for a decision"),
        Transition(PENDING, PENDING, note="repeating it decides nothing"),
        Transition(PENDING, APPROVED, _REASON),
        Transition(PENDING, REJECTED, _REASON),
        Transition(APPROVED, REJECTED, _REASON, "taken back"),
        Transition(REJECTED, PENDING, _REASON, "to be looked at again"),
    ),
    "Every decision has a reason, is taken once, and begins at pending: of two reviewers the second is told.",
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (_AWS, _DOCUMENTED, _STRICT)}


def life_cycle_state(life_cycle: Mapping[str, str] | None) -> str:
    """Return the state a ModelLifeCycle is in, as `Stage/StageStatus`."""
    return f"{life_cycle['Stage']}/{life_cycle['StageStatus']}" if life_cycle else NEW
