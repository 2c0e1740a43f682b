"""Whom the registry tells of its events: sinks, by what `[events]` of registry.toml says. Webhooks are next door."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from ..backends import model
from ..backends.base import Caller
from ..backends.errors import CannotOpen
from ..backends.local.events import STATUS, is_wanted
from ..backends.settings import Events, Webhook
from . import wire
from .neighbours import Neighbours
from .webhooks import Address, Undelivered, address_of, post

FILE, EVENTBRIDGE = "file", "eventbridge"

Envelope = Mapping[str, Any]


class Sink(Protocol):
    """Somebody who is told of events, one at a time."""

    @property
    def name(self) -> str: ...

    @property
    def lease(self) -> float:
        """Seconds after which an attempt that nobody has ended is another server's to make."""
        ...

    def is_wanted(self, envelope: Envelope) -> bool: ...

    def tell(self, envelope: Envelope) -> None:
        """Return when it has been told.

        Raises:
            Undelivered: it has not; the sentence says why, and has no secrets in it.
        """
        ...


def sinks_of(settings: Events) -> list[Sink]:
    """Return the sinks that settings name; EventBridge is not among them, for it depends on the neighbours.

    Raises:
        CannotOpen: a setting that cannot be meant; the sentence says which.
    """
    named: list[Sink] = [AppendedFile(Path(settings.file).expanduser())] if settings.file else []
    named += [_webhook(webhook) for webhook in settings.webhooks]
    names = [sink.name for sink in named]
    for name in names:
        if names.count(name) > 1 or name == EVENTBRIDGE:
            raise CannotOpen(f"[[events.webhooks]]: {name!r} is already the name of a sink: give this one another")
    return named


@dataclass(frozen=True, slots=True)
class AppendedFile:
    """A file that gets a line of JSON for each event, readable by its owner alone."""

    path: Path
    name: str = FILE
    lease: float = 10.0

    def is_wanted(self, envelope: Envelope) -> bool:
        return True

    def tell(self, envelope: Envelope) -> None:
        """Append a line, and return when it is on the disk; what a power cut left of one before is closed first."""
        try:
            with open(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "rb+") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(end - 1, 0))
                torn = end > 0 and file.read(1) != b"\n"
                file.write((b"\n" if torn else b"") + orjson.dumps(envelope) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Undelivered(f"{self.path} cannot be written: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class EventBridge:
    """The default bus of the EventBridge beside the registry, in the event's account and region.

    The neighbour gives what it passes on an id of its own, so a redelivery has another.
    """

    neighbours: Neighbours = field(repr=False)
    name: str = EVENTBRIDGE
    lease: float = 30.0

    def is_wanted(self, envelope: Envelope) -> bool:
        return True

    def tell(self, envelope: Envelope) -> None:
        entry = {
            "Source": envelope["source"],
            "DetailType": envelope["detail-type"],
            "Resources": envelope["resources"],
            "Time": datetime.fromisoformat(envelope["time"]).timestamp(),
            "Detail": orjson.dumps(envelope["detail"]).decode(),
        }
        owner = Caller(account=envelope["account"], region=envelope["region"], access_key=envelope["account"])
        headers = {"X-Amz-Target": "AWSEvents.PutEvents", "Content-Type": wire.CONTENT_TYPE}
        try:
            body = orjson.dumps({"Entries": [entry]})
            answer = self.neighbours.ask(owner, "events", "POST", "/", data=body, headers=headers)
        except NotImplementedError as error:
            raise Undelivered("a rule has a target that moto cannot deliver to", for_good=True) from error
        if answer.status_code != 200:
            raise Undelivered(f"PutEvents was answered {answer.status_code}: {answer.get_data(as_text=True)[:200]}")
        failed = [one for one in orjson.loads(answer.data)["Entries"] if "ErrorCode" in one]
        if failed:
            raise Undelivered(f"PutEvents: {failed[0]['ErrorCode']}: {failed[0].get('ErrorMessage', '')}")


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook, told by a signed POST."""

    webhook: Webhook = field(repr=False)
    address: Address = field(repr=False)
    secret: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.webhook.name or self.address.host

    @property
    def lease(self) -> float:
        return self.webhook.timeout + 10

    def is_wanted(self, envelope: Envelope) -> bool:
        return is_wanted(envelope, on=self.webhook.on, every=self.webhook.every, groups=self.webhook.groups)

    def tell(self, envelope: Envelope) -> None:
        body, identity = orjson.dumps(envelope), str(envelope["id"])
        post(
            self.address,
            body,
            identity=identity,
            secret=self.secret,
            timeout=self.webhook.timeout,
            allow_private=self.webhook.allow_private,
        )


def _webhook(webhook: Webhook) -> Posted:
    name = webhook.name or "[[events.webhooks]]"
    known = model.enum(STATUS)
    for status in webhook.on:
        if status not in known:
            raise CannotOpen(f"{name}: on: {status!r} is not an approval status: {', '.join(known)}")
    if webhook.secret and webhook.secret_env:
        raise CannotOpen(f"{name}: give secret or secret_env, not both")
    if webhook.secret_env and not os.environ.get(webhook.secret_env):
        raise CannotOpen(f"{name}: the environment has no {webhook.secret_env}, which secret_env names")
    secret = os.environ[webhook.secret_env] if webhook.secret_env else webhook.secret
    return Posted(webhook, address_of(webhook.url, name), secret)
