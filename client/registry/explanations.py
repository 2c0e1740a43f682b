"""What a registry's rules say of a version, as `ModelRegistry.explain` returns it: all frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says: `outcome` is holds, broken, waits (for more people) or asks (something of the request)."""

    rule: str
    outcome: str
    why: str


@dataclass(frozen=True, slots=True)
class PossibleMove:
    """A status a version could get. `allowed` is None where it depends on what is sent, or on others who follow."""

    to: str
    allowed: bool | None
    why: str
    rules: tuple[Ruling, ...]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        return cls(answer["to"], answer["allowed"], answer["why"], _rulings(answer["rules"]))


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
    moves: tuple[PossibleMove, ...]
    life_cycle: tuple[PossibleMove, ...]
    always: tuple[Ruling, ...]
    rev: int | None
    answer: dict[str, Any] = field(repr=False, hash=False)

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Self:
        """Return an explanation from the extension's answer."""
        life_cycle = answer.get("life_cycle", {}).get("moves", [])
        return cls(
            arn=answer["version"],
            status=answer["status"],
            since=answer["since"],
            profile=answer["profile"],
            caller=answer["caller"]["arn"],
            moves=tuple(PossibleMove.of(move) for move in answer["moves"]),
            life_cycle=tuple(PossibleMove.of(move) for move in life_cycle),
            always=_rulings(answer["always"]),
            rev=answer.get("rev"),
            answer=answer,
        )


def _rulings(rows: list[dict[str, Any]]) -> tuple[Ruling, ...]:
    return tuple(Ruling(row["rule"], row["outcome"], row["why"]) for row in rows)
