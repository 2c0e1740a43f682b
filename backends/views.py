"""Immutable views of responses: groups, versions, differences, history and explanations."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, Self

Approval = Literal["Approved", "PendingManualApproval", "Rejected"]
APPROVED: Final[Approval] = "Approved"
PENDING: Final[Approval] = "PendingManualApproval"
REJECTED: Final[Approval] = "Rejected"
METADATA: Final = "CustomerMetadataProperties"
CARD: Final = "ModelCardContent"
"""A member that contains JSON text."""
DEEPEST: Final = 32
_PROGRESS = re.compile(r"([0-9]+(?: of [0-9]+)?) approvals so far: ")
"""The ApprovalDescription that the registry writes if an approval does not suffice; see `approval/evaluation.py`."""
_NUMBER = re.compile(r"[-+]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][-+]?[0-9]{1,3})?")


@dataclass(frozen=True, slots=True)
class Group:
    """A model package group; `record` is the response that describes or lists it."""

    name: str
    arn: str
    description: str | None
    created: datetime
    record: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any]) -> Self:
        """Return a group from a response that describes it, or from an entry of a list or search."""
        return cls(
            answer["ModelPackageGroupName"],
            answer["ModelPackageGroupArn"],
            answer.get("ModelPackageGroupDescription"),
            moment(answer["CreationTime"]),
            answer,
        )


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a group at the time it was read; `record` is the whole response of DescribeModelPackage.

    `status` is the approval status and `reason` its ApprovalDescription; `image` and `model_data` are those of the
    first container; `modified_by` is the ARN of the last caller that changed the version; `rev` is its revision, if an
    extension reports one.
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
        """Return a version from a response of DescribeModelPackage, or from a record of an extension.

        Raises:
            ValueError: the package is unversioned.
        """
        record = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        if "ModelPackageVersion" not in record:
            raise ValueError(f"{record['ModelPackageArn']} is not a version of a group; read it with `.boto3`")
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
        """The group and the version number, as commands accept them: `churn/3`."""
        return f"{self.group}/{self.version}"

    @property
    def is_approved(self) -> bool:
        """Whether the approval status is Approved."""
        return self.status == APPROVED

    @property
    def metadata(self) -> Mapping[str, str]:
        """The CustomerMetadataProperties, read-only."""
        return MappingProxyType(self.record.get(METADATA) or {})


def parse_number(text: str) -> Decimal | None:
    """Parse a metric strictly, as a decimal number within the range of a float; return None for other text."""
    value = Decimal(text) if _NUMBER.fullmatch(text) else None
    return value if value is not None and math.isfinite(float(value)) else None


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that differs between two records, None if absent, with a `path` like `ModelMetrics.Bias.Report.S3Uri`."""

    path: str
    a: Any
    b: Any

    @property
    def delta(self) -> float | None:
        """The difference `b` - `a` of metadata that is a number in both records; else None."""
        if not self.path.startswith(f"{METADATA}."):
            return None
        a, b = parse_number(self.a or ""), parse_number(self.b or "")
        return None if a is None or b is None else float(b - a)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of a group, a package or a policy (`kind`), by the caller whose ARN is `actor`.

    `group` is the name of the group, or of an unversioned package; `version` is None unless a version changed. `before`
    and `after` are whole records with times in epoch seconds, or None if there is no record. `reason` is the
    ApprovalDescription sent with the change, and `rules` are the results of approval rules. `hash` is that of the
    history entry, which is number `seq` of its group.
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
        """Return a change from an entry of the extension `history`."""
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
        """The name of the changed resource, as commands accept it: `churn` or `churn/3`."""
        return name_of(self.group, self.version)

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All values that the change modified."""
        return differences(self.before or {}, self.after or {})

    @property
    def was(self) -> str | None:
        """The approval status before the change; None if the record is new or had no status."""
        return (self.before or {}).get("ModelApprovalStatus")

    @property
    def became(self) -> str | None:
        """The approval status after the change; None if the record was deleted or has no status."""
        return (self.after or {}).get("ModelApprovalStatus")

    @property
    def is_transition(self) -> bool:
        """Whether the approval status changed, or a version was registered with one."""
        return self.became is not None and self.became != self.was

    @property
    def progress(self) -> str | None:
        """The number of approvals after one that does not suffice, such as `1 of 2`; None for other changes."""
        if self.before is None or self.after is None or self.is_transition:
            return None
        found = _PROGRESS.match(self.after.get("ApprovalDescription") or "")
        return found[1] if found and any(one["is"] == "pending" for one in self.rules) else None


@dataclass(frozen=True, slots=True)
class Break:
    """The first broken entry in the history of a group, and the reason; `seq` is None if the entry is missing."""

    group: str
    version: int | None
    seq: int | None
    why: str

    def __str__(self) -> str:
        what = name_of(self.group, self.version)
        return f"{what}: {self.why}" if self.seq is None else f"{what}, change {self.seq}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of verifying the history: the entries and chains checked, and at most one break for each group.

    `unrecorded` is the number of resources without history, because they are older than it.
    """

    checked: int
    chains: int
    unrecorded: int
    broken: tuple[Break, ...]

    @property
    def ok(self) -> bool:
        """Whether no entry is broken."""
        return not self.broken

    @classmethod
    def from_pages(cls, pages: Iterable[Mapping[str, Any]]) -> Self:
        """Return the sum of the pages of the extension `history/verify`."""
        seen = list(pages)
        checked, chains, unrecorded = (sum(page[name] for page in seen) for name in ("checked", "chains", "unrecorded"))
        broken: dict[str, Break] = {}
        for one in (one for page in seen for one in page["broken"]):
            broken.setdefault(one["name"], Break(one["name"], one["version"], one["seq"], one["why"]))
        return cls(checked, chains, unrecorded, tuple(broken.values()))


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of a rule; `outcome` is passed, failed, pending (more approvals needed) or needs_input (a reason).

    `threshold` has the limits of a metric rule.
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
    """A possible change of status; `allowed` is None if it depends on the request, or on further approvals."""

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
        """Whether more approvals are required after this one."""
        return any(result.outcome == "pending" for result in self.rules)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The possible transitions of a version for one caller; `answer` is the registry's whole response.

    `since` describes who set the status and when; `always` are the results of rules for every change; `rev` is the
    revision of the version, None if the registry has no revisions. `answer` is empty if the registry has no rules.
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
        """Return an explanation from a response of the extension `explain`."""
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
    """Yield each value inside a structure with its path; an empty structure, or one below `deepest`, is a value itself.

    With `into_cards`, the JSON text of a model card is parsed as a structure.
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
    """Return the values of a record by path, without empty structures."""
    return {path: value for path, value in leaves(record) if value not in ({}, [])}


def differences(a: Any, b: Any, values_of: Callable[[Any], Mapping[str, Any]] = values_of) -> tuple[Difference, ...]:
    """Return the values that differ between two records, compared by the paths that `values_of` returns."""
    of_a, of_b = values_of(a), values_of(b)
    paths = [path for path in {**of_a, **of_b} if of_a.get(path) != of_b.get(path)]
    return tuple(Difference(path, of_a.get(path), of_b.get(path)) for path in paths)


def moment(value: datetime | float) -> datetime:
    """Return a time of a record as a datetime; the API returns datetimes, extensions return epoch seconds."""
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)


def iso(moment: datetime) -> str:
    """Return a UTC time in the format of the registry: `2026-11-24T12:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def first_container(record: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the image and the S3 URI of the model data of the first container."""
    containers = record.get("InferenceSpecification", {}).get("Containers", [])
    first: Mapping[str, Any] = containers[0] if containers else {}
    directory = first.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
    return first.get("Image"), first.get("ModelDataUrl") or directory


def user_arn(context: Mapping[str, Any]) -> str | None:
    """Return the ARN of the caller in a UserContext."""
    return context.get("IamIdentity", {}).get("Arn") or context.get("UserProfileArn")


def name_of(group: str, version: int | None) -> str:
    return group if version is None else f"{group}/{version}"


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
