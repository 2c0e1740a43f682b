"""The keyboard shortcuts, as a page."""

from __future__ import annotations

from ..page import Page, Visit


def keys(_: Visit) -> None:
    return None


PAGE = Page("keys.html", {"GET /keys": keys})
