"""The queries of `ModelRegistry`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...backends.views import PENDING, Approval, Explanation, Group, HistoryEntry, Verified, Version
from .requests import given, listed, unless_refused
from .search_terms import Terms, search
from .versions import Comparison, NoApprovedVersion, as_described

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from .events import Event

SEARCH_ONLY = frozenset({"ModelPackageName", "Tags"})
"""Members of a version that Search returns and DescribeModelPackage does not: `Group/N`, and the group's tags."""


class RegistryQueries:
    """The methods of `ModelRegistry` that change nothing."""

    boto3: SageMakerClient
    _sleep: Callable[[float], None] = time.sleep

    def groups(self) -> Iterator[Group]:
        """Yield all groups lazily, sorted by name."""
        return map(Group.from_answer, listed(self.boto3, "model_package_group", SortBy="Name", SortOrder="Ascending"))

    def versions(self, group: str, *, status: Approval | None = None) -> Iterator[Version]:
        """Yield the versions of a group lazily, newest first.

        Args:
            group: Name or ARN of the group.
            status: Only versions with this approval status.
        """
        return self._versions(status, ModelPackageGroupName=group, SortOrder="Descending")

    def pending(self, group: str | None = None) -> Iterator[Version]:
        """Yield the pending versions lazily, oldest first.

        Args:
            group: Name or ARN of the group. Defaults to all groups.
        """
        where = {"ModelPackageGroupName": group} if group is not None else {"ModelPackageType": "Versioned"}
        return self._versions(PENDING, **where, SortOrder="Ascending")

    def search(self, *terms: str, sort: str | None = None, ascending: bool = False) -> Iterator[Version]:
        """Search the versions of all groups, and yield the matches lazily. Packages without a group are skipped.

        Args:
            *terms: Conditions that must all be met, such as `ModelApprovalStatus=Approved`, `Tags.team!=risk`,
                `ModelPackageDescription~churn` (contains), `ModelCard` (exists), `!ModelCard` (does not exist),
                `CreationTime>2026-11-24T00:00:00` or `CustomerMetadataProperties.accuracy>=0.9`. Search treats
                metadata as text, so this client evaluates numeric comparisons of metadata itself.
            sort: Name of the property to sort by. Defaults to the time of the last change.
            ascending: Sort in ascending order.

        Raises:
            ValueError: A term is invalid.

        >>> from sagemaker_registry.client import ModelRegistry
        >>> with ModelRegistry("sqlite://") as registry:
        ...     for accuracy in (0.89, 0.93):
        ...         version = registry.register("churn", image="churn:1", metadata={"accuracy": accuracy})
        ...     [found.version for found in registry.search("CustomerMetadataProperties.accuracy>=0.9")]
        [2]
        """
        asked = Terms.parse(terms)
        for record in search(self.boto3, "ModelPackage", asked, sort, ascending=ascending):
            if "ModelPackageVersion" in record and asked.match(record):
                yield Version.from_answer({name: record[name] for name in record if name not in SEARCH_ONLY})

    def search_groups(self, *terms: str, sort: str | None = None, ascending: bool = False) -> Iterator[Group]:
        """Search all groups, and yield the matches lazily.

        Args:
            *terms: Conditions as for `search`, such as `Tags.team=risk`.
            sort: As for `search`.
            ascending: As for `search`.

        Raises:
            ValueError: A term is invalid.
        """
        yield from map(
            Group.from_answer, search(self.boto3, "ModelPackageGroup", Terms.parse(terms), sort, ascending=ascending)
        )

    def get(self, arn_or_group: str, version: int | None = None) -> Version:
        """Return a version.

        Args:
            arn_or_group: ARN or name (`churn/3`) of the version; or name or ARN of its group, with `version`.
            version: Number of the version in the group.

        Raises:
            ValueError: The package does not belong to a group.
            ClientError: The version does not exist.
        """
        name = arn_or_group
        if version is not None:
            name = f"{arn_or_group.replace(':model-package-group/', ':model-package/')}/{version}"
        return Version.from_answer(self.boto3.describe_model_package(ModelPackageName=name))

    def compare(self, a: Version | str, b: Version | str) -> Comparison:
        """Compare two versions.

        Args:
            a: The first version, its ARN or its name.
            b: The second version, its ARN or its name.

        Returns:
            The values that differ, except ARNs, numbers, times and callers.
        """
        first, second = (one if isinstance(one, Version) else self.get(one) for one in (a, b))
        return Comparison.between(first, second)

    def explain(self, version: Version | str, *, identity: str | None = None, reason: str | None = None) -> Explanation:
        """Return the possible transitions of a version, with the result of each rule.

        Args:
            version: The version, its ARN or its name.
            identity: Evaluate the rules for this identity: a name in registry.toml, an ARN or an access key.
                Defaults to the caller.
            reason: Evaluate the rules as if the decision had this reason.

        Raises:
            ClientError: The version does not exist; UnknownOperationException if the registry has no rules, such as
                AWS.
        """
        from ..extensions import ask

        return Explanation.from_answer(
            ask(self.boto3, "explain", arn=name_of(version), identity=identity, reason=reason)
        )

    def history(
        self,
        group: Version | str | None = None,
        version: int | None = None,
        *,
        actor: str | None = None,
        operation: str | None = None,
        since: datetime | str | float | None = None,
        until: datetime | str | float | None = None,
        oldest_first: bool = False,
    ) -> Iterator[HistoryEntry]:
        """Yield the entries of the history lazily, newest first.

        Args:
            group: Only entries of this group (name or ARN) or version (a `Version`, its ARN or its name).
            version: Only entries of the version with this number in `group`.
            actor: Only changes by callers whose ARN, or the name at its end, matches this pattern (`*`, `?`).
            operation: Only changes by this AWS operation, such as `UpdateModelPackage`.
            since: Only changes at or after this time: a datetime, ISO 8601 text, or epoch seconds.
            until: Only changes at or before this time; a date without a time includes the whole day.
            oldest_first: Yield the oldest entries first.

        Raises:
            ClientError: UnknownOperationException if the registry keeps no history, such as AWS.
        """
        asked = {
            "group": group.arn if isinstance(group, Version) else group,
            "version": version,
            "actor": actor,
            "operation": operation,
            "since": _moment(since),
            "until": _moment(until),
            "order": "Ascending" if oldest_first else "Descending",
        }
        from ..extensions import pages

        return (
            HistoryEntry.from_entry(entry)
            for page in pages(self.boto3, "history", **asked)
            for entry in page["changes"]
        )

    def as_of(self, group: str, moment: datetime | str | float, version: int | None = None) -> Version:
        """Return a version as it was at a given time.

        Args:
            group: Name or ARN of the group.
            moment: A datetime, ISO 8601 text, or epoch seconds.
            version: Number of the version. Defaults to the version that was the newest approved one at that time.

        Raises:
            NoApprovedVersion: No version of the group was approved at that time.
            LookupError: The version did not exist at that time.
            ClientError: UnknownOperationException if the registry keeps no history, such as AWS.
        """
        from ..extensions import ask

        found = ask(self.boto3, "as-of", group=group, moment=_moment(moment), version=version)
        if found["record"] is not None:
            shape: Any = self.boto3.meta.service_model.operation_model("DescribeModelPackage").output_shape
            return Version.from_answer(as_described(shape, found["record"]))
        if found["asked_version"] is None:
            raise NoApprovedVersion(group)
        raise LookupError(f"version {found['asked_version']} of {group} did not exist then")

    def verify_history(self, group: str | None = None) -> Verified:
        """Verify the hash chains of the history, and compare the records with them.

        This finds changes of single rows in the database. It cannot find that all rows of a group were deleted, set
        back to an earlier state, or rewritten with new hashes. If a group lost its whole history, its records count as
        `unrecorded`.

        Args:
            group: Name or ARN of the group to verify. Defaults to all groups.

        Returns:
            The number of verified entries and chains, and the first broken entry of each group.

        Raises:
            ClientError: UnknownOperationException if the registry keeps no history, such as AWS.
        """
        from ..extensions import pages

        return Verified.from_pages(pages(self.boto3, "history/verify", group=group))

    def events(
        self,
        group: Version | str | None = None,
        *,
        on: Approval | None = None,
        every: bool = False,
        after: int = 0,
        newest_first: bool = False,
        follow: bool = False,
    ) -> Iterator[Event]:
        """Yield the events of registered and updated versions lazily, oldest first.

        Args:
            group: Only events of this group (a name, or a pattern with `*` and `?`) or version (a `Version`, its ARN or
                its name).
            on: Only events in which a version received this approval status.
            every: With `on`, also events of other updates to versions that have that status.
            after: Only events after this position.
            newest_first: Yield the newest events first.
            follow: Never end, but wait for new events. The order is then always oldest first.

        Raises:
            ClientError: UnknownOperationException if the registry keeps no events, such as AWS.
        """
        from . import events

        asked: dict[str, Any] = {"group": group and name_of(group), "on": on, "every": every or on is None}
        if follow:
            return events.follow(self.boto3, after, self._sleep, **asked)
        pages = events.pages(self.boto3, **asked, after=after, order="Descending" if newest_first else "Ascending")
        return (events.Event.from_entry(entry) for page in pages for entry in page["events"])

    def _versions(self, status: Approval | None, **query: Any) -> Iterator[Version]:
        """Yield the described versions of a list, without those deleted or decided in the meantime."""
        for arn in self._arns(SortBy="CreationTime", **query, **given(ModelApprovalStatus=status)):
            version = None
            with unless_refused(self.boto3, "does not exist"):
                version = self.get(arn)
            if version is not None and status in (None, version.status):
                yield version

    def _arns(self, **query: Any) -> Iterator[str]:
        return (summary["ModelPackageArn"] for summary in listed(self.boto3, **query))


def name_of(version: Version | str) -> str:
    return version.arn if isinstance(version, Version) else version


def _moment(moment: datetime | str | float | None) -> str | float | None:
    """Return a time as a parameter of an extension; a datetime without a time zone is local time."""
    return moment.astimezone().isoformat() if isinstance(moment, datetime) else moment
