"""Test control of a registry: reset, snapshots, clock, faults and recorded requests.

Test controls are enabled for in-memory registries, in this process or served. Enable them for other registries with
`serve --test-controls`, or with `connect` from this module.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from ..extensions import ask
from ..registry.registry import ModelRegistry
from .recorded_requests import Call, Calls

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from ..seeding import SeedResult

__all__ = ["Call", "Calls", "Control", "Fault", "connect"]

POLL_SECONDS = 0.1
"""Polling interval of `Control.ready`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An injected fault; see `Control.fault`.

    Attributes:
        number: Identifies the fault for `Control.clear_faults`.
        kind: The kind of fault.
        operation: Pattern of the affected AWS operations.
        rate: Share of the requests that are affected, from 0 to 1.
        count: Number of hits after which the fault ends; None for no limit.
        seconds: Duration of a `latency` fault, or age of the answer of a `stale-list` fault.
        message: Error message; empty for the default message.
        hits: Number of requests affected so far.
    """

    number: int
    kind: str
    operation: str
    rate: float
    count: int | None
    seconds: float
    message: str
    hits: int


def connect(url: str, *, settings: str | Path | None = None, **boto: Any) -> SageMakerClient:
    """Return a boto3 client as `sagemaker_registry.client.connect` does, with test controls enabled.

    Warning: this also allows a reset of registries that are not in memory. Check the URL.

    Args:
        url: As for `sagemaker_registry.client.connect`.
        settings: As for `sagemaker_registry.client.connect`.
        **boto: As for `sagemaker_registry.client.connect`.

    Raises:
        BackendUnavailable: As for `sagemaker_registry.client.connect`.
    """
    from ...backends import open_controlled
    from ..connection import client_of, options_of_settings

    return client_of(open_controlled(url, options_of_settings(settings) if settings else None, **boto), boto)


class Control:
    """Test control of one registry.

    Except for `info`, `ready` and `seed`, methods raise botocore's ClientError if test controls are not enabled.

    Attributes:
        client: The boto3 client of the registry.

    >>> with Control("sqlite://") as control:
    ...     control.freeze("2026-11-24T12:00:00Z").isoformat()
    ...     control.snapshot("empty")
    ...     group = control.client.create_model_package_group(ModelPackageGroupName="churn")
    ...     control.restore("empty")
    ...     control.client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    '2026-11-24T12:00:00+00:00'
    []
    """

    def __init__(self, registry: str | SageMakerClient | None = None, **boto: Any) -> None:
        """Control a registry.

        Args:
            registry: A URL, as for `sagemaker_registry.client.connect`, or an existing boto3 client, which `close`
                leaves open.
            **boto: Further arguments of `connect`, if `registry` is a URL.

        Raises:
            BackendUnavailable: As for `connect`.
        """
        from ..connection import connect as connect_to

        self._owned = isinstance(registry, str | None)
        self.client: Any = connect_to(registry, **boto) if isinstance(registry, str | None) else registry

    def close(self) -> None:
        """Close the client if this object opened it."""
        if self._owned:
            self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        """Return the information of a server; for a registry in this process, only its `extensions`."""
        found: dict[str, Any] = ask(self.client, "info")
        return found

    def ready(self, timeout: float = 0.0) -> bool:
        """Wait until the registry responds.

        Args:
            timeout: Maximum waiting time in seconds.

        Returns:
            Whether the registry responded within that time.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                ask(self.client, "ready")
            except (ClientError, BotoCoreError):
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_SECONDS)
            else:
                return True

    def reset(self, *, account: str | None = None, region: str | None = None, group: str | None = None) -> None:
        """Delete all data, including history, or only that of an account, a region or a group.

        Args:
            account: Only data of this account.
            region: Only data of this region.
            group: Only this group and its versions.

        Raises:
            ClientError: Test controls are not enabled.
        """
        ask(self.client, "reset", account=account, region=region, group=group)

    def snapshot(self, name: str) -> None:
        """Save the whole registry as a snapshot with this name."""
        ask(self.client, "snapshot", name=name)

    def restore(self, name: str = "start") -> None:
        """Restore the whole registry from a snapshot, clear recorded requests and faults, and resume the clock.

        Args:
            name: The snapshot. The default, `start`, is the state of a server at its start.
        """
        ask(self.client, "restore", name=name)

    def snapshots(self) -> list[str]:
        """Return the names of all snapshots."""
        found: list[str] = ask(self.client, "snapshots")
        return found

    def seed(self, *sources: str | Path | Mapping[str, Any]) -> SeedResult:
        """Create groups and versions from seeds. Existing groups and versions are not changed.

        Args:
            *sources: YAML or JSON files, folders of such files, or dicts with the same content.

        Raises:
            BadSeed: A seed is invalid. Nothing was changed.
        """
        from ..seeding import apply_seed

        return apply_seed(self.client, sources)

    def now(self) -> datetime:
        """Return the time of the registry's clock."""
        return _moment(ask(self.client, "clock"))

    def freeze(self, moment: str | float | datetime | None = None) -> datetime:
        """Stop the registry's clock. Request IDs become sequential, so that a script always creates identical data.

        Args:
            moment: The time to stop at: a datetime, ISO 8601 text, or epoch seconds. Defaults to the current time.

        Returns:
            The time of the clock.
        """
        at = moment.timestamp() if isinstance(moment, datetime) else moment
        return _moment(ask(self.client, "clock/freeze", at=at))

    def advance(self, seconds: float) -> datetime:
        """Move the registry's clock forward by a number of seconds, and return its time."""
        return _moment(ask(self.client, "clock/advance", seconds=seconds))

    def resume(self) -> datetime:
        """Reset the registry's clock to the system time and let it run again; return its time."""
        return _moment(ask(self.client, "clock/resume"))

    def fault(
        self,
        kind: str,
        operation: str = "*",
        *,
        rate: float = 1.0,
        count: int | None = None,
        seconds: float = 1.0,
        message: str = "",
    ) -> Fault:
        """Inject a fault into the following requests.

        Args:
            kind: throttling, unavailable, failure, conflict, latency, answer-lost, stale-list or validation-fails.
            operation: Pattern of the affected AWS operations, with `*` and `?`.
            rate: Share of the requests that are affected, from 0 to 1.
            count: Number of hits after which the fault ends. Defaults to no limit.
            seconds: Duration of `latency`, or age of the answer of `stale-list`.
            message: Error message, instead of the default one.

        Returns:
            The fault, with the number that `clear_faults` takes.
        """
        given = {"kind": kind, "operation": operation, "rate": rate, "count": count, "seconds": seconds}
        return Fault(**ask(self.client, "faults/add", **given, message=message))

    @contextmanager
    def failing(self, kind: str, operation: str = "*", **fault: Any) -> Iterator[Fault]:
        """Inject a fault inside a `with` block; the arguments are those of `fault`."""
        made = self.fault(kind, operation, **fault)
        try:
            yield made
        finally:
            self.clear_faults(made.number)

    def faults(self) -> list[Fault]:
        """Return all active faults."""
        return [Fault(**found) for found in ask(self.client, "faults")]

    def clear_faults(self, number: int | None = None) -> None:
        """Remove the fault with this number, or all faults."""
        ask(self.client, "faults/clear", number=number)

    def calls(self, operation: str | None = None, since: int = 0) -> Calls:
        """Return the recorded requests, oldest first. The registry keeps the latest 10,000.

        Args:
            operation: Only requests of this AWS operation, such as `UpdateModelPackage`.
            since: Only requests after the one with this number.
        """
        found = ask(self.client, "calls", operation=operation, since=since)
        return Calls(tuple(Call.from_entry(call) for call in found), operation)

    def clear_calls(self) -> None:
        """Clear the recorded requests."""
        ask(self.client, "calls/clear")


def _moment(time: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(time["seconds"], UTC)


class RecordedRegistry(ModelRegistry):
    """The `ModelRegistry` of the pytest fixtures, with access to its recorded requests."""

    def calls(self, operation: str | None = None) -> Calls:
        """Return the recorded requests, for assertions such as `.once(...)`.

        Args:
            operation: Only requests of this AWS operation.

        Raises:
            ClientError: Test controls are not enabled.
        """
        return Control(self.boto3).calls(operation)
