"""History: one timeline over all groups, by whom, of what and when; and whether anybody has rewritten it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from flask import request

from ....backends.errors import ValidationException
from ....backends.service.operations import OPERATIONS
from ....backends.views import HistoryEntry
from ..page import Page, Visit
from ..reader import Reader

MAX_EVENTS: Final = 20
SECONDS_TO_VERIFY: Final = 2.0
FILTERS: Final = ("group", "actor", "operation", "since", "until")
CHANGES: Final = tuple(name for name, operation in OPERATIONS.items() if operation.writes)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found; `is_whole` is whether everything was looked at, in the time there was."""

    checked: int
    chains: int
    unrecorded: int
    broken: tuple[str, ...]
    is_whole: bool


def history(visit: Visit) -> dict[str, Any]:
    reader, token = visit.reader, request.args.get("page")
    asked = {name: value for name in FILTERS if (value := request.args.get(name, "").strip())}
    problem, changes = "", None
    try:
        changes = reader.history(**_patterns(asked), max_results=MAX_EVENTS, next_token=token)
    except ValidationException as error:
        problem = error.message
    can_verify = reader.offers("history/verify")
    return {
        "is_kept": reader.offers("history"),
        "filters": asked,
        "events": tuple(HistoryEntry.of(change) for change in changes[0]) if changes else (),
        "is_first": token is None,
        "next_token": changes[1] if changes else None,
        "can_verify": can_verify,
        "verdict": _verdict(reader) if "verify" in request.args and can_verify else None,
        "problem": problem,
        "operations": CHANGES,
    }


def _patterns(asked: Mapping[str, str]) -> dict[str, str]:
    """Return filters as the extension takes them: whoever types a name means whoever's name begins so."""
    actor = asked.get("actor")
    if actor is None or "*" in actor or "?" in actor:
        return dict(asked)
    return {**asked, "actor": f"{actor}*"}


def _verdict(reader: Reader) -> Verdict:
    deadline = monotonic() + SECONDS_TO_VERIFY
    token, pages = None, []
    while True:
        page: dict[str, Any] = reader.extension("history/verify", next_token=token)
        pages.append(page)
        token = page.get("next_token")
        if token is None or monotonic() > deadline:
            break
    checked, chains, unrecorded = (sum(page[name] for page in pages) for name in ("checked", "chains", "unrecorded"))
    broken = dict.fromkeys(_sentence(one) for page in pages for one in page["broken"])
    return Verdict(checked, chains, unrecorded, tuple(broken), token is None)


def _sentence(broken: Mapping[str, Any]) -> str:
    what = broken["name"] if broken["version"] is None else f"{broken['name']}/{broken['version']}"
    where = what if broken["seq"] is None else f"{what}, change {broken['seq']}"
    return f"{where}: {broken['why']}"


PAGE = Page("history.html", {"GET /history": history}, menu="History", key="h")
