"""Make a plan: read two registries and compare them, without changing either."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ...backends.views import METADATA, PENDING, Approval
from ..registry.requests import listed
from .applying import NUMBER, copies_of, found, group_of, versions_of
from .mapping import Mappings
from .plans import Plan, Same, Skipped, Step, name_of
from .provenance import Origin, without_origin
from .records import REASON, STATUS, Record, carried, differences, members, reached

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

APPROVED: tuple[Approval, ...] = ("Approved",)


class Refused(ValueError):
    """A selected version cannot be promoted, or a selected group or version does not exist."""


@dataclass(frozen=True, slots=True)
class _Selection:
    groups: tuple[str, ...]
    versions: tuple[str, ...]
    statuses: tuple[str, ...]
    newest: bool
    as_status: Approval | None
    mappings: Mappings
    overwrite_decisions: bool


def plan(
    source: SageMakerClient,
    destination: SageMakerClient,
    *,
    groups: Sequence[str] = (),
    versions: Sequence[str] = (),
    statuses: Sequence[Approval] = APPROVED,
    newest: bool = False,
    as_status: Approval | None = None,
    mappings: Mappings | None = None,
    overwrite_decisions: bool = False,
    names: tuple[str, str] | None = None,
    on_group: Callable[[int, int], object] = lambda read, of: None,
) -> Plan:
    """Return a plan that promotes versions from one registry to another; neither is changed.

    A copy is identified by its metadata (see `provenance`). A version that was promoted before is therefore not created
    again; its copy is updated if the original has changed. S3 objects and ECR images are not copied.

    Args:
        source: a boto3 client of the registry that contains the versions.
        destination: a boto3 client of the registry to promote to.
        groups: patterns (`churn-*`) of groups to promote; all groups if both this and `versions` are empty.
        versions: single versions to promote, each as `group/3`.
        statuses: promote only versions with one of these approval statuses.
        newest: promote only the newest selected version of each group.
        as_status: the approval status of new copies; existing copies keep theirs. By default, a new copy gets the
            approval status and ApprovalDescription of its original.
        mappings: replacements for ARNs, accounts, buckets, and images.
        overwrite_decisions: also change the approval status of existing copies.
        names: the URLs of source and destination to show in the plan; by default those of the clients.
        on_group: called after each group with the number of groups read and their total.

    Raises:
        Refused: a version in `versions` does not exist or cannot be promoted, or a pattern matches no group.
        ClientError: either registry rejects a request.
    """
    selection = _Selection(
        tuple(groups), tuple(versions), tuple(statuses), newest, as_status, mappings or Mappings(), overwrite_decisions
    )
    chosen = _chosen_groups(source, selection)
    made: list[Step | Same | Skipped] = []
    for read, group in enumerate(chosen, 1):
        made += _Group(source, destination, group, selection).entries()
        on_group(read, len(chosen))
    urls = names or (source.meta.endpoint_url, destination.meta.endpoint_url)
    return Plan(
        *urls,
        destination.meta.region_name,
        tuple(entry for entry in made if isinstance(entry, Step)),
        tuple(entry for entry in made if isinstance(entry, Same)),
        tuple(entry for entry in made if isinstance(entry, Skipped)),
    )


def _chosen_groups(source: Any, selection: _Selection) -> list[str]:
    there = [group["ModelPackageGroupName"] for group in listed(source, "model_package_group")]
    named = [re.fullmatch(r"([^/]+)/([1-9][0-9]*)", version) for version in selection.versions]
    for version, match in zip(selection.versions, named, strict=True):
        if match is None:
            raise Refused(f"invalid version {version!r}; expected GROUP/NUMBER, such as churn/3")
        if match[1] not in there:
            raise Refused(f"{version} does not exist in the source: there is no group {match[1]}")
    for pattern in selection.groups:
        if not any(fnmatchcase(name, pattern) for name in there):
            raise Refused(f"no group in the source matches {pattern!r}")
    by_name = {match[1] for match in named if match}
    return sorted(
        name for name in there if name in by_name or any(fnmatchcase(name, one) for one in _patterns(selection))
    )


def _patterns(selection: _Selection) -> tuple[str, ...]:
    return selection.groups or (() if selection.versions else ("*",))


class _Group:
    """A group: summaries of its versions in the source, and the copies in the destination in full."""

    def __init__(self, source: Any, destination: Any, name: str, selection: _Selection) -> None:
        self.source, self.destination, self.name, self.selection = source, destination, name, selection
        there = group_of(destination, name)
        present = versions_of(destination, there["ModelPackageGroupArn"]) if there else []
        self.is_there = there is not None
        self.beyond = max((one[NUMBER] for one in present), default=0)
        self.born_there = frozenset(map(Origin.from_version, present))
        self.copies: dict[str, list[tuple[Record, Origin]]] = {}
        for version, origin in copies_of(destination, present):
            self.copies.setdefault(origin.source, []).append((version, origin))
        self.summaries = versions_of(source, name)

    def entries(self) -> Iterator[Step | Same | Skipped]:
        made = [entry for summary in self._taken_or_skipped() for entry in self._entries_of(summary)]
        if not self.is_there and any(isinstance(entry, Step) for entry in made):
            yield self._new_group()
        yield from made

    @property
    def _named(self) -> set[str]:
        return {version for version in self.selection.versions if version.startswith(f"{self.name}/")}

    @property
    def _by_pattern(self) -> bool:
        return any(fnmatchcase(self.name, pattern) for pattern in _patterns(self.selection))

    def _short(self, summary: Record) -> str:
        return f"{self.name}/{summary[NUMBER]}"

    def _taken_or_skipped(self) -> Iterator[Record | Skipped]:
        """Yield the summary of each selected version, and the reason for each skipped one."""
        missing = self._named - {self._short(summary) for summary in self.summaries}
        if missing:
            raise Refused(f"does not exist in the source: {', '.join(sorted(missing))}")
        fit = [self._short(summary) for summary in self.summaries if not self._unfit(summary)]
        for summary in self.summaries:
            short, arn = self._short(summary), summary["ModelPackageArn"]
            reason = self._unfit(summary)
            if reason and short in self._named:
                raise Refused(f"{short} cannot be promoted: {reason}")
            if short in self._named:
                yield summary
            elif not self._by_pattern:
                continue
            elif reason:
                yield Skipped(arn, reason + self._copy_is(summary))
            elif self.selection.newest and short != fit[-1]:
                yield Skipped(arn, f"{fit[-1]} is newer")
            else:
                yield summary

    def _unfit(self, summary: Record) -> str | None:
        status = summary.get(STATUS, PENDING)
        if status not in self.selection.statuses:
            return f"it is {status}; --status selects only {' and '.join(self.selection.statuses)}"
        if summary["ModelPackageStatus"] != "Completed":
            return f"its ModelPackageStatus is {summary['ModelPackageStatus']}"
        return None

    def _copy_is(self, summary: Record) -> str:
        copy = self._copy_of(Origin.from_version(summary))
        return f"; its copy {name_of(copy['ModelPackageArn'])} is {copy[STATUS]}" if copy else ""

    def _entries_of(self, taken: Record | Skipped) -> Iterator[Step | Same | Skipped]:
        if isinstance(taken, Skipped):
            yield taken
            return
        original = found(self.source, taken["ModelPackageArn"])
        if original is None:
            return  # deleted since it was listed
        arn, room = original["ModelPackageArn"], self._room(original)
        wanted, copy = self._wanted(original), self._copy_of(Origin.from_version(original))
        if Origin.named_by(original) in self.born_there:
            yield Skipped(arn, "it is a copy of a version in the destination")
        elif room < 0:
            reason = f"it has {-room} too many CustomerMetadataProperties: a copy needs two for its origin"
            if self._short(taken) in self._named:
                raise Refused(f"{name_of(arn)} cannot be promoted: {reason}")
            yield Skipped(arn, reason)
        elif copy is None:
            yield Step("create", self.name, arn, wanted, beyond=self.beyond)
        else:
            yield from self._entries_of_copy(arn, wanted, copy)

    def _entries_of_copy(self, arn: str, wanted: Record, there: Record) -> Iterator[Step | Same | Skipped]:
        """Yield the entries for a version that has a copy; `wanted` is the record that a new copy would get."""
        copy, seen = there["ModelPackageArn"], carried(self.destination, there)
        metadata = {**seen.get(METADATA, {}), **wanted[METADATA]}  # the copy keeps keys that the source lacks
        approval, notes = _approval(wanted), []
        if _is_decided(seen, wanted) and not self.selection.overwrite_decisions:
            approval = _approval(seen)
            decided = " ".join(filter(None, [approval[STATUS], seen.get(REASON) and f"({seen[REASON]})"]))
            notes.append(f"its copy {name_of(copy)} stays {decided}; --overwrite-decisions would change it")
        wished = {**wanted, **approval, METADATA: metadata}
        near = reached(self.destination, seen, wished)
        notes += [
            f"{name} of its copy {name_of(copy)} differs and cannot be changed by an update"
            for name in wanted
            if any(one.a is not None for one in differences({name: wished[name]}, {name: near.get(name)}))
        ]
        step = Step("update", self.name, arn, near, seen, copy)
        if step.differences:
            yield step
        elif not notes:
            yield Same(arn, copy)
        yield from (Skipped(arn, note) for note in notes)

    def _wanted(self, original: Record) -> Record:
        answer = self.source.meta.service_model.operation_model("DescribeModelPackage").output_shape
        record: Record = self.selection.mappings(carried(self.source, original), answer)
        record.setdefault(STATUS, PENDING)
        if self.selection.as_status:
            record[STATUS] = self.selection.as_status
            record.pop(REASON, None)
        metadata = without_origin(record.get(METADATA, {}))
        return {**record, METADATA: {**metadata, **Origin.from_version(original).written()}}

    def _room(self, original: Record) -> int:
        """Return how many more metadata properties fit, in addition to the two that identify the original."""
        most: int = members(self.source, "CreateModelPackage")[METADATA].metadata["max"]
        return most - 2 - len(without_origin(original.get(METADATA, {})))

    def _copy_of(self, original: Origin) -> Record | None:
        return next((copy for copy, origin in self.copies.get(original.source, []) if origin.is_of(original)), None)

    def _new_group(self) -> Step:
        described = self.source.describe_model_package_group(ModelPackageGroupName=self.name)
        arn = described["ModelPackageGroupArn"]
        pages = self.source.get_paginator("list_tags").paginate(ResourceArn=arn)
        tags = [tag for page in pages for tag in page["Tags"] if not tag["Key"].startswith("aws:")]
        taken = members(self.destination, "CreateModelPackageGroup").keys() - {"ModelPackageGroupName"}
        wanted = {name: value for name, value in {**described, "Tags": tags}.items() if name in taken and value}
        shape = self.destination.meta.service_model.operation_model("CreateModelPackageGroup").input_shape
        return Step("create-group", self.name, arn, self.selection.mappings(wanted, shape))


def _approval(record: Record) -> Record:
    return {STATUS: record.get(STATUS, PENDING), REASON: record.get(REASON, "")}


def _is_decided(there: Record, wanted: Record) -> bool:
    """Return whether the approval differs; a missing reason does not count: an interrupted apply may not set it."""
    ours, theirs = _approval(wanted), _approval(there)
    return theirs[STATUS] != ours[STATUS] or theirs[REASON] not in ("", ours[REASON])
