"""Event targets: a file, EventBridge, and webhooks."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from ...backends.base import Caller
from ...backends.errors import BackendUnavailable
from ...backends.events import STATUS, is_wanted
from ...backends.service import model, wire
from ...backends.settings import Events, Webhook
from ..aws.other_services import MotoApp
from .webhooks import Address, Undelivered, address_of, post

FILE, EVENTBRIDGE = "file", "eventbridge"

Envelope = Mapping[str, Any]


class Sink(Protocol):
    """A target that receives events, one at a time."""

    @property
    def name(self) -> str: ...

    @property
    def lease(self) -> float:
        """Seconds after which another server may retry an unfinished attempt."""
        ...

    def is_wanted(self, envelope: Envelope) -> bool: ...

    def tell(self, envelope: Envelope) -> None:
        """Deliver an event.

        Raises:
            Undelivered: The delivery failed; the message contains no secrets.
        """
        ...


def sinks_of(settings: Events) -> list[Sink]:
    """Return the targets in the settings, except EventBridge, which depends on moto.

    Raises:
        BackendUnavailable: A setting is invalid.
    """
    named: list[Sink] = [AppendedFile(Path(settings.file).expanduser())] if settings.file else []
    named += [_webhook(webhook) for webhook in settings.webhooks]
    names = [sink.name for sink in named]
    for name in names:
        if names.count(name) > 1 or name == EVENTBRIDGE:
            raise BackendUnavailable(
                f"[[events.webhooks]]: the name {name!r} is already used by another target; set a different `name`"
            )
    return named


@dataclass(frozen=True, slots=True)
class AppendedFile:
    """A private file with one line of JSON per event."""

    path: Path
    name: str = FILE
    lease: float = 10.0

    def is_wanted(self, envelope: Envelope) -> bool:
        return True

    def tell(self, envelope: Envelope) -> None:
        """Append a line durably; first end a line that a power cut left incomplete."""
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
    """The rules of moto's EventBridge, on the default bus of the event's account and region.

    Events go directly to the rules, because PutEvents rejects the source `aws.sagemaker`, and moto's PutEvents changes
    the event's ID and drops its account.
    """

    other_services: MotoApp = field(repr=False)
    name: str = EVENTBRIDGE
    lease: float = 30.0

    def is_wanted(self, envelope: Envelope) -> bool:
        return True

    def tell(self, envelope: Envelope) -> None:
        account, region = envelope["account"], envelope["region"]
        self._load(Caller(account, region, access_key=account))
        from moto.events.models import events_backends

        rules = [*events_backends[account][region].describe_event_bus("default").rules.values()]
        moment = datetime.fromisoformat(envelope["time"]).timestamp()  # moto converts it back to text
        enabled = [rule for rule in rules if rule.state != "DISABLED"]
        failures = [_pass_on(rule, {**envelope, "time": moment}) for rule in enabled]
        for failure in failures:
            if failure is not None:
                raise failure

    def _load(self, owner: Caller) -> None:
        headers = {"X-Amz-Target": "AWSEvents.ListRules", "Content-Type": wire.CONTENT_TYPE}
        answer = self.other_services.ask(owner, "events", "POST", "/", data=b'{"Limit":1}', headers=headers)
        if answer.status_code != 200:
            raise Undelivered(f"moto answered ListRules with status {answer.status_code}")


def _pass_on(rule: Any, event: dict[str, Any]) -> Undelivered | None:
    """Make a moto rule send an event to its targets if it matches; return an error instead of raising it."""
    is_made_over = any("InputTransformer" in target for target in rule.targets)
    message = {**event, "ingestion-time": time.time()} if is_made_over else event
    try:
        rule.send_to_targets(message, transform_input=is_made_over)
    except NotImplementedError:
        return Undelivered(f"rule {rule.name} has a target that moto does not support", for_good=True)
    except ImportError as error:
        sentence = f"rule {rule.name} requires additional packages ({error}): pip install 'moto[events]'"
        return Undelivered(sentence, for_good=True)
    except Exception as error:  # moto raises various types for a missing queue or log group
        return Undelivered(f"rule {rule.name}: {type(error).__name__}: {error}")
    return None


@dataclass(frozen=True, slots=True)
class Posted:
    """A webhook, which receives events by signed POST."""

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
        post(
            self.address,
            orjson.dumps(envelope),
            identity=str(envelope["id"]),
            secret=self.secret,
            timeout=self.webhook.timeout,
            allow_private=self.webhook.allow_private,
        )


def _webhook(webhook: Webhook) -> Posted:
    name = webhook.name or "[[events.webhooks]]"
    known = model.enum(STATUS)
    for status in webhook.on:
        if status not in known:
            raise BackendUnavailable(f"{name}: `on` contains {status!r}; expected one of {', '.join(known)}")
    if webhook.secret and webhook.secret_env:
        raise BackendUnavailable(f"{name}: set either `secret` or `secret_env`, not both")
    if webhook.secret_env and not os.environ.get(webhook.secret_env):
        raise BackendUnavailable(f"{name}: `secret_env` names {webhook.secret_env}, which is empty or not set")
    secret = os.environ[webhook.secret_env] if webhook.secret_env else webhook.secret
    return Posted(webhook, address_of(webhook.url, name), secret)
