"""The frozen types that `ModelRegistry.explain` returns: the possible transitions of a version, and rule results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule says; `outcome` is passed, failed, pending (more people must approve) or needs_input (a reason)."""

    rule: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class Transition:
    """A status a version could get; `allowed` is None if it depends on the request, or on further approvals."""

    to: str
    allowed: bool | None
    why: str
    rules: tuple[RuleResult, ...]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        return cls(answer["to"], answer["allowed"], answer["why"], _results(answer["rules"]))


@dataclass(frozen=True, slots=True)
class Explanation:
    """What may become of a version, for the one who asks or is asked about; `answer` is all that was said.

    `since` is who gave it its status and when; `always` are the rules for every change; `rev` is the revision this is
    about, None of a registry that has none.
    """

    arn: str
    status: str
    since: str
    profile: str
    caller: str
    transitions: tuple[Transition, ...]
    life_cycle: tuple[Transition, ...]
    always: tuple[RuleResult, ...]
    rev: int | None
    answer: dict[str, Any] = field(repr=False, hash=False)

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Self:
        """Return an explanation from the extension's answer."""
        life_cycle = answer.get("life_cycle", {}).get("transitions", [])
        return cls(
            arn=answer["version"],
            status=answer["status"],
            since=answer["since"],
            profile=answer["profile"],
            caller=answer["caller"]["arn"],
            transitions=tuple(Transition.of(one) for one in answer["transitions"]),
            life_cycle=tuple(Transition.of(one) for one in life_cycle),
            always=_results(answer["always"]),
            rev=answer.get("rev"),
            answer=answer,
        )


def _results(rows: list[dict[str, Any]]) -> tuple[RuleResult, ...]:
    return tuple(RuleResult(row["rule"], row["outcome"], row["why"]) for row in rows)
