"""The registry for people: register, review and pick model versions in a line each, over any boto3 client."""

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
"""What Search says of a version and DescribeModelPackage does not: `Group/N`, and the tags of its group."""


class ModelRegistry:
    """A model registry behind a URL or a boto3 client, which stays at hand as `boto3`.

    What AWS refuses comes as botocore's ClientError, unchanged. A version is given as a Version, its ARN, or `group/3`.

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
        """Open what `connect(url, **boto)` opens; wait with `sleep`, by the seconds of `clock`.

        Raises:
            BackendUnavailable: as `connect` does.
        """
        from ..connection import connect

        self.boto3 = connect(url, **boto)
        self._sleep, self._clock, self._owned = sleep, clock, True

    @classmethod
    def from_client(cls, client: SageMakerClient) -> Self:
        """Return the registry behind a boto3 client, such as one of AWS; `close()` leaves that client open."""
        registry = cls.__new__(cls)
        registry.boto3 = client
        registry._sleep, registry._clock, registry._owned = time.sleep, time.monotonic, False
        return registry

    def close(self) -> None:
        """Close the client this registry has opened."""
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
        """Register a version of a group, which is created if nobody has; return the version.

        Args:
            group: name of the group; or its ARN, if it exists.
            image: the image that serves the model.
            model_data: S3 URI of the model's archive.
            metadata: whatever describes the version; numbers become text.
            metrics: S3 URI of a model quality report in JSON.
            description: of the version.
            tags: of the group, if this call creates it.
            content_types: what the model reads.
            response_types: what it answers with.
            approval: PendingManualApproval, unless said otherwise.
            training_job: kept as metadata, and as what generated the version.
            dataset_version: kept as metadata.
            git_commit: kept as metadata, and as the version's commit.
            token: the same token registers the same version once, however often it is sent.
            **members: any other member of CreateModelPackage, as AWS names it; structures are merged.

        Raises:
            ValueError: a metadata value that is neither text nor a number, or a value that is given twice.
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
        """Yield every group, by name."""
        return map(Group.from_answer, listed(self.boto3, "model_package_group", SortBy="Name", SortOrder="Ascending"))

    def versions(self, group: str, *, status: Approval | None = None) -> Iterator[Version]:
        """Yield the versions of a group (name or ARN), or those with an approval status: newest first, as needed."""
        return self._versions(status, ModelPackageGroupName=group, SortOrder="Descending")

    def pending(self, group: str | None = None) -> Iterator[Version]:
        """Yield the versions of a group, or of all groups, that wait for a decision: oldest first, as needed."""
        where = {"ModelPackageGroupName": group} if group is not None else {"ModelPackageType": "Versioned"}
        return self._versions(PENDING, **where, SortOrder="Ascending")

    def search(self, *terms: str, sort: str | None = None, ascending: bool = False) -> Iterator[Version]:
        """Yield the versions that Search finds, of all groups, as needed; packages of no group are passed over.

        Args:
            *terms: conditions that all hold: `ModelApprovalStatus=Approved`, `Tags.team!=risk`,
                `ModelPackageDescription~churn` (contains), `ModelCard` (is there), `!ModelCard` (is not),
                `CreationTime>2026-11-24T00:00:00`, `CustomerMetadataProperties.accuracy>=0.9`. Metadata are text to
                Search: where they are more or less than a number is looked at here.
            sort: the name of a property; the time of the last change, unless said otherwise.
            ascending: from the least to the most.

        Raises:
            ValueError: a term that is none.

        >>> with ModelRegistry("sqlite://") as registry:
        ...     for accuracy in (0.89, 0.93):
        ...         version = registry.register("churn", image="churn:1", metadata={"accuracy": accuracy})
        ...     [found.version for found in registry.search("CustomerMetadataProperties.accuracy>=0.9")]
        [2]
        """
        asked = Terms.parse(terms)
        for record in search(self.boto3, "ModelPackage", asked, sort, ascending=ascending):
            if "ModelPackageVersion" in record and asked.hold(record):
                yield Version.from_answer({name: record[name] for name in record if name not in SEARCH_ONLY})

    def search_groups(self, *terms: str, sort: str | None = None, ascending: bool = False) -> Iterator[Group]:
        """Yield the groups that Search finds by such terms, as `Tags.team=risk`, as needed.

        Raises:
            ValueError: a term that is none.
        """
        yield from map(
            Group.from_answer, search(self.boto3, "ModelPackageGroup", Terms.parse(terms), sort, ascending=ascending)
        )

    def get(self, arn_or_group: str, version: int | None = None) -> Version:
        """Return a version by its ARN or `group/3`, or by a group (name or ARN) and a number.

        Raises:
            ValueError: it is a package that belongs to no group.
        """
        name = arn_or_group
        if version is not None:
            name = f"{arn_or_group.replace(':model-package-group/', ':model-package/')}/{version}"
        return Version.from_answer(self.boto3.describe_model_package(ModelPackageName=name))

    def approve(self, version: Version | str, reason: str | None = None) -> Version:
        """Approve a version and return it as it is now; the reason of an earlier decision does not stay."""
        if reason is None and self.get(_name(version)).reason is not None:
            reason = ""
        return self._decide(version, "Approved", reason)

    def reject(self, version: Version | str, reason: str) -> Version:
        """Reject a version and return it as it is now.

        Raises:
            ValueError: the reason is empty.
        """
        if not (reason and reason.strip()):
            raise ValueError(f"say why {_name(version)} is rejected: the reason is empty")
        return self._decide(version, "Rejected", reason)

    def latest_approved(self, group: str) -> Version:
        """Return the newest approved version of a group.

        Raises:
            NoApprovedVersion: there is none.
        """
        for version in self.versions(group, status="Approved"):
            return version
        raise NoApprovedVersion(group)

    def wait_for_decision(self, version: Version | str, *, timeout: float, poll: float = 2.0) -> Version:
        """Return a version once it is approved: the gate of a deploy step.

        Args:
            version: what to wait for.
            timeout: how many seconds to wait; 0 asks once.
            poll: seconds between two looks.

        Raises:
            Rejected: it is rejected.
            TimeoutError: nobody has decided in time.
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
        """Return every value in which two versions differ, but for their ARNs, numbers, times and people."""
        first, second = (one if isinstance(one, Version) else self.get(one) for one in (a, b))
        return Comparison.between(first, second)

    def explain(self, version: Version | str, *, identity: str | None = None, reason: str | None = None) -> Explanation:
        """Return what may become of a version, and what each rule of the registry says of it.

        Args:
            version: which.
            identity: for whom: a name of registry.toml, an ARN or an access key; the client's own without.
            reason: as if sent along with the decision.

        Raises:
            ClientError: no such version; UnknownOperationException where there are no rules to ask, as AWS.
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
        """Yield what was changed, by whom and why, newest first and as needed; nothing is ever left out or rewritten.

        What a registry cannot that keeps no history, as AWS, is refused with UnknownOperationException.

        Args:
            group: of a group (name or ARN), or of one version: a Version, its ARN, or `group/3`.
            version: of that version of the group.
            actor: a pattern (`*`, `?`) of the caller's ARN, or of the name at its end.
            operation: AWS's name, as in `UpdateModelPackage`.
            since: not before that moment: a datetime, ISO 8601 text, or epoch seconds.
            until: not after that moment; a date alone is the whole day.
            oldest_first: in the order in which it happened.
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
        """Return the newest approved version of a group as it was at a moment; with a number, that version.

        Raises:
            NoApprovedVersion: there was none.
            LookupError: there was no such version then.
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
        """Check that the history of a group (name or ARN), or of all, is as it was written; say where it is not."""
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
        """Yield what EventBridge would tell of versions that were registered or changed, oldest first and as needed.

        Args:
            group: of a group (name, or a pattern with `*` and `?`), or of one version: a Version, its ARN, `group/3`.
            on: only when a version got this approval status ...
            every: ... or also whenever one changed that has it.
            after: behind the event of that position.
            newest_first: in the other direction.
            follow: never end, but wait for what happens next.
        """
        from . import events

        asked: dict[str, Any] = {"group": group and _name(group), "on": on, "every": every or on is None}
        if follow:
            return events.follow(self.boto3, after, self._sleep, **asked)
        pages = events.pages(self.boto3, **asked, after=after, order="Descending" if newest_first else "Ascending")
        return (events.Event.from_entry(entry) for page in pages for entry in page["events"])

    def delete(self, version: Version | str) -> None:
        """Delete a version; its number is not given again."""
        self.boto3.delete_model_package(ModelPackageName=_name(version))

    def delete_group(self, group: str, *, with_versions: bool = False) -> None:
        """Delete a group (name or ARN): an empty one, or also one with versions and them with it."""
        gone: set[str] = set()
        while with_versions and (left := set(self._arns(ModelPackageGroupName=group)) - gone):
            for arn in left:
                with unless_refused(self.boto3, "does not exist"):
                    self.delete(arn)
            gone |= left
        self.boto3.delete_model_package_group(ModelPackageGroupName=group)

    def _ensure_group(self, group: str, tags: Mapping[str, str]) -> None:
        """Create a group unless it is there, or somebody else is quicker; an ARN names one that is."""
        if group.startswith("arn:"):
            return
        with unless_refused(self.boto3, "does not exist"):
            self.boto3.describe_model_package_group(ModelPackageGroupName=group)
            return
        request = given(ModelPackageGroupName=group, Tags=[{"Key": key, "Value": tags[key]} for key in tags])
        with unless_refused(self.boto3, "Model Package Group already exists"):
            self.boto3.create_model_package_group(**request)

    def _versions(self, status: Approval | None, **query: Any) -> Iterator[Version]:
        """Yield what a list finds, each read in full; what was deleted or decided since it was listed is left out."""
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
    """Return a moment as a registry takes it; a datetime without a time zone is of this machine's."""
    return moment.astimezone().isoformat() if isinstance(moment, datetime) else moment
