"""`ModelRegistry`: register, review and select model versions through any boto3 client."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from ...backends.views import Approval, Version
from .queries import RegistryQueries, name_of
from .requests import given, request_of, unless_refused
from .versions import NoApprovedVersion, Rejected

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class ModelRegistry(RegistryQueries):
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

    def approve(self, version: Version | str, reason: str | None = None) -> Version:
        """Approve a version.

        Args:
            version: The version, its ARN or its name.
            reason: Stored as ApprovalDescription. Without a reason, that of an earlier decision is cleared.

        Returns:
            The updated version. Its `is_approved` is False if the approval is recorded, but the rules require more
            approvals; `reason` then contains the progress, such as "1 of 2 approvals so far: alice".

        Raises:
            ClientError: The registry rejected the request, for example because of an approval rule.
        """
        if reason is None and self.get(name_of(version)).reason is not None:
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
            raise ValueError(f"rejecting {name_of(version)} requires a reason")
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
            seen = self.get(name_of(version))
            if seen.status == "Approved":
                return seen
            if seen.status == "Rejected":
                raise Rejected(seen)
            left = deadline - self._clock()
            if left <= 0:
                raise TimeoutError(f"{seen.name} is still {seen.status} after {timeout:g} seconds")
            self._sleep(min(poll, left))

    def delete(self, version: Version | str) -> None:
        """Delete a version. Its number is not reused.

        Args:
            version: The version, its ARN or its name.
        """
        self.boto3.delete_model_package(ModelPackageName=name_of(version))

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

    def _decide(self, version: Version | str, status: Approval, reason: str | None) -> Version:
        name = name_of(version)
        arn = name if name.startswith("arn:") else self.get(name).arn
        request = given(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=reason)
        self.boto3.update_model_package(**request)
        return self.get(arn)
