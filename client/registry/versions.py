"""What the registry for people answers with: groups, versions and what differs between two of them, all frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Literal, Self

Approval = Literal["Approved", "PendingManualApproval", "Rejected"]
PENDING: Approval = "PendingManualApproval"
METADATA = "CustomerMetadataProperties"
ALWAYS_DIFFERENT = frozenset(
    {"ModelPackageArn", "ModelPackageVersion", "CreationTime", "CreatedBy", "LastModifiedTime", "LastModifiedBy"}
)


class NoApprovedVersion(LookupError):
    """A group has no version that may be deployed."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.group = group

    def __str__(self) -> str:
        return f"{self.group} has no approved version"


class Rejected(Exception):
    """A version that was waited for is rejected; `version` is it, `reason` is why, if a reason was given."""

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        self.version = version
        self.reason = version.reason

    def __str__(self) -> str:
        return f"{self.version.group}/{self.version.version} is rejected: {self.reason or 'no reason was given'}"


@dataclass(frozen=True, slots=True)
class Group:
    """A model package group."""

    name: str
    arn: str
    description: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a group as it was when it was read; `record` is all that DescribeModelPackage answered.

    `status` is the approval, `reason` why it was given (ApprovalDescription); `image` and `model_data` are those of the
    first container; `modified_by` is the ARN of who changed it last.
    """

    arn: str
    group: str
    version: int
    status: str
    package_status: str
    created: datetime
    description: str | None
    reason: str | None
    image: str | None
    model_data: str | None
    modified: datetime | None
    modified_by: str | None
    record: dict[str, Any] = field(repr=False, hash=False)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Self:
        """Return a version from an answer of DescribeModelPackage.

        Raises:
            ValueError: it is of an unversioned package.
        """
        record = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        if "ModelPackageVersion" not in record:
            raise ValueError(f"{record['ModelPackageArn']} is no version of a group: see it with .boto3")
        container: dict[str, Any] = next(iter(record.get("InferenceSpecification", {}).get("Containers", [])), {})
        changer = record.get("LastModifiedBy", {})
        return cls(
            arn=record["ModelPackageArn"],
            group=record["ModelPackageGroupName"],
            version=record["ModelPackageVersion"],
            status=record.get("ModelApprovalStatus", PENDING),
            package_status=record["ModelPackageStatus"],
            created=record["CreationTime"],
            description=record.get("ModelPackageDescription"),
            reason=record.get("ApprovalDescription") or None,
            image=container.get("Image"),
            model_data=container.get("ModelDataUrl")
            or container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri"),
            modified=record.get("LastModifiedTime"),
            modified_by=changer.get("IamIdentity", {}).get("Arn") or changer.get("UserProfileArn"),
            record=record,
        )

    @property
    def metadata(self) -> Mapping[str, str]:
        """Its CustomerMetadataProperties, read-only."""
        return MappingProxyType(self.record.get(METADATA, {}))


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in which two versions differ: `path` as `InferenceSpecification.Containers[0].Image`, None if absent."""

    path: str
    a: Any
    b: Any

    @property
    def delta(self) -> float | None:
        """How much more `b` is than `a`, for metadata that are numbers in both; else None."""
        if not self.path.startswith(f"{METADATA}."):
            return None
        try:
            delta = Decimal(self.b or "") - Decimal(self.a or "")
        except InvalidOperation:
            return None
        return float(delta) if delta.is_finite() else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions, and every value in which they differ but for what differs between any two."""

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


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return every value in which two records differ."""
    of_a, of_b = dict(leaves_of(a)), dict(leaves_of(b))
    paths = [path for path in {**of_a, **of_b} if of_a.get(path) != of_b.get(path)]
    return tuple(Difference(path, of_a.get(path), of_b.get(path)) for path in paths)


def leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value within a structure that is not a structure itself, with its path."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves_of(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves_of(inner, f"{path}[{index}]")
    else:
        yield path, value
