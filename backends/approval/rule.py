"""The base class of the kinds of rules, and what they have in common."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import msgspec.structs

from ..conversion import Place
from ..errors import RegistryError, ValidationException
from ..identities import Identities
from ..settings import check_words
from .change import Change, RuleResult
from .profiles import APPROVED, STATES

TAG = "is"
"""The key in the table of a rule that names its kind."""

APPROVALS, CALLERS, OBJECTS, TAGS = "approvals", "callers", "objects", "ListTags"
"""Capabilities of a backend that a rule can require: recorded approvals, callers with the ARNs that records show,
access to S3 objects, and tags of groups."""

Words = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
Duration = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}[smhd]$", description="a duration, such as 90m, 12h or 7d")]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field=TAG, kw_only=True):
    """A rule of registry.toml; its fields are the options, its tag is the kind, its docstring is published.

    `on` replaces `guarded`, the statuses for which the rule evaluates transitions.
    """

    guarded: ClassVar[tuple[str, ...]] = (APPROVED,)
    of_transitions: ClassVar[bool] = True
    """Whether the rule evaluates transitions; otherwise, it evaluates every change of a version."""
    of_life_cycle: ClassVar[bool] = True
    """Whether a transition of a life cycle can require the rule."""
    by_others: ClassVar[bool] = False  # whether people who changed the content of a version may not approve it
    _needs: ClassVar[frozenset[str]] = frozenset()

    on: tuple[str, ...] | None = None

    def evaluate(self, change: Change) -> RuleResult:
        raise NotImplementedError

    def check(self, identities: Identities, place: Place) -> None:
        """Raise Misconfigured for options with invalid values of the right types; `place` is the rule's table."""
        check_words(self.on or (), STATES, (*place, "on"))

    @property
    def needs(self) -> frozenset[str]:
        return self._needs

    @property
    def keeps_approvals(self) -> tuple[str, ...]:
        """The members that can change without discarding the approvals recorded so far."""
        return ()

    def guards(self, target: str) -> bool:
        return self.of_transitions and target in (self.on or self.guarded)

    @classmethod
    def kind(cls) -> str:
        return str(cls.__struct_config__.tag)

    @classmethod
    def works_without_options(cls) -> bool:
        return not any(field.required for field in msgspec.structs.fields(cls))


def passed(why: str) -> RuleResult:
    return RuleResult("passed", why)


def failed(why: str, error: type[RegistryError] = ValidationException) -> RuleResult:
    return RuleResult("failed", why, error)
