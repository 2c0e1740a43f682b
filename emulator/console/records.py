"""A version as the console shows it: read from a record, whatever is in it; and in what two records differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Self

from .metrics import metrics_of

METADATA: Final = "CustomerMetadataProperties"
APPROVED: Final = "Approved"
PENDING: Final = "PendingManualApproval"
REJECTED: Final = "Rejected"

HIDDEN: Final = "Environment"
"""The member whose values are not shown: people keep secrets there."""
HIDDEN_VALUE: Final = "(hidden)"

CARD: Final = "ModelCardContent"
"""A member whose text is JSON: seen into, where it is."""

OF_ITS_OWN: Final = frozenset(
    {
        *("ModelPackageArn", "ModelPackageVersion", "ModelPackageName", "CreationTime", "CreatedBy"),
        *("LastModifiedTime", "LastModifiedBy", "ModelApprovalStatus", "ApprovalDescription"),
        *("ModelPackageStatus", "ModelPackageStatusDetails"),
    }
)
"""What differs between any two versions, and says nothing about the model."""

LINEAGE_KEYS: Final = frozenset(
    {"training_job", "dataset_version", "dataset", "git_commit", "commit", "repository", "pipeline", "run_id"}
)
"""Metadata that say where a version comes from, beside its MetadataProperties."""

PASSING: Final = frozenset({"ModelPackageStatus", "ModelPackageStatusDetails", "ResponseMetadata"})
"""What changes by itself: no reason to decide anew."""

WORD_ENDS: Final = " /:,;=_-.@"

LONGEST: Final = 2000
DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it was when it was read.

    `revision` stands for all that it says: another one means that somebody changed it. `rev` is the registry's own
    count of its changes, where it tells it.
    """

    arn: str
    group: str
    number: int
    status: str
    created: datetime
    creator: Person
    modified: datetime | None
    modifier: Person | None
    description: str
    reason: str
    metadata: Mapping[str, str]
    metrics: Mapping[str, Decimal]
    revision: str
    rev: int | None = None
    record: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, record: Mapping[str, Any], rev: int | None = None) -> Self:
        """Return a version from an answer of DescribeModelPackage, or from a record of an extension."""
        metadata = {str(key): str(value) for key, value in (record.get(METADATA) or {}).items()}
        modified = record.get("LastModifiedTime")
        return cls(
            arn=record["ModelPackageArn"],
            group=record["ModelPackageGroupName"],
            number=int(record["ModelPackageVersion"]),
            status=record.get("ModelApprovalStatus", PENDING),
            created=moment(record["CreationTime"]),
            creator=Person.of(record.get("CreatedBy")),
            modified=None if modified is None else moment(modified),
            modifier=None if modified is None else Person.of(record.get("LastModifiedBy")),
            description=record.get("ModelPackageDescription", ""),
            reason=record.get("ApprovalDescription", ""),
            metadata=metadata,
            metrics=metrics_of(metadata),
            revision=revision_of(record),
            rev=rev,
            record=record,
        )

    @property
    def name(self) -> str:
        """Its group and number, as commands take it."""
        return f"{self.group}/{self.number}"

    @property
    def notes(self) -> tuple[tuple[str, str], ...]:
        """Its metadata that are no metrics, and do not say where it comes from."""
        return tuple(
            (name, text)
            for name, text in self.metadata.items()
            if name not in self.metrics and name.lower() not in LINEAGE_KEYS
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever did something: a name for people, the ARN for certainty."""

    name: str
    arn: str = ""

    @classmethod
    def of(cls, context: Mapping[str, Any] | None) -> Self:
        """Return the person of a UserContext."""
        context = context or {}
        arn = context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileArn") or ""
        return cls(context.get("UserProfileName") or short(arn) or "nobody known", arn)

    @classmethod
    def of_arn(cls, arn: str) -> Self:
        """Return the person behind an ARN."""
        return cls(short(arn), arn)


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in which two versions differ, by its path; None where one of them has none."""

    path: str
    before: str | None
    after: str | None

    @property
    def same(self) -> tuple[int, int]:
        """How many characters both begin with, and how many both end with, in whole words of what is compared."""
        old, new = self.before or "", self.after or ""
        cut = _shared(old, new)
        return cut, _shared(old[cut:][::-1], new[cut:][::-1])

    @property
    def marked_before(self) -> tuple[str, str, str]:
        """What was there: what both begin with, what is gone, what both end with."""
        return _marked(self.before or "", *self.same)

    @property
    def marked_after(self) -> tuple[str, str, str]:
        """What is there now, in the same three parts."""
        return _marked(self.after or "", *self.same)


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts both begin with, up to the end of a word."""
    pairs = enumerate(zip(one, other, strict=False))
    head = one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]
    return max(head.rfind(mark) + 1 for mark in WORD_ENDS)


def _marked(text: str, head: int, tail: int) -> tuple[str, str, str]:
    end = len(text) - tail
    return text[:head], text[head:end], text[end:]


def short(arn: str) -> str:
    """Return the name at the end of an ARN."""
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def moment(value: Any) -> datetime:
    """Return a time of a record: of an answer, a datetime; of an extension, epoch seconds."""
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)


def revision_of(record: Mapping[str, Any]) -> str:
    """Return a digest of what a record says, in any of its forms."""
    said = {
        name: moment(value).timestamp() if name.endswith("Time") else value
        for name, value in record.items()
        if name not in PASSING
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:32]


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return every value in which two records differ, but for what differs between any two versions."""
    old, new = dict(leaves(before, without=OF_ITS_OWN, hide=False)), dict(leaves(after, without=OF_ITS_OWN, hide=False))
    paths = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    return tuple(Difference(path, _shown(path, old.get(path)), _shown(path, new.get(path))) for path in paths)


def leaves(
    record: Mapping[str, Any], *, without: frozenset[str] = frozenset(), hide: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield each value of a record as text, with its path; values of an environment are hidden."""
    for name, value in record.items():
        if name not in without:
            for path, text in _leaves(value, name, DEEPEST):
                yield path, (_shown(path, text) or "") if hide else text


def _leaves(value: Any, path: str, deep: int) -> Iterator[tuple[str, str]]:
    if path.endswith(CARD) and isinstance(value, str):
        value = _json(value)
    if isinstance(value, Mapping) and value and deep:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}", deep - 1)
    elif isinstance(value, list) and value and deep:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]", deep - 1)
    else:
        yield path, _text(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=str)
    except RecursionError:
        return "(nested too deeply to show)"


def _shown(path: str, text: str | None) -> str | None:
    if text is not None and f".{HIDDEN}." in f".{path}":
        return HIDDEN_VALUE
    return text if text is None or len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text):,} characters in all)"
