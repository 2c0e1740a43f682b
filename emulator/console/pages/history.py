"""The history of all groups, with filters and verification."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

from flask import request

from ....backends.errors import ValidationException
from ....backends.service.operations import OPERATIONS
from ....backends.views import HistoryEntry, Verified
from ..page import Page, Visit
from ..reader import Reader

MAX_EVENTS: Final = 20
SECONDS_TO_VERIFY: Final = 2.0
FILTERS: Final = ("group", "actor", "operation", "since", "until")
CHANGES: Final = tuple(name for name, operation in OPERATIONS.items() if operation.writes)


def history(visit: Visit) -> dict[str, Any]:
    reader, token = visit.reader, request.args.get("page")
    asked = {name: value for name in FILTERS if (value := request.args.get(name, "").strip())}
    problem, changes = "", None
    try:
        changes = reader.history(**_patterns(asked), max_results=MAX_EVENTS, next_token=token)
    except ValidationException as error:
        problem = error.message
    can_verify = reader.offers("history/verify")
    verified, is_whole = _verify(reader) if "verify" in request.args and can_verify else (None, False)
    return {
        "is_kept": reader.offers("history"),
        "filters": asked,
        "events": tuple(HistoryEntry.from_entry(change) for change in changes[0]) if changes else (),
        "is_first": token is None,
        "next_token": changes[1] if changes else None,
        "can_verify": can_verify,
        "verified": verified,
        "is_whole": is_whole,
        "problem": problem,
        "operations": CHANGES,
    }


def _patterns(asked: Mapping[str, str]) -> dict[str, str]:
    """Return the filters of the extension `history`; a caller without wildcards is a prefix."""
    actor = asked.get("actor")
    if actor is None or "*" in actor or "?" in actor:
        return dict(asked)
    return {**asked, "actor": f"{actor}*"}


def _verify(reader: Reader) -> tuple[Verified, bool]:
    """Verify the history for SECONDS_TO_VERIFY; return the result, and whether it covers the whole history."""
    deadline = monotonic() + SECONDS_TO_VERIFY
    token, pages = None, []
    while True:
        page: dict[str, Any] = reader.extension("history/verify", next_token=token)
        pages.append(page)
        token = page.get("next_token")
        if token is None or monotonic() > deadline:
            break
    return Verified.from_pages(pages), token is None


PAGE = Page("history.html", {"GET /history": history}, menu="History", key="h")
