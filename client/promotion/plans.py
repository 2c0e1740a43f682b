"""A plan: the steps that create and change groups and versions in a registry, as immutable records and as JSON."""

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
    """One change in the destination.

    `wanted` is the record that the group or version will have; `seen` is the record of the copy when the plan was made.
    `source` is the ARN of the original, `copy` that of the version to change. `beyond` is the highest version number in
    the group when the plan was made.
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
        """Return the values that change: `a` is the current value, `b` the new one."""
        return differences(self.seen, self.wanted)


@dataclass(frozen=True, slots=True)
class Same:
    """A version and its copy with the same content; both as ARNs."""

    source: str
    copy: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A version (as ARN), or a part of it, that is not promoted, and the reason."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A promotion from one registry to another: steps in order, versions that are the same, and skipped versions.

    `source` and `destination` are URLs; `region` is the region of the destination.
    """

    source: str
    destination: str
    region: str
    steps: tuple[Step, ...] = ()
    same: tuple[Same, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def to_json(self) -> str:
        """Return the plan as JSON for `from_json`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the plan that `to_json` wrote.

        Raises:
            ValueError: the text is not such a plan.
        """
        try:
            value = json.loads(text)
            places = [value[name] for name in ("source", "destination", "region")]
            if value["format"] != FORMAT or not all(isinstance(place, str) for place in places):
                raise ValueError
            return cls(*places, *(_read(row, value[name]) for name, row in ROWS.items()))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ValueError(f"not a plan in the format {FORMAT!r}; create one with `plan --out`") from error


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
    """Return the name in an ARN, such as `churn/3`."""
    return arn.partition("/")[2]
