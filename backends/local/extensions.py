"""What the registry does beyond AWS's API, for people and their tools: rows of a table, each with what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..approval import explain
from ..settings import Settings
from .context import RequestContext
from .history import events, outbox, queries, verification
from .operations import approvals, packages, review_queue
from .transfer import export, importing, seeding


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a control takes that takes nothing."""


class Control(msgspec.Struct, frozen=True):
    """How one thing is done: by a function from a call and what it takes, in a transaction.

    Args:
        answer: the function; what it returns is turned into JSON values.
        params: what it takes; unknown names are refused.
        writes: whether it needs a transaction that writes.
        look: what others are asked before that transaction; see `approvals`.
        acts_as: the operation of AWS's that it is, for policies and history, if it is one.
        settles: whether it needs the positions of all events there are.
    """

    answer: Callable[[RequestContext, Any], Any]
    params: type[msgspec.Struct] = Nothing
    writes: bool = False
    look: Callable[[RequestContext, Any], Callable[[], object]] | None = None
    acts_as: str = ""
    settles: bool = False


def _settings(context: RequestContext, _: Nothing) -> Settings:
    return context.settings.shown()


def _store(context: RequestContext, _: Nothing) -> dict[str, list[str]]:
    return context.rows.facts()


CONTROLS: dict[str, Control] = {
    "settings": Control(_settings),
    "store": Control(_store),
    "history": Control(queries.changes, queries.Query),
    "history/verify": Control(verification.verify, verification.Query),
    "as-of": Control(queries.as_of, queries.AsOf),
    "versions": Control(review_queue.versions, review_queue.Query),
    "places": Control(review_queue.places),
    "explain": Control(approvals.explain, explain.Asked, look=approvals.look_before_explain),
    "decide": Control(
        packages.decide,
        approvals.Decision,
        writes=True,
        look=approvals.look_before_decide,
        acts_as="UpdateModelPackage",
    ),
    "export": Control(export.export, export.Export),
    queries.IMPORT: Control(importing.restore, importing.Import, writes=True),
    "seed": Control(seeding.sow, seeding.Seed, writes=True),
    "events": Control(events.events, events.Query, settles=True),
    "events/deliveries": Control(outbox.log, outbox.Query),
    "events/replay": Control(outbox.replay, outbox.Replay, writes=True, settles=True),
}
