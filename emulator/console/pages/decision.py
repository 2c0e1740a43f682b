"""A decision: what may become of a version and why, the form that says it, and what comes of sending it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from ....backends.errors import ConflictException
from ....backends.events import FIELDS, STATUS, is_wanted
from ....backends.views import Explanation, HistoryEntry, Transition
from ..checklist import Looked
from ..explanation import explanation_of, verb
from ..metrics import Delta, delta
from ..reader import Overtaken, Reader
from ..records import Version
from .version import explain

EVENTBRIDGE: Final = "EventBridge"

MAX_REASON: Final = 1024
"""Characters of an ApprovalDescription."""

MAX_METRICS: Final = 3

SUBJECT: Final = "decide"


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody sent: the new status, why, and by which state of the version they decided."""

    to: str
    reason: str
    revision: str
    rev: int | None
    token: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Self:
        """Return the decision of a form; what a browser does not send is empty."""
        rev = form.get("rev", "")
        return cls(
            to=form.get("to", ""),
            reason=form.get("reason", "").replace("\r\n", "\n").strip(),
            revision=form.get("revision", ""),
            rev=int(rev) if rev.isascii() and rev.isdigit() and len(rev) < 16 else None,
            token=form.get("token", ""),
        )

    @property
    def subject(self) -> tuple[str, ...]:
        """What the token of its form is bound to, beside the version."""
        return (self.revision, "" if self.rev is None else str(self.rev))


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric of the version that is decided on, beside that of the approved one."""

    name: str
    value: str
    apart: Delta | None


@dataclass(frozen=True, slots=True)
class DecidePage:
    """What the page of a decision shows; `problem` is why the last attempt came to nothing, `winner` who was first.

    `listeners` are who will be told of it; None where that is not known.
    """

    template: ClassVar[str] = "decide.html"

    version: Version
    explanation: Explanation
    transition: Transition | None
    reason: str
    token: str
    command: str
    summary: tuple[Summary, ...] = ()
    problem: str = ""
    winner: HistoryEntry | None = None
    is_overtaken: bool = False
    approved: Version | None = None
    listeners: tuple[Listener, ...] | None = None
    looked: Looked | None = None
    longest: int = MAX_REASON

    @property
    def title(self) -> str:
        """The title of the page."""
        return (
            f"{verb(self.transition.to)} {self.version.name}" if self.transition else f"Decide on {self.version.name}"
        )


def summary_of(version: Version, approved: Version | None) -> tuple[Summary, ...]:
    """Return the metrics to have in view while deciding: those that lead, a few of them."""
    before = approved.metrics if approved else {}
    names = list(version.metrics)[:MAX_METRICS]
    return tuple(
        Summary(name, version.metadata[name], delta(version.metrics[name], before.get(name))) for name in names
    )


def subject_of(version: Version, explanation: Explanation) -> tuple[str, ...]:
    """Return what the token of a form about a version is bound to."""
    return (SUBJECT, version.arn, version.revision, "" if explanation.rev is None else str(explanation.rev))


def carry_out(reader: Reader, version: Version, decision: Decision) -> None:
    """Set the status of a version, if it is still as it was when it was decided on.

    Args:
        reader: who decides.
        version: as it is now.
        decision: what was sent.

    Raises:
        Overtaken: somebody changed the version since.
        Gone: somebody deleted it.
        RegistryError: the registry refuses the decision, or does not answer.
    """
    if version.revision != decision.revision:
        raise Overtaken(version)
    reason = decision.reason if decision.reason or version.reason else None  # that of an earlier decision does not stay
    if reader.offers("decide") and decision.rev is not None:
        try:
            reader.extension("decide", arn=version.arn, status=decision.to, reason=reason, rev=decision.rev)
        except ConflictException as error:
            now = reader.version(version.group, version.number)
            raise (Overtaken(now) if now.revision != decision.revision else error) from error
        return
    reader.call(
        "UpdateModelPackage",
        ModelPackageArn=version.arn,
        ModelApprovalStatus=decision.to,
        ApprovalDescription=reason,
    )


def last_change(reader: Reader, version: Version) -> HistoryEntry | None:
    """Return the last change of a version, where history is kept: who was first."""
    changes = reader.history(group=version.name, max_results=1)
    return HistoryEntry.of(changes[0][0]) if changes and changes[0] else None


def command_of(version: Version, to: str, reason: str, endpoint: str | None) -> str:
    """Return the line that does the same in a terminal."""
    words = ["aws sagemaker update-model-package"]
    if endpoint is not None:
        words.append(f"--endpoint-url {shlex.quote(endpoint)}")
    words.append(f"--region {shlex.quote(version.arn.split(':')[3])} --model-package-arn {shlex.quote(version.arn)}")
    words.append(f"--model-approval-status {shlex.quote(to)}")
    said = shlex.quote(reason) if reason else '"$REASON"'
    words.append(f"--approval-description {said}")
    return " \\\n  ".join(words)


def looked_at(reader: Reader, group: str, number: int) -> tuple[Version, Explanation]:
    """Return a version and what may become of it; Gone if there is none."""
    told: Mapping[str, Any] | None = explain(reader, group, number)
    version = reader.version(group, number)
    return version, explanation_of(told, version)


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
