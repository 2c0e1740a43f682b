"""Profiles: tables of the allowed transitions between approval statuses, or between states of a life cycle."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import msgspec

from ..identities import meet
from ..service import model

NEW = "new"
"""The state of a version before it is registered or, in a life cycle, before it has a stage."""

PENDING, APPROVED, REJECTED = "PendingManualApproval", "Approved", "Rejected"
STATES = tuple(model.enum("ModelApprovalStatus"))

INITIAL = PENDING
"""The approval status of a version registered without one (our choice: AWS's default has not been observed)."""


class Transition(msgspec.Struct, frozen=True):
    """A row of a profile, which allows transitions from `source` to `target` if the rules in `requires` pass.

    States of the approval are values of ModelApprovalStatus. Those of a life cycle are patterns of `Stage/StageStatus`,
    such as `Staging/*`, because AWS leaves their names to its users.
    """

    source: str
    target: str
    requires: tuple[str, ...] = ()
    note: str = ""

    def fits(self, source: str, target: str) -> bool:
        return fnmatchcase(source, self.source) and fnmatchcase(target, self.target)


class Profile(msgspec.Struct, frozen=True):
    """A named table of allowed transitions; registration is a transition from NEW."""

    name: str
    transitions: tuple[Transition, ...]
    note: str = ""

    def transition(self, source: str, target: str) -> Transition | None:
        """Return the first row that allows a transition; None if it is not allowed."""
        return next((row for row in self.transitions if row.fits(source, target)), None)

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the states that a version can reach from a state, in the order of the rows."""
        return tuple(dict.fromkeys(row.target for row in self.transitions if fnmatchcase(source, row.source)))

    def unreachable(self) -> str | None:
        """Return the first source that cannot be reached from NEW; None if all can."""
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
    "Every transition is allowed, as on AWS: no error for a transition has been observed there.",
)
_DOCUMENTED = Profile(
    "documented",
    (
        *(Transition(NEW, state, note="a version can be registered with any status") for state in STATES),
        Transition(PENDING, APPROVED, note="AWS's guide: starts the deployment of the version"),
        Transition(PENDING, REJECTED, note="AWS's guide: starts nothing"),
        Transition(REJECTED, APPROVED, note="AWS's guide: starts the deployment of the version"),
        Transition(APPROVED, REJECTED, note="AWS's guide: deploys the newest version that is still approved"),
        *(Transition(state, state, note="our choice: repeating a status is not a transition") for state in STATES),
    ),
    'The four transitions of AWS\'s developer guide ("Only valid transitions are shown."). None leads to pending.',
)
_STRICT = Profile(
    "strict",
    (
        Transition(NEW, PENDING, note="every version starts as pending"),
        Transition(PENDING, PENDING, note="repeating the status changes nothing"),
        Transition(PENDING, APPROVED, _REASON),
        Transition(PENDING, REJECTED, _REASON),
        Transition(APPROVED, REJECTED, _REASON, "withdraws the approval"),
        Transition(REJECTED, PENDING, _REASON, "requests another review"),
    ),
    "Every version starts as pending, and every decision requires a reason. If two reviewers decide at once, the "
    "second gets an error, unless it rejects a version that the first has approved, which withdraws the approval.",
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (_AWS, _DOCUMENTED, _STRICT)}


def life_cycle_state(life_cycle: Mapping[str, str] | None) -> str:
    """Return the state of a ModelLifeCycle as `Stage/StageStatus`."""
    return f"{life_cycle['Stage']}/{life_cycle['StageStatus']}" if life_cycle else NEW
