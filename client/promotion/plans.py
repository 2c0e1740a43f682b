"""A plan of what is to be created and changed in a registry: frozen, and kept in a file until it is carried out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

from ...backends.views import Difference
from .records import Record, differences

Action = Literal["create-group", "create", "update"]

FORMAT = "sagemaker-registry plan 1"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do in the destination.

    `wanted` is what the group, or the version, shall be; `seen` what the copy was when the plan was made. `source` is
    the ARN of the original, `copy` that of the version to change; `beyond` is the highest number the group had.
    """

    action: Action
    group: str
    source: str
    wanted: Record = field(hash=False)
    seen: Record = field(default_factory=dict, hash=False)
    copy: str | None = None
    beyond: int = 0

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What the destination has (`a`) and what it will have (`b`), value by value."""
        return differences(self.seen, self.wanted)


@dataclass(frozen=True, slots=True)
class Same:
    """A version whose copy is as it should be; both as ARNs."""

    source: str
    copy: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A version (as ARN), or a part of it, that is left out, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What brings versions from one registry to another: steps in order, what is there already, what is not taken.

    `source` and `destination` are the URLs of the two, `region` is that of the destination.
    """

    source: str
    destination: str
    region: str
    steps: tuple[Step, ...] = ()
    same: tuple[Same, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def to_json(self) -> str:
        """Return the plan as JSON, which `from_json` reads."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the plan that `to_json` has written.

        Raises:
            ValueError: the text is no such plan.
        """
        try:
            value = json.loads(text)
            places = [value[name] for name in ("source", "destination", "region")]
            if value["format"] != FORMAT or not all(isinstance(place, str) for place in places):
                raise ValueError
            return cls(*places, *(_read(row, value[name]) for name, row in ROWS.items()))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"this is no plan of {FORMAT!r}, as `plan --out` writes it") from error


ROWS: dict[str, type[Any]] = {"steps": Step, "same": Same, "skipped": Skipped}

TYPES: dict[str, tuple[type, ...]] = {"wanted": (dict,), "seen": (dict,), "copy": (str, type(None)), "beyond": (int,)}


def _read(row: type[Any], values: list[Mapping[str, Any]]) -> Any:
    for value in values:
        for each in fields(row):
            if not isinstance(value[each.name], TYPES.get(each.name, (str,))):
                raise TypeError
        if row is Step and value["action"] not in get_args(Action):
            raise ValueError
    return tuple(row(**value) for value in values)


def name_of(arn: str) -> str:
    """Return what a person calls a version or group: `churn/3` of its ARN."""
    return arn.partition("/")[2]
