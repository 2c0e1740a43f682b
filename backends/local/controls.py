"""What the registry does beyond AWS's API, for people and their tools: rows of a table, each with what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..approval import explain
from ..settings import Settings
from . import approvals, archive, deliveries, events, history, packages, restoring, seeding, verification, versions
from .call import Call


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

    answer: Callable[[Call, Any], Any]
    params: type[msgspec.Struct] = Nothing
    writes: bool = False
    look: Callable[[Call, Any], Callable[[], object]] | None = None
    acts_as: str = ""
    settles: bool = False


def _settings(call: Call, _: Nothing) -> Settings:
    return call.settings.shown()


def _store(call: Call, _: Nothing) -> dict[str, list[str]]:
    return call.rows.facts()


CONTROLS: dict[str, Control] = {
    "settings": Control(_settings),
    "store": Control(_store),
    "history": Control(history.changes, history.Query),
    "history/verify": Control(verification.verify, verification.Query),
    "as-of": Control(history.as_of, history.AsOf),
    "versions": Control(versions.versions, versions.Query),
    "places": Control(versions.places),
    "explain": Control(approvals.explain, explain.Asked, look=approvals.look_before_explain),
    "decide": Control(
        packages.decide,
        approvals.Decision,
        writes=True,
        look=approvals.look_before_decide,
        acts_as="UpdateModelPackage",
    ),
    "export": Control(archive.export, archive.Export),
    history.IMPORT: Control(restoring.restore, restoring.Import, writes=True),
    "seed": Control(seeding.sow, seeding.Seed, writes=True),
    "events": Control(events.events, events.Query, settles=True),
    "events/deliveries": Control(deliveries.log, deliveries.Query),
    "events/replay": Control(deliveries.replay, deliveries.Replay, writes=True, settles=True),
}
