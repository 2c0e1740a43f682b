"""A registry under test control, for tests: reset, snapshots, another time, faults, and the log of requests.

A registry in memory is under test control, in this process as well as served; others are where somebody said so:
`serve --test-controls`, and `connect` from here.
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
"""How often to look whether a server answers by now."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, and how often it has; see `Control.fault`."""

    number: int
    kind: str
    operation: str
    rate: float
    count: int | None
    seconds: float
    message: str
    hits: int


def connect(url: str, *, settings: str | Path | None = None, **boto: Any) -> SageMakerClient:
    """Return what `client.connect` returns, with the registry under test control, whatever the URL names.

    A registry that is not in memory can then be reset too: be sure of the URL.

    Raises:
        BackendUnavailable: as `client.connect`.
    """
    from ...backends import open_controlled
    from ..connection import client_of, options_of_settings

    return client_of(open_controlled(url, options_of_settings(settings) if settings else None, **boto), boto)


class Control:
    """What tests can do to a registry.

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
        """Control the registry of a URL, or the one behind a boto3 client, which is then left open.

        Raises:
            BackendUnavailable: as `connect`.
        """
        from ..connection import connect as connect_to

        self._owned = isinstance(registry, str | None)
        self.client: Any = connect_to(registry, **boto) if isinstance(registry, str | None) else registry

    def close(self) -> None:
        """Close the client this control has opened."""
        if self._owned:
            self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        """Return what a server says of itself; of a registry in this process, its `extensions`."""
        found: dict[str, Any] = ask(self.client, "info")
        return found

    def ready(self, timeout: float = 0.0) -> bool:
        """Return whether the registry answers, as soon as it does, or when some seconds are over."""
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
        """Remove everything, or what is of an account, a region, a group; history included.

        Raises:
            ClientError: the registry is not under test control; so with every method here.
        """
        ask(self.client, "reset", account=account, region=region, group=group)

    def snapshot(self, name: str) -> None:
        """Keep the whole registry as it is, under a name."""
        ask(self.client, "snapshot", name=name)

    def restore(self, name: str = "start") -> None:
        """Put the whole registry back; `start` is how a server was when it began to answer.

        The log is empty then, there are no faults, and the clock runs.
        """
        ask(self.client, "restore", name=name)

    def snapshots(self) -> list[str]:
        """Return the names of the snapshots there are."""
        found: list[str] = ask(self.client, "snapshots")
        return found

    def seed(self, *sources: str | Path | Mapping[str, Any]) -> SeedResult:
        """Apply a seed: files in YAML or JSON, folders of such files, or dicts with the same content.

        Existing groups and versions are left as they are.

        Raises:
            BadSeed: the seed is invalid; nothing was changed.
        """
        from ..seeding import apply_seed

        return apply_seed(self.client, sources)

    def now(self) -> datetime:
        """Return the registry's time."""
        return _moment(ask(self.client, "clock"))

    def freeze(self, moment: str | float | datetime | None = None) -> datetime:
        """Stop the registry's clock, at a moment or where it is; ids of requests are counted from then on.

        The same script then leaves the same registry, byte by byte.
        """
        at = moment.timestamp() if isinstance(moment, datetime) else moment
        return _moment(ask(self.client, "clock/freeze", at=at))

    def advance(self, seconds: float) -> datetime:
        """Move the registry's clock on."""
        return _moment(ask(self.client, "clock/advance", seconds=seconds))

    def resume(self) -> datetime:
        """Let the registry's clock run again, with the time of its machine."""
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
        """Make something go wrong from now on.

        Args:
            kind: throttling, unavailable, failure, conflict, latency, answer-lost, stale-list, validation-fails.
            operation: of AWS's; a pattern with `*` and `?`.
            rate: how many of its requests are hit, from 0 to 1.
            count: after how many hits it is over; never, unless said.
            seconds: how long `latency` takes, or how far behind a `stale-list` is.
            message: the sentence of the error, in place of the usual one.
        """
        given = {"kind": kind, "operation": operation, "rate": rate, "count": count, "seconds": seconds}
        return Fault(**ask(self.client, "faults/add", **given, message=message))

    @contextmanager
    def failing(self, kind: str, operation: str = "*", **fault: Any) -> Iterator[Fault]:
        """Make something go wrong inside a block; see `fault`."""
        made = self.fault(kind, operation, **fault)
        try:
            yield made
        finally:
            self.clear_faults(made.number)

    def faults(self) -> list[Fault]:
        """Return the faults there are."""
        return [Fault(**found) for found in ask(self.client, "faults")]

    def clear_faults(self, number: int | None = None) -> None:
        """Take one fault away, or all."""
        ask(self.client, "faults/clear", number=number)

    def calls(self, operation: str | None = None, since: int = 0) -> Calls:
        """Return the requests of an operation, or all, oldest first: the latest 10,000.

        Args:
            operation: AWS's name, as in `UpdateModelPackage`.
            since: only those after the one of that number.
        """
        found = ask(self.client, "calls", operation=operation, since=since)
        return Calls(tuple(Call.from_entry(call) for call in found), operation)

    def clear_calls(self) -> None:
        """Forget the requests so far."""
        ask(self.client, "calls/clear")


def _moment(time: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(time["seconds"], UTC)


class RecordedRegistry(ModelRegistry):
    """The registry of the pytest fixtures, with the requests it has answered."""

    def calls(self, operation: str | None = None) -> Calls:
        """Return the requests the registry has answered, of one operation or all, for assertions on them.

        Raises:
            ClientError: the registry is not under test control.
        """
        return Control(self.boto3).calls(operation)
