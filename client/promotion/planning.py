"""What would bring versions of one registry to another: both are read, neither is changed."""

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
    """A version that was asked for by name cannot be promoted, or nothing is there to be promoted."""


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
    """Return what would bring versions from one registry to another; nothing is changed in either.

    Args:
        source: a boto3 client of the registry the versions are in.
        destination: one of the registry they shall be in.
        groups: patterns (`churn-*`) of the groups to take; without any, and without `versions`, all.
        versions: single versions to take, each `group/3`.
        statuses: which versions to take, by their approval.
        newest: take only the newest of them of each group.
        as_status: the approval of what is created, for the destination's reviewers to decide again; copies that are
            there keep theirs. Without it, a new copy has the source's approval and ApprovalDescription.
        mappings: how ARNs, accounts, buckets and images are called in the destination.
        overwrite_decisions: also change the approval of copies that are there.
        names: the URLs of the two, to be shown; those of the clients if not given.
        on_group: told, after each group, how many have been read of how many.

    Raises:
        Refused: a version of `versions` that is not there or must not be taken, or a pattern no group matches.
        ClientError: a refusal of either registry.
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
            raise Refused(f"{version!r} is not a version: give it as GROUP/N, such as churn/3")
        if match[1] not in there:
            raise Refused(f"the source has no {version}: it has no group {match[1]}")
    for pattern in selection.groups:
        if not any(fnmatchcase(name, pattern) for name in there):
            raise Refused(f"the source has no group {pattern!r}")
    by_name = {match[1] for match in named if match}
    return sorted(
        name for name in there if name in by_name or any(fnmatchcase(name, one) for one in _patterns(selection))
    )


def _patterns(selection: _Selection) -> tuple[str, ...]:
    return selection.groups or (() if selection.versions else ("*",))


class _Group:
    """A group as it was read: its versions in the source in short, those in the destination in full."""

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
        """Yield the summary of each version that is taken, and why each other is not."""
        missing = self._named - {self._short(summary) for summary in self.summaries}
        if missing:
            raise Refused(f"the source has no {', '.join(sorted(missing))}")
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
            return f"it is {status}, and only {' and '.join(self.selection.statuses)} is taken (--status)"
        if summary["ModelPackageStatus"] != "Completed":
            return f"its ModelPackageStatus is {summary['ModelPackageStatus']}"
        return None

    def _copy_is(self, summary: Record) -> str:
        copy = self._copy_of(Origin.from_version(summary))
        return f"; its copy {name_of(copy['ModelPackageArn'])} there is {copy[STATUS]}" if copy else ""

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
            yield Skipped(arn, "it came from there")
        elif room < 0:
            reason = f"its CustomerMetadataProperties are {-room} too many: where it came from takes two"
            if self._short(taken) in self._named:
                raise Refused(f"{name_of(arn)} cannot be promoted: {reason}")
            yield Skipped(arn, reason)
        elif copy is None:
            yield Step("create", self.name, arn, wanted, beyond=self.beyond)
        else:
            yield from self._entries_of_copy(arn, wanted, copy)

    def _entries_of_copy(self, arn: str, wanted: Record, there: Record) -> Iterator[Step | Same | Skipped]:
        """Yield what is to be done with a version that has a copy; a new copy would be `wanted`."""
        copy, seen = there["ModelPackageArn"], carried(self.destination, there)
        metadata = {**seen.get(METADATA, {}), **wanted[METADATA]}  # keys that the source lacks are the destination's
        approval, notes = _approval(wanted), []
        if _is_decided(seen, wanted) and not self.selection.overwrite_decisions:
            approval = _approval(seen)
            decided = " ".join(filter(None, [approval[STATUS], seen.get(REASON) and f"({seen[REASON]})"]))
            notes.append(f"decided there: {name_of(copy)} is {decided}, and stays so")
        wished = {**wanted, **approval, METADATA: metadata}
        near = reached(self.destination, seen, wished)
        notes += [
            f"{name} differs from its copy {name_of(copy)}, where it cannot be changed in place"
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
        """Return how many more metadata properties fit, next to the two that identify the original."""
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
    """Return whether the approval differs, except for a reason that an interrupted apply did not write."""
    ours, theirs = _approval(wanted), _approval(there)
    return theirs[STATUS] != ours[STATUS] or theirs[REASON] not in ("", ours[REASON])
