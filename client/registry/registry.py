"""`ModelRegistry`: register, review and select model versions through any boto3 client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ...backends.views import PENDING, Approval, Explanation, Group, HistoryEntry, Verified, Version
from .requests import given, listed, request_of, unless_refused
from .search_terms import Terms, search
from .versions import Comparison, NoApprovedVersion, Rejected, as_described

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from .events import Event

SEARCH_ONLY = frozenset({"ModelPackageName", "Tags"})
"""Members of a version that Search returns and DescribeModelPackage does not: `Group/N`, and the group's tags."""


class ModelRegistry:
    """A model registry, opened by URL or with an existing boto3 client.

    Methods that take a version accept a `Version`, an ARN, or a name such as `churn/3`. Errors of the registry are
    raised as botocore's ClientError, unchanged. Use the registry as a context manager, or call `close`.

    Attributes:
        boto3: The boto3 client, for all other calls.

    >>> with ModelRegistry("sqlite://") as registry:
    ...     first = registry.register("churn", image="churn:3", metadata={"accuracy": 0.93}, git_commit="4f5c2a9")
    ...     approved = registry.approve(first, "ticket 42")
    ...     registry.latest_approved("churn") == approved, approved.status, dict(approved.metadata)
    (True, 'Approved', {'accuracy': '0.93', 'git_commit': '4f5c2a9'})
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        **boto: Any,
    ) -> None:
        """Open the registry at a URL.

        Args:
            url: The registry, as for `connect`.
            sleep: Called with seconds to wait; replace it in tests.
            clock: Returns the seconds that timeouts are measured with; replace it in tests.
            **boto: Further arguments of `connect`, such as `settings` or `region_name`.

        Raises:
            BackendUnavailable: As for `connect`.
        """
        from ..connection import connect

        self.boto3 = connect(url, **boto)
        self._sleep, self._clock, self._owned = sleep, clock, True

    @classmethod
    def from_client(cls, client: SageMakerClient) -> Self:
        """Return a registry that uses an existing boto3 client.

        Args:
            client: A boto3 client of the service `sagemaker`, for AWS or any other registry. `close` leaves it open.
        """
        registry = cls.__new__(cls)
        registry.boto3 = client
        registry._sleep, registry._clock, registry._owned = time.sleep, time.monotonic, False
        return registry

    def close(self) -> None:
        """Close the client if this registry opened it."""
        if self._owned:
            self.boto3.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(
        self,
        group: str,
        *,
        image: str | None = None,
        model_data: str | None = None,
        metadata: Mapping[str, str | int | float] | None = None,
        metrics: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        content_types: Sequence[str] = ("text/csv",),
        response_types: Sequence[str] = ("text/csv",),
        approval: Approval | None = None,
        training_job: str | None = None,
        dataset_version: str | None = None,
        git_commit: str | None = None,
        token: str | None = None,
        **members: Any,
    ) -> Version:
        """Register a version, and create its group if the group does not exist.

        Args:
            group: Name of the group, or the ARN of an existing group.
            image: URI of the container image that serves the model.
            model_data: S3 URI of the model artifact.
            metadata: CustomerMetadataProperties of the version; numbers are converted to text.
            metrics: S3 URI of a model quality report in JSON.
            description: Description of the version.
            tags: Tags of the group, if this call creates it.
            content_types: MIME types of the requests that the model accepts.
            response_types: MIME types of the model's responses.
            approval: Approval status. Defaults to PendingManualApproval.
            training_job: Recorded as metadata and as MetadataProperties.GeneratedBy.
            dataset_version: Recorded as metadata.
            git_commit: Recorded as metadata and as MetadataProperties.CommitId.
            token: Idempotency token (ClientToken). Requests with the same token register one version.
            **members: Further members of CreateModelPackage, under AWS's names. Structures are merged.

        Returns:
            The registered version.

        Raises:
            ValueError: A metadata value is neither text nor a number, or a value is given twice.
            ClientError: The registry rejected the request.
        """
        request = request_of(
            group,
            image=image,
            model_data=model_data,
            metadata=metadata,
            metrics=metrics,
            description=description,
            content_types=content_types,
            response_types=response_types,
            training_job=training_job,
            dataset_version=dataset_version,
            git_commit=git_commit,
            approval=approval,
            token=token,
            **members,
        )
        self._ensure_group(group, tags or {})
        return self.get(self.boto3.create_model_package(**request)["ModelPackageArn"])

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

    def approve(self, version: Version | str, reason: str | None = None) -> Version:
        """Approve a version.

        Args:
            version: The version, its ARN or its name.
            reason: Stored as ApprovalDescription. Without a reason, that of an earlier decision is cleared.

        Returns:
            The updated version.

        Raises:
            ClientError: The registry rejected the request, for example because of an approval rule.
        """
        if reason is None and self.get(_name(version)).reason is not None:
            reason = ""
        return self._decide(version, "Approved", reason)

    def reject(self, version: Version | str, reason: str) -> Version:
        """Reject a version.

        Args:
            version: The version, its ARN or its name.
            reason: Stored as ApprovalDescription.

        Returns:
            The updated version.

        Raises:
            ValueError: The reason is empty.
            ClientError: The registry rejected the request.
        """
        if not (reason and reason.strip()):
            raise ValueError(f"rejecting {_name(version)} requires a reason")
        return self._decide(version, "Rejected", reason)

    def latest_approved(self, group: str) -> Version:
        """Return the newest approved version of a group.

        Args:
            group: Name or ARN of the group.

        Raises:
            NoApprovedVersion: No version of the group is approved.
        """
        for version in self.versions(group, status="Approved"):
            return version
        raise NoApprovedVersion(group)

    def wait_for_decision(self, version: Version | str, *, timeout: float, poll: float = 2.0) -> Version:
        """Wait until a version is approved, for example before a deployment.

        Args:
            version: The version, its ARN or its name.
            timeout: Maximum waiting time in seconds; 0 checks once.
            poll: Seconds between two checks.

        Returns:
            The approved version.

        Raises:
            Rejected: The version was rejected.
            TimeoutError: The version is still pending after `timeout` seconds.
        """
        deadline = self._clock() + timeout
        while True:
            seen = self.get(_name(version))
            if seen.status == "Approved":
                return seen
            if seen.status == "Rejected":
                raise Rejected(seen)
            left = deadline - self._clock()
            if left <= 0:
                raise TimeoutError(f"{seen.name} is still {seen.status} after {timeout:g} seconds")
            self._sleep(min(poll, left))

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

        return Explanation.from_answer(ask(self.boto3, "explain", arn=_name(version), identity=identity, reason=reason))

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
        """Yield the entries of the tamper-evident history lazily, newest first.

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
        """Verify the hash chains of the history.

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

        asked: dict[str, Any] = {"group": group and _name(group), "on": on, "every": every or on is None}
        if follow:
            return events.follow(self.boto3, after, self._sleep, **asked)
        pages = events.pages(self.boto3, **asked, after=after, order="Descending" if newest_first else "Ascending")
        return (events.Event.from_entry(entry) for page in pages for entry in page["events"])

    def delete(self, version: Version | str) -> None:
        """Delete a version. Its number is not reused.

        Args:
            version: The version, its ARN or its name.
        """
        self.boto3.delete_model_package(ModelPackageName=_name(version))

    def delete_group(self, group: str, *, with_versions: bool = False) -> None:
        """Delete a group.

        Args:
            group: Name or ARN of the group.
            with_versions: Delete the group's versions first. Otherwise, the group must be empty.

        Raises:
            ClientError: The group does not exist, or still has versions.
        """
        gone: set[str] = set()
        while with_versions and (left := set(self._arns(ModelPackageGroupName=group)) - gone):
            for arn in left:
                with unless_refused(self.boto3, "does not exist"):
                    self.delete(arn)
            gone |= left
        self.boto3.delete_model_package_group(ModelPackageGroupName=group)

    def _ensure_group(self, group: str, tags: Mapping[str, str]) -> None:
        """Create a group unless it exists, also if another client creates it concurrently."""
        if group.startswith("arn:"):
            return
        with unless_refused(self.boto3, "does not exist"):
            self.boto3.describe_model_package_group(ModelPackageGroupName=group)
            return
        request = given(ModelPackageGroupName=group, Tags=[{"Key": key, "Value": tags[key]} for key in tags])
        with unless_refused(self.boto3, "Model Package Group already exists"):
            self.boto3.create_model_package_group(**request)

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

    def _decide(self, version: Version | str, status: Approval, reason: str | None) -> Version:
        name = _name(version)
        arn = name if name.startswith("arn:") else self.get(name).arn
        request = given(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason)
        self.boto3.update_model_package(**request)
        return self.get(arn)


def _name(version: Version | str) -> str:
    return version.arn if isinstance(version, Version) else version


def _moment(moment: datetime | str | float | None) -> str | float | None:
    """Return a time as a parameter of an extension; a datetime without a time zone is local time."""
    return moment.astimezone().isoformat() if isinstance(moment, datetime) else moment
