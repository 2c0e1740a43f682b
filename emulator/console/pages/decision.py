"""The decision on a version: possible transitions, the form, and its result."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from ....backends.errors import ConflictException, RegistryError
from ....backends.events import FIELDS, STATUS, is_wanted
from ....backends.views import Explanation, HistoryEntry
from ..metrics import Delta, delta
from ..page import Page, Visit
from ..reader import Overtaken, Reader
from ..records import Version
from .errors import is_temporary, message_of
from .version import explained

EVENTBRIDGE: Final = "EventBridge"

MAX_REASON: Final = 1024
"""Maximum characters of an ApprovalDescription."""

MAX_METRICS: Final = 3

SUBJECT: Final = "decide"


@dataclass(frozen=True, slots=True)
class Decision:
    """A submitted decision: the new status, the reason, and the revision of the version that was shown."""

    to: str
    reason: str
    revision: str
    rev: int | None
    token: str

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> Self:
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
        """The parts that bind the form's token to a revision, in addition to the version's ARN."""
        return (self.revision, "" if self.rev is None else str(self.rev))


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric of the version, compared with the approved version."""

    name: str
    value: str
    change: Delta | None


def decide(visit: Visit, group: str, number: int) -> dict[str, Any]:
    return _page(visit, *explained(visit.reader, group, number), request.args.get("to", ""), "")


def send_decision(visit: Visit, group: str, number: int) -> Response | tuple[dict[str, Any], int]:
    decision, reader = Decision.from_form(request.form), visit.reader
    found, explanation = explained(reader, group, number)
    if not visit.session.accepts(decision.token, SUBJECT, found.arn, *decision.subject):
        problem = "This form belongs to an earlier session or another version. Check the version and send it again."
        return _page(visit, found, explanation, decision.to, decision.reason, problem=problem), 403
    try:
        _carry_out(reader, found, decision)
    except Overtaken as overtaken:
        now, explanation = explained(reader, group, number)
        winner = _last_change(reader, overtaken.version)
        # No decision is preselected, so that no button overturns what the other reviewer decided.
        return _page(visit, now, explanation, "", decision.reason, winner=winner, is_overtaken=True), 409
    except RegistryError as error:
        if is_temporary(error):
            raise
        visit.note(error)
        page = _page(visit, found, explanation, decision.to, decision.reason, problem=message_of(error))
        return page, error.status
    return redirect(url_for("console.version", group=group, number=number, decided=1), 303)


def _page(
    visit: Visit, version: Version, explanation: Explanation, to: str, reason: str, **more: Any
) -> dict[str, Any]:
    transition = explanation.transition(to)
    approved = visit.reader.approved_before(version)
    rev = "" if explanation.rev is None else str(explanation.rev)
    return {
        "version": version,
        "explanation": explanation,
        "transition": transition,
        "reason": reason,
        "token": visit.session.token(SUBJECT, version.arn, version.revision, rev),
        "command": _command(version, to, reason, request.host_url.rstrip("/")) if transition else "",
        "summary": _summary(version, approved),
        "approved": approved,
        "listeners": _listeners(visit.reader, version, to) if transition else None,
        "reviewed": visit.session.marks.reviewed(version),
        "longest": MAX_REASON,
        **more,
    }


def _summary(version: Version, approved: Version | None) -> tuple[Summary, ...]:
    """Return the most important metrics, at most MAX_METRICS."""
    before = approved.metrics if approved else {}
    names = list(version.metrics)[:MAX_METRICS]
    return tuple(
        Summary(name, version.metadata[name], delta(version.metrics[name], before.get(name))) for name in names
    )


def _carry_out(reader: Reader, version: Version, decision: Decision) -> None:
    """Set the status of a version.

    Raises:
        Overtaken: the version changed after the form was created.
        Gone: the version was deleted.
    """
    if version.revision != decision.revision:
        raise Overtaken(version)
    reason = decision.reason if decision.reason or version.reason else None  # "" clears an earlier reason
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


def _last_change(reader: Reader, version: Version) -> HistoryEntry | None:
    """Return the last change of a version; None without history."""
    changes = reader.history(group=version.name, max_results=1)
    return HistoryEntry.from_entry(changes[0][0]) if changes and changes[0] else None


def _command(version: Version, to: str, reason: str, endpoint: str) -> str:
    """Return the equivalent AWS CLI command."""
    words = ["aws sagemaker update-model-package", f"--endpoint-url {shlex.quote(endpoint)}"]
    words.append(f"--region {shlex.quote(version.arn.split(':')[3])} --model-package-arn {shlex.quote(version.arn)}")
    words.append(f"--model-approval-status {shlex.quote(to)}")
    said = shlex.quote(reason) if reason else '"$REASON"'
    words.append(f"--approval-description {said}")
    return " \\\n  ".join(words)


@dataclass(frozen=True, slots=True)
class Listener:
    """A subscriber that receives the event of a decision."""

    name: str
    note: str = ""


def _listeners(reader: Reader, version: Version, to: str) -> tuple[Listener, ...] | None:
    """Return the subscribers to a decision's event; None if they are unknown, such as on AWS."""
    if not reader.offers("settings") or not reader.offers("events"):
        return None
    return tuple(_wanted(reader.extension("settings").get("events", {}), version, to))


def _wanted(events: Mapping[str, Any], version: Version, to: str) -> Iterator[Listener]:
    envelope = {"detail": {"ModelPackageGroupName": version.group, STATUS: to, FIELDS: [STATUS]}}
    for webhook in events.get("webhooks", ()):
        on, groups = webhook.get("on", ()), webhook.get("groups", ())
        if is_wanted(envelope, on=on, groups=groups):
            yield Listener(webhook.get("name") or urlsplit(webhook["url"]).hostname or "a webhook", "webhook")
    if events.get("file"):
        yield Listener(events["file"], "file")
    if events.get("eventbridge"):
        yield Listener(EVENTBRIDGE, "rules that match, if the registry has an event bus")


PAGE = Page(
    "decide.html",
    {
        "GET /groups/<group>/<int:number>/decide": decide,
        "POST /groups/<group>/<int:number>/decide": send_decision,
    },
)
