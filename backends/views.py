"""Frozen views of what a registry answers: versions, history, explanations, and the values in which records differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final, Literal, Self

Approval = Literal["Approved", "PendingManualApproval", "Rejected"]
APPROVED: Final[Approval] = "Approved"
PENDING: Final[Approval] = "PendingManualApproval"
REJECTED: Final[Approval] = "Rejected"
METADATA: Final = "CustomerMetadataProperties"
CARD: Final = "ModelCardContent"
"""A member whose text is JSON."""
DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Group:
    """A model package group; `record` is the answer that describes or lists it."""

    name: str
    arn: str
    description: str | None
    created: datetime
    record: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Return a group from an answer that describes it, or from an entry of a list or search."""
        return cls(
            answer["ModelPackageGroupName"],
            answer["ModelPackageGroupArn"],
            answer.get("ModelPackageGroupDescription"),
            moment(answer["CreationTime"]),
            answer,
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a group as it was when it was read; `record` is the whole answer of DescribeModelPackage.

    `status` is the approval status and `reason` its ApprovalDescription; `image` and `model_data` are those of the
    first container; `modified_by` is the ARN of the last caller that changed it; `rev` is the registry's own count of
    its changes, where an extension tells it.
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
    rev: int | None = field(default=None, repr=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], rev: int | None = None) -> Self:
        """Return a version from an answer of DescribeModelPackage, or from a record of an extension.

        Raises:
            ValueError: it is of an unversioned package.
        """
        record = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        if "ModelPackageVersion" not in record:
            raise ValueError(f"{record['ModelPackageArn']} is no version of a group: see it with .boto3")
        image, model_data = first_container(record)
        modified = record.get("LastModifiedTime")
        return cls(
            arn=record["ModelPackageArn"],
            group=record["ModelPackageGroupName"],
            version=record["ModelPackageVersion"],
            status=record.get("ModelApprovalStatus", PENDING),
            package_status=record.get("ModelPackageStatus", ""),
            created=moment(record["CreationTime"]),
            description=record.get("ModelPackageDescription"),
            reason=record.get("ApprovalDescription") or None,
            image=image,
            model_data=model_data,
            modified=None if modified is None else moment(modified),
            modified_by=user_arn(record.get("LastModifiedBy", {})),
            record=record,
            rev=rev,
        )

    @property
    def name(self) -> str:
        """Its group and number, as commands take it: `churn/3`."""
        return f"{self.group}/{self.version}"

    @property
    def metadata(self) -> Mapping[str, str]:
        """Its CustomerMetadataProperties, read-only."""
        return MappingProxyType(self.record.get(METADATA) or {})


@dataclass(frozen=True, slots=True)
class Difference:
    """A value in which two records differ: `path` as `InferenceSpecification.Containers[0].Image`, None if absent."""

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
class HistoryEntry:
    """One change of a group, a package or a policy (`kind`), by the caller whose ARN is `actor`.

    `group` is the name of the group, or of an unversioned package; `version` None for what is no version. `before` and
    `after` are the whole record, None where there was or is none; their times are epoch seconds. `reason` is the
    ApprovalDescription that came with the change, `rules` what approval rules found. `hash` is that of the row in which
    the change is kept, the `seq`th of its group.
    """

    at: datetime
    actor: str
    operation: str
    kind: str
    arn: str
    group: str
    version: int | None
    reason: str | None
    request_id: str
    principal: str
    seq: int
    hash: str
    before: Mapping[str, Any] | None = field(repr=False, hash=False)
    after: Mapping[str, Any] | None = field(repr=False, hash=False)
    rules: tuple[Any, ...] = field(repr=False, hash=False)

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Return a change from an entry of the registry's `history`."""
        same = ("actor", "operation", "kind", "arn", "version", "reason", "request_id", "principal", "seq", "hash")
        return cls(
            at=datetime.fromisoformat(entry["at"]),
            group=entry["name"],
            before=entry["before"],
            after=entry["after"],
            rules=tuple(entry["rules"]),
            **{name: entry[name] for name in same},
        )

    @property
    def name(self) -> str:
        """The name of what was changed, as commands take it: `churn`, or `churn/3`."""
        return name_of(self.group, self.version)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Every value that is not as it was, by its path."""
        return differences(self.before or {}, self.after or {})

    @property
    def was(self) -> str | None:
        """The approval status before; None where there was none."""
        return (self.before or {}).get("ModelApprovalStatus")

    @property
    def became(self) -> str | None:
        """The approval status after; None where there is none."""
        return (self.after or {}).get("ModelApprovalStatus")

    @property
    def is_transition(self) -> bool:
        """Whether the approval status changed, or a version was registered with one."""
        return self.became is not None and self.became != self.was


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain of history is broken first: the `seq`th row of a group, and why; `seq` None for a missing one."""

    group: str
    version: int | None
    seq: int | None
    why: str

    def __str__(self) -> str:
        what = name_of(self.group, self.version)
        return f"{what}: {self.why}" if self.seq is None else f"{what}, change {self.seq}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying found: how many rows it looked at, in how many chains, and what is broken, once for each group.

    `unrecorded` counts resources without history, being older than it.
    """

    checked: int
    chains: int
    unrecorded: int
    broken: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.broken

    @classmethod
    def from_pages(cls, pages: Iterable[Mapping[str, Any]]) -> Self:
        """Return the sum of the pages of the registry's `history/verify`."""
        seen = list(pages)
        checked, chains, unrecorded = (sum(page[name] for page in seen) for name in ("checked", "chains", "unrecorded"))
        broken: dict[str, Break] = {}
        for one in (one for page in seen for one in page["broken"]):
            broken.setdefault(one["name"], Break(one["name"], one["version"], one["seq"], one["why"]))
        return cls(checked, chains, unrecorded, tuple(broken.values()))


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of a rule; `outcome` is passed, failed, pending (more approvals needed) or needs_input (a reason).

    `threshold` has the bounds of a rule about a metric.
    """

    rule: str
    outcome: str
    why: str
    threshold: Mapping[str, Any] | None = field(default=None, repr=False, hash=False)

    @classmethod
    def all_of(cls, rows: Iterable[Mapping[str, Any]]) -> tuple[Self, ...]:
        return tuple(cls(row["rule"], row["outcome"], row["why"], row.get("threshold")) for row in rows)


@dataclass(frozen=True, slots=True)
class Transition:
    """A status a version could get; `allowed` is None if it depends on the request, or on further approvals."""

    to: str
    allowed: bool | None = True
    why: str = ""
    rules: tuple[RuleResult, ...] = ()

    @classmethod
    def all_of(cls, rows: Iterable[Mapping[str, Any]]) -> tuple[Self, ...]:
        return tuple(cls(row["to"], row["allowed"], row["why"] or "", RuleResult.all_of(row["rules"])) for row in rows)

    @property
    def needs_reason(self) -> bool:
        return any(result.outcome == "needs_input" for result in self.rules)

    @property
    def is_pending(self) -> bool:
        """Whether more people must approve after this decision."""
        return any(result.outcome == "pending" for result in self.rules)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The possible transitions of a version, for one caller; `answer` is the registry's whole answer.

    `since` is who gave it its status and when; `always` are the rules for every change; `rev` is the revision this is
    about, None of a registry that has none. `answer` is empty where a registry has no rules to ask.
    """

    arn: str
    status: str
    since: str = ""
    profile: str = ""
    caller: str = ""
    transitions: tuple[Transition, ...] = ()
    life_cycle: tuple[Transition, ...] = ()
    always: tuple[RuleResult, ...] = ()
    rev: int | None = None
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Return an explanation from an answer of the extension `explain`."""
        return cls(
            arn=answer["version"],
            status=answer["status"],
            since=answer["since"],
            profile=answer["profile"],
            caller=answer["caller"]["arn"],
            transitions=Transition.all_of(answer["transitions"]),
            life_cycle=Transition.all_of(answer.get("life_cycle", {}).get("transitions", [])),
            always=RuleResult.all_of(answer["always"]),
            rev=answer.get("rev"),
            answer=answer,
        )

    def transition(self, to: str) -> Transition | None:
        return next((one for one in self.transitions if one.to == to), None)


def leaves(
    value: Any, path: str = "", *, into_cards: bool = False, deepest: int = DEEPEST
) -> Iterator[tuple[str, Any]]:
    """Yield each value inside a structure with its path; an empty or too deep structure is a value itself.

    With `into_cards`, the JSON text of a model card is read as a structure.
    """
    if into_cards and path.endswith(CARD) and isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping) and value and deepest:
        inside = ((f"{path}.{name}" if path else name, inner) for name, inner in value.items())
    elif isinstance(value, list) and value and deepest:
        inside = ((f"{path}[{index}]", inner) for index, inner in enumerate(value))
    else:
        yield path, value
        return
    for inner_path, inner in inside:
        yield from leaves(inner, inner_path, into_cards=into_cards, deepest=deepest - 1)


def values_of(record: Any) -> dict[str, Any]:
    """Return the values of a record by their paths, without empty structures."""
    return {path: value for path, value in leaves(record) if value not in ({}, [])}


def differences(a: Any, b: Any, values_of: Callable[[Any], Mapping[str, Any]] = values_of) -> tuple[Difference, ...]:
    """Return every value in which two records differ, of those that `values_of` finds in each."""
    of_a, of_b = values_of(a), values_of(b)
    paths = [path for path in {**of_a, **of_b} if of_a.get(path) != of_b.get(path)]
    return tuple(Difference(path, of_a.get(path), of_b.get(path)) for path in paths)


def moment(value: datetime | float) -> datetime:
    """Return a time of a record: a datetime in an answer of the API, epoch seconds in one of an extension."""
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)


def iso(moment: datetime) -> str:
    """Return a moment in UTC as the registry writes it: `2026-11-24T12:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def first_container(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the image of a record's first container, and the S3 URI of its model data."""
    containers = record.get("InferenceSpecification", {}).get("Containers", [])
    first: Mapping[str, Any] = containers[0] if containers else {}
    directory = first.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    return first.get("Image"), first.get("ModelDataUrl") or directory


def user_arn(context: Mapping[str, Any]) -> str | None:
    """Return the ARN in a UserContext."""
    return context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileArn")


def name_of(group: str, version: int | None) -> str:
    return group if version is None else f"{group}/{version}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
