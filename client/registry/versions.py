"""Comparisons of versions, errors about decisions, and records in the format of DescribeModelPackage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from ...backends.views import Difference, Version, differences

ALWAYS_DIFFERENT = frozenset(
    {"ModelPackageArn", "ModelPackageVersion", "CreationTime", "CreatedBy", "LastModifiedTime", "LastModifiedBy"}
)


class NoApprovedVersion(LookupError):
    """A group has no approved version.

    Attributes:
        group: The name of the group.
    """

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.group = group

    def __str__(self) -> str:
        return f"{self.group} has no approved version"


class Rejected(Exception):
    """A version that `wait_for_decision` waited for was rejected.

    Attributes:
        version: The rejected version.
        reason: The ApprovalDescription, None if no reason was given.
    """

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self.version = version
        self.reason = version.reason

    def __str__(self) -> str:
        return f"{self.version.name} was rejected: {self.reason or 'no reason was given'}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions and their differences.

    Attributes:
        a: The first version.
        b: The second version.
        differences: Every value that differs, except ARNs, numbers, times and callers.
    """

    a: Version
    b: Version
    differences: tuple[Difference, ...]

    @classmethod
    def between(cls, a: Version, b: Version) -> Self:
        """Compare two versions."""
        of_a, of_b = (
            {name: value for name, value in one.record.items() if name not in ALWAYS_DIFFERENT} for one in (a, b)
        )
        return cls(a, b, differences(of_a, of_b))


def as_described(shape: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record in the format of an output shape: only members of the shape, times as datetimes."""
    return {
        name: datetime.fromtimestamp(record[name], UTC) if member.type_name == "timestamp" else record[name]
        for name, member in shape.members.items()
        if record.get(name) is not None
    }
