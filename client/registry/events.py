"""Events of a registry: list and follow them, run a command for each, and store the position of the last one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...backends.files import atomic_write
from ...backends.text import for_environment
from ...backends.views import first_container
from .. import extensions

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

LOOK_AGAIN_SECONDS = 1.0
"""Polling interval for registries in this process, which cannot wait for events."""
AWAY_SECONDS = 2.0
"""Pause before the next attempt after an error."""

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Event:
    """The registration or update of a version.

    Attributes:
        position: The position among all events of the registry.
        id: The ID of the event, the same for every delivery.
        at: The time of the event.
        arn: The ARN of the version.
        group: The name of the group.
        version: The number of the version in the group.
        status: The approval status, None if the event has none.
        reason: The ApprovalDescription, None if the event has none.
        updated: The names of the updated members; None for a registration.
        envelope: The whole event, in the format of EventBridge.
    """

    position: int
    id: str
    at: datetime
    arn: str
    group: str
    version: int
    status: str | None
    reason: str | None
    updated: tuple[str, ...] | None
    envelope: Mapping[str, Any] = field(repr=False, hash=False)

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Return an event from an entry of the extension `events`."""
        envelope = entry["event"]
        detail = envelope["detail"]
        updated = detail.get("UpdatedModelPackageFields")
        return cls(
            position=entry["position"],
            id=envelope["id"],
            at=datetime.fromisoformat(envelope["time"]),
            arn=detail["ModelPackageArn"],
            group=detail["ModelPackageGroupName"],
            version=detail["ModelPackageVersion"],
            status=detail.get("ModelApprovalStatus"),
            reason=detail.get("ApprovalDescription"),
            updated=None if updated is None else tuple(updated),
            envelope=envelope,
        )

    @property
    def name(self) -> str:
        """The group and number of the version, such as `churn/3`."""
        return f"{self.group}/{self.version}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a command that handles the event."""
        image, model_data = first_container(self.envelope["detail"])
        values = {
            "REGISTRY_EVENT_ID": self.id,
            "REGISTRY_EVENT_POSITION": str(self.position),
            "MODEL_PACKAGE_ARN": self.arn,
            "MODEL_PACKAGE_GROUP": self.group,
            "MODEL_PACKAGE_VERSION": str(self.version),
            "MODEL_APPROVAL_STATUS": self.status,
            "MODEL_APPROVAL_DESCRIPTION": self.reason,
            "MODEL_DATA_URL": model_data,
            "MODEL_IMAGE": image,
        }
        return {name: for_environment(value) for name, value in values.items() if value is not None}


def pages(client: SageMakerClient, **asked: Any) -> Iterator[dict[str, Any]]:
    edge = "before" if asked.get("order") == "Descending" else "after"
    while True:
        page: dict[str, Any] = extensions.ask(client, "events", **asked)
        yield page
        if not page["more"]:
            return
        asked[edge] = page["position"]


def follow(
    client: SageMakerClient, after: int, sleep: Sleep, is_away: Callable[[str], None] | None = None, **asked: Any
) -> Iterator[Event]:
    """Yield the events after a position as they occur, without end.

    Without `is_away`, errors are raised. With it, temporary errors are passed to it and the request is repeated after
    AWAY_SECONDS.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    while True:
        try:
            page = extensions.ask(client, "events", **asked, after=after, follow=True)
        except (BotoCoreError, ClientError) as error:
            if is_away is None or not _may_pass(error):
                raise
            is_away(str(error))
            sleep(AWAY_SECONDS)
            continue
        after = page["position"]
        yield from map(Event.from_entry, page["events"])
        if not page["events"] and not page["more"] and (pause := page.get("ask_again", LOOK_AGAIN_SECONDS)):
            sleep(pause)


def deliveries(
    client: SageMakerClient, group: str | None = None, *, sink: str | None = None, state: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the entries of the extension `events/deliveries`, newest event first."""
    asked: dict[str, Any] = {"group": group, "sink": sink, "state": state}
    while True:
        page = extensions.ask(client, "events/deliveries", **asked)
        yield from page["deliveries"]
        if not page["more"]:
            return
        asked["before"] = page["deliveries"][-1]["position"]


def last_position(client: SageMakerClient) -> int:
    """Return the position of the last event, even if the event was deleted."""
    return int(extensions.ask(client, "events", order="Descending", max_results=1)["last"])


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a command: the exit code of the last attempt, None if the command could not be started."""

    exit_code: int | None
    attempts: int


def run(command: Sequence[str], event: Event, *, attempts: int, pause: float, sleep: Sleep) -> Run:
    """Run a command without a shell until it exits with 0, with the event on its stdin and in its environment.

    The second attempt follows after `pause` seconds; each later pause is twice as long.
    """
    told = json.dumps(dict(event.envelope)).encode() + b"\n"
    exit_code: int | None = None
    for attempt in range(1, attempts + 1):
        try:
            exit_code = subprocess.run(  # noqa: S603 - the user specified the command
                command, input=told, env={**os.environ, **event.environment}, check=False
            ).returncode
        except OSError:
            exit_code = None
        if exit_code == 0 or attempt == attempts:
            return Run(exit_code, attempt)
        sleep(pause * 2 ** (attempt - 1))
    raise ValueError(f"attempts is {attempts}; expected 1 or more")


class Position:
    """The position of the last handled event, stored in a file; in memory only if the path is None."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.value = self._read()

    def save(self, position: int) -> None:
        self.value = position
        if self._path is None:
            return
        with atomic_write(self._path) as file:
            file.write(json.dumps({"position": position}).encode())

    def _read(self) -> int | None:
        if self._path is None or not self._path.exists():
            return None
        try:
            position = json.loads(self._path.read_text(encoding="utf-8"))["position"]
        except (ValueError, KeyError, TypeError):
            position = None
        if not isinstance(position, int) or position < 0:
            raise ValueError(
                f"{self._path} is not a position file of watch; name another file, or delete it to start again"
            )
        return position


def _may_pass(error: Exception) -> bool:
    """Return whether an error is temporary: the registry is unreachable, starting or busy."""
    said: Any = getattr(error, "response", None)
    if said is None:
        return True
    status: int = said["ResponseMetadata"].get("HTTPStatusCode", 500)
    return status >= 500 or said["Error"]["Code"] == "ThrottlingException"
