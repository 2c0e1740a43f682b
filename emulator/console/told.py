"""Who will be told of a decision, as far as the settings of the registry say: by name, and never by secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from ...backends.events import FIELDS, STATUS, is_wanted
from .reading import Reader
from .records import Version

EVENTBRIDGE: Final = "EventBridge"


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who is told: who, and what else there is to say of it."""

    name: str
    note: str = ""


def listeners(reader: Reader, version: Version, to: str) -> tuple[Listener, ...] | None:
    """Return who will be told that a version got a status; None where nobody knows: AWS has its own rules for that."""
    if not reader.offers("settings") or not reader.offers("events"):
        return None
    return tuple(_listeners(reader.extension("settings").get("events", {}), version, to))


def _listeners(events: Mapping[str, Any], version: Version, to: str) -> Iterator[Listener]:
    envelope = {"detail": {"ModelPackageGroupName": version.group, STATUS: to, FIELDS: [STATUS]}}
    for webhook in events.get("webhooks", ()):
        on, groups = webhook.get("on", ()), webhook.get("groups", ())
        if is_wanted(envelope, on=on, groups=groups):
            yield Listener(webhook.get("name") or urlsplit(webhook["url"]).hostname or "a webhook", "by webhook")
    if events.get("file"):
        yield Listener(events["file"], "gets a line")
    if events.get("eventbridge"):
        yield Listener(EVENTBRIDGE, "where the registry has one: its rules that match")
