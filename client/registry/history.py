"""What history answers with: changes, and whether they are as they were written, all frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from .versions import Difference, differences

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True)
class Change:
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
    def of(cls, entry: Mapping[str, Any]) -> Self:
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


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain of history is broken first: the `seq`th row of a group, and why; `seq` None for a missing one."""

    group: str
    version: int | None
    seq: int | None
    why: str

    def __str__(self) -> str:
        what = self.group if self.version is None else f"{self.group}/{self.version}"
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
    def of(cls, pages: Iterable[Mapping[str, Any]]) -> Self:
        """Return the sum of the pages of the registry's `history/verify`."""
        seen = list(pages)
        checked, chains, unrecorded = (sum(page[name] for page in seen) for name in ("checked", "chains", "unrecorded"))
        broken: dict[str, Break] = {}
        for one in (one for page in seen for one in page["broken"]):
            broken.setdefault(one["name"], Break(one["name"], one["version"], one["seq"], one["why"]))
        return cls(checked, chains, unrecorded, tuple(broken.values()))


def pages(client: SageMakerClient, name: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield every page of what the registry behind a client returns for one of its extensions."""
    from ..extensions import ask

    token = None
    while True:
        page: dict[str, Any] = ask(client, name, **params, next_token=token)
        yield page
        token = page.get("next_token")
        if token is None:
            return


def moment_of(moment: datetime | str | float | None) -> str | float | None:
    """Return a moment as a registry takes it; a datetime without a time zone is of this machine's."""
    return moment.astimezone().isoformat() if isinstance(moment, datetime) else moment


def as_described(shape: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as an operation with that output shape answers it: what the shape names, times as datetimes."""
    return {
        name: datetime.fromtimestamp(record[name], UTC) if member.type_name == "timestamp" else record[name]
        for name, member in shape.members.items()
        if record.get(name) is not None
    }
